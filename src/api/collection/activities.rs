//! Operations on activities 征集活动 and their files: the contact point keeps them, the bureau reads them.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Enum, Multipart, Object, OpenApi};
use uuid::Uuid;

use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::day::Day;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::activities::files::{self, ActivityFile};
use crate::contact_points::activities::{self, Activity, ActivityKind, NewActivity};
use crate::contact_points::assignments;
use crate::documents::recordings::LARGEST;
use crate::error::{Code, Error};

/// Kind of an activity.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "ActivityKind")]
enum ActivityKindName {
    /// 座谈会
    Symposium,
    /// 走访
    Visit,
    /// 问卷
    Questionnaire,
    /// 听证会
    Hearing,
    /// 公告栏
    NoticeBoard,
}

/// What a contact point tells of an activity.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ActivityBody {
    /// The assignment that it was held for, one of the caller's own contact point
    #[oai(skip_serializing_if_is_none)]
    assignment_id: Option<Uuid>,
    /// The station that held it, one of the caller's own contact point
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// Kind
    kind: ActivityKindName,
    /// Title
    #[oai(validator(max_length = 200))]
    title: String,
    /// Day
    held_on: Day,
    /// Place
    #[oai(validator(max_length = 200))]
    place: String,
    /// People present
    #[oai(validator(minimum(value = "0"), maximum(value = "10000000")))]
    people_present: i64,
    /// People reached in any way, those present included
    #[oai(validator(minimum(value = "0"), maximum(value = "10000000")))]
    people_reached: i64,
    /// Kinds of participants, never names
    #[oai(default, validator(max_items = 20))]
    participant_kinds: Vec<String>,
    /// What was said, in short
    #[oai(default, validator(max_length = 40000))]
    minutes: String,
}

/// A changed activity.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ActivityChangeBody {
    /// The revision that the caller saw
    #[oai(validator(minimum(value = "1")))]
    revision: i64,
    /// The activity as it shall be
    activity: ActivityBody,
}

/// An activity.
#[derive(Object)]
struct ActivityView {
    /// Id
    id: Uuid,
    /// Whose
    contact_point_id: Uuid,
    /// Name of the contact point
    contact_point_name: String,
    /// The station that held it
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// Its name
    #[oai(skip_serializing_if_is_none)]
    station_name: Option<String>,
    /// The assignment that it was held for
    #[oai(skip_serializing_if_is_none)]
    assignment_id: Option<Uuid>,
    /// Title of its task
    #[oai(skip_serializing_if_is_none)]
    task_title: Option<String>,
    /// Kind
    kind: ActivityKindName,
    /// Title
    title: String,
    /// Day
    held_on: Day,
    /// Place
    place: String,
    /// People present
    people_present: i64,
    /// People reached in any way, those present included
    people_reached: i64,
    /// Kinds of participants
    participant_kinds: Vec<String>,
    /// What was said, in short
    minutes: String,
    /// One more with each change
    revision: i64,
    /// Number of files
    files: i64,
    /// Last change
    updated_at: DateTime<Utc>,
}

/// A page of activities.
#[derive(Object)]
struct ActivityPageView {
    /// The newest first
    items: Vec<ActivityView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An activity was written.
#[derive(ApiResponse)]
enum HeldActivity {
    /// Written, or written before under the same key
    #[oai(status = 201)]
    Created(Json<ActivityView>),
}

/// Nothing to say.
#[derive(ApiResponse)]
enum Removed {
    /// Gone
    #[oai(status = 204)]
    Gone,
}

/// A file to be added.
#[derive(Debug, Multipart)]
struct FileForm {
    /// A photo (jpg, png, webp, gif), a recording (mp3, m4a, wav, amr; at most 100 MiB), PDF or docx; at most 20 MiB. The content decides, not the name
    file: Upload,
}

/// A file of an activity.
#[derive(Object)]
struct ActivityFileView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// Media type, found from the content
    media_type: String,
    /// Size in bytes
    size_bytes: i64,
    /// When it came
    created_at: DateTime<Utc>,
}

/// The files after one was added.
#[derive(ApiResponse)]
enum AddedFile {
    /// Added, or there already
    #[oai(status = 201)]
    Created(Json<Vec<ActivityFileView>>),
}

/// A file.
#[derive(ApiResponse)]
enum SentFile {
    /// The file as it came
    #[oai(status = 200, content_type = "application/octet-stream")]
    Found(
        Binary<Vec<u8>>,
        /// Always a download
        #[oai(header = "Content-Disposition")]
        String,
        /// Nothing in it may run
        #[oai(header = "Content-Security-Policy")]
        String,
        /// It may show persons
        #[oai(header = "Cache-Control")]
        String,
    ),
}

fn new_activity(body: ActivityBody) -> NewActivity {
    NewActivity {
        assignment: body.assignment_id.map(Into::into),
        station: body.station_id.map(Into::into),
        kind: body.kind.into(),
        title: body.title,
        held_on: body.held_on.0,
        place: body.place,
        people_present: body.people_present,
        people_reached: body.people_reached,
        participant_kinds: body.participant_kinds,
        minutes: body.minutes,
    }
}

fn view(activity: Activity) -> ActivityView {
    let facts = activity.facts;
    ActivityView {
        id: activity.id.0,
        contact_point_id: activity.contact_point_id.0,
        contact_point_name: activity.point_name,
        station_id: facts.station.map(|id| id.0),
        station_name: activity.station_name,
        assignment_id: facts.assignment.map(|id| id.0),
        task_title: activity.task_title,
        kind: facts.kind.into(),
        title: facts.title,
        held_on: Day(facts.held_on),
        place: facts.place,
        people_present: facts.people_present,
        people_reached: facts.people_reached,
        participant_kinds: facts.participant_kinds,
        minutes: facts.minutes,
        revision: activity.revision,
        files: activity.files,
        updated_at: activity.updated_at,
    }
}

fn file_view(file: ActivityFile) -> ActivityFileView {
    ActivityFileView {
        id: file.id,
        name: file.name,
        media_type: file.kind.media_type().into(),
        size_bytes: file.size_bytes,
        created_at: file.created_at,
    }
}

fn sent(file: &ActivityFile, bytes: Vec<u8>) -> SentFile {
    SentFile::Found(Binary(bytes), file.disposition(), "sandbox; default-src 'none'".into(), "private, no-store".into())
}

/// The operations.
pub struct ActivitiesApi;

#[OpenApi(tag = "Tag::Collection")]
impl ActivitiesApi {
    /// Write down an activity of the caller's own contact point.
    #[oai(path = "/own-point/activities", method = "post", operation_id = "hold_own_activity")]
    async fn hold_own_activity(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Made by the client, one for each activity, 8 to 128 characters. Sending the same activity again with the same key gives the same activity
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<ActivityBody>,
    ) -> Result<HeldActivity, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let new = new_activity(body.0);
        let activity = activities::hold_activity(&app.db, &app.clock, &app.ids, &caller, Some(&key), new).await?;
        Ok(HeldActivity::Created(Json(view(activity))))
    }

    /// Activities of the caller's own contact point, the newest first.
    #[oai(path = "/own-point/activities", method = "get", operation_id = "list_own_activities")]
    async fn list_own_activities(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Only those held for one assignment
        Query(assignment_id): Query<Option<Uuid>>,
        /// Activities on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ActivityPageView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let of = assignment_id.map(Into::into);
        let page = activities::list_own(&app.db, &caller, of, cursor.as_deref(), limit as usize).await?.map(view);
        Ok(Json(ActivityPageView { items: page.items, next_cursor: page.next }))
    }

    /// An activity of the caller's own contact point.
    #[oai(path = "/own-point/activities/:activity_id", method = "get", operation_id = "get_own_activity")]
    async fn get_own_activity(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
    ) -> Result<Json<ActivityView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        Ok(Json(view(activities::get_own(&app.db, &caller, activity_id.into()).await?)))
    }

    /// Change an activity of the caller's own contact point.
    #[oai(path = "/own-point/activities/:activity_id", method = "put", operation_id = "change_own_activity")]
    async fn change_own_activity(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
        body: Json<ActivityChangeBody>,
    ) -> Result<Json<ActivityView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let (revision, new) = (body.0.revision, new_activity(body.0.activity));
        Ok(Json(view(activities::change_activity(&app.db, &app.clock, &caller, activity_id.into(), revision, new).await?)))
    }

    /// Remove an activity of the caller's own contact point with its files; one that opinions came from stays.
    #[oai(path = "/own-point/activities/:activity_id", method = "delete", operation_id = "remove_own_activity")]
    async fn remove_own_activity(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
    ) -> Result<Removed, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        activities::remove_activity(&app.db, &app.blobs, &app.clock, &caller, activity_id.into()).await?;
        Ok(Removed::Gone)
    }

    /// Files of an activity of the caller's own contact point.
    #[oai(path = "/own-point/activities/:activity_id/files", method = "get", operation_id = "list_own_activity_files")]
    async fn list_own_activity_files(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
    ) -> Result<Json<Vec<ActivityFileView>>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let activity = activities::get_own(&app.db, &caller, activity_id.into()).await?;
        Ok(Json(files::list_files(&app.db, activity.id).await?.into_iter().map(file_view).collect()))
    }

    /// Add a file to an activity of the caller's own contact point; the same content twice is one file.
    #[oai(path = "/own-point/activities/:activity_id/files", method = "post", operation_id = "add_own_activity_file")]
    async fn add_own_activity_file(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
        form: FileForm,
    ) -> Result<AddedFile, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        if form.file.size() > LARGEST {
            return Err(Error::new(Code::TooLarge, format!("单个文件不超过 {} MB。", LARGEST >> 20)).into());
        }
        let name = form.file.file_name().unwrap_or_default().to_owned();
        let bytes = form.file.into_vec().await.map_err(|e| Error::internal("an upload could not be read back", e))?;
        let held = files::add_file(&app.db, &app.blobs, &app.clock, &app.ids, &caller, activity_id.into(), (name, bytes)).await?;
        Ok(AddedFile::Created(Json(held.into_iter().map(file_view).collect())))
    }

    /// Download a file of an activity of the caller's own contact point.
    #[oai(path = "/own-point/activities/:activity_id/files/:file_id", method = "get", operation_id = "get_own_activity_file")]
    async fn get_own_activity_file(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
        /// File
        Path(file_id): Path<Uuid>,
    ) -> Result<SentFile, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let (file, bytes) = files::read_own(&app.db, &app.blobs, &caller, activity_id.into(), file_id).await?;
        Ok(sent(&file, bytes))
    }

    /// Remove a file of an activity of the caller's own contact point, its content too.
    #[oai(path = "/own-point/activities/:activity_id/files/:file_id", method = "delete", operation_id = "remove_own_activity_file")]
    async fn remove_own_activity_file(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
        /// File
        Path(file_id): Path<Uuid>,
    ) -> Result<Removed, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        files::remove_file(&app.db, &app.blobs, &app.clock, &caller, activity_id.into(), file_id).await?;
        Ok(Removed::Gone)
    }

    /// Activities that a contact point held for an assignment, the newest first; for the bureau.
    #[oai(path = "/assignments/:assignment_id/activities", method = "get", operation_id = "list_assignment_activities")]
    async fn list_assignment_activities(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        /// Activities on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ActivityPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let assignment = assignments::get_assignment(&app.db, &caller, assignment_id.into()).await?;
        let page = activities::list_of_assignment(&app.db, &caller, assignment.id, cursor.as_deref(), limit as usize).await?.map(view);
        Ok(Json(ActivityPageView { items: page.items, next_cursor: page.next }))
    }

    /// An activity with its files, for the bureau.
    #[oai(path = "/activities/:activity_id/files", method = "get", operation_id = "list_activity_files")]
    async fn list_activity_files(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
    ) -> Result<Json<Vec<ActivityFileView>>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let activity = activities::get_activity(&app.db, &caller, activity_id.into()).await?;
        Ok(Json(files::list_files(&app.db, activity.id).await?.into_iter().map(file_view).collect()))
    }

    /// Download a file of an activity, for the bureau.
    #[oai(path = "/activities/:activity_id/files/:file_id", method = "get", operation_id = "get_activity_file")]
    async fn get_activity_file(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Activity
        Path(activity_id): Path<Uuid>,
        /// File
        Path(file_id): Path<Uuid>,
    ) -> Result<SentFile, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let (file, bytes) = files::read_file(&app.db, &app.blobs, &caller, activity_id.into(), file_id).await?;
        Ok(sent(&file, bytes))
    }
}
