//! 采纳情况: the official outcome of each opinion, always with a reason.
//!
//! An answer is prepared by one person (`preparing.rs`, for one opinion or a whole group), let pass by a second (`reviewing.rs`), and published with all
//! others of the draft in one batch (`publishing.rs`), which is refused while an opinion is left without one. What needs no answer is excluded for a
//! listed reason (`opinions/triage`). A published answer is never changed; the database refuses it.

pub mod preparing;
pub mod publishing;
pub mod reviewing;

use chrono::{DateTime, Utc};

pub use preparing::{GroupAnswered, prepare_disposition, prepare_group_disposition};
pub use publishing::{Preview, Published, preview_feedback, publish_feedback};
pub use reviewing::{Reviewed, Verdict, review_dispositions};

use crate::drafts::versions;
use crate::error::{Code, Error, Result};
use crate::ids::{DraftId, DraftVersionId, shanghai};
use crate::storage::Tx;
use crate::storage::sql::failed;
use crate::{on_tx, text_enum};

text_enum! {
    /// 采纳情况
    DispositionKind {
        /// 采纳
        Adopted = "adopted", "采纳";
        /// 部分采纳
        PartlyAdopted = "partly_adopted", "部分采纳";
        /// 未采纳
        NotAdopted = "not_adopted", "未采纳";
        /// 已有规定
        AlreadyProvided = "already_provided", "已有规定";
        /// 与本草案无关
        OutOfScope = "out_of_scope", "与本草案无关";
    }
}

text_enum! {
    /// Why an opinion needs no answer. Each is counted and named in the report.
    ExclusionReason {
        /// The same person sent the same again.
        Repeated = "repeated", "重复提交";
        /// There is nothing in it that can be understood.
        Unreadable = "unreadable", "内容为空或无法辨认";
        /// Advertising, abuse.
        Abuse = "abuse", "广告或恶意内容";
        /// The author asked that it be left alone.
        AuthorWish = "author_wish", "作者要求不处理";
    }
}

/// An answer to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAnswer {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why; never empty.
    pub reason: String,
    /// The provision that resulted: a later version of the draft, and an address in it.
    pub result: Option<(DraftVersionId, String)>,
}

/// Longest reason and longest summary, in characters.
pub const REASON_CHARACTERS: usize = 5_000;

const VERSION_NUMBER: &str = "SELECT number FROM draft_version WHERE id = $1 AND draft_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[VERSION_NUMBER];

impl NewAnswer {
    /// The same with a trimmed reason, when there is one within its limits.
    fn checked(self) -> Result<NewAnswer> {
        let reason = self.reason.replace("\r\n", "\n").trim().to_owned();
        if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
            return Err(Error::invalid("reason", format!("采纳情况必须说明理由，不超过 {REASON_CHARACTERS} 个字。")));
        }
        Ok(NewAnswer { reason, ..self })
    }

    /// How the provision that resulted is cited, e.g. 第2稿第五条; empty when none is named. It must stand in a later version than the one spoken of.
    async fn result_label(&self, tx: &mut Tx, draft: DraftId, spoken_of: DraftVersionId) -> Result<String> {
        let Some((version, address)) = &self.result else { return Ok(String::new()) };
        let earlier = number_of(tx, draft, spoken_of).await?;
        let later = number_of(tx, draft, *version).await?.ok_or_else(|| Error::invalid("result_version_id", "这个稿次不属于这份草案。"))?;
        if earlier.is_some_and(|earlier| later <= earlier) {
            return Err(Error::invalid("result_version_id", "修改后的条文应当在意见所针对的稿次之后的稿次里。"));
        }
        let cited = versions::cite_address(tx, *version, address).await?;
        let cited = cited.ok_or_else(|| Error::invalid("result_address", "所选的稿次中没有这一条款，请重新选择。"))?;
        Ok(format!("第{later}稿{cited}"))
    }
}

async fn number_of(tx: &mut Tx, draft: DraftId, version: DraftVersionId) -> Result<Option<i64>> {
    on_tx!(tx, c => sqlx::query_scalar(VERSION_NUMBER).bind(version).bind(draft).fetch_optional(c).await).map_err(failed)
}

/// Somebody else was faster: what they wrote, and that nothing of the caller's was saved.
fn overtaken(by: Option<&str>, at: DateTime<Utc>, kind: &str, reason: &str) -> Error {
    let who = by.unwrap_or("另一位工作人员");
    let when = shanghai(at).format("%-m月%-d日 %H:%M");
    let label = DispositionKind::parse(kind).map_or(kind, |kind| kind.label());
    let short: String = reason.chars().take(80).collect();
    let tail = if short.len() < reason.len() { "……" } else { "" };
    Error::new(Code::Conflict, format!("{who}已于{when}写了“{label}”：{short}{tail}。您的内容没有保存，请核对后再决定是否改写。"))
}
