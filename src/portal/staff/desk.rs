//! `/staff`: what the legislative staff see first.

use poem::handler;

use super::imports::job_line;
use crate::accounts::Permission;
use crate::contact_points::tasks::relays;
use crate::corpus::{jobs, reading};
use crate::drafts;
use crate::opinions::triage::progress::{list_overdue, list_returned};
use crate::portal::citizen::drafts::cards;
use crate::portal::pages::staff::StaffPage;
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::staff::drafting::draft_path;
use crate::portal::staff::moderation::shelves;
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Page, Visit, see_other};

/// Jobs and drafts shown.
const LATEST: usize = 10;

/// The desk.
#[handler]
pub async fn show_desk(visit: Visit) -> Page {
    let caller = visit.staff(Permission::ReadInbox)?;
    // Staff of a contact point have a desk of their own.
    if caller.may(Permission::WorkAtContactPoint) {
        return Ok(see_other("/point"));
    }
    let app = &visit.app;
    let may_import = caller.may(Permission::ImportDocuments);
    let jobs = if may_import { jobs::list_jobs(&app.db, None, LATEST).await?.items } else { Vec::new() };
    let drafts = drafts::list_drafts(&app.db, &app.clock, Some(caller), None, None, LATEST).await?;
    let diagnostics = if may_import { reading::count_by_diagnostic(&app.db).await? } else { Vec::new() };
    let overdue =
        if caller.may(Permission::ReadOpinions) { list_overdue(&app.db, &app.clock, &app.config.rules, caller).await? } else { Vec::new() };
    // An account whose organ is not known yet has nothing to pass on.
    let relays = if caller.may(Permission::PassOnTasks) && caller.organ.is_some() {
        Some(relays::count_waiting(&app.db, &app.clock, caller).await?)
    } else {
        None
    };
    let returned = if caller.may(Permission::PrepareFeedback) { list_returned(&app.db, caller).await? } else { Vec::new() };
    let totals = reading::totals(&app.db).await?;
    visit.show(&StaffPage {
        layout: visit.layout(Section::Staff),
        may_import,
        may_draft: caller.may(Permission::ReadUnpublishedDrafts),
        moderation: shelves(&visit, caller).await?,
        relays: relays.map(words::waiting_relays),
        jobs: jobs.iter().map(job_line).collect(),
        overdue: overdue
            .into_iter()
            .map(|o| {
                (
                    Link { text: o.title, url: format!("{}/opinions?state=received", draft_path(o.draft_id)) },
                    texts::answering::overdue(o.days, o.unanswered),
                )
            })
            .collect(),
        returned: returned
            .into_iter()
            .map(|r| {
                (
                    Link { text: r.title, url: format!("{}/opinions?returned=yes", draft_path(r.draft_id)) },
                    texts::answering::returned(r.answers),
                )
            })
            .collect(),
        answering: if caller.may(Permission::ReadOpinions) {
            drafts
                .items
                .iter()
                .filter(|d| d.round > 0)
                .map(|d| Link { text: d.title.clone(), url: format!("{}/opinions", draft_path(d.id)) })
                .collect()
        } else {
            Vec::new()
        },
        drafts: cards(app, drafts.items).await?,
        works: texts::grouped(totals.works),
        versions: texts::grouped(totals.versions),
        articles: texts::grouped(totals.articles),
        diagnostics: diagnostics
            .into_iter()
            .map(|(code, n)| Fact { name: texts::diagnostic(&code).into(), value: texts::places(n) })
            .collect(),
    })
}
