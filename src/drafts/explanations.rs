//! 起草说明: why a text is needed, its main measures, how differing opinions were reconciled. It is published with the text (规章制定程序条例 15) and
//! may be written anew until then.

use super::versions::{self, DraftVersion};
use super::{lock_draft, record};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::documents::{self, Limits};
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, DraftId, DraftVersionId};
use crate::on_tx;
use crate::storage::Db;
use crate::storage::sql::failed;

const WRITE: &str = "UPDATE draft_version SET explanation = $3, explanation_revision = explanation_revision + 1
    WHERE id = $1 AND explanation_revision = $2 AND published_at IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[WRITE];

/// Longest explanation, in characters.
pub const EXPLANATION_CHARACTERS: usize = 100_000;

/// Passes on an explanation in the form in which it is kept.
pub fn checked(text: &str) -> Result<String> {
    // A NUL cannot be stored by every engine; other control characters say nothing.
    let clean: String = text.replace("\r\n", "\n").chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
    let clean = clean.trim().to_owned();
    if clean.chars().count() > EXPLANATION_CHARACTERS {
        return Err(Error::invalid("explanation", format!("草案说明不超过 {EXPLANATION_CHARACTERS} 个字。")));
    }
    Ok(clean)
}

/// The words of an uploaded explanation. Fails as [`documents::read`] does.
pub async fn read_explanation(name: String, bytes: Vec<u8>) -> Result<String> {
    let read =
        tokio::task::spawn_blocking(move || documents::read(&name, &bytes, &Limits::default()).map(|document| document.full_text().0))
            .await
            .map_err(|e| Error::internal("reading an explanation stopped", e))??;
    let text = checked(&read)?;
    if text.is_empty() {
        return Err(Error::new(Code::UnreadableFile, "文件中没有读到文字，请检查文件内容。"));
    }
    Ok(text)
}

/// Writes the explanation of a version that is not published. `revision` is the one that the writer saw: another in the meantime is
/// [`Code::Conflict`], and nothing is written.
pub async fn write_explanation(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    version: DraftVersionId,
    revision: i64,
    text: &str,
) -> Result<DraftVersion> {
    by.require(Permission::EditDrafts)?;
    let text = checked(text)?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    let held = versions::unpublished_version(&mut tx, draft, version).await?;
    // The same words once more: what was asked for is there already.
    if held.explanation != text {
        let written = on_tx!(&mut tx, c => sqlx::query(WRITE).bind(version).bind(revision).bind(&text).execute(c).await.map(|done| done.rows_affected()))
            .map_err(failed)?;
        if written == 0 {
            return Err(Error::new(Code::Conflict, "草案说明刚刚被别人改过，您的改动没有保存。请先看现在的内容，再把您的改动加进去。"));
        }
        record(&mut tx, clock, by, Act::WriteExplanation, draft, &held.number.to_string()).await?;
        tx.commit().await?;
    }
    versions::find_version(db, draft, version).await?.ok_or_else(|| Error::defect("a version vanished after it was changed"))
}
