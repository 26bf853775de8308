//! Collection tasks: from the bureau to the contact points, and back.

use zhitong::accounts::Role;
use zhitong::contact_points::assignments::moving::{NewStep, list_entries, take_own_step, take_step};
use zhitong::contact_points::assignments::{AssignmentState, Step, get_own, require_collecting};
use zhitong::error::Code;
use zhitong::ids::AssignmentId;

use crate::support::TestApp;

fn step(step: Step, reason: &str) -> NewStep<'_> {
    NewStep { step, reason, revision: None }
}

#[tokio::test]
async fn an_assignment_belongs_to_its_point_and_moves_by_the_table() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let other = app.point_staff(&theirs).await;
    let (us, them) = (app.caller(&app.point_staff(&ours).await).await, app.caller(&other).await);
    let bureau = app.caller(&app.token(Role::Handler).await).await;
    let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
    let (db, clock, ids) = (&app.app.db, &app.clock, &app.app.ids);
    let [own, foreign] = [&assignments[0], &assignments[1]].map(|id| AssignmentId(id.parse().unwrap()));

    assert_eq!(get_own(db, &us, own).await.unwrap().state, AssignmentState::Sent);
    assert_eq!(get_own(db, &us, foreign).await.unwrap_err().code, Code::NotFound);
    assert_eq!(take_own_step(db, clock, ids, &us, foreign, step(Step::Acknowledge, "")).await.unwrap_err().code, Code::NotFound);
    assert_eq!(get_own(db, &them, foreign).await.unwrap().state, AssignmentState::Sent);
    assert_eq!(get_own(db, &bureau, own).await.unwrap_err().code, Code::Forbidden);

    let mut tx = db.begin().await.unwrap();
    assert_eq!(require_collecting(&mut tx, &us, own).await.unwrap_err().code, Code::Conflict);
    assert_eq!(require_collecting(&mut tx, &us, foreign).await.unwrap_err().code, Code::NotFound);
    drop(tx);
    assert_eq!(take_own_step(db, clock, ids, &us, own, step(Step::Start, "")).await.unwrap_err().code, Code::Conflict);
    app.start_collecting(&other, &assignments[1]).await;
    for (next, state) in [(Step::Acknowledge, AssignmentState::Acknowledged), (Step::Start, AssignmentState::Collecting)] {
        assert_eq!(take_own_step(db, clock, ids, &us, own, step(next, "")).await.unwrap().state, state);
        // Once more changes nothing.
        let again = take_own_step(db, clock, ids, &us, own, step(next, "")).await.unwrap();
        assert_eq!(again.state, state);
    }
    let mut tx = db.begin().await.unwrap();
    require_collecting(&mut tx, &us, own).await.unwrap();
    tx.commit().await.unwrap();

    let empty = take_own_step(db, clock, ids, &us, own, step(Step::Submit, " ")).await.unwrap_err();
    assert_eq!((empty.code, empty.fields[0].field.as_str()), (Code::Invalid, "reason"));
    assert_eq!(take_step(db, clock, ids, &bureau, own, step(Step::Accept, "")).await.unwrap_err().code, Code::Conflict);
    take_own_step(db, clock, ids, &us, own, step(Step::Submit, "走访两日，没有收到意见。")).await.unwrap();
    assert_eq!(take_own_step(db, clock, ids, &us, own, step(Step::Accept, "")).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(take_step(db, clock, ids, &bureau, own, step(Step::Return, "")).await.unwrap_err().code, Code::Invalid);
    let returned = take_step(db, clock, ids, &bureau, own, step(Step::Return, "请再走访学校。")).await.unwrap();
    assert!(returned.state.takes_opinions());
    take_own_step(db, clock, ids, &us, own, step(Step::Submit, "又走访一所学校，没有意见。")).await.unwrap();
    let seen = NewStep { revision: Some(returned.revision), ..step(Step::Accept, "") };
    assert_eq!(take_step(db, clock, ids, &bureau, own, seen).await.unwrap_err().code, Code::Conflict, "it was submitted since");
    let accepted = take_step(db, clock, ids, &bureau, own, step(Step::Accept, "")).await.unwrap();
    assert_eq!(accepted.state, AssignmentState::Accepted);
    assert_eq!(take_step(db, clock, ids, &bureau, own, step(Step::Cancel, "不再需要")).await.unwrap_err().code, Code::Conflict);
    let entries = list_entries(db, &accepted).await.unwrap();
    let steps: Vec<&str> = entries.iter().map(|entry| entry.step.as_str()).collect();
    assert_eq!(steps, ["send", "acknowledge", "start", "submit", "return", "submit", "accept"]);
    assert_eq!(entries[4].reason, "请再走访学校。");
    // One row for each event and person: sent to both points, submitted twice to the two of the bureau who could have sent it, returned and accepted.
    app.deliver().await;
    app.finish().await;
}
