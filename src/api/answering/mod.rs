//! Operations of staff on opinions: the work list, groups of near-identical ones, handling, answers with their review, and publishing.

mod feedback;
mod groups;
mod handling;
mod views;

pub(in crate::api) use views::ChannelName;
mod worklist;

use uuid::Uuid;

use crate::ids::OpinionId;

/// All operations of the capability, as one member of the service.
pub type Operations = (worklist::WorkListApi, groups::GroupsApi, handling::HandlingApi, feedback::FeedbackApi);

/// Their values.
pub const OPERATIONS: Operations = (worklist::WorkListApi, groups::GroupsApi, handling::HandlingApi, feedback::FeedbackApi);

/// Ids as the domain names them.
fn opinions(ids: Vec<Uuid>) -> Vec<OpinionId> {
    ids.into_iter().map(OpinionId).collect()
}
