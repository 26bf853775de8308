//! Every SQL statement is prepared on the engine in use: a name that one engine does not know fails here, not in front of a citizen.

use sqlx::{Executor, SqlStr};
use zhitong::{accounts, audit, contact_points, corpus, drafts, notifications, opinions, personal_data, storage};

use crate::support::TestApp;

/// The rooms with their statements.
const ROOMS: &[(&str, &[&str])] = &[
    ("accounts::consents", accounts::consents::STATEMENTS),
    ("accounts::citizens", accounts::citizens::STATEMENTS),
    ("accounts::citizens::codes", accounts::citizens::codes::STATEMENTS),
    ("accounts::citizens::consent", accounts::citizens::consent::STATEMENTS),
    ("accounts::citizens::logins", accounts::citizens::logins::STATEMENTS),
    ("accounts::sessions", accounts::sessions::STATEMENTS),
    ("accounts::staff", accounts::staff::STATEMENTS),
    ("accounts::staff::listing", accounts::staff::listing::STATEMENTS),
    ("accounts::staff::passwords", accounts::staff::passwords::STATEMENTS),
    ("accounts::staff::second_factor", accounts::staff::second_factor::STATEMENTS),
    ("accounts::staff::signing_in", accounts::staff::signing_in::STATEMENTS),
    ("audit", audit::STATEMENTS),
    ("audit::checking", audit::checking::STATEMENTS),
    ("audit::reading", audit::reading::STATEMENTS),
    ("contact_points", contact_points::STATEMENTS),
    ("contact_points::acts", contact_points::acts::STATEMENTS),
    ("contact_points::collecting", contact_points::collecting::STATEMENTS),
    ("contact_points::invitations", contact_points::invitations::STATEMENTS),
    ("contact_points::managing", contact_points::managing::STATEMENTS),
    ("contact_points::persons", contact_points::persons::STATEMENTS),
    ("contact_points::selection::applying", contact_points::selection::applying::STATEMENTS),
    ("contact_points::selection::calls", contact_points::selection::calls::STATEMENTS),
    ("contact_points::selection::deciding", contact_points::selection::deciding::STATEMENTS),
    ("contact_points::selection::scoring", contact_points::selection::scoring::STATEMENTS),
    ("contact_points::terms", contact_points::terms::STATEMENTS),
    ("contact_points::organs", contact_points::organs::STATEMENTS),
    ("contact_points::assignments", contact_points::assignments::STATEMENTS),
    ("contact_points::assignments::moving", contact_points::assignments::moving::STATEMENTS),
    ("contact_points::activities", contact_points::activities::STATEMENTS),
    ("contact_points::activities::files", contact_points::activities::files::STATEMENTS),
    ("contact_points::assignments::due", contact_points::assignments::due::STATEMENTS),
    ("contact_points::assignments::extensions", contact_points::assignments::extensions::STATEMENTS),
    ("contact_points::assignments::own", contact_points::assignments::own::STATEMENTS),
    ("contact_points::tasks", contact_points::tasks::STATEMENTS),
    ("contact_points::tasks::changing", contact_points::tasks::changing::STATEMENTS),
    ("contact_points::tasks::listing", contact_points::tasks::listing::STATEMENTS),
    ("contact_points::tasks::relays", contact_points::tasks::relays::STATEMENTS),
    ("corpus::indexing", corpus::indexing::STATEMENTS),
    ("corpus::jobs", corpus::jobs::STATEMENTS),
    ("corpus::reading", corpus::reading::STATEMENTS),
    ("corpus::store", corpus::store::STATEMENTS),
    ("drafts", drafts::STATEMENTS),
    ("drafts::attachments", drafts::attachments::STATEMENTS),
    ("drafts::corrections", drafts::corrections::STATEMENTS),
    ("drafts::explanations", drafts::explanations::STATEMENTS),
    ("drafts::legal_bases", drafts::legal_bases::STATEMENTS),
    ("drafts::particulars", drafts::particulars::STATEMENTS),
    ("drafts::promulgations", drafts::promulgations::STATEMENTS),
    ("drafts::consultations", drafts::consultations::STATEMENTS),
    ("drafts::comparison::sources", drafts::comparison::sources::STATEMENTS),
    ("drafts::due", drafts::due::STATEMENTS),
    ("drafts::endings", drafts::endings::STATEMENTS),
    ("drafts::following", drafts::following::STATEMENTS),
    ("drafts::questions", drafts::questions::STATEMENTS),
    ("drafts::places", drafts::places::STATEMENTS),
    ("drafts::lineage::continuing", drafts::lineage::continuing::STATEMENTS),
    ("drafts::lineage::keeping", drafts::lineage::keeping::STATEMENTS),
    ("drafts::versions", drafts::versions::STATEMENTS),
    ("notifications", notifications::STATEMENTS),
    ("notifications::carrying", notifications::carrying::STATEMENTS),
    ("notifications::inbox", notifications::inbox::STATEMENTS),
    ("notifications::outbox", notifications::outbox::STATEMENTS),
    ("notifications::subscriptions", notifications::subscriptions::STATEMENTS),
    ("opinions::feedback", opinions::feedback::STATEMENTS),
    ("opinions::feedback::preparing", opinions::feedback::preparing::STATEMENTS),
    ("opinions::feedback::publishing", opinions::feedback::publishing::STATEMENTS),
    ("opinions::feedback::reviewing", opinions::feedback::reviewing::STATEMENTS),
    ("opinions::groups", opinions::groups::STATEMENTS),
    ("opinions::groups::changing", opinions::groups::changing::STATEMENTS),
    ("opinions::groups::suggesting", opinions::groups::suggesting::STATEMENTS),
    ("opinions::report", opinions::report::STATEMENTS),
    ("opinions::statistics::choices", opinions::statistics::choices::STATEMENTS),
    ("opinions::offline::outcomes", opinions::offline::outcomes::STATEMENTS),
    ("opinions::triage::handling", opinions::triage::handling::STATEMENTS),
    ("opinions::triage::notes", opinions::triage::notes::STATEMENTS),
    ("opinions::triage::progress", opinions::triage::progress::STATEMENTS),
    ("opinions::triage::worklist", opinions::triage::worklist::STATEMENTS),
    ("opinions::acts", opinions::acts::STATEMENTS),
    ("opinions::enclosures", opinions::enclosures::STATEMENTS),
    ("opinions::offline::provenance", opinions::offline::provenance::STATEMENTS),
    ("opinions::offline::recording", opinions::offline::recording::STATEMENTS),
    ("opinions::offline::entry", opinions::offline::entry::STATEMENTS),
    ("opinions::posting", opinions::posting::STATEMENTS),
    ("opinions::moderation", opinions::moderation::STATEMENTS),
    ("opinions::moderation::appeals", opinions::moderation::appeals::STATEMENTS),
    ("opinions::moderation::checking", opinions::moderation::checking::STATEMENTS),
    ("opinions::moderation::queue", opinions::moderation::queue::STATEMENTS),
    ("opinions::reading::counts", opinions::reading::counts::STATEMENTS),
    ("opinions::reading::lists", opinions::reading::lists::STATEMENTS),
    ("personal_data::binding", personal_data::binding::STATEMENTS),
    ("personal_data::binding", personal_data::binding::MERGING),
    ("personal_data::copies", personal_data::copies::STATEMENTS),
    ("personal_data::erasure", personal_data::erasure::STATEMENTS),
    ("personal_data::erasure", personal_data::erasure::REMOVING),
    ("opinions::reading::own", opinions::reading::own::STATEMENTS),
    ("opinions::reading::public", opinions::reading::public::STATEMENTS),
    ("opinions::revising", opinions::revising::STATEMENTS),
    ("opinions::votes", opinions::votes::STATEMENTS),
    ("storage", storage::STATEMENTS),
    ("storage::settings", storage::settings::STATEMENTS),
];

/// Every statement with its room.
pub fn all() -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    for (room, statements) in ROOMS {
        assert!(!statements.is_empty(), "{room}");
        all.extend(statements.iter().map(|statement| (*room, *statement)));
    }
    for (room, lists) in [
        ("opinions::offline::batches", opinions::offline::batches::STATEMENT_LISTS),
        ("opinions::statistics", opinions::statistics::counting::STATEMENT_LISTS),
        ("opinions::statistics::behind", opinions::statistics::behind::STATEMENT_LISTS),
    ] {
        all.extend(lists.iter().flat_map(|list| list.iter()).map(|statement| (room, *statement)));
    }
    all.extend(zhitong::app::App::SEALED_COLUMNS.iter().flat_map(|column| column.statements()).map(|statement| ("app::sealed", statement)));
    all
}

#[tokio::test]
async fn every_statement_is_understood() {
    let app = TestApp::start().await;
    for (room, statement) in all() {
        let prepared = zhitong::on_db!(&app.app.db, pool => pool.prepare(SqlStr::from_static(statement)).await.map(drop));
        assert!(prepared.is_ok(), "{room}: {statement}\n{prepared:?}");
    }
    app.finish().await;
}
