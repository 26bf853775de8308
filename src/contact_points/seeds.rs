//! Loading a list of organs and contact points from TOML. Reads: the list. Writes: organs, points and stations, by their keys; loading twice changes
//! nothing more. Also a list of collection tasks, each sent once by its title.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Deserialize;

use super::organs::{self, NewOrgan, Tier};
use super::tasks::days::usual_due_on;
use super::tasks::{NewTask, listing, send_task};
use super::{Coordinates, HostKind, NewContactPoint, NewStation, PointKind, find_point_by_code, put_point};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::calendar::Calendar;
use crate::drafts::{self, consultations};
use crate::error::{Error, Result};
use crate::ids::{Clock, IdSource, OrganId};
use crate::storage::Db;

#[derive(Deserialize)]
struct File {
    demonstration: bool,
    #[serde(default)]
    organ: Vec<OrganEntry>,
    #[serde(default)]
    contact_point: Vec<PointEntry>,
}

#[derive(Deserialize)]
struct OrganEntry {
    slug: String,
    name: String,
    tier: String,
    /// Slug of the organ above; it stands earlier in the list.
    parent: Option<String>,
    region: String,
}

#[derive(Deserialize)]
struct PointEntry {
    slug: String,
    name: String,
    kind: String,
    established_by: String,
    #[serde(default)]
    legal_basis: String,
    established_on: Option<NaiveDate>,
    /// Slug of the organ that keeps it.
    organ: Option<String>,
    /// Longitude and latitude in degrees (WGS 84).
    coordinates: Option<(f64, f64)>,
    /// First and last day of the term.
    term: Option<(NaiveDate, NaiveDate)>,
    host_unit: String,
    host_kind: String,
    region: String,
    address: String,
    #[serde(default)]
    opening_hours: String,
    #[serde(default)]
    introduction: String,
    #[serde(default)]
    how_to_take_part: String,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    station: Vec<StationEntry>,
}

#[derive(Deserialize)]
struct StationEntry {
    slug: String,
    name: String,
    address: String,
    #[serde(default)]
    opening_hours: String,
    coordinates: Option<(f64, f64)>,
}

#[expect(clippy::cast_possible_truncation, reason = "degrees in millionths are far below what an i64 holds")]
fn coordinates((longitude, latitude): (f64, f64)) -> Coordinates {
    Coordinates { longitude_microdegrees: (longitude * 1e6).round() as i64, latitude_microdegrees: (latitude * 1e6).round() as i64 }
}

impl PointEntry {
    fn into_new(self, is_demonstration: bool, organs: &HashMap<String, OrganId>) -> Result<NewContactPoint> {
        let kind = match self.kind.as_str() {
            "npc" => Some(PointKind::PeoplesCongress),
            other => PointKind::parse(other),
        };
        let unknown = |field: &str, value: &str| Error::startup(format!("联系点 {} 的 {field} 无法识别：{value}。", self.slug));
        let organ = match &self.organ {
            Some(slug) => Some(*organs.get(slug).ok_or_else(|| unknown("organ", slug))?),
            None => None,
        };
        Ok(NewContactPoint {
            organ,
            coordinates: self.coordinates.map(coordinates),
            term: self.term,
            kind: kind.ok_or_else(|| unknown("kind", &self.kind))?,
            host_kind: HostKind::parse(&self.host_kind).ok_or_else(|| unknown("host_kind", &self.host_kind))?,
            code: self.slug,
            name: self.name,
            established_by: self.established_by,
            legal_basis: self.legal_basis,
            established_on: self.established_on,
            host_unit: self.host_unit,
            region: self.region,
            address: self.address,
            opening_hours: self.opening_hours,
            introduction: self.introduction.trim().to_owned(),
            how_to_take_part: self.how_to_take_part.trim().to_owned(),
            topics: self.topics,
            is_demonstration,
            stations: self
                .station
                .into_iter()
                .map(|s| NewStation {
                    code: s.slug,
                    name: s.name,
                    address: s.address,
                    opening_hours: s.opening_hours,
                    coordinates: s.coordinates.map(coordinates),
                })
                .collect(),
        })
    }
}

/// Loads a list and gives the number of points in it.
pub async fn load_points(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, toml: &str) -> Result<usize> {
    by.require(Permission::ManageContactPoints)?;
    let file: File = toml::from_str(toml).map_err(|e| Error::startup(format!("联系点清单有误：{}", e.to_string().trim_end())))?;
    let count = file.contact_point.len();
    let mut tx = db.begin().await?;
    let mut organs: HashMap<String, OrganId> = HashMap::new();
    for entry in file.organ {
        let unknown = |field: &str, value: &str| Error::startup(format!("司法局 {} 的 {field} 无法识别：{value}。", entry.slug));
        let parent = match &entry.parent {
            Some(slug) => Some(*organs.get(slug).ok_or_else(|| unknown("parent", slug))?),
            None => None,
        };
        let tier = Tier::parse(&entry.tier).ok_or_else(|| unknown("tier", &entry.tier))?;
        let new = NewOrgan {
            code: entry.slug.clone(),
            name: entry.name,
            tier,
            parent,
            region: entry.region,
            is_demonstration: file.demonstration,
        };
        organs.insert(entry.slug, organs::put_organ(&mut tx, clock, ids, &new).await?);
    }
    for entry in file.contact_point {
        put_point(&mut tx, clock, ids, &entry.into_new(file.demonstration, &organs)?).await?;
    }
    let detail = count.to_string();
    let entry = NewEntry {
        account_id: by.account_id(),
        act: Act::LoadContactPoints,
        subject: "contact_point",
        subject_id: None,
        is_success: true,
        detail: &detail,
    };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await?;
    Ok(count)
}

#[derive(Deserialize)]
struct TaskFile {
    #[serde(default)]
    task: Vec<TaskEntry>,
}

#[derive(Deserialize)]
struct TaskEntry {
    /// Slug of a draft whose round is open.
    draft: String,
    title: String,
    instructions: String,
    #[serde(default)]
    questions: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
    /// Slugs of points that get the task at once.
    #[serde(default)]
    contact_points: Vec<String>,
    /// Slugs of county organs that are asked to pass it on.
    #[serde(default)]
    organs: Vec<String>,
}

/// Tasks that are looked through for those that were sent by an earlier start that broke off.
const SENT: usize = 100;

/// Sends the tasks of a list that are not there and gives how many were new. Drafts, points and the logins that are told come first.
pub async fn send_tasks(db: &Db, clock: &Clock, ids: &IdSource, calendar: &Calendar, by: &Caller, toml: &str) -> Result<usize> {
    let file: TaskFile = toml::from_str(toml).map_err(|e| Error::startup(format!("示例征集任务清单有误：{}", e.to_string().trim_end())))?;
    let known = listing::list_tasks(db, clock, by, None, None, SENT).await?.items;
    let mut sent = 0;
    for entry in file.task.into_iter().filter(|entry| known.iter().all(|(task, _)| task.title != entry.title)) {
        let unknown = |field: &str, value: &str| Error::startup(format!("示例征集任务 {} 的 {field} 无法识别：{value}。", entry.title));
        let draft = drafts::find_seeded(db, &entry.draft).await?.ok_or_else(|| unknown("draft", &entry.draft))?;
        let round = consultations::newest_round(db, draft).await?.ok_or_else(|| unknown("draft", &entry.draft))?;
        let mut points = Vec::new();
        for code in &entry.contact_points {
            points.push(find_point_by_code(db, code).await?.ok_or_else(|| unknown("contact_points", code))?);
        }
        let mut asked = Vec::new();
        for code in &entry.organs {
            asked.push(organs::find_organ_by_code(db, code).await?.ok_or_else(|| unknown("organs", code))?);
        }
        let new = NewTask {
            draft,
            title: entry.title.clone(),
            instructions: entry.instructions.clone(),
            questions: entry.questions.clone(),
            addresses: entry.addresses.clone(),
            due_on: usual_due_on(calendar, clock.today(), round.closes_on()),
            points,
            organs: asked,
        };
        send_task(db, clock, ids, Actor::Person(by), None, new).await?;
        sent += 1;
    }
    Ok(sent)
}
