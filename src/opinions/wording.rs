//! What an author says, made ready to be stored: trimmed, within its limits, and pointing at words that the provision really has.

use super::{NewOpinion, Quote, Stance, WHOLE_DRAFT};
use crate::config::Rules;
use crate::drafts::places;
use crate::error::{Error, Result};
use crate::ids::{DraftId, DraftVersionId};
use crate::storage::Db;
use crate::storage::crypto::sm3_hex;

/// What is stored of an author's words.
#[derive(Clone, Debug)]
pub struct Wording {
    /// Address of the provision; `None` = the draft as a whole.
    pub address: Option<String>,
    /// The provision as it is cited.
    pub provision_label: String,
    /// Attitude.
    pub stance: Stance,
    /// Where the quoted words begin in the provision's own text, in characters.
    pub quote_start: Option<i64>,
    /// The quoted words, as the provision has them.
    pub quote_text: String,
    /// The wording that the author proposes.
    pub proposed_text: String,
    /// The opinion; never empty.
    pub body: String,
    /// Why.
    pub reason: String,
    /// Whether the author agrees to its publication.
    pub is_public: bool,
}

impl Wording {
    /// Hash of the words alone, white space left out: counts distinct texts.
    pub fn text_hash(&self) -> String {
        let words: String = self.body.chars().filter(|c| !c.is_whitespace()).collect();
        sm3_hex(words.as_bytes())
    }
}

/// The opinion trimmed and within its limits, without control characters.
pub fn checked(rules: &Rules, new: NewOpinion) -> Result<NewOpinion> {
    let new = NewOpinion {
        body: clean(&new.body),
        reason: clean(&new.reason),
        proposed_text: clean(&new.proposed_text),
        quote: new.quote.map(|quote| Quote { text: clean(&quote.text), ..quote }).filter(|quote| !quote.text.is_empty()),
        ..new
    };
    if new.address.as_ref().is_some_and(|address| address.is_empty() || address.len() > 200) {
        return Err(Error::invalid("address", "条款地址无法识别；对草案整体提出意见时请不要填写。"));
    }
    if new.address.is_none() && new.quote.is_some() {
        return Err(Error::invalid("quote_text", "引用原文时，请先选择所在的条款。"));
    }
    if new.address.is_none() && !new.proposed_text.is_empty() {
        return Err(Error::invalid("proposed_text", "建议条文时，请先选择要修改的条款。"));
    }
    if new.body.is_empty() && new.proposed_text.is_empty() {
        return Err(Error::invalid("body", "请填写意见内容。"));
    }
    let limit = rules.opinion_characters;
    let quoted = new.quote.as_ref().map_or("", |quote| quote.text.as_str());
    for (field, text) in
        [("body", new.body.as_str()), ("reason", &new.reason), ("proposed_text", &new.proposed_text), ("quote_text", quoted)]
    {
        if text.chars().count() > limit {
            return Err(Error::invalid(field, format!("内容不超过 {limit} 个字，请精简或者分成几条提交。")));
        }
    }
    if new.attachments.len() > rules.enclosures {
        return Err(Error::invalid("attachments", format!("一条意见最多附 {} 个文件。", rules.enclosures)));
    }
    Ok(new)
}

fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Sets a checked opinion against the version that it speaks of.
pub async fn place(db: &Db, version: DraftVersionId, new: NewOpinion) -> Result<Wording> {
    let nowhere = || Error::invalid("address", "草案的这个稿次中没有这一条款，请刷新页面后重新选择。");
    let found = match &new.address {
        None => None,
        Some(address) => Some(places::find_place(db, version, address).await?.ok_or_else(nowhere)?),
    };
    set_against(new, found.map(|place| (place.label, place.text)))
}

/// Sets a checked opinion against the provision it speaks of: how that is cited, and its words as they are shown.
pub fn set_against(new: NewOpinion, found: Option<(String, String)>) -> Result<Wording> {
    let original = found.as_ref().map_or("", |(_, text)| text.as_str());
    let quote = match &new.quote {
        None => None,
        Some(quote) => {
            let changed = || Error::invalid("quote_text", "引用的文字与草案原文不一致，请重新选取，或者不引用。");
            Some(find_words(original, &quote.text, quote.start).ok_or_else(changed)?)
        }
    };
    // Proposing what stands there already proposes nothing.
    let is_same = squeeze(&new.proposed_text) == squeeze(original);
    let proposed_text = if is_same { String::new() } else { new.proposed_text };
    let body = match (new.body.is_empty(), proposed_text.is_empty()) {
        (false, _) => new.body,
        (true, false) => format!("建议修改为：{proposed_text}"),
        (true, true) => return Err(Error::invalid("body", "建议的条文与原文相同。请修改建议的条文，或者填写意见内容。")),
    };
    let (quote_start, quote_text) = quote.map_or((None, String::new()), |(start, words)| (i64::try_from(start).ok(), words));
    Ok(Wording {
        provision_label: found.map_or_else(|| WHOLE_DRAFT.to_owned(), |(label, _)| label),
        address: new.address,
        stance: new.stance,
        quote_start,
        quote_text,
        proposed_text,
        body,
        reason: new.reason,
        is_public: new.is_public,
    })
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Where words stand in a text: the first character and the words as the text has them. White space does not count, since browsers select it as they
/// like. Of several places the one nearest to `wanted` is meant, else the first.
fn find_words(text: &str, words: &str, wanted: Option<i64>) -> Option<(usize, String)> {
    let all: Vec<char> = text.chars().collect();
    let solid: Vec<(usize, char)> = all.iter().copied().enumerate().filter(|(_, c)| !c.is_whitespace()).collect();
    let sought: Vec<char> = words.chars().filter(|c| !c.is_whitespace()).collect();
    if sought.is_empty() || sought.len() > solid.len() {
        return None;
    }
    let wanted = wanted.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let found = solid.windows(sought.len()).filter(|window| window.iter().map(|(_, c)| c).eq(&sought));
    let ends = found.filter_map(|window| Some((window.first()?.0, window.last()?.0)));
    let (first, last) = ends.min_by_key(|(first, _)| first.abs_diff(wanted))?;
    Some((first, all.get(first..=last)?.iter().collect()))
}

/// Hash of everything the author sent, each part with its length before it. `enclosed` names each file by its content.
pub fn content_hash(draft: DraftId, new: &NewOpinion, enclosed: &[String]) -> String {
    let mut bytes = Vec::new();
    let address = new.address.as_deref().unwrap_or("");
    let wish = if new.is_public { "public" } else { "withheld" };
    let quote = new.quote.as_ref().map_or("", |quote| quote.text.as_str());
    let draft = draft.to_string();
    let parts = [draft.as_str(), address, new.stance.as_str(), &new.body, &new.reason, wish, quote, &new.proposed_text];
    for part in parts.into_iter().chain(enclosed.iter().map(String::as_str)) {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    sm3_hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(body: &str) -> NewOpinion {
        NewOpinion::on(None, Stance::Amend, body)
    }

    #[test]
    fn opinions_are_trimmed_and_bounded() {
        let rules = Rules { opinion_characters: 5, ..Rules::default() };
        assert_eq!(checked(&rules, opinion(" 好\u{0}的\r\n ")).unwrap().body, "好的");
        for bad in ["", " \n\t", "\u{7}", "一二三四五六"] {
            assert_eq!(checked(&rules, opinion(bad)).unwrap_err().fields.first().map(|f| f.field.as_str()), Some("body"), "{bad:?}");
        }
        assert!(checked(&rules, NewOpinion { address: Some(String::new()), ..opinion("好") }).is_err());
        assert!(checked(&rules, NewOpinion { proposed_text: "新".into(), ..opinion("好") }).is_err(), "a wording needs its provision");
        let proposal = NewOpinion { address: Some("art-1".into()), proposed_text: "新".into(), ..opinion("") };
        assert_eq!(checked(&rules, proposal).unwrap().proposed_text, "新");
    }

    #[test]
    fn any_difference_makes_another_content() {
        let draft = DraftId(uuid::Uuid::from_u128(1));
        let base = opinion("改");
        let variants = [
            NewOpinion { body: "删".into(), ..base.clone() },
            NewOpinion { reason: "因".into(), ..base.clone() },
            NewOpinion { address: Some("art-1".into()), ..base.clone() },
            NewOpinion { stance: Stance::Oppose, ..base.clone() },
            NewOpinion { is_public: false, ..base.clone() },
            NewOpinion { quote: Some(Quote { start: None, text: "原".into() }), ..base.clone() },
            NewOpinion { proposed_text: "新".into(), ..base.clone() },
        ];
        for variant in variants {
            assert_ne!(content_hash(draft, &variant, &[]), content_hash(draft, &base, &[]), "{variant:?}");
        }
        assert_ne!(content_hash(DraftId(uuid::Uuid::from_u128(2)), &base, &[]), content_hash(draft, &base, &[]));
        assert_ne!(content_hash(draft, &base, &["a".into()]), content_hash(draft, &base, &[]));
    }

    #[test]
    fn quoted_words_must_stand_there() {
        let text = "经营者应当：\n（一）登记；\n（二）登记后公示。";
        assert_eq!(find_words(text, "登记", None), Some((10, "登记".into())));
        assert_eq!(find_words(text, "登记", Some(17)), Some((17, "登记".into())), "the place that was meant");
        assert_eq!(find_words(text, "应当： （一）登记", Some(0)), Some((3, "应当：\n（一）登记".into())), "white space does not count");
        for absent in ["注册", "", " ", "经营者应当：（一）登记；（二）登记后公示。多"] {
            assert_eq!(find_words(text, absent, None), None, "{absent:?}");
        }
    }
}
