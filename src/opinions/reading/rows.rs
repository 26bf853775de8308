//! Opinions as the database gives them.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Disposition, DispositionKind, Opinion};
use crate::error::Result;
use crate::ids::{AccountId, ConsultationId, ContactPointId, DraftId, DraftVersionId, OpinionId};
use crate::opinions::{Channel, Display, OpinionState, Stance};
use crate::storage::sql::{Page, beginning_of_time, decode_cursor, end_of_time};

/// An opinion with its answer, as stored.
#[derive(FromRow)]
pub struct Row {
    /// Part of every keyset.
    pub id: OpinionId,
    receipt_number: String,
    draft_id: DraftId,
    consultation_id: ConsultationId,
    version_id: DraftVersionId,
    account_id: Option<AccountId>,
    author_kind: String,
    channel: String,
    contact_point_id: Option<ContactPointId>,
    point_name: Option<String>,
    address: Option<String>,
    provision_label: String,
    stance: String,
    body: String,
    reason: String,
    quote_text: String,
    quote_start: Option<i64>,
    proposed_text: String,
    is_public: bool,
    display: String,
    state: String,
    revision: i64,
    /// Part of every keyset.
    pub posted_at: DateTime<Utc>,
    is_late: bool,
    updated_at: Option<DateTime<Utc>>,
    withdrawn_at: Option<DateTime<Utc>>,
    handler_id: Option<AccountId>,
    group_id: Option<Uuid>,
    exclusion: Option<String>,
    disposition_kind: Option<String>,
    disposition_reason: Option<String>,
    prepared_at: Option<DateTime<Utc>>,
    reviewed_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    result_version_id: Option<DraftVersionId>,
    result_address: Option<String>,
    result_label: Option<String>,
}

impl Row {
    /// The opinion that the row holds.
    pub fn into_opinion(self) -> Result<Opinion> {
        let disposition = match (self.disposition_kind, self.disposition_reason, self.prepared_at) {
            (Some(kind), Some(reason), Some(prepared_at)) => Some(Disposition {
                kind: DispositionKind::stored(&kind)?,
                reason,
                prepared_at,
                reviewed_at: self.reviewed_at,
                published_at: self.published_at,
                result: self.result_version_id.zip(self.result_address),
                result_label: self.result_label.unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(Opinion {
            id: self.id,
            receipt_number: self.receipt_number,
            draft_id: self.draft_id,
            consultation_id: self.consultation_id,
            version_id: self.version_id,
            author: self.account_id,
            author_kind: self.author_kind,
            channel: Channel::stored(&self.channel)?,
            contact_point: self.contact_point_id,
            point_name: self.point_name,
            address: self.address,
            provision_label: self.provision_label,
            stance: Stance::stored(&self.stance)?,
            body: self.body,
            reason: self.reason,
            quote_text: self.quote_text,
            quote_start: self.quote_start,
            proposed_text: self.proposed_text,
            is_public: self.is_public,
            display: Display::stored(&self.display)?,
            state: OpinionState::stored(&self.state)?,
            revision: self.revision,
            posted_at: self.posted_at,
            is_late: self.is_late,
            updated_at: self.updated_at,
            withdrawn_at: self.withdrawn_at,
            handler: self.handler_id,
            group: self.group_id,
            exclusion: self.exclusion,
            disposition,
        })
    }
}

/// The columns of [`Row`], from `opinion o LEFT JOIN disposition p`.
macro_rules! columns {
    () => {
        "o.id, o.receipt_number, o.draft_id, o.consultation_id, o.version_id, o.account_id, o.author_kind, o.channel, o.contact_point_id, o.address,
        o.provision_label, o.stance, o.body, o.reason, o.quote_text, o.quote_start, o.proposed_text, o.is_public, o.display, o.state, o.revision,
        o.posted_at, o.is_late, o.updated_at, o.withdrawn_at, o.handler_id, o.group_id, o.exclusion, p.kind AS disposition_kind,
        p.reason AS disposition_reason, p.prepared_at, p.reviewed_at, p.published_at, p.result_version_id, p.result_address, p.result_label,
        (SELECT cp.name FROM contact_point cp WHERE cp.id = o.contact_point_id) AS point_name"
    };
}

/// A statement that gives [`Row`]s: more columns before `FROM` (each with its comma), and what follows the tables.
macro_rules! select {
    ($rest:literal) => {
        select!("", $rest)
    };
    ($more:expr, $rest:expr) => {
        concat!("SELECT ", columns!(), $more, " FROM opinion o LEFT JOIN disposition p ON p.opinion_id = o.id ", $rest)
    };
}

pub(in crate::opinions) use {columns, select};

/// Place of an opinion in lists.
pub type Key = (DateTime<Utc>, OpinionId);

impl Row {
    /// Its place in lists.
    pub fn key(&self) -> Key {
        (self.posted_at, self.id)
    }
}

/// One page of opinions.
pub fn page_of(rows: Vec<Row>, limit: usize) -> Result<Page<Opinion>> {
    let page = Page::cut(rows, limit, Row::key);
    let items: Result<Vec<Opinion>> = page.items.into_iter().map(Row::into_opinion).collect();
    Ok(Page { items: items?, next: page.next })
}

/// Keyset and number of rows to ask for, of a list in the order of time.
pub fn limits(cursor: Option<&str>, limit: usize) -> Result<(DateTime<Utc>, OpinionId, i64)> {
    limits_from(cursor, beginning_of_time(), limit)
}

/// Keyset and number of rows to ask for, of a list that shows the newest first.
pub fn limits_backwards(cursor: Option<&str>, limit: usize) -> Result<(DateTime<Utc>, OpinionId, i64)> {
    limits_from(cursor, end_of_time(), limit)
}

fn limits_from(cursor: Option<&str>, (start, first): (DateTime<Utc>, Uuid), limit: usize) -> Result<(DateTime<Utc>, OpinionId, i64)> {
    let after: Option<Key> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.unwrap_or((start, OpinionId(first)));
    Ok((at, id, i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX)))
}
