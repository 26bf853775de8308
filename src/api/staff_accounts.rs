//! Operations of administrators on the accounts of the staff; auditors read them.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::accounts::NothingResponse;
use super::callers::SignedIn;
use super::problem::Problem;
use crate::accounts::staff::listing::{self, StaffFilter};
use crate::accounts::staff::{self, StaffAccount, StaffChange, passwords, second_factor};
use crate::accounts::{Actor, Permission, Role};
use crate::app::App;
use crate::ids::{AccountId, ContactPointId, OrganId, StationId};

/// Role of a member of staff.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case")]
enum StaffRoleName {
    /// 联系点工作人员
    PointStaff,
    /// 县区司法局工作人员
    CountyStaff,
    /// 起草人员
    Drafter,
    /// 经办人员
    Handler,
    /// 审核人员
    Reviewer,
    /// 管理员
    Administrator,
    /// 审计员
    Auditor,
}

impl From<StaffRoleName> for Role {
    fn from(name: StaffRoleName) -> Role {
        match name {
            StaffRoleName::PointStaff => Role::PointStaff,
            StaffRoleName::CountyStaff => Role::CountyStaff,
            StaffRoleName::Drafter => Role::Drafter,
            StaffRoleName::Handler => Role::Handler,
            StaffRoleName::Reviewer => Role::Reviewer,
            StaffRoleName::Administrator => Role::Administrator,
            StaffRoleName::Auditor => Role::Auditor,
        }
    }
}

/// A new staff account.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewStaffBody {
    /// Name for signing in: 2 to 64 characters without spaces and colons
    #[oai(validator(min_length = 1, max_length = 200))]
    login_name: String,
    /// Name as pages show it: 1 to 50 characters
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
    /// Role
    role: StaffRoleName,
    /// For county_staff: the organ of the county
    organ_id: Option<Uuid>,
    /// For point_staff: the contact point
    contact_point_id: Option<Uuid>,
    /// For point_staff: a station of that point, when the account works for one station only
    station_id: Option<Uuid>,
}

/// A change of a staff account.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct StaffChangeBody {
    /// Name as pages show it: 1 to 50 characters
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
    /// Role; another one ends the account's sessions
    role: StaffRoleName,
    /// For county_staff: the organ of the county
    organ_id: Option<Uuid>,
    /// For point_staff: the contact point
    contact_point_id: Option<Uuid>,
    /// For point_staff: a station of that point, when the account works for one station only
    station_id: Option<Uuid>,
}

/// A staff account.
#[derive(Object)]
struct StaffAccountView {
    /// Id
    id: Uuid,
    /// Name for signing in
    login_name: String,
    /// Name as pages show it
    display_name: String,
    /// point_staff, county_staff, drafter, handler, reviewer, administrator or auditor
    role: String,
    /// The role in Chinese
    role_label: String,
    /// The organ it works for
    #[oai(skip_serializing_if_is_none)]
    organ_id: Option<Uuid>,
    /// The contact point it works for
    #[oai(skip_serializing_if_is_none)]
    contact_point_id: Option<Uuid>,
    /// The station of that point, when it works for one station only
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// Whether it may sign in
    is_active: bool,
    /// Whether the next sign-in ends in choosing another password
    must_change_password: bool,
    /// Whether a second step is set up
    has_second_factor: bool,
    /// Since when
    created_at: DateTime<Utc>,
}

/// One page of staff accounts.
#[derive(Object)]
struct StaffPageView {
    /// Accounts by login name
    items: Vec<StaffAccountView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An account with the password of its first sign-in.
#[derive(Object)]
struct OneTimePasswordView {
    /// The account
    account_id: Uuid,
    /// Good for one sign-in, which ends in choosing another; shown this once
    one_time_password: String,
}

/// A password was made.
#[derive(ApiResponse)]
enum OneTimePasswordResponse {
    /// Made
    #[oai(status = 201)]
    Created(
        Json<OneTimePasswordView>,
        /// A password is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

fn view(account: StaffAccount) -> StaffAccountView {
    StaffAccountView {
        id: account.id.0,
        login_name: account.login_name,
        display_name: account.display_name,
        role: account.role.as_str().into(),
        role_label: account.role.label().into(),
        organ_id: account.organ.map(|o| o.0),
        contact_point_id: account.contact_point.map(|c| c.0),
        station_id: account.station.map(|s| s.0),
        is_active: account.is_active,
        must_change_password: account.must_change_password,
        has_second_factor: account.has_second_factor,
        created_at: account.created_at,
    }
}

fn made(id: AccountId, password: String) -> OneTimePasswordResponse {
    OneTimePasswordResponse::Created(Json(OneTimePasswordView { account_id: id.0, one_time_password: password }), "no-store".into())
}

/// The operations.
pub struct StaffAccountsApi;

#[OpenApi(tag = "Tag::StaffAccounts")]
impl StaffAccountsApi {
    /// Staff accounts by login name.
    #[oai(path = "/staff-accounts", method = "get", operation_id = "list_staff_accounts")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn list_staff_accounts(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Part of the login name or of the shown name
        #[oai(validator(max_length = 64))]
        Query(q): Query<Option<String>>,
        /// Only one role
        Query(role): Query<Option<StaffRoleName>>,
        /// Only open or only closed accounts
        Query(is_active): Query<Option<bool>>,
        /// Accounts on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<StaffPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadAccounts)?;
        let filter = StaffFilter { query: q.unwrap_or_default(), role: role.map(Role::from), is_active };
        let page = listing::list_staff(&app.db, &caller, &filter, cursor.as_deref(), limit as usize).await?.map(view);
        Ok(Json(StaffPageView { items: page.items, next_cursor: page.next }))
    }

    /// Make a staff account. The answer holds its one-time password.
    #[oai(path = "/staff-accounts", method = "post", operation_id = "add_staff_account")]
    async fn add_staff_account(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        body: Json<NewStaffBody>,
    ) -> Result<OneTimePasswordResponse, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        let new = StaffChange {
            display_name: &body.display_name,
            role: body.role.into(),
            organ: body.organ_id.map(OrganId),
            contact_point: body.contact_point_id.map(ContactPointId),
            station: body.station_id.map(StationId),
        };
        let (id, password) = staff::add_staff(&app.db, &app.clock, &app.ids, Actor::Person(&caller), &body.login_name, new).await?;
        Ok(made(id, password))
    }

    /// A staff account.
    #[oai(path = "/staff-accounts/:account_id", method = "get", operation_id = "get_staff_account")]
    async fn get_staff_account(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
    ) -> Result<Json<StaffAccountView>, Problem> {
        let caller = signed_in.with(Permission::ReadAccounts)?;
        Ok(Json(view(staff::get_staff(&app.db, &caller, AccountId(account_id)).await?)))
    }

    /// Change name, role and workplace. Another role or workplace ends the account's sessions.
    #[oai(path = "/staff-accounts/:account_id", method = "put", operation_id = "change_staff_account")]
    async fn change_staff_account(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
        body: Json<StaffChangeBody>,
    ) -> Result<Json<StaffAccountView>, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        let change = StaffChange {
            display_name: &body.display_name,
            role: body.role.into(),
            organ: body.organ_id.map(OrganId),
            contact_point: body.contact_point_id.map(ContactPointId),
            station: body.station_id.map(StationId),
        };
        Ok(Json(view(staff::change_staff(&app.db, &app.clock, Actor::Person(&caller), AccountId(account_id), change).await?)))
    }

    /// Close an account: its sessions end and it cannot sign in. The last administrator stays. Repeating it changes nothing.
    #[oai(path = "/staff-accounts/:account_id/deactivation", method = "post", operation_id = "deactivate_staff_account")]
    async fn deactivate_staff_account(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
    ) -> Result<Json<StaffAccountView>, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        Ok(Json(view(staff::set_active(&app.db, &app.clock, Actor::Person(&caller), AccountId(account_id), false).await?)))
    }

    /// Open a closed account again. Repeating it changes nothing.
    #[oai(path = "/staff-accounts/:account_id/reactivation", method = "post", operation_id = "reactivate_staff_account")]
    async fn reactivate_staff_account(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
    ) -> Result<Json<StaffAccountView>, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        Ok(Json(view(staff::set_active(&app.db, &app.clock, Actor::Person(&caller), AccountId(account_id), true).await?)))
    }

    /// Give an account a one-time password; its sessions end. Not for the own account.
    #[oai(path = "/staff-accounts/:account_id/password-reset", method = "post", operation_id = "reset_staff_password")]
    async fn reset_staff_password(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
    ) -> Result<OneTimePasswordResponse, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        let id = AccountId(account_id);
        let password = passwords::reset_password(&app.db, &app.clock, &app.ids, Actor::Person(&caller), id).await?;
        Ok(made(id, password))
    }

    /// Take an account's second step away, e.g. after a telephone was lost; its sessions end. Not for the own account.
    #[oai(path = "/staff-accounts/:account_id/second-factor-reset", method = "post", operation_id = "reset_staff_second_factor")]
    async fn reset_staff_second_factor(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        second_factor::reset_second_factor(&app.db, &app.clock, Actor::Person(&caller), AccountId(account_id)).await?;
        Ok(NothingResponse::Done)
    }

    /// End every session of an account without closing it.
    #[oai(path = "/staff-accounts/:account_id/sessions", method = "delete", operation_id = "end_staff_sessions")]
    async fn end_staff_sessions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Account
        Path(account_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::ManageAccounts)?;
        staff::end_sessions_of(&app.db, &app.clock, Actor::Person(&caller), AccountId(account_id)).await?;
        Ok(NothingResponse::Done)
    }
}
