//! The demonstration city of `seeds/`: documents, contact points, drafts, one-time logins, and tasks for them.
//!
//! Everything is written for this project and marked 示例. Loading is safe to repeat: what is there stays as it is.

use chrono::NaiveDate;
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::accounts::{self, Actor, NewStaff, Role, sessions};
use crate::app::App;
use crate::contact_points::{self, organs};
use crate::corpus::classification::{Category, Level, Validity};
use crate::corpus::store::{relate, store_version};
use crate::corpus::{NewVersion, Relation, SourceCode, structure};
use crate::documents::{self, Limits};
use crate::error::{Error, Result};
use crate::ids::WorkId;
use crate::opinions;
use crate::storage::settings;

#[derive(RustEmbed)]
#[folder = "seeds/"]
struct Seeds;

/// Set once everything is loaded; its value is the version of the software that did it.
const SEEDED: &str = "demonstration_seeded";

/// The turn at loading.
const LOADING: i64 = 7_239_020;

/// A login of the demonstration; its password is shown once and kept nowhere.
#[derive(Clone, Debug)]
pub struct DemonstrationLogin {
    /// Name to sign in with.
    pub login_name: &'static str,
    /// 角色
    pub role: &'static str,
    /// Password.
    pub password: String,
}

/// What loading did.
#[derive(Clone, Debug, Default)]
pub struct Seeded {
    /// Versions of documents stored.
    pub versions: usize,
    /// Contact points in the list.
    pub contact_points: usize,
    /// Drafts that were new.
    pub drafts: usize,
    /// Logins that were made.
    pub logins: Vec<DemonstrationLogin>,
}

#[derive(Deserialize)]
struct Manifest {
    demonstration: bool,
    document: Vec<DocumentEntry>,
}

#[derive(Deserialize)]
struct DocumentEntry {
    file: String,
    title: String,
    category: String,
    level: String,
    region: String,
    organ: String,
    #[serde(default)]
    document_number: String,
    unified_code: Option<String>,
    adopted_on: Option<NaiveDate>,
    promulgated_on: Option<NaiveDate>,
    effective_on: Option<NaiveDate>,
    repealed_on: Option<NaiveDate>,
    validity: String,
    #[serde(default)]
    amends: Vec<String>,
    #[serde(default)]
    repeals: Vec<String>,
    #[serde(default)]
    supersedes: Vec<String>,
}

/// The organ of the county staff of the demonstration, and the contact point of its point staff.
const COUNTY: &str = "yundu";
const POINT: &str = "duqiao";

/// Who sends the tasks of the demonstration.
const HANDLER: &str = "handler";

/// Logins of the demonstration: name, shown name, role.
const LOGINS: [(&str, &str, Role); 7] = [
    ("admin", "示例管理员", Role::Administrator),
    ("drafter", "示例起草人员", Role::Drafter),
    (HANDLER, "示例经办人员", Role::Handler),
    ("reviewer", "示例审核人员", Role::Reviewer),
    ("auditor", "示例审计员", Role::Auditor),
    ("county", "示例县区工作人员", Role::CountyStaff),
    ("point", "示例联系点工作人员", Role::PointStaff),
];

/// Whether the demonstration was loaded here before.
pub async fn is_seeded(app: &App) -> Result<bool> {
    Ok(settings::find(&app.db, SEEDED).await?.is_some())
}

/// Loads the demonstration unless it is there. Of several instances that start over one empty database, one loads it and the others wait for it.
pub async fn load(app: &App) -> Result<Seeded> {
    let mut seeded = Seeded::default();
    if is_seeded(app).await? {
        return Ok(seeded);
    }
    let _turn = app.db.take_turn(LOADING).await?;
    if is_seeded(app).await? {
        return Ok(seeded);
    }
    seeded.versions = load_documents(app).await?;
    seeded.contact_points =
        contact_points::seeds::load_points(&app.db, &app.clock, &app.ids, Actor::System, &text("contact_points.toml")?).await?;
    let loading = opinions::seeds::Loading {
        db: &app.db,
        blobs: &app.blobs,
        cache: &app.cache,
        clock: &app.clock,
        ids: &app.ids,
        rules: &app.config.rules,
    };
    seeded.drafts = opinions::seeds::load_drafts(loading, &text("drafts.toml")?, async |path: String| bytes(&path)).await?;
    for (login_name, display_name, role) in LOGINS {
        if accounts::find_staff(&app.db, login_name).await?.is_some() {
            // An earlier start broke off after this account: its password was never shown, so it gets another one.
            seeded.logins.push(renew(app, login_name, role).await?);
            continue;
        }
        let password = app.ids.secret(9);
        let new = NewStaff {
            login_name,
            display_name,
            role,
            password: &password,
            organ: if role == Role::CountyStaff { organs::find_organ_by_code(&app.db, COUNTY).await? } else { None },
            contact_point: if role == Role::PointStaff { contact_points::find_point_by_code(&app.db, POINT).await? } else { None },
            station: None,
            is_demonstration: true,
        };
        accounts::create_staff(&app.db, &app.clock, &app.ids, None, new).await?;
        seeded.logins.push(DemonstrationLogin { login_name, role: role.label(), password });
    }
    send_tasks(app).await?;
    settings::put(&app.db, SEEDED, env!("CARGO_PKG_VERSION")).await?;
    Ok(seeded)
}

/// The tasks of the demonstration, so that its point and its county have something to do; the handler sends them.
async fn send_tasks(app: &App) -> Result<()> {
    let handler = accounts::find_staff(&app.db, HANDLER).await?.ok_or_else(|| Error::defect("the demonstration has no handler"))?;
    // Somebody closed the account since an earlier start broke off.
    let Some(handler) = sessions::find_caller_of(&app.db, handler.id).await? else { return Ok(()) };
    let list = text("tasks.toml")?;
    contact_points::seeds::send_tasks(&app.db, &app.clock, &app.ids, &app.config.rules.calendar, &handler, &list).await?;
    Ok(())
}

/// Gives every demonstration login another random password; sessions under the old one end.
pub async fn renew_passwords(app: &App) -> Result<Vec<DemonstrationLogin>> {
    let mut logins = Vec::new();
    for (login_name, _, role) in LOGINS {
        if accounts::find_staff(&app.db, login_name).await?.is_some() {
            logins.push(renew(app, login_name, role).await?);
        }
    }
    Ok(logins)
}

async fn renew(app: &App, login_name: &'static str, role: Role) -> Result<DemonstrationLogin> {
    let password = app.ids.secret(9);
    accounts::set_password(&app.db, &app.clock, Actor::System, login_name, &password).await?;
    Ok(DemonstrationLogin { login_name, role: role.label(), password })
}

async fn load_documents(app: &App) -> Result<usize> {
    let manifest: Manifest =
        toml::from_str(&text("manifest.toml")?).map_err(|e| Error::startup(format!("示例文件清单有误：{}", e.to_string().trim_end())))?;
    let mut works: Vec<(String, WorkId)> = Vec::new();
    for entry in &manifest.document {
        let new = version_of(entry, manifest.demonstration)?;
        let stored = store_version(&app.db, &app.clock, &app.ids, &new).await?;
        works.push((stem(&entry.file).to_owned(), stored.work_id));
    }
    let find = |file: &str| {
        works
            .iter()
            .find(|(stem, _)| stem == file)
            .map(|(_, id)| *id)
            .ok_or_else(|| Error::startup(format!("示例文件清单提到的 {file} 不存在。")))
    };
    for entry in &manifest.document {
        let from = find(stem(&entry.file))?;
        for (relation, files) in
            [(Relation::Amends, &entry.amends), (Relation::Repeals, &entry.repeals), (Relation::Supersedes, &entry.supersedes)]
        {
            for file in files {
                let to = find(file)?;
                if to != from {
                    relate(&app.db, &app.clock, from, relation, to).await?;
                }
            }
        }
    }
    Ok(manifest.document.len())
}

fn version_of(entry: &DocumentEntry, is_demonstration: bool) -> Result<NewVersion> {
    let unknown = |field: &str, value: &str| Error::startup(format!("示例文件 {} 的 {field} 无法识别：{value}。", entry.file));
    let source = documents::read(&entry.file, &bytes(&entry.file)?, &Limits::default())?;
    let structure = structure::parse(&source.full_text().0);
    // Judged queries name a provision by file and address.
    let source_ids = structure.provisions.iter().map(|p| (p.address.clone(), format!("{}#{}", stem(&entry.file), p.address))).collect();
    let document_number = match &entry.unified_code {
        Some(code) if entry.document_number.is_empty() => code.clone(),
        Some(code) => format!("{} {code}", entry.document_number),
        None => entry.document_number.clone(),
    };
    Ok(NewVersion {
        title: entry.title.clone(),
        category: Category::parse(&entry.category).ok_or_else(|| unknown("category", &entry.category))?,
        level: Level::parse(&entry.level).ok_or_else(|| unknown("level", &entry.level))?,
        region: entry.region.clone(),
        organ: entry.organ.clone(),
        title_note: source.title_note.clone(),
        document_number,
        adopted_on: entry.adopted_on,
        promulgated_on: entry.promulgated_on,
        effective_on: entry.effective_on,
        repealed_on: entry.repealed_on,
        validity: Validity::parse(&entry.validity).ok_or_else(|| unknown("validity", &entry.validity))?,
        source_code: SourceCode { scheme: "zhitong-seeds".into(), code: entry.validity.clone() },
        source_name: entry.file.clone(),
        blob_hash: None,
        structure,
        source_ids,
        is_demonstration,
    })
}

/// Name of a file without its folder and ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".md").unwrap_or(name)
}

fn bytes(path: &str) -> Result<Vec<u8>> {
    Seeds::get(path).map(|file| file.data.into_owned()).ok_or_else(|| Error::startup(format!("程序中缺少示例文件 {path}。")))
}

fn text(path: &str) -> Result<String> {
    String::from_utf8(bytes(path)?).map_err(|e| Error::startup(format!("示例文件 {path} 不是 UTF-8 文本。")).caused_by(e))
}
