//! Activities of a contact point and their files.

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;
use zhitong::ids::ActivityId;
use zhitong::opinions::offline::recording::NewOffline;

use crate::statistics::{offline, record};
use crate::support::{Answer, TestApp};

fn symposium() -> Value {
    json!({"kind": "symposium", "title": "沿街商户座谈会", "held_on": "2026-03-01", "place": "社区会议室", "people_present": 12, "people_reached": 40,
        "participant_kinds": ["商户", " ", "居民"], "minutes": "讨论了归还时限。"})
}

async fn hold(app: &TestApp, token: &str, key: &str, body: Value) -> Answer {
    app.call(Method::POST, "/own-point/activities", Some(token), &[("Idempotency-Key", key)], Some(body)).await
}

/// The first bytes of a photo.
const PHOTO: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF";

#[tokio::test]
async fn activities_are_the_points_own_and_kept_once() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
    let mut body = symposium();
    body["assignment_id"] = json!(assignments[0]);
    let held = hold(&app, &us, "activity-1", body.clone()).await.expect(201);
    let id = held["id"].as_str().unwrap().to_owned();
    assert_eq!((held["participant_kinds"].clone(), held["task_title"].as_str()), (json!(["商户", "居民"]), Some("雨伞办法意见征集")));
    assert_eq!(hold(&app, &us, "activity-1", body.clone()).await.expect(201)["id"], id.as_str());
    hold(&app, &us, "activity-1", symposium()).await.expect_problem(Code::KeyReused);
    let with = |name: &str, value: Value| {
        let mut body = symposium();
        body[name] = value;
        body
    };
    let stations = app.get(&format!("/contact-points/{ours}"), None).await.expect(200)["stations"].clone();
    for (name, value, field) in [
        ("title", json!(""), "title"),
        ("place", json!(" "), "place"),
        ("held_on", json!("2026-03-03"), "held_on"),
        ("people_reached", json!(3), "people_reached"),
        ("assignment_id", json!(assignments[1]), "assignment_id"),
        ("station_id", json!(draft), "station_id"),
    ] {
        hold(&app, &us, "activity-2", with(name, value)).await.expect_invalid(field);
    }
    hold(&app, &them, "activity-2", with("station_id", stations[0]["id"].clone())).await.expect_invalid("station_id");
    let of_station = hold(&app, &us, "activity-3", with("station_id", stations[0]["id"].clone())).await.expect(201);
    assert_eq!(of_station["station_name"], "东湖一号采集点");

    let path = format!("/own-point/activities/{id}");
    let change = |revision: i64, title: &str| {
        let mut activity = body.clone();
        activity["title"] = json!(title);
        json!({"revision": revision, "activity": activity})
    };
    app.put(&path, Some(&them), change(1, "别人的")).await.expect_problem(Code::NotFound);
    assert_eq!(app.put(&path, Some(&us), change(1, "商户座谈会")).await.expect(200)["revision"], 2);
    app.put(&path, Some(&us), change(1, "又一个")).await.expect_problem(Code::Conflict);
    let of_task = app.get(&format!("/own-point/activities?assignment_id={}", assignments[0]), Some(&us)).await.expect(200);
    assert_eq!(of_task["items"].as_array().unwrap().len(), 1);
    assert!(app.get("/own-point/activities", Some(&them)).await.expect(200)["items"].as_array().unwrap().is_empty());
    let bureau = app.token(Role::Handler).await;
    let read = app.get(&format!("/assignments/{}/activities", assignments[0]), Some(&bureau)).await.expect(200);
    assert_eq!(read["items"][0]["title"], "商户座谈会");
    app.call(Method::DELETE, &path, Some(&them), &[], None).await.expect_problem(Code::NotFound);
    app.call(Method::DELETE, &path, Some(&us), &[], None).await.expect(204);
    app.get(&path, Some(&us)).await.expect_problem(Code::NotFound);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn files_are_kept_by_content_for_the_point_and_the_bureau() {
    let app = TestApp::start().await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let bureau = app.token(Role::Handler).await;
    let one = hold(&app, &us, "activity-1", symposium()).await.expect(201)["id"].as_str().unwrap().to_owned();
    let two = hold(&app, &us, "activity-2", symposium()).await.expect(201)["id"].as_str().unwrap().to_owned();
    let files = |id: &str| format!("/own-point/activities/{id}/files");
    let add = async |token: &str, id: &str, name: &str, bytes: &[u8]| {
        app.upload(&files(id), Some(token), "file", name, bytes, ("note", "")).await
    };
    let held = add(&us, &one, "会场.exe", PHOTO).await.expect(201);
    assert_eq!((held[0]["name"].as_str(), held[0]["media_type"].as_str()), (Some("会场.exe.jpg"), Some("image/jpeg")));
    assert_eq!(add(&us, &one, "再传.jpg", PHOTO).await.expect(201).as_array().unwrap().len(), 1, "the same content is one file");
    assert_eq!(add(&us, &one, "录音.amr", b"#!AMR\n\x3C").await.expect(201).as_array().unwrap().len(), 2);
    add(&us, &two, "会场.jpg", PHOTO).await.expect(201);
    for (bytes, code) in [
        (&b"<html><script>1</script>"[..], Code::UnsupportedMedia),
        (b"MZ\x90\0", Code::UnsupportedMedia),
        (b"", Code::UnreadableFile),
        (b"\0\0\0\x18ftypmp42hdlr\0\0\0\0\0\0\0\0vide", Code::UnsupportedMedia),
    ] {
        add(&us, &one, "会场.jpg", bytes).await.expect_problem(code);
    }
    add(&them, &one, "会场.jpg", PHOTO).await.expect_problem(Code::NotFound);
    let file = held[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/own-point/activities/{one}/files/{file}");
    for (path, token) in [(path.clone(), &us), (format!("/activities/{one}/files/{file}"), &bureau)] {
        let response = app.raw(&format!("/api/v1{path}"), &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(response.status().as_u16(), 200);
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        assert!(header("content-disposition").starts_with("attachment;"));
        assert!(header("content-security-policy").contains("sandbox") && header("cache-control").contains("no-store"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(response.into_body().into_bytes().await.unwrap(), PHOTO);
    }
    app.get(&path, Some(&them)).await.expect_problem(Code::NotFound);
    app.get(&path, Some(&bureau)).await.expect_problem(Code::Forbidden);
    app.get(&format!("/activities/{one}/files/{file}"), Some(&us)).await.expect_problem(Code::Forbidden);
    // The content stays while another activity has it.
    app.call(Method::DELETE, &format!("/own-point/activities/{one}"), Some(&us), &[], None).await.expect(204);
    let other = app.get(&files(&two), Some(&us)).await.expect(200)[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/own-point/activities/{two}/files/{other}");
    let kept = app.raw(&format!("/api/v1{path}"), &[("authorization", &format!("Bearer {us}"))]).await;
    assert_eq!(kept.into_body().into_bytes().await.unwrap(), PHOTO);
    app.call(Method::DELETE, &path, Some(&us), &[], None).await.expect(204);
    app.call(Method::DELETE, &path, Some(&us), &[], None).await.expect(204);
    let left: Vec<_> = walk(&app.app.config.data_dir.join("blobs/activities"));
    assert!(left.is_empty(), "what was removed is gone from the store: {left:?}");
    app.finish().await;
}

#[tokio::test]
async fn an_activity_that_opinions_came_from_stays_with_its_files_also_when_they_are_undone() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let us = app.point_staff(&ours).await;
    let assignment = app.collection_task(&draft, &[&ours]).await.remove(0);
    app.start_collecting(&us, &assignment).await;
    let mut body = symposium();
    body["assignment_id"] = json!(assignment);
    let id = hold(&app, &us, "activity-1", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/own-point/activities/{id}");
    let files = app.upload(&format!("{path}/files"), Some(&us), "file", "会场.jpg", PHOTO, ("note", "")).await.expect(201);
    let new = NewOffline { activity: Some(ActivityId(id.parse().unwrap())), ..offline(Some("art-4"), "改为四十八小时", "甲") };
    let opinion = record(&app, &us, &assignment, "ours-0001", new).await;
    let entry = format!("/own-point/assignments/{assignment}/opinions/{opinion}");
    app.call(Method::DELETE, &entry, Some(&us), &[], None).await.expect(204);
    let refused = app.call(Method::DELETE, &path, Some(&us), &[], None).await.expect_problem(Code::Conflict);
    assert!(refused["detail"].as_str().unwrap().contains("（包括已撤销的）"), "{refused}");
    // What was not removed has its contents.
    let file = format!("/api/v1{path}/files/{}", files[0]["id"].as_str().unwrap());
    let kept = app.raw(&file, &[("authorization", &format!("Bearer {us}"))]).await;
    assert_eq!(kept.into_body().into_bytes().await.unwrap(), PHOTO);
    app.deliver().await;
    app.finish().await;
}

/// Files below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
