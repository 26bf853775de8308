//! Contact points: a list without a ranking.

use serde_json::json;
use zhitong::accounts::Actor;
use zhitong::contact_points::seeds::load_points;
use zhitong::error::Code;

use crate::support::TestApp;

const LIST: &str = r#"
demonstration = true

[[contact_point]]
slug = "b"
name = "乙社区联系点"
kind = "government"
established_by = "清河市司法局"
established_on = "2024-05-06"
host_unit = "乙社区"
host_kind = "community"
region = "清河市"
address = "乙路2号"
topics = ["物业", "养犬"]

[[contact_point.station]]
slug = "b-1"
name = "一号采集点"
address = "乙路3号"

[[contact_point.station]]
slug = "b-2"
name = "二号采集点"
address = "乙路4号"

[[contact_point]]
slug = "a"
name = "丙律所联系点"
kind = "npc"
established_by = "清河市人大常委会"
host_unit = "丙律所"
host_kind = "law_firm"
region = "清河市"
address = "丙路1号"
"#;

#[tokio::test]
async fn points_are_listed_with_their_stations() {
    let app = TestApp::start().await;
    let load = async |text: &str| load_points(&app.app.db, &app.clock, &app.app.ids, Actor::System, text).await;
    assert_eq!(load(LIST).await.unwrap(), 2);
    assert_eq!(load(&LIST.replace("二号采集点", "二号点")).await.unwrap(), 2);
    let page = app.get("/contact-points?limit=1", None).await.expect(200);
    let next = app.get(&format!("/contact-points?limit=1&cursor={}", page["next_cursor"].as_str().unwrap()), None).await.expect(200);
    assert!(next.get("next_cursor").is_none(), "loading again changes points and adds none");
    let points = app.get("/contact-points?kind=government", None).await.expect(200);
    let point = &points["items"][0];
    assert_eq!(point["name"], "乙社区联系点");
    assert_eq!(point["established_on"], "2024-05-06");
    assert_eq!(point["topics"], json!(["物业", "养犬"]));
    let stations: Vec<&str> = point["stations"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(stations, ["一号采集点", "二号点"]);
    let path = format!("/contact-points/{}", point["id"].as_str().unwrap());
    assert_eq!(&app.get(&path, None).await.expect(200), point);
    app.get("/contact-points/01980000-0000-7000-8000-00000000ffff", None).await.expect_problem(Code::NotFound);
    app.get("/contact-points/nonsense", None).await.expect_problem(Code::Invalid);
    assert_eq!(load("[[contact_point]]").await.unwrap_err().code, Code::Startup);
    app.finish().await;
}
