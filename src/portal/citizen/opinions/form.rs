//! What the form sends, read within limits and kept while somebody signs in.

use poem::web::{Field, Multipart};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::EnclosureId;
use crate::opinions::enclosures::NewFile;
use crate::opinions::{NewOpinion, Quote, Stance};
use crate::portal::texts;

/// Longest value of a plain field, in bytes: a text of the most characters, each four bytes.
const FIELD_BYTES: u64 = 128 * 1024;

/// What somebody typed. Nothing of it is checked yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Typed {
    /// Key of the form.
    pub key: String,
    /// Address of the provision; empty = the draft as a whole.
    pub address: String,
    /// Attitude.
    pub stance: String,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// Quoted words.
    pub quote_text: String,
    /// Where they begin.
    pub quote_start: String,
    /// Proposed wording.
    pub proposed_text: String,
    /// What it began as.
    pub proposed_original: String,
    /// Whether it may be published.
    pub is_public: bool,
    /// Files held already.
    pub attachments: Vec<EnclosureId>,
    /// The revision that is changed.
    pub revision: i64,
    /// `login` or `anonymous`: how somebody who is not signed in wants to go on.
    pub way: String,
}

/// A form that came in.
pub struct Received {
    /// What was typed.
    pub typed: Typed,
    /// Files that came with it.
    pub files: Vec<NewFile>,
    /// Token of the form.
    pub csrf: String,
    /// Whether files were left behind because they are too large together.
    pub left_behind: bool,
}

/// Reads a form. Files are read only after the token, which stands first, has passed.
pub async fn read(mut multipart: Multipart, rules: &Rules, is_ours: impl Fn(&str) -> bool) -> Result<Received> {
    let malformed = |_| Error::new(Code::Malformed, texts::NO_READING);
    let mut received =
        Received { typed: Typed { is_public: true, ..Typed::default() }, files: Vec::new(), csrf: String::new(), left_behind: false };
    let mut dropped: Vec<EnclosureId> = Vec::new();
    let mut room = (u64::from(rules.enclosures_mib) << 20) + 1;
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "files" {
            // A browser sends one nameless empty file when none was chosen.
            if field.file_name().is_none_or(str::is_empty) || !is_ours(&received.csrf) || received.files.len() > rules.enclosures {
                continue;
            }
            match file(field, &mut room).await? {
                Some(file) => received.files.push(file),
                None => received.left_behind = true,
            }
            continue;
        }
        let value = plain(field).await?;
        let typed = &mut received.typed;
        match name.as_str() {
            "csrf" => received.csrf = value,
            "key" => typed.key = value,
            "address" => typed.address = value,
            "stance" => typed.stance = value,
            "body" => typed.body = value,
            "reason" => typed.reason = value,
            "quote_text" => typed.quote_text = value,
            "quote_start" => typed.quote_start = value,
            "proposed_text" => typed.proposed_text = value,
            "proposed_original" => typed.proposed_original = value,
            "is_public" => typed.is_public = value != "no",
            "revision" => typed.revision = value.parse().unwrap_or(0),
            "way" => typed.way = value,
            "attachment" if typed.attachments.len() <= rules.enclosures => {
                typed.attachments.extend(value.parse::<Uuid>().ok().map(EnclosureId))
            }
            "drop" => dropped.extend(value.parse::<Uuid>().ok().map(EnclosureId)),
            _ => {}
        }
    }
    received.typed.attachments.retain(|id| !dropped.contains(id));
    Ok(received)
}

async fn plain(field: Field) -> Result<String> {
    let mut bytes = Vec::new();
    field.into_async_read().take(FIELD_BYTES).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `None` when there is no room for it.
async fn file(field: Field, room: &mut u64) -> Result<Option<NewFile>> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    field.into_async_read().take(*room).read_to_end(&mut bytes).await?;
    *room = room.saturating_sub(bytes.len() as u64);
    Ok((*room > 0).then_some(NewFile { name, bytes }))
}

impl Typed {
    /// The opinion that was meant.
    pub fn opinion(&self) -> Result<NewOpinion> {
        let stance = Stance::parse(&self.stance).ok_or_else(|| Error::invalid("stance", texts::opinions::CHOOSE_STANCE))?;
        let address = Some(self.address.clone()).filter(|address| !address.is_empty());
        let same = |a: &str, b: &str| a.split_whitespace().eq(b.split_whitespace());
        // What stands in the field before anybody types is the original, perhaps of another part than the one that was chosen then.
        let proposed_text = if same(&self.proposed_text, &self.proposed_original) { String::new() } else { self.proposed_text.clone() };
        let quote = Quote { start: self.quote_start.parse().ok(), text: self.quote_text.clone() };
        Ok(NewOpinion {
            reason: self.reason.clone(),
            is_public: self.is_public,
            quote: Some(quote).filter(|quote| address.is_some() && !quote.text.trim().is_empty()),
            proposed_text: if address.is_some() { proposed_text } else { String::new() },
            attachments: self.attachments.clone(),
            ..NewOpinion::on(address, stance, &self.body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wording_that_nobody_touched_proposes_nothing() {
        let typed = Typed {
            address: "art-3".into(),
            stance: "amend".into(),
            body: "改".into(),
            proposed_text: "原文\r\n两行".into(),
            proposed_original: "原文\n两行".into(),
            ..Typed::default()
        };
        assert_eq!(typed.opinion().unwrap().proposed_text, "");
        assert_eq!(Typed { proposed_text: "新文".into(), ..typed.clone() }.opinion().unwrap().proposed_text, "新文");
        assert_eq!(
            Typed { stance: "loud".into(), ..typed }.opinion().unwrap_err().fields.first().map(|f| f.field.as_str()),
            Some("stance")
        );
    }
}
