//! 代录: opinions written down for people, once each, within one's own point.

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::error::Code;

use crate::support::{Answer, TestApp};

const PNG: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR";

struct Point {
    app: TestApp,
    draft: String,
    staff: String,
    foreign: String,
    path: String,
    points: [String; 2],
}

fn said(body: &str) -> Vec<(&'static str, String)> {
    let fields = [
        ("citation", "第四条"),
        ("stance", "amend"),
        ("body", body),
        ("reason", "出差的人来不及"),
        ("author_kind", "居民"),
        ("person", "示例甲"),
        ("contact", "13800000000"),
        ("consent", "given"),
        ("method", "symposium"),
        ("collector", "示例乙"),
        ("place", "社区大厅"),
        ("collected_on", "2026-03-02"),
    ];
    fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

fn with(mut fields: Vec<(&'static str, String)>, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    fields.retain(|(held, _)| *held != name);
    fields.push((name, value.to_owned()));
    fields
}

impl Point {
    /// Two points with an assignment each; the first collects.
    async fn start() -> Point {
        let app = TestApp::start().await;
        let draft = app.open_draft().await;
        let points = app.contact_points().await;
        let (staff, foreign) = (app.point_staff(&points[0]).await, app.point_staff(&points[1]).await);
        let assignments = app.collection_task(&draft, &[&points[0], &points[1]]).await;
        app.start_collecting(&staff, &assignments[0]).await;
        Point { path: format!("/own-point/assignments/{}/opinions", assignments[0]), app, draft, staff, foreign, points }
    }

    async fn record(&self, key: &str, fields: Vec<(&'static str, String)>) -> Answer {
        self.app.form(Method::POST, &self.path, Some(&self.staff), Some(key), &fields, &[]).await
    }

    async fn list(&self) -> Vec<Value> {
        self.app.get(&self.path, Some(&self.staff)).await.expect(200)["items"].as_array().unwrap().clone()
    }

    async fn counted(&self) -> i64 {
        self.app.get(&format!("/drafts/{}/opinion-counts", self.draft), None).await.expect(200)["opinions"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn an_entry_is_written_once_changed_and_taken_back() {
    let p = Point::start().await;
    let first = p.record("key-of-entry-1", said("改为四十八小时。")).await.expect(201);
    assert_eq!(first["provision_label"], "第四条");
    assert_eq!(
        p.record("key-of-entry-1", said("改为四十八小时。")).await.expect(200)["number"],
        first["number"],
        "the device sent it twice"
    );
    assert_eq!(
        p.record("key-of-entry-2", said("改为 四十八小时。")).await.expect(200)["number"],
        first["number"],
        "the same words of the same person"
    );
    p.record("key-of-entry-1", said("改为三天。")).await.expect_problem(Code::KeyReused);
    p.record("key-of-entry-3", with(said("删去。"), "citation", "第九十九条")).await.expect_invalid("citation");
    p.record("key-of-entry-4", with(said("删去。"), "collected_on", "2026-02-01")).await.expect_invalid("collected_on");
    p.record("key-of-entry-5", with(said("总体很好。"), "citation", "")).await.expect(201);
    let listed = p.list().await;
    assert_eq!(listed.len(), 2);
    assert!(!json!(listed).to_string().contains("示例甲") && !json!(listed).to_string().contains("13800000000"), "no person in lists");
    assert_eq!(p.counted().await, 2);

    let one = format!("{}/{}", p.path, first["opinion_id"].as_str().unwrap());
    let changed =
        p.app.form(Method::PUT, &one, Some(&p.staff), None, &said("改为七十二小时。"), &[("scan", "照片.png", PNG)]).await.expect(200);
    assert_ne!(changed["opinion_id"], first["opinion_id"]);
    assert_eq!(p.counted().await, 2, "what was changed counts once");
    p.app.form(Method::PUT, &one, Some(&p.staff), None, &said("再改。"), &[]).await.expect_problem(Code::NotFound);
    let one = format!("{}/{}", p.path, changed["opinion_id"].as_str().unwrap());
    let kept = p.app.form(Method::PUT, &one, Some(&p.staff), None, &said("改为九十六小时。"), &[]).await.expect(200);
    let one = format!("{}/{}", p.path, kept["opinion_id"].as_str().unwrap());
    let found = p.list().await.into_iter().find(|e| e["opinion_id"] == kept["opinion_id"]).unwrap();
    assert_eq!((found["scan_name"].as_str(), found["body"].as_str()), (Some("照片.png"), Some("改为九十六小时。")));
    assert_eq!(p.app.get(&format!("{one}/scan"), Some(&p.staff)).await.status, 200);
    p.app.call(Method::DELETE, &one, Some(&p.staff), &[], None).await.expect(204);
    p.app.call(Method::DELETE, &one, Some(&p.staff), &[], None).await.expect_problem(Code::NotFound);
    assert_eq!((p.list().await.len(), p.counted().await), (1, 1));
    p.app.deliver().await;
    p.app.finish().await;
}

#[tokio::test]
async fn another_point_knows_of_no_entry() {
    let p = Point::start().await;
    let first = p.record("key-of-entry-1", said("改为四十八小时。")).await.expect(201);
    let id = first["opinion_id"].as_str().unwrap();
    let nowhere = "01980000-0000-7000-8000-00000000ffff";
    let own = p.path.split('/').nth(3).unwrap();
    let as_foreign = async |method: Method, assignment: &str, tail: &str| {
        let path = format!("/own-point/assignments/{assignment}/opinions{tail}");
        let answer = if method == Method::POST || method == Method::PUT {
            p.app.form(method, &path, Some(&p.foreign), Some("key-of-foreign"), &said("别人的。"), &[]).await
        } else {
            p.app.call(method, &path, Some(&p.foreign), &[], None).await
        };
        answer.expect_problem(Code::NotFound)["detail"].clone()
    };
    for (method, tail) in [
        (Method::GET, String::new()),
        (Method::POST, String::new()),
        (Method::PUT, format!("/{id}")),
        (Method::DELETE, format!("/{id}")),
        (Method::GET, format!("/{id}/scan")),
    ] {
        assert_eq!(as_foreign(method.clone(), own, &tail).await, as_foreign(method.clone(), nowhere, &tail).await, "{method} {tail}");
    }
    assert_eq!(p.list().await.len(), 1, "nothing was changed");
    assert_ne!(p.points[0], p.points[1]);
    p.app.deliver().await;
    p.app.finish().await;
}

#[tokio::test]
async fn a_scan_is_known_by_its_content() {
    let p = Point::start().await;
    let send = async |key: &str, name: &str, bytes: &[u8]| {
        p.app.form(Method::POST, &p.path, Some(&p.staff), Some(key), &said("改为四十八小时。"), &[("scan", name, bytes)]).await
    };
    send("key-of-entry-1", "照片.png", b"MZ\x90\0").await.expect_problem(Code::UnsupportedMedia);
    send("key-of-entry-1", "照片.png", &vec![0u8; (10 << 20) + 1]).await.expect_problem(Code::TooLarge);
    send("key-of-entry-1", "照片.png", PNG).await.expect(201);
    assert_eq!(p.list().await[0]["scan_name"], "照片.png");
    p.app.deliver().await;
    p.app.finish().await;
}
