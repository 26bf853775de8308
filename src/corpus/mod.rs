//! 法规文件: laws, regulations, rules and normative documents as works with versions in time.
//!
//! A *work* is one law; a *version* is its text from one day on; a *provision* is a node of that text with an address that never changes.
//! `store.rs` writes, `reading.rs` reads, `timeline.rs` says what was in force when. The room `search` follows the change feed that
//! `store.rs` writes and never the other way round.

pub mod citations;
pub mod classification;
pub mod import;
pub mod indexing;
pub mod jobs;
pub mod numerals;
pub mod reading;
pub mod store;
pub mod structure;
pub mod timeline;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{VersionId, WorkId};
use classification::{Category, Level, Validity};
use structure::Structure;

/// How two works are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// 修改: the first is a decision that amends the second.
    Amends,
    /// 废止: the first repeals the second.
    Repeals,
    /// 取代: the first takes the place of the second.
    Supersedes,
}

impl Relation {
    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Amends => "amends",
            Relation::Repeals => "repeals",
            Relation::Supersedes => "supersedes",
        }
    }

    /// Reads a canonical name.
    pub fn parse(text: &str) -> Option<Relation> {
        [Relation::Amends, Relation::Repeals, Relation::Supersedes].into_iter().find(|r| r.as_str() == text)
    }
}

/// Validity code exactly as a source gives it, with the scheme that gives it meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCode {
    /// Name of the scheme, e.g. `flk-sxx`; empty when the source states none.
    pub scheme: String,
    /// The code, verbatim.
    pub code: String,
}

/// A version as an importer hands it in.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// Official title.
    pub title: String,
    /// 类别
    pub category: Category,
    /// 效力位阶
    pub level: Level,
    /// Region: a province or city by name, or 全国.
    pub region: String,
    /// Issuing organ 制定机关; empty when unknown.
    pub organ: String,
    /// 题注: who adopted and amended it, when.
    pub title_note: String,
    /// 发文字号, as printed; empty when there is none.
    pub document_number: String,
    /// 通过日期
    pub adopted_on: Option<NaiveDate>,
    /// 公布日期
    pub promulgated_on: Option<NaiveDate>,
    /// 施行日期
    pub effective_on: Option<NaiveDate>,
    /// 废止 or 失效 date: the first day no longer in force.
    pub repealed_on: Option<NaiveDate>,
    /// What the source says of its validity.
    pub validity: Validity,
    /// The source's own code for that.
    pub source_code: SourceCode,
    /// Where it came from: file name, or archive and entry.
    pub source_name: String,
    /// Original file by content hash.
    pub blob_hash: Option<String>,
    /// The text.
    pub structure: Structure,
    /// Ids that the source gives to single provisions, as (address, id).
    pub source_ids: Vec<(String, String)>,
    /// Whether it belongs to the demonstration city.
    pub is_demonstration: bool,
}

impl NewVersion {
    /// The day that tells versions of one work apart: adopted, else promulgated, else effective.
    pub fn dated_on(&self) -> Option<NaiveDate> {
        self.adopted_on.or(self.promulgated_on).or(self.effective_on)
    }
}

/// A work, as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Work {
    /// Id.
    pub id: WorkId,
    /// Title of its newest version.
    pub title: String,
    /// 类别
    pub category: Category,
    /// 效力位阶
    pub level: Level,
    /// Region.
    pub region: String,
    /// Issuing organ.
    pub organ: String,
    /// Whether it belongs to the demonstration city.
    pub is_demonstration: bool,
    /// Last change of anything in it.
    pub updated_at: DateTime<Utc>,
}

/// A version, without its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Id.
    pub id: VersionId,
    /// The work it belongs to.
    pub work_id: WorkId,
    /// Title in this version.
    pub title: String,
    /// 题注
    pub title_note: String,
    /// Issuing organ.
    pub organ: String,
    /// 发文字号
    pub document_number: String,
    /// The day that tells versions apart; `None` when the source gives no day.
    pub dated_on: Option<NaiveDate>,
    /// 通过日期
    pub adopted_on: Option<NaiveDate>,
    /// 公布日期
    pub promulgated_on: Option<NaiveDate>,
    /// 施行日期
    pub effective_on: Option<NaiveDate>,
    /// First day no longer in force, as the source says.
    pub repealed_on: Option<NaiveDate>,
    /// First day no longer in force, as the time line of the work says (the next version, or the repeal).
    pub ends_on: Option<NaiveDate>,
    /// Validity on the day that was asked for.
    pub validity: Validity,
    /// The source's own code.
    pub source_code: SourceCode,
    /// Where it came from.
    pub source_name: String,
    /// Original file by content hash.
    pub blob_hash: Option<String>,
    /// Number of 条.
    pub article_count: i64,
    /// Characters of the text, white space not counted.
    pub character_count: i64,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A node of a stored text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredProvision {
    /// Place in reading order, from 0.
    pub ordinal: i64,
    /// Ordinal of the node it belongs to.
    pub parent: Option<i64>,
    /// Kind, canonical name.
    pub kind: structure::ProvisionKind,
    /// Stable address, e.g. `art-20-1/para-2/item-3`.
    pub address: String,
    /// Marker as printed, e.g. 第二十条之一.
    pub label: String,
    /// Number and 之-number.
    pub number: Option<structure::Number>,
    /// Heading of a chapter, or 条旨.
    pub heading: String,
    /// Own words.
    pub text: String,
    /// Id that the source gives it.
    pub source_id: Option<String>,
}

/// The key under which titles are compared: brackets, white space and 中华人民共和国 do not tell works apart.
pub fn title_key(title: &str) -> String {
    let folded: String = title
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '《' | '》' | '〈' | '〉' | '“' | '”' | '"' | '\u{feff}' | '\u{200b}' | '#'))
        .map(|c| match c {
            '（' => '(',
            '）' => ')',
            '〔' | '［' | '【' => '[',
            '〕' | '］' | '】' => ']',
            '！'..='～' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            c => c,
        })
        .flat_map(char::to_lowercase)
        .collect();
    match folded.strip_prefix("中华人民共和国") {
        Some(rest) if rest.chars().count() >= 2 => rest.to_owned(),
        _ => folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_mean_one_work_have_one_key() {
        for (a, b) in
            [("中华人民共和国立法法", "立法法"), ("《清河市养犬管理条例》", "清河市 养犬管理条例"), ("示例规定（试行）", "示例规定(试行)")]
        {
            assert_eq!(title_key(a), title_key(b));
        }
        assert_ne!(title_key("示例规定（试行）"), title_key("示例规定"));
        assert_eq!(title_key("中华人民共和国"), "中华人民共和国");
    }
}
