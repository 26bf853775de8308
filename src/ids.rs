//! Typed ids, the clock and the source of ids. Both are injected, so that tests see whole bodies without redaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, SubsecRound, TimeZone, Utc};
use uuid::Uuid;

/// Offset of Asia/Shanghai, where every legal day begins and ends; it has had no daylight saving time since 1991.
pub const SHANGHAI_SECONDS: i32 = 8 * 3600;

/// Where the present comes from.
#[derive(Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands until it is moved; for tests. Microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at an instant.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Clock::Fixed(Arc::new(AtomicI64::new(at.timestamp_micros())))
    }

    /// The present, in whole microseconds (PostgreSQL keeps no more).
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
            Clock::System => Utc::now().trunc_subsecs(6),
            Clock::Fixed(micros) => Utc.timestamp_micros(micros.load(Ordering::SeqCst)).single().unwrap_or_default(),
        }
    }

    /// Today's date in Asia/Shanghai.
    pub fn today(&self) -> NaiveDate {
        shanghai(self.now()).date_naive()
    }

    /// Moves a fixed clock; does nothing to the machine's.
    pub fn advance(&self, by: Duration) {
        if let Clock::Fixed(micros) = self {
            micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        }
    }
}

/// An instant as Asia/Shanghai shows it.
pub fn shanghai(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&FixedOffset::east_opt(SHANGHAI_SECONDS).unwrap_or_else(|| chrono::Offset::fix(&Utc)))
}

/// Where ids and random secrets come from.
#[derive(Clone)]
pub enum IdSource {
    /// UUIDv7 from the machine's clock and randomness.
    Random,
    /// A counting source for tests.
    Counting(Arc<AtomicU64>),
}

impl IdSource {
    /// A counting source that starts at one.
    pub fn counting() -> Self {
        IdSource::Counting(Arc::new(AtomicU64::new(1)))
    }

    /// A new id; ids sort by the time they were made.
    pub fn next(&self) -> Uuid {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
            IdSource::Random => Uuid::now_v7(),
            IdSource::Counting(counter) => {
                let n = counter.fetch_add(1, Ordering::SeqCst);
                Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | u128::from(n))
            }
        }
    }

    /// A secret of `bytes` random bytes in lower-case hexadecimal; counted, not random, in tests.
    pub fn secret(&self, bytes: usize) -> String {
        match self {
            IdSource::Random => {
                let mut buffer = vec![0u8; bytes];
                rand::RngCore::fill_bytes(&mut rand::rng(), &mut buffer);
                hex::encode(buffer)
            }
            IdSource::Counting(_) => {
                // As varied as a random one, and no two alike: the number stands at the end.
                let n = self.next().as_u128() as u64 & 0xff_ffff;
                let mut text: String = (0..bytes as u64).map(|i| format!("{:02x}", scatter(n ^ (i << 32)) >> 56)).collect();
                let tail = format!("{n:06x}");
                let tail = &tail[tail.len().saturating_sub(text.len())..];
                text.truncate(text.len() - tail.len());
                text + tail
            }
        }
    }

    /// A pause up to a fifth shorter or longer, so that instances that started together do not knock in step; as it is in tests.
    pub fn about(&self, pause: std::time::Duration) -> std::time::Duration {
        match self {
            IdSource::Random => {
                let chance = f64::from(rand::RngCore::next_u32(&mut rand::rng())) / f64::from(u32::MAX);
                pause.mul_f64(0.8 + 0.4 * chance)
            }
            IdSource::Counting(_) => pause,
        }
    }
}

/// Spreads a number over 64 bits (splitmix64).
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { $name(id) }
        }
    )+};
}

typed_ids! {
    /// Id of an account.
    AccountId;
    /// Id of a work of the corpus (法规文件).
    WorkId;
    /// Id of one version of a work.
    VersionId;
    /// Id of an import job.
    ImportJobId;
    /// Id of a draft (草案).
    DraftId;
    /// Id of one version of a draft (稿次).
    DraftVersionId;
    /// Id of a file attached to a version of a draft.
    DraftAttachmentId;
    /// Id of a legal basis (上位法依据) of a draft.
    LegalBasisId;
    /// Id of a correction of a lineage (条文沿革).
    LineageCorrectionId;
    /// Id of a consultation round (公开征求意见).
    ConsultationId;
    /// Id of an opinion (意见建议).
    OpinionId;
    /// Id of a file enclosed with an opinion (附件).
    EnclosureId;
    /// Id of a contact point (立法基层联系点).
    ContactPointId;
    /// Id of a collection station (信息采集点).
    StationId;
    /// Id of a responsible person of a contact point (负责人).
    PersonId;
    /// Id of an invitation of staff (邀请).
    InvitationId;
    /// Id of an organ that keeps contact points (市、县两级司法局).
    OrganId;
    /// Id of a public call for contact points (遴选公告).
    SelectionCallId;
    /// Id of an application to become a contact point (遴选申报).
    SelectionApplicationId;
    /// Id of a document that came with an application (申报材料).
    SelectionDocumentId;
    /// Id of a collection task (征集任务).
    CollectionTaskId;
    /// Id of what one contact point does for a collection task (任务分派).
    AssignmentId;
    /// Id of a collection activity (征集活动).
    ActivityId;
    /// Id of a batch of uploaded opinions (上传批次).
    UploadBatchId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_day_is_that_of_shanghai() {
        let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 31, 16, 0, 0).single().unwrap());
        assert_eq!(clock.today(), NaiveDate::from_ymd_opt(2026, 4, 1).unwrap());
        clock.advance(Duration::seconds(-1));
        assert_eq!(clock.today(), NaiveDate::from_ymd_opt(2026, 3, 31).unwrap());
    }

    #[test]
    fn counted_ids_sort_by_making() {
        let ids = IdSource::counting();
        assert!(ids.next() < ids.next());
        assert_ne!(ids.secret(16), ids.secret(16));
        assert_eq!(ids.secret(16).len(), 32);
        assert_eq!(ids.secret(1).len(), 2);
    }

    #[test]
    fn pauses_differ_by_a_fifth_at_most() {
        let pause = std::time::Duration::from_secs(10);
        let drawn: Vec<u128> = (0..200).map(|_| IdSource::Random.about(pause).as_millis()).collect();
        assert!(drawn.iter().all(|ms| (8_000..=12_000).contains(ms)), "{drawn:?}");
        assert!(drawn.iter().any(|ms| *ms < 9_800) && drawn.iter().any(|ms| *ms > 10_200), "{drawn:?}");
        assert_eq!(IdSource::Random.about(std::time::Duration::ZERO), std::time::Duration::ZERO);
        assert_eq!(IdSource::counting().about(pause), pause);
    }
}
