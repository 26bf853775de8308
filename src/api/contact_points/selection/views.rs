//! What the operations of the selection take and give.

use chrono::{DateTime, Utc};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Enum, Multipart, Object};
use uuid::Uuid;

use crate::accounts::Caller;
use crate::api::contact_points::managing::{HostKindName, TermBody};
use crate::api::day::Day;
use crate::app::App;
use crate::contact_points::selection::applying::{self, Application, ApplicationState};
use crate::contact_points::selection::calls::{Criterion, NewCall, SelectionCall};
use crate::contact_points::selection::scoring;
use crate::error::Result;

/// What applications are scored by.
#[derive(Object)]
#[oai(rename = "Criterion", deny_unknown_fields)]
pub(super) struct CriterionBody {
    /// Name
    pub(super) name: String,
    /// What is looked at
    #[oai(default)]
    pub(super) explanation: String,
    /// Most points: 1 to 1000
    pub(super) maximum: i64,
}

/// A call for contact points.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct CallBody {
    /// Title
    pub(super) title: String,
    /// Who may apply, what for, with which documents
    pub(super) notice: String,
    /// Criteria, in order
    #[oai(validator(max_items = 50))]
    pub(super) criteria: Vec<CriterionBody>,
    /// First day on which applications are taken
    pub(super) opens_on: Day,
    /// Last day; they are taken until its 24:00 in Asia/Shanghai
    pub(super) closes_on: Day,
}

impl From<CallBody> for NewCall {
    fn from(body: CallBody) -> Self {
        let criterion = |c: CriterionBody| Criterion { name: c.name, explanation: c.explanation, maximum: c.maximum };
        NewCall {
            title: body.title,
            notice: body.notice,
            criteria: body.criteria.into_iter().map(criterion).collect(),
            opens_on: body.opens_on.0,
            closes_on: body.closes_on.0,
        }
    }
}

/// A change of a call that is not public yet.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct CallChangeBody {
    /// Revision that the person saw
    pub(super) revision: i64,
    /// What it says from now on
    pub(super) call: CallBody,
}

/// The revision of a call that the person saw.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct CallRevisionBody {
    /// Revision
    pub(super) revision: i64,
}

/// Giving a call up.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct CallWithdrawalBody {
    /// Revision that the person saw
    pub(super) revision: i64,
    /// Why; public where the call was
    pub(super) reason: String,
}

/// A call for contact points.
#[derive(Object)]
pub(super) struct CallView {
    /// Id
    pub(super) id: Uuid,
    /// Title
    pub(super) title: String,
    /// Who may apply, what for, with which documents
    pub(super) notice: String,
    /// What applications are scored by
    pub(super) criteria: Vec<CriterionBody>,
    /// First day on which applications are taken
    pub(super) opens_on: Day,
    /// Last day; they are taken until its 24:00 in Asia/Shanghai
    pub(super) closes_on: Day,
    /// preparing, upcoming, open, closed, decided or withdrawn
    pub(super) phase: String,
    /// The same in Chinese
    pub(super) phase_label: String,
    /// What is said with the outcome, or why it was given up
    pub(super) result_notice: String,
    /// One more with each change
    pub(super) revision: i64,
    /// When it became public
    #[oai(skip_serializing_if_is_none)]
    pub(super) published_at: Option<DateTime<Utc>>,
    /// When the outcome became public
    #[oai(skip_serializing_if_is_none)]
    pub(super) decided_at: Option<DateTime<Utc>>,
}

/// One page of calls.
#[derive(Object)]
pub(super) struct CallPageView {
    /// Calls, those that end last first
    pub(super) items: Vec<CallView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub(super) next_cursor: Option<String>,
}

/// A unit in the public outcome.
#[derive(Object)]
pub(super) struct OutcomeUnitView {
    /// Name of the unit
    pub(super) unit_name: String,
    /// City and district
    pub(super) region: String,
    /// The contact point that it became
    #[oai(skip_serializing_if_is_none)]
    pub(super) contact_point_id: Option<Uuid>,
}

/// One page of the public outcome.
#[derive(Object)]
pub(super) struct OutcomePageView {
    /// Units by name; there is no ranking
    pub(super) items: Vec<OutcomeUnitView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub(super) next_cursor: Option<String>,
}

/// Which part of the outcome.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case")]
pub(super) enum OutcomeName {
    /// 入选
    Selected,
    /// 未入选
    NotSelected,
}

/// Where an application stands.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "ApplicationState")]
pub(super) enum ApplicationStateName {
    /// 已提交
    Submitted,
    /// 已撤回
    Withdrawn,
    /// 入选
    Selected,
    /// 未入选
    NotSelected,
}

/// An application to become a contact point.
#[derive(Debug, Multipart)]
pub(super) struct ApplicationForm {
    /// Name of the unit: 1 to 100 characters
    pub(super) unit_name: String,
    /// community, association, law_firm, university, village, company or other
    pub(super) host_kind: HostKindName,
    /// City and district
    pub(super) region: String,
    /// Where it is
    pub(super) address: String,
    /// Who they are
    pub(super) introduction: String,
    /// How they would collect opinions
    #[oai(default)]
    pub(super) plan: String,
    /// Contact person; kept sealed
    pub(super) contact_name: String,
    /// Their telephone number; kept sealed
    pub(super) contact_phone: String,
    /// Documents, or none: pictures, PDF, docx without macros
    pub(super) documents: Vec<Upload>,
}

/// The receipt of an application.
#[derive(Object)]
pub(super) struct ApplicationReceiptView {
    /// Number
    pub(super) number: String,
    /// The code under which the application is looked up and taken back; it is shown with the receipt only
    pub(super) lookup_code: String,
    /// When it came
    pub(super) submitted_at: DateTime<Utc>,
}

/// An application came in.
#[derive(ApiResponse)]
pub(super) enum AppliedResponse {
    /// It is in
    #[oai(status = 201)]
    Created(
        Json<ApplicationReceiptView>,
        /// A code is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// It had come before
    #[oai(status = 200)]
    Repeated(
        Json<ApplicationReceiptView>,
        /// A code is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// The code of an application.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ApplicationCodeBody {
    /// As it was given
    #[oai(validator(max_length = 60))]
    pub(super) code: String,
}

/// An application as the unit sees it.
#[derive(Object)]
pub(super) struct OwnApplicationView {
    /// Number
    pub(super) number: String,
    /// Title of the call
    pub(super) call_title: String,
    /// Name of the unit
    pub(super) unit_name: String,
    /// submitted, withdrawn, selected or not_selected
    pub(super) state: String,
    /// The same in Chinese
    pub(super) state_label: String,
    /// Told with the outcome
    pub(super) result_reason: String,
    /// When it came
    pub(super) submitted_at: DateTime<Utc>,
}

/// An application, for staff.
#[derive(Object)]
pub(super) struct ApplicationView {
    /// Id
    pub(super) id: Uuid,
    /// The call
    pub(super) call_id: Uuid,
    /// Number
    pub(super) number: String,
    /// Name of the unit
    pub(super) unit_name: String,
    /// Kind of unit
    pub(super) host_kind: HostKindName,
    /// City and district
    pub(super) region: String,
    /// Where it is
    pub(super) address: String,
    /// Who they are
    pub(super) introduction: String,
    /// How they would collect opinions
    pub(super) plan: String,
    /// Contact person
    pub(super) contact_name: String,
    /// Their telephone number
    pub(super) contact_phone: String,
    /// Where it stands
    pub(super) state: ApplicationStateName,
    /// Told to the unit with the outcome
    pub(super) result_reason: String,
    /// The contact point that it became
    #[oai(skip_serializing_if_is_none)]
    pub(super) contact_point_id: Option<Uuid>,
    /// When it came
    pub(super) submitted_at: DateTime<Utc>,
    /// Documents
    pub(super) documents: Vec<SelectionDocumentView>,
    /// What members of staff think; internal
    pub(super) sheets: Vec<ScoreSheetView>,
}

/// A document that came with an application.
#[derive(Object)]
pub(super) struct SelectionDocumentView {
    /// Id
    pub(super) id: Uuid,
    /// Name
    pub(super) name: String,
    /// jpeg, png, webp, gif, pdf or docx, by its content
    pub(super) kind: String,
    /// Size
    pub(super) size_bytes: i64,
}

/// What one member of staff thinks of an application.
#[derive(Object)]
pub(super) struct ScoreSheetView {
    /// Who
    pub(super) account_id: Uuid,
    /// Shown name
    pub(super) name: String,
    /// Points and remarks, in the order of the criteria
    pub(super) scores: Vec<ScoreBody>,
    /// All points together
    pub(super) total: i64,
    /// When
    pub(super) scored_at: DateTime<Utc>,
}

/// One page of applications.
#[derive(Object)]
pub(super) struct ApplicationPageView {
    /// Applications by name
    pub(super) items: Vec<ApplicationView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub(super) next_cursor: Option<String>,
}

/// Points under one criterion.
#[derive(Object)]
#[oai(rename = "Score", deny_unknown_fields)]
pub(super) struct ScoreBody {
    /// From 0 to the most of the criterion
    pub(super) points: i64,
    /// Why
    #[oai(default)]
    pub(super) remark: String,
}

/// The caller's scores of an application.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ScoresBody {
    /// One for each criterion, in order
    #[oai(validator(max_items = 50))]
    pub(super) scores: Vec<ScoreBody>,
}

/// What becomes of one application.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct OutcomeBody {
    /// Application
    pub(super) application_id: Uuid,
    /// Whether the unit becomes a contact point
    pub(super) is_selected: bool,
    /// Told to the unit alone
    #[oai(default)]
    pub(super) reason: String,
}

/// What becomes of all applications to a call.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct OutcomesBody {
    /// Revision of the call that the person saw
    pub(super) revision: i64,
    /// Every application that was not taken back
    #[oai(validator(max_items = 5000))]
    pub(super) outcomes: Vec<OutcomeBody>,
    /// Public text
    #[oai(default)]
    pub(super) notice: String,
}

/// Making a selected unit a contact point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct SelectedPointBody {
    /// Organ that sets it up
    pub(super) established_by: String,
    /// Its term; without one it has no end
    pub(super) term: Option<TermBody>,
}

/// The contact point that a selected unit became.
#[derive(Object)]
pub(super) struct SelectedPointView {
    /// Contact point
    pub(super) contact_point_id: Uuid,
}

/// A call was written.
#[derive(ApiResponse)]
pub(super) enum WrittenCall {
    /// Written
    #[oai(status = 201)]
    Created(Json<CallView>),
}

/// A document.
#[derive(ApiResponse)]
pub(super) enum DocumentFile {
    /// The file
    #[oai(status = 200, content_type = "application/octet-stream")]
    Found(
        Binary<Vec<u8>>,
        /// Its name
        #[oai(header = "Content-Disposition")]
        String,
        /// Nothing in it may run
        #[oai(header = "Content-Security-Policy")]
        String,
    ),
}

pub(super) fn call_view(call: SelectionCall, now: DateTime<Utc>) -> CallView {
    let phase = call.phase_at(now);
    let criterion = |c: Criterion| CriterionBody { name: c.name, explanation: c.explanation, maximum: c.maximum };
    CallView {
        id: call.id.0,
        title: call.said.title,
        notice: call.said.notice,
        criteria: call.said.criteria.into_iter().map(criterion).collect(),
        opens_on: Day(call.said.opens_on),
        closes_on: Day(call.said.closes_on),
        phase: phase.as_str().into(),
        phase_label: phase.label().into(),
        result_notice: call.result_notice,
        revision: call.revision,
        published_at: call.published_at,
        decided_at: call.decided_at,
    }
}

pub(super) async fn application_view(app: &App, caller: &Caller, application: Application) -> Result<ApplicationView> {
    let at = app.keeping();
    let (contact_name, contact_phone) = application.contact(at, caller)?;
    let documents = applying::list_documents(at, application.id).await?;
    let sheets = scoring::list_scores(at, caller, application.id).await?;
    let document =
        |d: applying::Document| SelectionDocumentView { id: d.id.0, name: d.name, kind: d.kind.as_str().into(), size_bytes: d.size_bytes };
    let sheet = |sheet: scoring::ScoreSheet| ScoreSheetView {
        account_id: sheet.account.0,
        total: sheet.total(),
        name: sheet.name,
        scored_at: sheet.scored_at,
        scores: sheet.scores.into_values().map(|s| ScoreBody { points: s.points, remark: s.remark }).collect(),
    };
    Ok(ApplicationView {
        id: application.id.0,
        call_id: application.call.0,
        number: application.number,
        unit_name: application.unit_name,
        host_kind: application.host_kind.into(),
        region: application.region,
        address: application.address,
        introduction: application.introduction,
        plan: application.plan,
        contact_name,
        contact_phone,
        state: application.state.into(),
        result_reason: application.result_reason,
        contact_point_id: application.contact_point.map(|p| p.0),
        submitted_at: application.submitted_at,
        documents: documents.into_iter().map(document).collect(),
        sheets: sheets.into_iter().map(sheet).collect(),
    })
}

pub(super) fn own_view(application: Application, call: SelectionCall) -> OwnApplicationView {
    // What is decided is told once it is public.
    OwnApplicationView {
        number: application.number,
        call_title: call.said.title,
        unit_name: application.unit_name,
        state: application.state.as_str().into(),
        state_label: application.state.label().into(),
        result_reason: application.result_reason,
        submitted_at: application.submitted_at,
    }
}
