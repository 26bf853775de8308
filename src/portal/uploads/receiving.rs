//! The form with the file.

use poem::web::{Field, Multipart};
use tokio::io::AsyncReadExt;

use crate::error::{Code, Error, Result};
use crate::portal::texts::{self, uploads as words};
use crate::portal::visits::Visit;

/// Largest file, in bytes.
const FILE_BYTES: u64 = 32 << 20;
/// Longest value of a plain field, in bytes.
const FIELD_BYTES: u64 = 1_024;

/// Reads the form. Nothing of it is kept unless its token, which comes first, is right.
pub async fn receive(visit: &Visit, mut multipart: Multipart) -> Result<(String, Vec<u8>)> {
    let malformed = |_| Error::new(Code::Malformed, texts::NO_READING);
    let mut is_checked = false;
    let mut found = None;
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        match field.name() {
            Some("csrf") => {
                let bytes = bytes(field, FIELD_BYTES).await?;
                visit.check_form(&String::from_utf8(bytes).map_err(|_| Error::new(Code::Malformed, texts::NO_READING))?)?;
                is_checked = true;
            }
            Some("file") if !is_checked => break,
            // A browser sends one nameless empty file when none was chosen.
            Some("file") if field.file_name().is_none_or(str::is_empty) => {}
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let bytes = bytes(field, FILE_BYTES + 1).await?;
                if bytes.len() as u64 > FILE_BYTES {
                    return Err(Error::new(Code::TooLarge, words::TOO_LARGE));
                }
                found = Some((name, bytes));
            }
            _ => {}
        }
    }
    if !is_checked {
        return Err(Error::new(Code::Forbidden, texts::STALE_FORM));
    }
    found.ok_or_else(|| Error::invalid("file", texts::NO_FILES))
}

async fn bytes(field: Field, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    field.into_async_read().take(limit).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
