//! Numbers: every one of them is the sum of the rows behind it, and nobody sees those of another point.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use zhitong::accounts::Role;
use zhitong::documents::tables::{self, TableLimits};
use zhitong::error::Code;
use zhitong::ids::AssignmentId;
use zhitong::opinions::offline::provenance::{Consent, Method as Way};
use zhitong::opinions::offline::recording::{NewOffline, record_offline};
use zhitong::opinions::statistics::{Dimension, Filter, Measure, count_one};
use zhitong::opinions::{NewOpinion, Stance};

use crate::support::{COPY_OPINION, TestApp};

/// An opinion that was heard on a visit.
pub fn offline(address: Option<&str>, body: &str, person: &str) -> NewOffline {
    NewOffline {
        opinion: NewOpinion::on(address.map(str::to_owned), Stance::Amend, body),
        author_kind: "商户".into(),
        person: person.into(),
        contact: String::new(),
        consent: Consent::Given,
        method: Way::Visit,
        method_words: String::new(),
        collector: "小李".into(),
        place: String::new(),
        collected_on: "2026-03-02".parse().unwrap(),
        station: None,
        activity: None,
        provision_words: String::new(),
        quoted_words: String::new(),
        row: None,
        alike: 0,
        scan: None,
    }
}

/// Enters an opinion as the staff of a point, and gives its id.
pub async fn record(app: &TestApp, token: &str, assignment: &str, key: &str, new: NewOffline) -> String {
    let (uploads, caller) = (app.app.uploads(), app.caller(token).await);
    let assignment = AssignmentId(assignment.parse().unwrap());
    record_offline(uploads.recorder(), &caller, assignment, key, new).await.unwrap().receipt().opinion_id.to_string()
}

/// Two activities of a point for its task: 12 and 30 people.
pub async fn hold_activities(app: &TestApp, point: &str, assignment: &str) {
    const INSERT: &str =
        "INSERT INTO collection_activity (id, contact_point_id, assignment_id, kind, title, held_on, place, people_present, people_reached,
        participant_kinds, minutes, revision, created_at, updated_at, content_hash)
        VALUES ($1, $2, $3, 'symposium', '座谈会', $4, '活动室', 10, $5, $6, '', 1, $7, $7, $8)";
    let (point, assignment): (Uuid, Uuid) = (point.parse().unwrap(), assignment.parse().unwrap());
    let day: chrono::NaiveDate = "2026-03-02".parse().unwrap();
    let mut tx = app.app.db.begin().await.unwrap();
    for people in [12i64, 30] {
        let kinds = sqlx::types::Json(Vec::<String>::new());
        zhitong::on_tx!(&mut tx, c => sqlx::query(INSERT).bind(app.app.ids.next()).bind(point).bind(assignment).bind(day).bind(people)
            .bind(&kinds).bind(app.clock.now()).bind(format!("{people}")).execute(c).await.map(drop))
        .unwrap();
    }
    tx.commit().await.unwrap();
}

/// What a row adds to a filter, as an address says it.
fn narrowing(by: Dimension, key: &str) -> String {
    match (by, key) {
        (Dimension::Point | Dimension::Region, "") => "&without_contact_point=true".into(),
        (Dimension::Consultation, key) => format!("&consultation_id={key}"),
        (Dimension::Point, key) => format!("&contact_point_id={key}"),
        (Dimension::Region, key) => format!("&region={}", urlencoded(key)),
        (Dimension::Article, key) => format!("&article={}", urlencoded(key)),
        (Dimension::Channel, key) => format!("&channel={key}"),
        (Dimension::Outcome, key) => format!("&outcome={key}"),
    }
}

fn urlencoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

fn number(row: &Value, measure: Measure) -> Option<i64> {
    row["numbers"].as_array().unwrap().iter().find(|n| n["measure"] == measure.as_str()).map(|n| n["count"].as_i64().unwrap())
}

/// What the rows behind a number add up to, read two at a time.
async fn behind(app: &TestApp, token: &str, measure: Measure, filter: &str) -> i64 {
    let (mut sum, mut cursor) = (0, String::new());
    loop {
        let page =
            app.get(&format!("/statistics/rows?measure={}&limit=2{filter}{cursor}", measure.as_str()), Some(token)).await.expect(200);
        sum += page["items"].as_array().unwrap().iter().map(|row| row["adds"].as_i64().unwrap()).sum::<i64>();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return sum,
        }
    }
}

/// Walks every cell of every table under a filter, and says how many there were.
async fn walk(app: &TestApp, token: &str, round: &str, filter: &str) -> usize {
    let mut cells = 0;
    for by in Dimension::ALL {
        let filter = if *by == Dimension::Article && !filter.contains("consultation_id") {
            format!("{filter}&consultation_id={round}")
        } else {
            filter.to_owned()
        };
        let table = app.get(&format!("/statistics?by={}{filter}", by.as_str()), Some(token)).await.expect(200);
        for measure in Measure::ALL {
            let rows = table["rows"].as_array().unwrap();
            let Some(total) = number(&table["total"], *measure) else {
                assert!(measure.is_of_points(), "{} by {} is missing", measure.as_str(), by.as_str());
                continue;
            };
            let mut sum = 0;
            for row in rows {
                let n = number(row, *measure).unwrap();
                let key = row["key"].as_str().unwrap();
                let narrowed = format!("{filter}{}", narrowing(*by, key));
                assert_eq!(behind(app, token, *measure, &narrowed).await, n, "{} of {row} under {narrowed}", measure.as_str());
                sum += n;
                cells += 1;
            }
            if measure.adds_up() {
                assert_eq!(sum, total, "{} by {}", measure.as_str(), by.as_str());
            }
            assert_eq!(behind(app, token, *measure, &filter).await, total, "{} in all", measure.as_str());
        }
    }
    cells
}

#[tokio::test]
async fn every_number_is_the_sum_of_the_rows_behind_it() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    app.allow(true, true).await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
    app.start_collecting(&us, &assignments[0]).await;
    app.start_collecting(&them, &assignments[1]).await;
    hold_activities(&app, &ours, &assignments[0]).await;

    let (first, second) = (app.token(Role::Citizen).await, app.token(Role::Citizen).await);
    let said = |address: Value, body: &str| json!({"address": address, "stance": "amend", "body": body, "reason": "", "is_public": true});
    let mut ids = Vec::new();
    for (n, (token, address, body)) in
        [(&first, json!("art-4"), "改为四十八小时"), (&first, Value::Null, "写得很好"), (&second, json!("art-4/para-1"), "改为四十八小时")]
            .into_iter()
            .enumerate()
    {
        let receipt = app.post_opinion(&draft, Some(token), &format!("key-0000000{n}"), said(address, body)).await.expect(201);
        ids.push(receipt["opinion_id"].as_str().unwrap().to_owned());
    }
    let key = [("Idempotency-Key", "a-key-that-nobody-guesses-000000001")];
    app.call(Method::POST, &format!("/drafts/{draft}/anonymous-opinions"), None, &key, Some(said(json!("art-2"), "不记名")))
        .await
        .expect(201);
    for (n, (address, body, person)) in
        [(Some("art-4"), "改为四十八小时", "甲"), (Some("art-2"), "增加一处", "甲"), (None, "没有意见", ""), (Some("art-4"), "太贵", "乙")]
            .into_iter()
            .enumerate()
    {
        ids.push(record(&app, &us, &assignments[0], &format!("ours-000{n}"), offline(address, body, person)).await);
    }
    record(&app, &them, &assignments[1], "theirs-0001", offline(Some("art-4"), "改为四十八小时", "丙")).await;

    let handler = app.token(Role::Handler).await;
    let round = app.get(&format!("/drafts/{draft}"), None).await.expect(200)["consultations"][0]["id"].as_str().unwrap().to_owned();
    let open = app.get("/statistics?by=outcome", Some(&handler)).await.expect(200);
    assert_eq!((open["rows"][0]["label"].as_str(), number(&open["total"], Measure::Opinions)), (Some("尚未反馈"), Some(9)));
    assert_eq!(number(&open["total"], Measure::Texts), Some(6));
    assert_eq!(number(&open["total"], Measure::Persons), Some(5), "two signed in, three gave a name");
    app.get("/statistics?by=article", Some(&handler)).await.expect_invalid("consultation");
    app.get("/statistics?by=point&outcome=liked", Some(&handler)).await.expect_invalid("outcome");
    app.get("/statistics?by=point&from=2026-03-05&until=2026-03-01", Some(&handler)).await.expect_invalid("until");
    let cells = walk(&app, &handler, &round, "").await;
    assert!(cells > 100, "{cells}");

    // The answers are published, and one point is late with its task.
    app.clock.advance(chrono::Duration::days(31));
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let list = app.get(&format!("/drafts/{draft}/opinions?limit=100"), Some(&handler)).await.expect(200);
    for (n, item) in list["items"].as_array().unwrap().iter().enumerate() {
        let id = item["id"].as_str().unwrap();
        let kind = ["adopted", "partly_adopted", "not_adopted"][n % 3];
        let answer = json!({"kind": kind, "reason": "已研究"});
        app.put(&format!("/opinions/{id}/disposition"), Some(&handler), answer).await.expect(204);
    }
    app.pass_all(&draft).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    for filter in [
        "",
        &format!("&consultation_id={round}"),
        &format!("&contact_point_id={ours}"),
        "&channel=web",
        "&outcome=adopted",
        "&from=2026-03-01&until=2026-03-02",
    ] {
        walk(&app, &handler, &round, filter).await;
    }
    let overdue = app.get("/statistics?by=point", Some(&handler)).await.expect(200);
    assert_eq!((number(&overdue["total"], Measure::Tasks), number(&overdue["total"], Measure::Overdue)), (Some(2), Some(2)));
    assert_eq!(number(&overdue["total"], Measure::Reached), Some(42));

    // A point sees itself, whatever it asks for; a county its own points; others nothing.
    let us = app.point_staff(&ours).await;
    let own = app.get("/statistics?by=point", Some(&us)).await.expect(200);
    assert_eq!(own["rows"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!(number(&own["total"], Measure::Opinions), Some(4));
    let foreign = app.get(&format!("/statistics?by=point&contact_point_id={theirs}"), Some(&us)).await.expect(200);
    assert_eq!((foreign["rows"].as_array().unwrap().len(), number(&foreign["total"], Measure::Opinions)), (0, Some(0)), "{foreign}");
    let rows = app.get(&format!("/statistics/rows?measure=opinions&contact_point_id={theirs}"), Some(&us)).await.expect(200);
    assert_eq!(rows["items"], json!([]));
    walk(&app, &us, &round, "").await;
    // The number over the rows is the total.
    for token in [&handler, &us] {
        let (caller, total) = (app.caller(token).await, app.get("/statistics?by=consultation", Some(token)).await.expect(200));
        for measure in Measure::ALL {
            let one = count_one(&app.app.db, &caller, app.clock.now(), *measure, Filter::default()).await.unwrap();
            assert_eq!(Some(one), number(&total["total"], *measure), "{}", measure.as_str());
        }
    }
    let citizen = app.token(Role::Citizen).await;
    app.get("/statistics?by=point", Some(&citizen)).await.expect_problem(Code::Forbidden);
    app.get("/statistics?by=point", None).await.expect_problem(Code::LoginRequired);

    let sheet = app.raw("/api/v1/statistics/table?by=region", &[("authorization", &format!("Bearer {handler}"))]).await;
    assert_eq!(sheet.status().as_u16(), 200);
    app.abandon().await;
}

/// An upgrade that was taken back: the software before 0024 knows no keys, and takes opinions until the next one starts.
#[tokio::test]
async fn what_older_software_inserted_is_counted_after_the_next_start() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let said = json!({"address": "art-4", "stance": "amend", "body": "改为四十八小时", "reason": "", "is_public": true});
    let receipt = app.post_opinion(&draft, Some(&app.token(Role::Citizen).await), "key-00000001", said).await.expect(201);
    let without_keys = COPY_OPINION.replace(", text_key, person_key", "");
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(sqlx::AssertSqlSafe(without_keys)).bind(app.app.ids.next()).bind("YJ20260302-OLD")
        .bind(receipt["receipt_number"].as_str()).execute(c).await.map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    app.app.db.migrate().await.unwrap();
    let table = app.get("/statistics?by=channel", Some(&app.token(Role::Handler).await)).await.expect(200);
    assert_eq!([Measure::Opinions, Measure::Texts, Measure::Persons].map(|m| number(&table["total"], m)), [Some(2), Some(1), Some(1)]);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn that_an_opinion_is_not_answered_is_told_when_the_answers_are() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let organ = app.county_organs(&[&ours]).await.remove(0);
    let us = app.point_staff(&ours).await;
    let assignment = app.collection_task(&draft, &[&ours]).await.remove(0);
    app.start_collecting(&us, &assignment).await;
    let id = record(&app, &us, &assignment, "ours-0001", offline(Some("art-4"), "看不清", "甲")).await;
    let round = app.get(&format!("/drafts/{draft}"), None).await.expect(200)["consultations"][0]["id"].as_str().unwrap().to_owned();
    let handler = app.token(Role::Handler).await;
    let excluded = json!({"opinions": [id], "reason": "unreadable"});
    app.post(&format!("/drafts/{draft}/exclusions"), Some(&handler), excluded).await.expect(204);
    let seen = async |token: &str, outcome: &str, label: &str| {
        let table = app.get("/statistics?by=outcome", Some(token)).await.expect(200);
        assert_eq!((table["rows"].as_array().unwrap().len(), table["rows"][0]["key"].as_str()), (1, Some(outcome)), "{table}");
        for measure in ["opinions", "texts", "persons"] {
            let rows = app.get(&format!("/statistics/rows?measure={measure}"), Some(token)).await.expect(200);
            assert!(rows["items"][0]["facts"].as_array().unwrap().contains(&json!(label)), "{rows}");
            let other = if outcome == "open" { "excluded" } else { "open" };
            let narrowed = |outcome: &str| format!("/statistics/rows?measure={measure}&outcome={outcome}");
            assert_eq!(app.get(&narrowed(other), Some(token)).await.expect(200)["items"], json!([]));
            assert_eq!(app.get(&narrowed(outcome), Some(token)).await.expect(200)["items"].as_array().unwrap().len(), 1);
        }
        walk(&app, token, &round, "").await;
    };
    let county = app.county_staff(&organ).await;
    seen(&handler, "excluded", "不作反馈").await;
    seen(&us, "open", "尚未反馈").await;
    seen(&county, "open", "尚未反馈").await;

    app.clock.advance(chrono::Duration::days(31));
    let reviewer = app.token(Role::Reviewer).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    let (us, county) = (app.point_staff(&ours).await, app.county_staff(&organ).await);
    seen(&us, "excluded", "不作反馈").await;
    seen(&county, "excluded", "不作反馈").await;
    app.abandon().await;
}

#[tokio::test]
async fn what_the_numbers_were_narrowed_to_is_told_and_stays() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let handler = app.token(Role::Handler).await;
    app.collection_task(&draft, &[&ours]).await;
    let round = app.get(&format!("/drafts/{draft}"), None).await.expect(200)["consultations"][0]["id"].as_str().unwrap().to_owned();
    let query = format!(
        "by=point&consultation_id={round}&contact_point_id={ours}&article=art-4&channel=contact_point&outcome=open&from=2026-03-01&until=2026-03-09"
    );
    let own = format!(
        "by=point&consultation={round}&point={ours}&article=art-4&channel=contact_point&outcome=open&from=2026-03-01&until=2026-03-09"
    );
    let authorization = format!("Bearer {handler}");
    let cookie = format!("zhitong_session={handler}");
    for response in [
        app.raw(&format!("/api/v1/statistics/table?{query}"), &[("authorization", &authorization)]).await,
        app.raw(&format!("/staff/statistics.xlsx?{own}"), &[("cookie", &cookie)]).await,
    ] {
        assert_eq!(response.status().as_u16(), 200);
        let bytes = response.into_body().into_bytes().await.unwrap();
        let book = tables::read("统计.xlsx", &bytes, &TableLimits::default()).unwrap();
        let sheet = book.tables.iter().find(|table| table.sheet == "统计范围").unwrap();
        let told: Vec<(&str, &str)> = sheet.rows.iter().map(|row| (row.cell(0), row.cell(1))).collect();
        for (name, value) in [
            ("征求意见", "清河市共享雨伞管理办法（第1轮）"),
            ("联系点", "东湖社区联系点"),
            ("条文", "第四条"),
            ("采纳情况", "尚未反馈"),
            ("期间", "2026年3月1日（星期日）至2026年3月9日（星期一）"),
            ("制表日期", "2026年3月2日（星期一）"),
        ] {
            assert!(told.contains(&(name, value)), "{name}: {told:?}");
        }
        assert!(told.iter().all(|(name, _)| *name != "征集任务" && *name != "区域"), "what was not narrowed is not told: {told:?}");
    }
    // No day that a calendar cannot count from, and none that the engines put in another order.
    for day in ["-262143-01-01", "-5000-01-01", "%2B10000-01-01", "2026-3-1"] {
        let page = app.page(&format!("/staff/statistics?from={day}"), &handler).await;
        assert!(page.contains("日期"), "{day}");
        let refused = app.raw(&format!("/staff/statistics/rows?measure=opinions&until={day}"), &[("cookie", &cookie)]).await;
        assert_eq!(refused.status().as_u16(), 400, "{day}");
    }
    // What came with a link is sent again with the form.
    let page = app.page(&format!("/staff/statistics?{own}"), &handler).await;
    for (name, value) in [("point", ours.as_str()), ("article", "art-4")] {
        assert!(page.contains(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")), "{page}");
    }
    let page = app.page("/staff/statistics", &handler).await;
    assert!(!page.contains("name=\"point\"") && !page.contains("name=\"article\""), "{page}");
    assert!(page.contains("各行按征求意见开始的先后排列") && !page.contains("按区域和名称"), "{page}");
    app.abandon().await;
}
