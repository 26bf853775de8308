//! 账号: who uses the system, in which role, and what each role may do.
//!
//! [`Permission::roles`] is the only permission table; a caller's right is asked with [`Caller::require`] and nowhere decided by hand.
//! `sessions.rs` issues and revokes, `staff/` keeps the accounts of the staff and signs them in, `citizens/` does so for citizens, `limits.rs` says how
//! often, `recorded.rs` words what the audit log keeps of all this, `sms.rs` and `wechat/` speak to phones and to WeChat.

pub mod citizens;
pub mod consents;
pub mod deliveries;
pub mod limits;
pub mod recorded;
pub mod sessions;
pub mod sms;
pub mod staff;
pub mod wechat;

use serde::{Deserialize, Serialize};

use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, OrganId, StationId};
use crate::storage::Tx;

pub use staff::passwords::PASSWORD_CHARACTERS;
pub use staff::{NewStaff, StaffAccount, create_staff, find_staff, set_password};

/// 角色
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 市民: anybody who signs in with WeChat or with a phone.
    Citizen,
    /// 联系点工作人员: collects opinions at a contact point.
    PointStaff,
    /// 县区司法局工作人员: keeps the contact points of a county or district.
    CountyStaff,
    /// 起草人员: of the unit that drafts the text.
    Drafter,
    /// 经办人员: of the legislative bureau, who handles opinions.
    Handler,
    /// 审核人员: of the legislative bureau, who lets things be published.
    Reviewer,
    /// 管理员: accounts, contact points, and every act of the bureau's staff.
    Administrator,
    /// 审计员: reads everything, the audit log too, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Role] = &[
        Role::Citizen,
        Role::PointStaff,
        Role::CountyStaff,
        Role::Drafter,
        Role::Handler,
        Role::Reviewer,
        Role::Administrator,
        Role::Auditor,
    ];

    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Citizen => "citizen",
            Role::PointStaff => "point_staff",
            Role::CountyStaff => "county_staff",
            Role::Drafter => "drafter",
            Role::Handler => "handler",
            Role::Reviewer => "reviewer",
            Role::Administrator => "administrator",
            Role::Auditor => "auditor",
        }
    }

    /// What a page shows.
    pub fn label(self) -> &'static str {
        match self {
            Role::Citizen => "市民",
            Role::PointStaff => "联系点工作人员",
            Role::CountyStaff => "县区司法局工作人员",
            Role::Drafter => "起草人员",
            Role::Handler => "经办人员",
            Role::Reviewer => "审核人员",
            Role::Administrator => "管理员",
            Role::Auditor => "审计员",
        }
    }

    /// Reads a canonical name.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// Whether the role signs in with name and password.
    pub fn is_staff(self) -> bool {
        self != Role::Citizen
    }
}

/// An act that needs a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Say something about a draft, and see what oneself has said.
    PostOpinion,
    /// Follow drafts, to be told what becomes of them.
    FollowDrafts,
    /// See, change, copy and erase what is held about oneself.
    ManageOwnAccount,
    /// Read the messages to oneself.
    ReadInbox,
    /// See drafts that are not published.
    ReadUnpublishedDrafts,
    /// Create drafts and add versions.
    EditDrafts,
    /// Open a consultation to the public, extend it, or end it before its time.
    OpenConsultation,
    /// Give a public draft up.
    WithdrawDraft,
    /// Link a draft to the document that it became.
    PromulgateDrafts,
    /// See all opinions, also those that are not public.
    ReadOpinions,
    /// See what moderation found, decided and why.
    ReadModeration,
    /// Show and hide opinions, and decide appeals against a hiding.
    ModerateOpinions,
    /// Write the answer to an opinion.
    PrepareFeedback,
    /// Let the answers that somebody else wrote pass, or give them back.
    ReviewFeedback,
    /// Make reviewed answers public.
    PublishFeedback,
    /// See which notifications could not be delivered.
    ReadDeliveries,
    /// Have notifications that were given up delivered after all.
    RetryDeliveries,
    /// Put documents into the corpus.
    ImportDocuments,
    /// See what is not public about contact points: terms, history, responsible persons.
    ReadContactPoints,
    /// Change contact points and stations, open, renew and close them; county staff those of their organ.
    ManageContactPoints,
    /// Invite staff of contact points; county staff for those of their organ.
    InvitePointStaff,
    /// See what is not public about the selection of contact points: applications, scores.
    ReadSelections,
    /// Score applications to become a contact point.
    ScoreApplications,
    /// Write and publish calls for contact points.
    ManageSelections,
    /// Publish what became of the applications, and make selected ones contact points.
    DecideSelections,
    /// Do the work of one's own contact point: its tasks, activities and opinions.
    WorkAtContactPoint,
    /// See collection tasks and what contact points do for them.
    ReadCollectionTasks,
    /// Send collection tasks, take, return and cancel what contact points do for them.
    ManageCollectionTasks,
    /// Pass collection tasks on to the contact points of one's own organ.
    PassOnTasks,
    /// See imports into the corpus, their reports and originals.
    ReadImports,
    /// See the accounts of the staff.
    ReadAccounts,
    /// Make, change and close accounts of the staff.
    ManageAccounts,
    /// Keep one's own password, second step and sessions; staff.
    KeepOwnLogin,
    /// See the numbers of rounds, tasks and points: a point its own, a county those of its points.
    ReadStatistics,
    /// Read and check the audit log.
    ReadAudit,
}

impl Permission {
    /// Every permission.
    pub const ALL: &'static [Permission] = &[
        Permission::PostOpinion,
        Permission::FollowDrafts,
        Permission::ManageOwnAccount,
        Permission::ReadInbox,
        Permission::ReadUnpublishedDrafts,
        Permission::EditDrafts,
        Permission::OpenConsultation,
        Permission::WithdrawDraft,
        Permission::PromulgateDrafts,
        Permission::ReadOpinions,
        Permission::ReadModeration,
        Permission::ModerateOpinions,
        Permission::PrepareFeedback,
        Permission::ReviewFeedback,
        Permission::PublishFeedback,
        Permission::ReadDeliveries,
        Permission::RetryDeliveries,
        Permission::ImportDocuments,
        Permission::ReadContactPoints,
        Permission::ManageContactPoints,
        Permission::InvitePointStaff,
        Permission::ReadSelections,
        Permission::ScoreApplications,
        Permission::ManageSelections,
        Permission::DecideSelections,
        Permission::WorkAtContactPoint,
        Permission::ReadCollectionTasks,
        Permission::ManageCollectionTasks,
        Permission::PassOnTasks,
        Permission::ReadImports,
        Permission::ReadAccounts,
        Permission::ManageAccounts,
        Permission::KeepOwnLogin,
        Permission::ReadStatistics,
        Permission::ReadAudit,
    ];

    /// Whether it only lets people see: what an auditor has, and all of what an auditor has. Its name begins with `Read`.
    pub fn is_reading(self) -> bool {
        format!("{self:?}").starts_with("Read")
    }

    /// The permission table: which roles may do it.
    pub fn roles(self) -> &'static [Role] {
        use Role::*;
        match self {
            Permission::PostOpinion => &[Citizen],
            Permission::FollowDrafts => &[Citizen],
            Permission::ManageOwnAccount => &[Citizen],
            Permission::ReadInbox => Role::ALL,
            Permission::ReadUnpublishedDrafts => &[Drafter, Handler, Reviewer, Administrator, Auditor],
            Permission::EditDrafts => &[Drafter, Handler, Administrator],
            Permission::OpenConsultation => &[Handler, Reviewer, Administrator],
            Permission::WithdrawDraft => &[Reviewer, Administrator],
            Permission::PromulgateDrafts => &[Handler, Reviewer, Administrator],
            Permission::ReadModeration => &[Handler, Reviewer, Administrator, Auditor],
            Permission::ModerateOpinions => &[Handler, Reviewer, Administrator],
            Permission::ReadOpinions => &[Drafter, Handler, Reviewer, Administrator, Auditor],
            Permission::PrepareFeedback => &[Handler, Reviewer, Administrator],
            Permission::ReviewFeedback => &[Reviewer, Administrator],
            Permission::PublishFeedback => &[Reviewer, Administrator],
            Permission::ReadDeliveries => &[Administrator, Auditor],
            Permission::RetryDeliveries => &[Administrator],
            Permission::ImportDocuments => &[Handler, Reviewer, Administrator],
            Permission::ReadContactPoints => &[CountyStaff, Handler, Reviewer, Administrator, Auditor],
            Permission::ManageContactPoints => &[CountyStaff, Handler, Reviewer, Administrator],
            Permission::InvitePointStaff => &[CountyStaff, Administrator],
            Permission::ReadSelections => &[CountyStaff, Handler, Reviewer, Administrator, Auditor],
            Permission::ScoreApplications => &[CountyStaff, Handler, Reviewer, Administrator],
            Permission::ManageSelections => &[Handler, Reviewer, Administrator],
            Permission::DecideSelections => &[Reviewer, Administrator],
            Permission::WorkAtContactPoint => &[PointStaff],
            Permission::ReadCollectionTasks => &[Handler, Reviewer, Administrator, Auditor],
            Permission::ManageCollectionTasks => &[Handler, Reviewer, Administrator],
            Permission::PassOnTasks => &[CountyStaff],
            Permission::ReadImports => &[Handler, Reviewer, Administrator, Auditor],
            Permission::ReadAccounts => &[Administrator, Auditor],
            Permission::ManageAccounts => &[Administrator],
            Permission::KeepOwnLogin => &[PointStaff, CountyStaff, Drafter, Handler, Reviewer, Administrator, Auditor],
            Permission::ReadStatistics => &[PointStaff, CountyStaff, Handler, Reviewer, Administrator, Auditor],
            Permission::ReadAudit => &[Administrator, Auditor],
        }
    }
}

/// Who is calling, proved by a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account_id: AccountId,
    /// Its role.
    pub role: Role,
    /// Its name as pages show it.
    pub display_name: String,
    /// The organ it works for, for [`Role::CountyStaff`].
    pub organ: Option<OrganId>,
    /// The contact point it works for, for [`Role::PointStaff`].
    pub contact_point: Option<ContactPointId>,
    /// The station of that point, when it works for one station only.
    pub station: Option<StationId>,
}

impl Caller {
    /// Whether the caller may do it.
    pub fn may(&self, permission: Permission) -> bool {
        permission.roles().contains(&self.role)
    }

    /// Passes when the caller may do it, else [`Code::Forbidden`].
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Error::new(Code::Forbidden, format!("“{}”没有这项权限。如需办理，请联系管理员。", self.role.label())))
    }
}

/// Who acts: a person with a session, or the installation itself while it loads the demonstration.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// A person; the permission table decides.
    Person(&'a Caller),
    /// The installation. Never made from a request.
    System,
}

impl Actor<'_> {
    /// Passes when the actor may do it.
    pub fn require(self, permission: Permission) -> Result<()> {
        match self {
            Actor::Person(caller) => caller.require(permission),
            Actor::System => Ok(()),
        }
    }

    /// The account that the act is recorded under.
    pub fn account_id(self) -> Option<AccountId> {
        match self {
            Actor::Person(caller) => Some(caller.account_id),
            Actor::System => None,
        }
    }
}

fn parse_role(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| Error::defect(format_args!("unknown role {text}")))
}

/// Writes the audit entry of a sign-in or sign-out.
async fn record(tx: &mut Tx, clock: &Clock, account: Option<AccountId>, act: Act, is_success: bool, detail: &str) -> Result<()> {
    let entry = NewEntry { account_id: account, act, subject: "account", subject_id: account.map(|a| a.0), is_success, detail };
    audit::append(tx, clock, entry).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(*role));
        }
        assert_eq!(Role::parse("root"), None);
    }

    /// What county staff may do, each only with the points of their organ.
    const OF_COUNTIES: &[Permission] = &[
        Permission::ReadContactPoints,
        Permission::ManageContactPoints,
        Permission::InvitePointStaff,
        Permission::ReadSelections,
        Permission::ScoreApplications,
        Permission::PassOnTasks,
    ];

    #[test]
    fn duties_are_separated() {
        for permission in Permission::ALL {
            let roles = permission.roles();
            assert!(!roles.is_empty(), "{permission:?} is granted to nobody");
            let is_own = *permission == Permission::KeepOwnLogin;
            assert_eq!(
                roles.contains(&Role::Auditor),
                permission.is_reading() || is_own,
                "an auditor reads all and changes nothing: {permission:?}"
            );
            // What citizens do, they do alone, and so do the staff of contact points; the county shares the care for points with the bureau.
            // Everything else but one's own login, messages and numbers is for the bureau.
            let is_shared = matches!(permission, Permission::ReadInbox | Permission::ReadStatistics);
            if is_own || is_shared || roles == [Role::Citizen] || roles == [Role::PointStaff] {
                continue;
            }
            assert!(!roles.contains(&Role::Citizen) && !roles.contains(&Role::PointStaff), "{permission:?} is for the bureau");
            assert!(!roles.contains(&Role::CountyStaff) || OF_COUNTIES.contains(permission), "{permission:?} is not for counties");
        }
        assert_eq!(Permission::WorkAtContactPoint.roles(), [Role::PointStaff], "nobody collects in the name of a point but its staff");
        assert!(!Permission::ReviewFeedback.roles().contains(&Role::Handler), "who prepares an answer does not review it");
        assert!(!Permission::PublishFeedback.roles().contains(&Role::Handler), "who prepares an answer does not publish it");
    }
}
