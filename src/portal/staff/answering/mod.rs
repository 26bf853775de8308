//! `/staff/drafts/{id}/opinions`, `/answering` and `/feedback`: the desk of those who answer opinions.

pub mod batch;
pub mod side;
pub mod worklist;

use poem::{Route, get};
use uuid::Uuid;

use crate::drafts::{self, Draft, Viewer};
use crate::error::{Error, Result};
use crate::ids::{DraftId, OpinionId};
use crate::opinions::feedback::DispositionKind;
use crate::opinions::{Display, OpinionState};
use crate::portal::pages::Badge;
use crate::portal::pages::answering::{Choice, Said};
use crate::portal::staff::drafting::draft_path;
use crate::portal::texts;
use crate::portal::visits::Visit;

/// Adds the pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/drafts/:id/opinions", get(worklist::show_work_list).post(worklist::change_work_list))
        .at("/staff/drafts/:id/answering", get(side::show_side_by_side).post(side::change_side_by_side))
        .at("/staff/drafts/:id/feedback", get(batch::show_batch).post(batch::change_batch))
}

/// The fields of a form or query, also those that come several times.
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// Value of a field; empty when it did not come.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Value of a field that is an id.
    pub fn id(&self, name: &str) -> Result<Uuid> {
        self.get(name).parse().map_err(|_| Error::invalid(name, texts::NO_READING))
    }

    /// The opinions that were chosen.
    pub fn opinions(&self) -> Result<Vec<OpinionId>> {
        let ids = self.0.iter().filter(|(key, _)| key == "id");
        ids.map(|(_, value)| value.parse().map(OpinionId).map_err(|_| Error::invalid("id", texts::NO_READING))).collect()
    }

    /// A number; 0 when it did not come.
    pub fn number(&self, name: &str) -> i64 {
        self.get(name).parse().unwrap_or(0)
    }
}

/// The draft of a page for staff.
pub async fn draft_of(visit: &Visit, id: &str) -> Result<Draft> {
    let id = id.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))?;
    drafts::get_draft(&visit.app.db, &visit.app.clock, Viewer::Public(visit.caller.as_ref()), id).await
}

/// Path of the pages of a draft for staff.
pub fn base(draft: &Draft) -> String {
    draft_path(draft.id)
}

/// Where an opinion stands, and whether others may see it when they may not.
pub fn badges(state: OpinionState, display: Display) -> Vec<Badge> {
    let tone = match state {
        OpinionState::Received => "stop",
        OpinionState::AnswerPrepared => "wait",
        OpinionState::AnswerReviewed => "blue",
        OpinionState::Answered => "good",
        OpinionState::Excluded | OpinionState::Withdrawn => "off",
    };
    let mut badges = vec![Badge { text: state.label().into(), tone }];
    if display != Display::Shown {
        badges.push(Badge { text: display.label().into(), tone: "off" });
    }
    badges
}

/// An outcome.
pub fn outcome(kind: DispositionKind) -> Badge {
    let tone = match kind {
        DispositionKind::Adopted => "good",
        DispositionKind::PartlyAdopted => "wait",
        DispositionKind::AlreadyProvided => "blue",
        DispositionKind::NotAdopted | DispositionKind::OutOfScope => "off",
    };
    Badge { text: kind.label().into(), tone }
}

/// Choices of a list of stored values.
pub fn choices<T: Copy>(all: &[T], chosen: &str, value: impl Fn(T) -> &'static str, label: impl Fn(T) -> &'static str) -> Vec<Choice> {
    all.iter().map(|one| Choice { value: value(*one).into(), label: label(*one).into(), is_chosen: value(*one) == chosen }).collect()
}

/// A sentence about something that failed.
pub fn problem(error: &Error) -> Said {
    Said { text: error.detail.clone(), is_problem: true }
}
