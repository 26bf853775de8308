//! 账号: who uses the system, in which role, and what each role may do.
//!
//! [`Permission::roles`] is the only permission table; a caller's right is asked with [`Caller::require`] and nowhere decided by hand.
//! `sessions.rs` issues and revokes, `logins.rs` proves who somebody of the staff is and `citizens/` who a citizen is, `limits.rs` says how often,
//! `sms.rs` and `wechat/` speak to phones and to WeChat.

pub mod citizens;
pub mod consents;
pub mod deliveries;
pub mod limits;
pub mod logins;
pub mod sessions;
pub mod sms;
pub mod wechat;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, IdSource};
use crate::storage::sql::{failed, is_duplicate};
use crate::storage::{Db, Tx, crypto};
use crate::{on_db, on_tx};

/// 角色
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 市民: anybody who signs in with WeChat or with a phone.
    Citizen,
    /// 联系点工作人员: collects opinions at a contact point.
    PointStaff,
    /// 起草人员: of the unit that drafts the text.
    Drafter,
    /// 经办人员: of the legislative bureau, who handles opinions.
    Handler,
    /// 审核人员: of the legislative bureau, who lets things be published.
    Reviewer,
    /// 管理员: accounts, contact points, and every act of the bureau's staff.
    Administrator,
    /// 审计员: reads the audit log and nothing else.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Role] =
        &[Role::Citizen, Role::PointStaff, Role::Drafter, Role::Handler, Role::Reviewer, Role::Administrator, Role::Auditor];

    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Citizen => "citizen",
            Role::PointStaff => "point_staff",
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
    /// Change contact points and stations.
    ManageContactPoints,
    /// Make accounts.
    ManageAccounts,
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
        Permission::ManageContactPoints,
        Permission::ManageAccounts,
        Permission::ReadAudit,
    ];

    /// The permission table: which roles may do it.
    pub fn roles(self) -> &'static [Role] {
        use Role::*;
        match self {
            Permission::PostOpinion => &[Citizen],
            Permission::FollowDrafts => &[Citizen],
            Permission::ManageOwnAccount => &[Citizen],
            Permission::ReadInbox => Role::ALL,
            Permission::ReadUnpublishedDrafts => &[Drafter, Handler, Reviewer, Administrator],
            Permission::EditDrafts => &[Drafter, Handler, Administrator],
            Permission::OpenConsultation => &[Handler, Reviewer, Administrator],
            Permission::WithdrawDraft => &[Reviewer, Administrator],
            Permission::PromulgateDrafts => &[Handler, Reviewer, Administrator],
            Permission::ReadOpinions => &[Drafter, Handler, Reviewer, Administrator],
            Permission::ReadModeration => &[Handler, Reviewer, Administrator, Auditor],
            Permission::ModerateOpinions => &[Handler, Reviewer, Administrator],
            Permission::PrepareFeedback => &[Handler, Reviewer, Administrator],
            Permission::ReviewFeedback => &[Reviewer, Administrator],
            Permission::PublishFeedback => &[Reviewer, Administrator],
            Permission::ReadDeliveries => &[Administrator, Auditor],
            Permission::RetryDeliveries => &[Administrator],
            Permission::ImportDocuments => &[Handler, Reviewer, Administrator],
            Permission::ManageContactPoints => &[Administrator],
            Permission::ManageAccounts => &[Administrator],
            Permission::ReadAudit => &[Auditor],
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
    /// The contact point it works for.
    pub contact_point: Option<ContactPointId>,
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

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Id.
    pub id: AccountId,
    /// Role.
    pub role: Role,
    /// Name as pages show it.
    pub display_name: String,
    /// Name for signing in; staff only.
    pub login_name: Option<String>,
    /// The contact point it works for.
    pub contact_point: Option<ContactPointId>,
    /// Whether it may sign in.
    pub is_active: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// A staff account to be made.
#[derive(Clone, Debug)]
pub struct NewStaff<'a> {
    /// Name for signing in: 2 to 64 characters, no spaces; compared in lower case.
    pub login_name: &'a str,
    /// Name as pages show it.
    pub display_name: &'a str,
    /// Any role but [`Role::Citizen`].
    pub role: Role,
    /// At least [`PASSWORD_CHARACTERS`] characters.
    pub password: &'a str,
    /// For [`Role::PointStaff`]: the contact point.
    pub contact_point: Option<ContactPointId>,
    /// Whether the account belongs to the demonstration.
    pub is_demonstration: bool,
}

/// Least length of a staff password, in characters.
pub const PASSWORD_CHARACTERS: usize = 12;

#[derive(FromRow)]
struct AccountRow {
    id: AccountId,
    role: String,
    display_name: String,
    login_name: Option<String>,
    contact_point_id: Option<ContactPointId>,
    is_active: bool,
    created_at: DateTime<Utc>,
}

impl AccountRow {
    fn into_account(self) -> Result<Account> {
        Ok(Account {
            id: self.id,
            role: parse_role(&self.role)?,
            display_name: self.display_name,
            login_name: self.login_name,
            contact_point: self.contact_point_id,
            is_active: self.is_active,
            created_at: self.created_at,
        })
    }
}

const INSERT_STAFF: &str = "INSERT INTO account (id, role, display_name, login_name, password_hash, contact_point_id, is_active, is_demonstration, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, TRUE, $7, $8, $8)";
const FIND_STAFF: &str =
    "SELECT id, role, display_name, login_name, contact_point_id, is_active, created_at FROM account WHERE login_name = $1";

const SET_PASSWORD: &str = "UPDATE account SET password_hash = $2, updated_at = $3 WHERE id = $1";
const END_SESSIONS: &str = "DELETE FROM session WHERE account_id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT_STAFF, FIND_STAFF, SET_PASSWORD, END_SESSIONS];

/// Makes a staff account; `by` is `None` when the system itself makes it. A name that is taken is [`Code::Conflict`].
pub async fn create_staff(db: &Db, clock: &Clock, ids: &IdSource, by: Option<AccountId>, new: NewStaff<'_>) -> Result<AccountId> {
    let login_name = login_name_key(new.login_name);
    if !(2..=64).contains(&login_name.chars().count()) || login_name.chars().any(char::is_whitespace) {
        return Err(Error::invalid("login_name", "登录名应为 2 至 64 个字符，不含空格。"));
    }
    if new.password.chars().count() < PASSWORD_CHARACTERS {
        return Err(Error::invalid("password", format!("密码不少于 {PASSWORD_CHARACTERS} 个字符。")));
    }
    if !new.role.is_staff() {
        return Err(Error::invalid("role", "市民账号通过微信或手机号登录产生，不能用密码建立。"));
    }
    let password = new.password.to_owned();
    let password_hash = tokio::task::spawn_blocking(move || crypto::hash_password(&password))
        .await
        .map_err(|e| Error::internal("hashing stopped", e))??;
    let id = AccountId(ids.next());
    let now = clock.now();
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT_STAFF)
        .bind(id).bind(new.role.as_str()).bind(new.display_name).bind(&login_name).bind(&password_hash).bind(new.contact_point)
        .bind(new.is_demonstration).bind(now).execute(c).await.map(drop))
    .map_err(|e| if is_duplicate(&e) { Error::new(Code::Conflict, "这个登录名已被使用，请换一个。") } else { failed(e) })?;
    let entry = NewEntry {
        account_id: by,
        act: Act::CreateAccount,
        subject: "account",
        subject_id: Some(id.0),
        is_success: true,
        detail: new.role.as_str(),
    };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await?;
    Ok(id)
}

/// Gives a staff account another password and ends its sessions.
pub async fn set_password(db: &Db, clock: &Clock, by: Actor<'_>, login_name: &str, password: &str) -> Result<()> {
    by.require(Permission::ManageAccounts)?;
    if password.chars().count() < PASSWORD_CHARACTERS {
        return Err(Error::invalid("password", format!("密码不少于 {PASSWORD_CHARACTERS} 个字符。")));
    }
    let account = find_staff(db, login_name).await?.ok_or_else(|| Error::not_found("这个账号"))?;
    let password = password.to_owned();
    let password_hash = tokio::task::spawn_blocking(move || crypto::hash_password(&password))
        .await
        .map_err(|e| Error::internal("hashing stopped", e))??;
    let now = clock.now();
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(SET_PASSWORD).bind(account.id).bind(&password_hash).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(END_SESSIONS).bind(account.id).execute(c).await.map(drop)).map_err(failed)?;
    let entry = NewEntry {
        account_id: by.account_id(),
        act: Act::ChangePassword,
        subject: "account",
        subject_id: Some(account.id.0),
        is_success: true,
        detail: "",
    };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await
}

/// Finds a staff account by the name it signs in with.
pub async fn find_staff(db: &Db, login_name: &str) -> Result<Option<Account>> {
    let key = login_name_key(login_name);
    let row: Option<AccountRow> = on_db!(db, pool => sqlx::query_as(FIND_STAFF).bind(&key).fetch_optional(pool).await).map_err(failed)?;
    row.map(AccountRow::into_account).transpose()
}

/// Login names are compared without surrounding space and in lower case.
fn login_name_key(name: &str) -> String {
    name.trim().to_lowercase()
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

    #[test]
    fn duties_are_separated() {
        for permission in Permission::ALL {
            let roles = permission.roles();
            assert!(!roles.is_empty(), "{permission:?} is granted to nobody");
            if !matches!(
                permission,
                Permission::ReadInbox | Permission::ReadAudit | Permission::ReadModeration | Permission::ReadDeliveries
            ) {
                assert!(!roles.contains(&Role::Auditor), "an auditor only audits, not {permission:?}");
            }
            // What citizens do, they do alone; everything else but reading messages is for the bureau.
            if *permission != Permission::ReadInbox && roles != [Role::Citizen] {
                assert!(!roles.contains(&Role::Citizen) && !roles.contains(&Role::PointStaff), "{permission:?} is for the bureau");
            }
        }
        assert!(!Permission::ReviewFeedback.roles().contains(&Role::Handler), "who prepares an answer does not review it");
        assert!(!Permission::PublishFeedback.roles().contains(&Role::Handler), "who prepares an answer does not publish it");
    }
}
