//! Numbers of rounds and tasks 统计, and the rows behind each.

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::answering::ChannelName;
use super::callers::SignedIn;
use super::day::Day;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::calendar;
use crate::documents::writing::attachment;
use crate::ids::{CollectionTaskId, ConsultationId, ContactPointId};
use crate::opinions::statistics::behind::{Behind, Thing, list_behind};
use crate::opinions::statistics::choices::{list_choices, tell_conditions};
use crate::opinions::statistics::sheet::write_sheet;
use crate::opinions::statistics::{self, Dimension, Filter, Measure, Row, Table};

/// What the rows of a table of numbers are.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Dimension")]
enum DimensionName {
    /// 征求意见
    Consultation,
    /// 联系点
    Point,
    /// 区域
    Region,
    /// 条文
    Article,
    /// 渠道
    Channel,
    /// 采纳情况
    Outcome,
}

/// What is counted.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Measure")]
enum MeasureName {
    /// Opinions received
    Opinions,
    /// Distinct texts
    Texts,
    /// Distinct people who signed in or gave a name
    Persons,
    /// Received after the end of the round
    Late,
    /// With a public answer
    Answered,
    /// Adopted, wholly or in part
    Adopted,
    /// Collection activities
    Activities,
    /// People whom the activities reached
    Reached,
    /// Tasks that points were given
    Tasks,
    /// Tasks whose first submission was in time
    OnTime,
    /// Tasks submitted late, or overdue now
    Overdue,
}

/// A number.
#[derive(Object)]
struct NumberView {
    /// What it counts
    measure: MeasureName,
    /// The number
    count: i64,
}

/// A row of numbers.
#[derive(Object)]
struct NumberRowView {
    /// Narrows a filter to the row: an id, an address or a name; empty for what belongs to none
    key: String,
    /// What it is called
    label: String,
    /// Its numbers
    numbers: Vec<NumberView>,
}

/// A table of numbers.
#[derive(Object)]
struct StatisticsView {
    /// What its rows are
    by: DimensionName,
    /// Rows in the order of districts, names or the text, never by amount
    rows: Vec<NumberRowView>,
    /// Everything together; distinct texts and people are counted, not added up
    total: NumberRowView,
}

/// A row behind a number.
#[derive(Object)]
struct BehindView {
    /// opinion, activity or assignment
    kind: String,
    /// Id of that thing
    id: Uuid,
    /// What it is called
    name: String,
    /// What there is to say of it
    facts: Vec<String>,
    /// The words of an opinion; empty where they are not the caller's to see
    words: String,
    /// What it adds to the number
    adds: i64,
}

/// One page of the rows behind a number.
#[derive(Object)]
struct BehindPageView {
    /// Rows, the oldest first
    items: Vec<BehindView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A spreadsheet.
#[derive(ApiResponse)]
enum StatisticsTableResponse {
    /// The spreadsheet
    #[oai(status = 200, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")]
    Found(
        Binary<Vec<u8>>,
        /// Its name
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

fn row_view(table: &Table, row: &Row) -> NumberRowView {
    let numbers = table.measures.iter().filter_map(|m| row.numbers.get(m.as_str()).map(|n| NumberView { measure: (*m).into(), count: *n }));
    NumberRowView { key: row.key.clone(), label: row.label.clone(), numbers: numbers.collect() }
}

fn behind_view(behind: Behind) -> BehindView {
    let (kind, id) = match behind.of {
        Thing::Opinion(_, id) | Thing::Several(_, id) => ("opinion", id.0),
        Thing::Activity(id) => ("activity", id.0),
        Thing::Assignment(id) => ("assignment", id.0),
    };
    BehindView { kind: kind.into(), id, name: behind.name, facts: behind.facts, words: behind.words, adds: behind.adds }
}

/// The operations.
pub struct StatisticsApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl StatisticsApi {
    /// Count opinions, people, activities and tasks. The bureau counts everything, a county its own points, a point itself.
    #[oai(path = "/statistics", method = "get", operation_id = "count_statistics")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn count_statistics(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// What the rows are; by article a round must be chosen
        Query(by): Query<DimensionName>,
        /// Of one round
        #[oai(name = "consultation_id")]
        Query(consultation): Query<Option<Uuid>>,
        /// Collected for one task
        #[oai(name = "task_id")]
        Query(task): Query<Option<Uuid>>,
        /// Through one contact point
        #[oai(name = "contact_point_id")]
        Query(point): Query<Option<Uuid>>,
        /// Through no contact point at all
        #[oai(default)]
        Query(without_contact_point): Query<bool>,
        /// Through the points of one district
        #[oai(validator(max_length = 100))]
        Query(region): Query<Option<String>>,
        /// On one article, chapter or attachment, by address; empty for the draft as a whole
        #[oai(validator(max_length = 100))]
        Query(article): Query<Option<String>>,
        /// Through one channel
        Query(channel): Query<Option<ChannelName>>,
        /// With one outcome: a kind of answer, `excluded`, or `open` while the answer is not public
        #[oai(validator(max_length = 40))]
        Query(outcome): Query<Option<String>>,
        /// From this day on
        Query(from): Query<Option<Day>>,
        /// Until the end of this day
        Query(until): Query<Option<Day>>,
    ) -> Result<Json<StatisticsView>, Problem> {
        let filter = Filter {
            consultation: consultation.map(ConsultationId),
            task: task.map(CollectionTaskId),
            point: point.map(ContactPointId),
            is_without_point: without_contact_point,
            region,
            article,
            channel: channel.map(Into::into),
            outcome,
            from: from.map(|day| day.0),
            until: until.map(|day| day.0),
        };
        let caller = signed_in.with(Permission::ReadStatistics)?;
        let table = statistics::count(&app.db, &caller, app.clock.now(), by.into(), filter).await?;
        let rows = table.rows.iter().map(|row| row_view(&table, row)).collect();
        Ok(Json(StatisticsView { by, rows, total: row_view(&table, &table.total) }))
    }

    /// The rows behind a number, under the same conditions; what they add is the number.
    #[oai(path = "/statistics/rows", method = "get", operation_id = "list_statistics_rows")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn list_statistics_rows(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// What was counted
        Query(measure): Query<MeasureName>,
        /// Of one round
        #[oai(name = "consultation_id")]
        Query(consultation): Query<Option<Uuid>>,
        /// Collected for one task
        #[oai(name = "task_id")]
        Query(task): Query<Option<Uuid>>,
        /// Through one contact point
        #[oai(name = "contact_point_id")]
        Query(point): Query<Option<Uuid>>,
        /// Through no contact point at all
        #[oai(default)]
        Query(without_contact_point): Query<bool>,
        /// Through the points of one district
        #[oai(validator(max_length = 100))]
        Query(region): Query<Option<String>>,
        /// On one article, chapter or attachment, by address; empty for the draft as a whole
        #[oai(validator(max_length = 100))]
        Query(article): Query<Option<String>>,
        /// Through one channel
        Query(channel): Query<Option<ChannelName>>,
        /// With one outcome: a kind of answer, `excluded`, or `open` while the answer is not public
        #[oai(validator(max_length = 40))]
        Query(outcome): Query<Option<String>>,
        /// From this day on
        Query(from): Query<Option<Day>>,
        /// Until the end of this day
        Query(until): Query<Option<Day>>,
        /// Where the page begins
        #[oai(validator(max_length = 1000))]
        Query(cursor): Query<Option<String>>,
        /// Rows on a page
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "200")))]
        Query(limit): Query<usize>,
    ) -> Result<Json<BehindPageView>, Problem> {
        let filter = Filter {
            consultation: consultation.map(ConsultationId),
            task: task.map(CollectionTaskId),
            point: point.map(ContactPointId),
            is_without_point: without_contact_point,
            region,
            article,
            channel: channel.map(Into::into),
            outcome,
            from: from.map(|day| day.0),
            until: until.map(|day| day.0),
        };
        let caller = signed_in.with(Permission::ReadStatistics)?;
        let page = list_behind(&app.db, &caller, app.clock.now(), measure.into(), filter, cursor.as_deref(), limit).await?;
        Ok(Json(BehindPageView { items: page.items.into_iter().map(behind_view).collect(), next_cursor: page.next }))
    }

    /// The numbers as a spreadsheet.
    #[oai(path = "/statistics/table", method = "get", operation_id = "get_statistics_table")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn get_statistics_table(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// What the rows are; by article a round must be chosen
        Query(by): Query<DimensionName>,
        /// Of one round
        #[oai(name = "consultation_id")]
        Query(consultation): Query<Option<Uuid>>,
        /// Collected for one task
        #[oai(name = "task_id")]
        Query(task): Query<Option<Uuid>>,
        /// Through one contact point
        #[oai(name = "contact_point_id")]
        Query(point): Query<Option<Uuid>>,
        /// Through no contact point at all
        #[oai(default)]
        Query(without_contact_point): Query<bool>,
        /// Through the points of one district
        #[oai(validator(max_length = 100))]
        Query(region): Query<Option<String>>,
        /// On one article, chapter or attachment, by address; empty for the draft as a whole
        #[oai(validator(max_length = 100))]
        Query(article): Query<Option<String>>,
        /// Through one channel
        Query(channel): Query<Option<ChannelName>>,
        /// With one outcome: a kind of answer, `excluded`, or `open` while the answer is not public
        #[oai(validator(max_length = 40))]
        Query(outcome): Query<Option<String>>,
        /// From this day on
        Query(from): Query<Option<Day>>,
        /// Until the end of this day
        Query(until): Query<Option<Day>>,
    ) -> Result<StatisticsTableResponse, Problem> {
        let filter = Filter {
            consultation: consultation.map(ConsultationId),
            task: task.map(CollectionTaskId),
            point: point.map(ContactPointId),
            is_without_point: without_contact_point,
            region,
            article,
            channel: channel.map(Into::into),
            outcome,
            from: from.map(|day| day.0),
            until: until.map(|day| day.0),
        };
        let caller = signed_in.with(Permission::ReadStatistics)?;
        let (now, by) = (app.clock.now(), Dimension::from(by));
        let table = statistics::count(&app.db, &caller, now, by, filter.clone()).await?;
        let choices = list_choices(&app.db, &caller, &filter).await?;
        let conditions = tell_conditions(&app.db, &filter, &choices).await?;
        let bytes = write_sheet(&table, &conditions, &app.config.bureau_name, calendar::day_of(now))?;
        Ok(StatisticsTableResponse::Found(Binary(bytes), attachment(&format!("征集统计（按{}）.xlsx", by.label()))))
    }
}

fn default_limit() -> usize {
    50
}
