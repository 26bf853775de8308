//! Keeping contact points: changes, terms, responsible persons, invitations, and who sees which point.

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;
use zhitong::ids::OrganId;

use crate::support::{Answer, TestApp};

const KEY: &str = "Idempotency-Key";

fn facts(name: &str) -> Value {
    json!({"name": name, "kind": "government", "established_by": "清河市司法局", "host_unit": "甲社区居民委员会", "host_kind": "community",
        "region": "清河市云渡区", "address": "甲路1号", "topics": ["养犬"],
        "coordinates": {"longitude_microdegrees": 114_412_300, "latitude_microdegrees": 23_110_200}})
}

async fn keyed(app: &TestApp, path: &str, token: &str, key: &str, body: Value) -> Answer {
    app.call(Method::POST, path, Some(token), &[(KEY, key)], Some(body)).await
}

/// Opens a point and gives its id.
async fn open(app: &TestApp, token: &str, key: &str, name: &str, organ: Option<OrganId>) -> String {
    let mut point = facts(name);
    if let Some(organ) = organ {
        point["organ_id"] = json!(organ.0);
    }
    let body = json!({"point": point, "term": {"begins_on": "2024-03-01", "ends_on": "2026-04-01"}});
    keyed(app, "/contact-points", token, key, body).await.expect(201)["point"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_point_is_opened_changed_renewed_closed_and_opened_again() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let id = open(&app, &admin, "key-point-1", "甲社区联系点", None).await;
    assert_eq!(open(&app, &admin, "key-point-1", "甲社区联系点", None).await, id, "the same key gives the same point");
    let other = json!({"point": facts("乙社区联系点")});
    keyed(&app, "/contact-points", &admin, "key-point-1", other).await.expect_problem(Code::KeyReused);

    let path = format!("/contact-points/{id}");
    let mut changed = facts("甲社区立法联系点");
    changed["opening_hours"] = json!("周一至周五");
    let file = app.put(&path, Some(&admin), json!({"revision": 1, "point": changed})).await.expect(200);
    assert_eq!((file["revision"].as_i64(), &file["point"]["name"]), (Some(2), &json!("甲社区立法联系点")));
    let stale = app.put(&path, Some(&admin), json!({"revision": 1, "point": facts("丙")})).await.expect_problem(Code::Conflict);
    assert!(stale["detail"].as_str().unwrap().contains("刷新"), "{stale}");
    assert_eq!(app.get(&path, None).await.expect(200)["name"], "甲社区立法联系点", "who was slower overwrote nothing");

    let station = json!({"revision": 2, "name": "一号采集点", "address": "甲路3号"});
    let file = keyed(&app, &format!("{path}/stations"), &admin, "key-station-1", station.clone()).await.expect(201);
    keyed(&app, &format!("{path}/stations"), &admin, "key-station-1", station).await.expect(201);
    let stations = file["stations"].as_array().unwrap();
    assert_eq!(stations.len(), 1);
    let station = stations[0]["id"].as_str().unwrap().to_owned();
    let renamed = json!({"revision": 3, "name": "一号点", "address": "甲路5号"});
    let file = app.put(&format!("{path}/stations/{station}"), Some(&admin), renamed).await.expect(200);
    assert_eq!(file["stations"][0]["name"], "一号点");
    let closing = json!({"revision": 4, "reason": "房屋收回"});
    let file = app.post(&format!("{path}/stations/{station}/closing"), Some(&admin), closing).await.expect(200);
    assert!(file["stations"][0]["closed_at"].is_string());
    assert_eq!(app.get(&path, None).await.expect(200)["stations"], json!([]), "the public sees stations that work");
    let file = app.post(&format!("{path}/stations/{station}/reopening"), Some(&admin), json!({"revision": 5})).await.expect(200);
    assert!(file["stations"][0].get("closed_at").is_none());

    let term = json!({"begins_on": "2026-04-02", "ends_on": "2029-04-01"});
    let earlier = json!({"revision": 6, "term": {"begins_on": "2024-03-01", "ends_on": "2026-03-31"}, "reason": "续"});
    app.post(&format!("{path}/renewal"), Some(&admin), earlier).await.expect_invalid("term_ends_on");
    let backwards = json!({"revision": 6, "term": {"begins_on": "2029-04-01", "ends_on": "2026-04-02"}, "reason": "续"});
    app.post(&format!("{path}/renewal"), Some(&admin), backwards).await.expect_invalid("term_ends_on");
    let silent = json!({"revision": 6, "term": term, "reason": " "});
    app.post(&format!("{path}/renewal"), Some(&admin), silent).await.expect_invalid("reason");
    let file =
        app.post(&format!("{path}/renewal"), Some(&admin), json!({"revision": 6, "term": term, "reason": "考核合格"})).await.expect(200);
    assert_eq!(file["term"], term);

    let file = app.post(&format!("{path}/closing"), Some(&admin), json!({"revision": 7, "reason": "社区合并"})).await.expect(200);
    assert_eq!(file["status"], "closed");
    app.post(&format!("{path}/closing"), Some(&admin), json!({"revision": 8, "reason": "再关"})).await.expect_problem(Code::Conflict);
    assert_eq!(app.get("/contact-points", None).await.expect(200)["items"], json!([]), "the finder shows points that work");
    app.get(&path, None).await.expect(200);
    let file = app.post(&format!("{path}/reopening"), Some(&admin), json!({"revision": 8, "reason": "恢复设立"})).await.expect(200);
    assert_eq!((&file["status"], file.get("term")), (&json!("open"), None));

    let history = app.get(&format!("{path}/history"), Some(&admin)).await.expect(200);
    let acts: Vec<&str> = history.as_array().unwrap().iter().rev().map(|e| e["act"].as_str().unwrap()).collect();
    let expected =
        ["opened", "changed", "station_added", "station_changed", "station_closed", "station_reopened", "renewed", "closed", "reopened"];
    assert_eq!(acts, expected);
    assert_eq!(history[1]["reason"], "社区合并");
    app.finish().await;
}

#[tokio::test]
async fn responsible_persons_lie_sealed_and_are_shown_only_where_they_agreed() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let id = open(&app, &admin, "key-point-1", "甲社区联系点", None).await;
    let path = format!("/contact-points/{id}");
    let person = |revision: i64, name: &str, is_public: bool| json!({"revision": revision, "duty": "联络员", "name": name, "phone": "0752-1234567", "is_public": is_public});
    keyed(&app, &format!("{path}/persons"), &admin, "key-person-1", person(1, "示例甲", true)).await.expect(201);
    let file = keyed(&app, &format!("{path}/persons"), &admin, "key-person-2", person(2, "示例乙", false)).await.expect(201);
    assert_eq!(file["persons"].as_array().unwrap().len(), 2);
    let rows: Vec<(String, String)> =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_as("SELECT name_sealed, phone_sealed FROM contact_point_person")
        .fetch_all(pool).await)
        .unwrap();
    assert!(rows.iter().all(|(name, phone)| name.starts_with("v1.") && phone.starts_with("v1.")), "{rows:?}");
    let public = app.get(&path, None).await.expect(200);
    assert_eq!(public["responsible_persons"], json!([{"duty": "联络员", "name": "示例甲", "phone": "0752-1234567"}]));
    let second = file["persons"][1]["id"].as_str().unwrap();
    let wrong = json!({"revision": 3, "duty": "联络员", "name": "示例乙", "phone": "电话", "is_public": true});
    app.put(&format!("{path}/persons/{second}"), Some(&admin), wrong).await.expect_invalid("phone");
    app.put(&format!("{path}/persons/{second}"), Some(&admin), person(3, "示例丙", true)).await.expect(200);
    let removed = app.call(Method::DELETE, &format!("{path}/persons/{second}?revision=4"), Some(&admin), &[], None).await.expect(200);
    assert_eq!(removed["persons"].as_array().unwrap().len(), 1);
    app.call(Method::DELETE, &format!("{path}/persons/{second}?revision=5"), Some(&admin), &[], None).await.expect_problem(Code::NotFound);
    app.finish().await;
}

#[tokio::test]
async fn county_staff_keep_the_points_of_their_organ_and_know_of_no_other() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let (own, foreign) = (app.county("county").await, app.county("other").await);
    let county = app.staff_token(Role::CountyStaff, Some(own), None, None).await;
    let theirs = open(&app, &admin, "key-point-1", "别区联系点", Some(foreign)).await;
    let mine = open(&app, &county, "key-point-2", "本区联系点", Some(foreign)).await;
    let files = app.get("/contact-point-files", Some(&county)).await.expect(200);
    let ids: Vec<&str> = files["items"].as_array().unwrap().iter().map(|f| f["point"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [mine.as_str()], "what county staff open belongs to their organ");
    let all = app.get("/contact-point-files", Some(&admin)).await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);

    let nowhere = "01980000-0000-7000-8000-00000000ffff";
    let reason = json!({"revision": 1, "reason": "因"});
    let station = json!({"revision": 1, "name": "采集点"});
    let responsible = json!({"revision": 1, "duty": "负责人", "name": "甲", "is_public": false});
    for (method, tail, body) in [
        (Method::GET, "/file", None),
        (Method::GET, "/history", None),
        (Method::GET, "/invitations", None),
        (Method::PUT, "", Some(json!({"revision": 1, "point": facts("改名")}))),
        (Method::POST, "/closing", Some(reason.clone())),
        (Method::POST, "/reopening", Some(reason)),
        (
            Method::POST,
            "/renewal",
            Some(json!({"revision": 1, "term": {"begins_on": "2026-04-02", "ends_on": "2029-04-01"}, "reason": "续"})),
        ),
        (Method::POST, "/stations", Some(station)),
        (Method::POST, "/persons", Some(responsible)),
        (Method::POST, "/invitations", Some(json!({}))),
    ] {
        let ask = async |id: &str| {
            let path = format!("/contact-points/{id}{tail}");
            app.call(method.clone(), &path, Some(&county), &[(KEY, "key-foreign-1")], body.clone()).await.expect_problem(Code::NotFound)
        };
        assert_eq!(ask(&theirs).await["detail"], ask(nowhere).await["detail"], "{method} {tail}");
    }
    let untouched = app.get(&format!("/contact-points/{theirs}/file"), Some(&admin)).await.expect(200);
    assert_eq!((untouched["revision"].as_i64(), untouched["status"].as_str()), (Some(1), Some("open")));
    // Nor can they give a point of theirs to another organ.
    let mut given = facts("本区联系点");
    given["organ_id"] = json!(foreign.0);
    let kept = app.put(&format!("/contact-points/{mine}"), Some(&county), json!({"revision": 1, "point": given})).await.expect(200);
    assert_eq!(kept["organ_id"], json!(own.0));
    app.finish().await;
}

#[tokio::test]
async fn staff_of_a_closed_point_are_signed_out_and_told_why() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let id = open(&app, &admin, "key-point-1", "甲社区联系点", None).await;
    let path = format!("/contact-points/{id}");
    let invited = keyed(&app, &format!("{path}/invitations"), &admin, "key-invite-1", json!({"remark": "联络员"})).await.expect(201);
    let waiting = keyed(&app, &format!("{path}/invitations"), &admin, "key-invite-2", json!({"remark": "另一位"})).await.expect(201);
    let account = json!({"code": invited["code"], "login_name": "point.one", "display_name": "周一", "password": "a long pass phrase"});
    app.post("/invitation-acceptances", None, account).await.expect(201);
    let sign_in = async || app.post("/sessions/staff", None, json!({"name": "point.one", "password": "a long pass phrase"})).await;
    let token = sign_in().await.expect(201)["token"].as_str().unwrap().to_owned();
    let own = app.get("/account", Some(&token)).await.expect(200);
    assert_eq!((own["role"].as_str(), own["contact_point_id"].as_str()), (Some("point_staff"), Some(id.as_str())));

    app.post(&format!("{path}/closing"), Some(&admin), json!({"revision": 1, "reason": "社区合并"})).await.expect(200);
    app.get("/account", Some(&token)).await.expect_problem(Code::LoginRequired);
    let refused = sign_in().await.expect_problem(Code::Forbidden);
    assert!(refused["detail"].as_str().unwrap().contains("已经关闭"), "{refused}");
    app.post("/sessions/staff", None, json!({"name": "point.one", "password": "wrong pass phrase"}))
        .await
        .expect_problem(Code::LoginFailed);
    let taken = app.post("/invitation-lookups", None, json!({"code": waiting["code"]})).await.expect_problem(Code::Conflict);
    assert!(taken["detail"].as_str().unwrap().contains("撤销"), "closing takes open invitations back: {taken}");
    keyed(&app, &format!("{path}/invitations"), &admin, "key-invite-3", json!({})).await.expect_problem(Code::Conflict);

    app.post(&format!("{path}/reopening"), Some(&admin), json!({"revision": 2, "reason": "恢复"})).await.expect(200);
    sign_in().await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn staff_of_a_closed_station_do_not_get_in_either() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let id = open(&app, &admin, "key-point-1", "甲社区联系点", None).await;
    let path = format!("/contact-points/{id}");
    let station = json!({"revision": 1, "name": "一号采集点"});
    let file = keyed(&app, &format!("{path}/stations"), &admin, "key-station-1", station).await.expect(201);
    let station = file["stations"][0]["id"].as_str().unwrap();
    let invited = keyed(&app, &format!("{path}/invitations"), &admin, "key-invite-1", json!({"station_id": station})).await.expect(201);
    let seen = app.post("/invitation-lookups", None, json!({"code": invited["code"]})).await.expect(200);
    assert_eq!((seen["contact_point"].as_str(), seen["station"].as_str()), (Some("甲社区联系点"), Some("一号采集点")));
    let account = json!({"code": invited["code"], "login_name": "station.one", "display_name": "周二", "password": "a long pass phrase"});
    app.post("/invitation-acceptances", None, account).await.expect(201);
    let sign_in = async || app.post("/sessions/staff", None, json!({"name": "station.one", "password": "a long pass phrase"})).await;
    let token = sign_in().await.expect(201)["token"].as_str().unwrap().to_owned();
    assert_eq!(app.get("/account", Some(&token)).await.expect(200)["station_id"], json!(station));
    app.post(&format!("{path}/stations/{station}/closing"), Some(&admin), json!({"revision": 2, "reason": "房屋收回"})).await.expect(200);
    app.get("/account", Some(&token)).await.expect_problem(Code::LoginRequired);
    let refused = sign_in().await.expect_problem(Code::Forbidden);
    assert!(refused["detail"].as_str().unwrap().contains("信息采集点已经关闭"), "{refused}");
    app.finish().await;
}

#[tokio::test]
async fn an_invitation_is_good_once_for_some_days_and_may_be_taken_back() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let id = open(&app, &admin, "key-point-1", "甲社区联系点", None).await;
    let path = format!("/contact-points/{id}/invitations");
    let invite = async |key: &str| keyed(&app, &path, &admin, key, json!({"remark": "联络员"})).await.expect(201);
    let first = invite("key-invite-1").await;
    assert_eq!(invite("key-invite-1").await, first, "the same key gives the same code");
    let code = first["code"].as_str().unwrap();
    assert!(first["url"].as_str().unwrap().ends_with(&format!("/invitations#{code}")), "{first}");
    let stored: String =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT code_hash FROM staff_invitation").fetch_one(pool).await).unwrap();
    assert!(!stored.contains(code) && stored.len() == 64);

    let accept = async |code: &str, login_name: &str, password: &str| {
        let body = json!({"code": code, "login_name": login_name, "display_name": "周一", "password": password});
        app.post("/invitation-acceptances", None, body).await
    };
    let sentence = |answer: Answer, code: Code| answer.expect_problem(code)["detail"].as_str().unwrap().to_owned();
    assert!(sentence(accept("0000-0000-0000-0000", "a.b", "a long pass phrase").await, Code::NotFound).contains("没有找到这个邀请"));
    accept(code, "point.one", "short").await.expect_invalid("password");
    accept(code, "p", "a long pass phrase").await.expect_invalid("login_name");
    accept(&code.to_lowercase().replace('-', " "), "point.one", "a long pass phrase").await.expect(201);
    assert!(sentence(accept(code, "point.two", "a long pass phrase").await, Code::Conflict).contains("已经用过"));

    let second = invite("key-invite-2").await;
    let taken = accept(second["code"].as_str().unwrap(), "point.one", "a long pass phrase").await;
    assert!(sentence(taken, Code::Conflict).contains("登录名"), "a name that is taken uses nothing up");
    let revoke = format!("/invitations/{}/revocation", second["id"].as_str().unwrap());
    for _ in 0..2 {
        app.post(&revoke, Some(&admin), json!({})).await.expect(204);
    }
    assert!(sentence(accept(second["code"].as_str().unwrap(), "point.two", "a long pass phrase").await, Code::Conflict).contains("撤销"));
    let used = format!("/invitations/{}/revocation", first["id"].as_str().unwrap());
    app.post(&used, Some(&admin), json!({})).await.expect_problem(Code::Conflict);

    let third = invite("key-invite-3").await;
    app.clock.advance(chrono::Duration::days(7));
    assert!(sentence(accept(third["code"].as_str().unwrap(), "point.two", "a long pass phrase").await, Code::Conflict).contains("过期"));
    let admin = app.token(Role::Administrator).await;
    let listed = app.get(&path, Some(&admin)).await.expect(200);
    let states: Vec<&str> = listed.as_array().unwrap().iter().map(|i| i["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["expired", "revoked", "used"]);
    app.finish().await;
}

#[tokio::test]
async fn accounts_work_where_their_role_says() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let county = app.county("county").await;
    let id = open(&app, &admin, "key-point-1", "甲社区联系点", None).await;
    let add = async |body: Value| app.post("/staff-accounts", Some(&admin), body).await;
    let person = |role: &str, login: &str| json!({"login_name": login, "display_name": "吴三", "role": role});
    add(person("county_staff", "county.a")).await.expect_invalid("organ_id");
    let mut body = person("county_staff", "county.a");
    body["organ_id"] = json!(county.0);
    add(body.clone()).await.expect(201);
    body["login_name"] = json!("county.b");
    body["contact_point_id"] = json!(id);
    add(body).await.expect_invalid("contact_point_id");
    let mut body = person("handler", "handler.a");
    body["organ_id"] = json!(county.0);
    add(body).await.expect_invalid("organ_id");
    let mut body = person("point_staff", "point.a");
    body["contact_point_id"] = json!(id);
    body["station_id"] = json!("01980000-0000-7000-8000-00000000ffff");
    add(body.clone()).await.expect_invalid("station_id");
    app.post(&format!("/contact-points/{id}/closing"), Some(&admin), json!({"revision": 1, "reason": "关"})).await.expect(200);
    body.as_object_mut().unwrap().remove("station_id");
    add(body).await.expect_invalid("contact_point_id");
    assert_eq!(app.get("/organs", None).await.expect(200)[0]["tier"], "county");
    app.finish().await;
}
