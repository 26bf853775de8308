//! Words of 修改对照 and 条文沿革.

use crate::drafts::lineage::ContinuationKind;
use crate::portal::pages::Badge;

/// Back to a draft.
pub const TO_DRAFT: &str = "草案全文";
/// Back to a law.
pub const TO_LAW: &str = "法规全文";
/// The list of drafts.
pub const DRAFTS: &str = "草案征集";
/// The list of laws.
pub const LAWS: &str = "法规库";

/// How a provision continues.
pub fn continuation(kind: ContinuationKind) -> Badge {
    use ContinuationKind::*;
    let tone = match kind {
        Kept => "off",
        Modified => "wait",
        Moved | Split | Merged => "blue",
        Deleted => "stop",
        Added => "good",
    };
    Badge { text: kind.label().into(), tone }
}

/// Provisions that are left out because their words are the same.
pub fn unchanged(first: &str, last: &str, n: usize) -> String {
    if n == 1 { format!("{first}文字未改动") } else { format!("{first}至{last}（共 {n} 处）文字未改动") }
}
