//! What a contact point prints and fills in, and the poster that leads people to the draft at this point.

use poem::http::header;
use serde_json::json;
use zhitong::accounts::Role;
use zhitong::documents::tables::{self, TableLimits};
use zhitong::error::Code;

use crate::support::TestApp;

const COLUMNS: [&str; 9] = ["序号", "条款", "原文", "修改建议", "理由", "提出人/单位", "联系方式", "渠道", "日期"];

async fn download(app: &TestApp, path: &str, token: &str) -> (String, Vec<u8>) {
    let response = app.raw(path, &[("authorization", &format!("Bearer {token}")), ("cookie", &format!("zhitong_session={token}"))]).await;
    assert_eq!(response.status().as_u16(), 200, "{path}");
    let name = response.headers().get(header::CONTENT_DISPOSITION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    (name, response.into_body().into_bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn tables_come_filled_with_the_articles_and_nothing_in_them_is_a_formula() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
    let own = &assignments[0];
    let base = format!("/api/v1/own-point/assignments/{own}/materials");
    for material in ["draft", "form", "word-table", "spreadsheet"] {
        app.get(&format!("/own-point/assignments/{own}/materials/{material}"), Some(&them)).await.expect_problem(Code::NotFound);
        let (by_api, bytes) = download(&app, &format!("{base}/{material}"), &us).await;
        let (by_page, _) = download(&app, &format!("/point/tasks/{own}/materials/{material}"), &us).await;
        assert!(by_api.starts_with("attachment;") && by_api == by_page, "{by_api} {by_page}");
        if material == "draft" {
            let text = zhitong::documents::read("a.docx", &bytes, &zhitong::documents::Limits::default()).unwrap().full_text().0;
            assert!(text.contains("第四条") && text.contains("使用者应当在二十四小时内归还。"), "{text}");
            assert!(text.contains("起草说明") && text.contains("需要规范投放秩序。"), "{text}");
            continue;
        }
        let read = tables::read("a", &bytes, &TableLimits::default()).unwrap();
        let table = &read.tables[0];
        assert_eq!(table.rows[0].cells, COLUMNS, "{material}");
        if material == "form" {
            assert_eq!(table.rows.len(), 13, "the head and the numbered empty rows");
            continue;
        }
        assert_eq!(table.rows.len(), 7, "{material}: the head, five articles, the whole");
        assert_eq!((table.rows[3].cell(1), table.rows[6].cell(1)), ("第三条", "全文"));
        assert!(table.rows[3].cell(2).contains("（二）在雨季增加投放数量；"), "{material}: {}", table.rows[3].cell(2));
        // What is not filled in is no opinion: the example stands outside of the table.
        assert!(table.rows.iter().skip(1).all(|row| row.cell(3).is_empty() && row.cell(4).is_empty()), "{material}");
    }
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn an_opinion_that_came_through_the_poster_names_its_point() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let us = app.point_staff(&ours).await;
    let own = app.collection_task(&draft, &[&ours]).await.remove(0);
    let poster = app.page(&format!("/point/tasks/{own}/poster"), &us).await;
    assert!(poster.contains("<svg class=\"qr\"") && poster.contains(&format!("/drafts/{draft}?point=donghu")), "{poster}");
    let arrived = app.raw(&format!("/drafts/{draft}?point=donghu"), &[]).await;
    assert_eq!(arrived.status().as_u16(), 303);
    let cookie = arrived.headers().get(header::SET_COOKIE).and_then(|v| v.to_str().ok()).unwrap().to_owned();
    assert!(cookie.starts_with("zhitong_point=donghu") && cookie.contains("HttpOnly") && !cookie.contains("Max-Age"), "{cookie}");
    let unknown = app.raw(&format!("/drafts/{draft}?point=nowhere"), &[]).await;
    assert!(unknown.status().as_u16() == 303 && unknown.headers().get(header::SET_COOKIE).is_none());

    let citizen = app.token(Role::Citizen).await;
    let body = json!({"stance": "amend", "body": "雨季多投放一些。", "is_public": true, "contact_point": "donghu"});
    let posted = app.post_opinion(&draft, Some(&citizen), "key-through-poster", body.clone()).await.expect(201);
    let mut wrong = body;
    wrong["contact_point"] = json!("nowhere");
    app.post_opinion(&draft, Some(&citizen), "key-through-nothing", wrong).await.expect_invalid("contact_point");
    let handler = app.token(Role::Handler).await;
    let opinion = app.get(&format!("/opinions/{}", posted["opinion_id"].as_str().unwrap()), Some(&handler)).await.expect(200);
    assert_eq!((opinion["contact_point_id"].as_str(), opinion["channel"].as_str()), (Some(ours.as_str()), Some("wechat")));
    let list = app.page(&format!("/staff/drafts/{draft}/opinions"), &handler).await;
    assert!(list.contains("经联系点二维码"), "{list}");
    app.deliver().await;
    app.finish().await;
}
