//! How often things may be done. All are data: what is usual differs between a county and a metropolis, and bots learn.

use serde::Deserialize;

/// So many times in so many seconds; the window starts with the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Times that are allowed.
    pub count: u32,
    /// Length of the window, in seconds.
    pub seconds: u32,
}

const fn hourly(count: u32) -> Quota {
    Quota { count, seconds: 3_600 }
}

/// The limits by name, in the table `[rules.limits]`. An address is one IPv4 address or one IPv6 /64; carriers put many phones behind one address,
/// so limits by address are generous and those by identity are narrow.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// One-time codes sent to one phone within the hour. Beside it, a phone gets one code a minute.
    pub code_per_phone: Quota,
    /// One-time codes sent to one phone within the day.
    pub code_per_phone_day: Quota,
    /// One-time codes asked for from one address.
    pub code_per_address: Quota,
    /// One-time codes of the whole site: what the bureau is willing to pay for.
    pub code_overall: Quota,
    /// One-time codes typed from one address, right or wrong. Beside it, one code takes five tries.
    pub code_try_per_address: Quota,
    /// WeChat codes sent to us from one address.
    pub sign_in_per_address: Quota,
    /// New accounts from one address.
    pub registration_per_address: Quota,
    /// Opinions of one identity on one draft.
    pub opinion_per_identity: Quota,
    /// Opinions of everybody behind one address.
    pub opinion_per_address: Quota,
    /// Opinions without an account from one address.
    pub anonymous_opinion_per_address: Quota,
    /// Opinions on one draft from everybody. A last stop for a fault, not for people: in the last hour of a round hundreds of thousands may speak (a
    /// rush of 424,000 is what the software is measured with), and whoever is refused then has no other hour. Bots are held by identity and
    /// address, load by the turns of the server.
    pub opinion_per_draft: Quota,
    /// Lookups of an anonymous opinion from one address.
    pub lookup_per_address: Quota,
    /// Applications to become a contact point from one address.
    pub application_per_address: Quota,
    /// Agreements and disagreements of one person.
    pub vote_per_identity: Quota,
    /// Agreements and disagreements of everybody behind one address.
    pub vote_per_address: Quota,
    /// Files that one identity uploads for opinions.
    pub upload_per_identity: Quota,
    /// Files that everybody behind one address uploads for opinions.
    pub upload_per_address: Quota,
    /// Files that are uploaded without an account from one address.
    pub anonymous_upload_per_address: Quota,
}

impl Default for LimitRules {
    fn default() -> Self {
        LimitRules {
            code_per_phone: hourly(5),
            code_per_phone_day: Quota { count: 10, seconds: 86_400 },
            code_per_address: hourly(60),
            code_overall: hourly(3_000),
            code_try_per_address: hourly(120),
            sign_in_per_address: hourly(1_200),
            registration_per_address: hourly(60),
            opinion_per_identity: hourly(60),
            opinion_per_address: hourly(300),
            anonymous_opinion_per_address: hourly(20),
            opinion_per_draft: hourly(1_000_000),
            lookup_per_address: hourly(60),
            application_per_address: hourly(10),
            vote_per_identity: hourly(300),
            vote_per_address: hourly(1_000),
            upload_per_identity: hourly(60),
            upload_per_address: hourly(300),
            anonymous_upload_per_address: hourly(60),
        }
    }
}
