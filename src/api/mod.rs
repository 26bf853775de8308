//! The API under `/api/v1`: what it offers, and its reference page.
//!
//! To add an operation: a method with an explicit `operation_id` in the file of its capability, a Body and a View type beside it, then
//! `cargo run -- openapi > openapi/openapi.json` and a test. Every operation returns `Result<_, Problem>`: one error body for all.
//!
//! Known quirks of the framework, not to be copied elsewhere: an `Option` field needs `skip_serializing_if_is_none`, because the schema does
//! not say nullable; a list in the query is required unless it is an `Option`.

pub mod accounts;
pub mod answering;
pub mod audit;
pub mod callers;
pub mod citizens;
pub mod collection;
pub mod comparison;
pub mod contact_points;
pub mod day;
pub mod drafting;
pub mod drafts;
pub mod entries;
pub mod following;
pub mod imports;
pub mod library;
pub mod lineage;
mod mistakes;
pub mod moderation;
pub mod notifications;
pub mod opinions;
pub mod personal_data;
pub mod problem;
pub mod questions;
pub mod rounds;
pub mod staff_accounts;
pub mod staff_sessions;
pub mod statistics;
pub mod uploads;

use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, EndpointExt, Response, Route, get};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi, OpenApiService, Tags};

use crate::app::App;
use problem::Problem;

/// Groups of operations in the reference.
#[derive(Tags)]
pub enum Tag {
    /// 法规文件与检索
    Library,
    /// 登录与账号
    Accounts,
    /// 工作人员账号
    StaffAccounts,
    /// 审计日志
    Audit,
    /// 草案与公开征求意见
    Drafts,
    /// 意见建议与答复
    Opinions,
    /// 意见办理与反馈 (staff)
    Answering,
    /// 基层立法联系点
    ContactPoints,
    /// 征集任务与征集活动
    Collection,
    /// 服务信息
    Service,
}

/// Facts about this service.
#[derive(Object)]
struct ServiceView {
    /// Name of the site.
    name: String,
    /// Name of the bureau that runs it.
    bureau: String,
    /// Version of the software.
    version: String,
    /// Whether the data is a demonstration.
    is_demonstration: bool,
}

struct ServiceApi;

#[OpenApi(tag = "Tag::Service")]
impl ServiceApi {
    /// What this service is.
    #[oai(path = "/service", method = "get", operation_id = "get_service")]
    async fn get_service(&self, app: poem::web::Data<&App>) -> Result<Json<ServiceView>, Problem> {
        Ok(Json(ServiceView {
            name: app.config.site_name.clone(),
            bureau: app.config.bureau_name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            is_demonstration: app.config.is_demonstration,
        }))
    }
}

/// Items on a page when the caller does not say.
fn default_page() -> u32 {
    20
}

/// Operations on sessions and accounts.
type People = (
    accounts::AccountsApi,
    citizens::CitizensApi,
    personal_data::PersonalDataApi,
    staff_sessions::StaffSessionsApi,
    staff_accounts::StaffAccountsApi,
);

/// Every operation: one type for each capability.
type Operations = (
    ServiceApi,
    library::LibraryApi,
    imports::ImportsApi,
    People,
    audit::AuditApi,
    drafts::DraftsApi,
    drafting::Operations,
    rounds::RoundsApi,
    questions::QuestionsApi,
    following::FollowingApi,
    (opinions::OpinionsApi, opinions::participation::ParticipationApi, opinions::unnamed::UnnamedApi, opinions::report::ReportApi),
    (lineage::LineageApi, comparison::ComparisonApi),
    moderation::ModerationApi,
    notifications::NotificationsApi,
    (answering::Operations, statistics::StatisticsApi),
    (
        contact_points::ContactPointsApi,
        contact_points::managing::KeepingApi,
        contact_points::invitations::InvitationsApi,
        contact_points::selection::Operations,
        entries::EntriesApi,
        collection::Operations,
        uploads::UploadsApi,
    ),
);

fn service() -> OpenApiService<Operations, ()> {
    let people = (
        accounts::AccountsApi,
        citizens::CitizensApi,
        personal_data::PersonalDataApi,
        staff_sessions::StaffSessionsApi,
        staff_accounts::StaffAccountsApi,
    );
    let operations = (
        ServiceApi,
        library::LibraryApi,
        imports::ImportsApi,
        people,
        audit::AuditApi,
        drafts::DraftsApi,
        drafting::operations(),
        rounds::RoundsApi,
        questions::QuestionsApi,
        following::FollowingApi,
        (opinions::OpinionsApi, opinions::participation::ParticipationApi, opinions::unnamed::UnnamedApi, opinions::report::ReportApi),
        (lineage::LineageApi, comparison::ComparisonApi),
        moderation::ModerationApi,
        notifications::NotificationsApi,
        (answering::OPERATIONS, statistics::StatisticsApi),
        (
            contact_points::ContactPointsApi,
            contact_points::managing::KeepingApi,
            contact_points::invitations::InvitationsApi,
            contact_points::selection::OPERATIONS,
            entries::EntriesApi,
            collection::OPERATIONS,
            uploads::UploadsApi,
        ),
    );
    OpenApiService::new(operations, "直通 zhitong", env!("CARGO_PKG_VERSION"))
        .description("公众参与地方立法：草案征求意见、意见办理与公开反馈、法规一键可查。所有失败都以 application/problem+json 返回。")
        .server("/api/v1")
}

/// The API description as committed in `openapi/openapi.json`.
pub fn spec() -> String {
    let mut text = service().spec();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The operations, with every failure turned into the one error body.
pub fn routes() -> BoxEndpoint<'static, Response> {
    let spec = spec();
    Route::new()
        .at(
            "/openapi.json",
            get(poem::endpoint::make_sync(move |_| Response::builder().content_type("application/json").body(spec.clone()))),
        )
        .nest("/", service())
        .catch_all_error(async |error| problem::from_framework(error))
        .map_to_response()
        .boxed()
}

/// The reference page is the only one with scripts and styles of its own; it loads nothing from elsewhere and stands in no frame.
const REFERENCE_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The reference page; everything it needs is in the binary.
pub fn reference() -> impl Endpoint<Output = Response> + 'static {
    let page = service().swagger_ui_html();
    poem::endpoint::make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(poem::http::header::CONTENT_SECURITY_POLICY, REFERENCE_POLICY)
            .body(page.clone())
    })
}
