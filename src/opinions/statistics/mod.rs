//! 统计: how many opinions, people and activities stand behind a round or a task, by point, district, article, channel and outcome.
//!
//! For the work of the bureau and of the points themselves: points stand in the order of districts and names, nothing by amount (国办函〔2026〕12号).
//! Each number is counted by one statement, and the rows behind it (`behind.rs`) are listed under the same conditions, so that they add up to it. `sheet.rs`
//! writes the spreadsheet.

pub mod behind;
pub mod choices;
mod conditions;
pub mod counting;
pub mod sheet;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::accounts::{Caller, Permission, Role};
use crate::contact_points::assignments;
use crate::error::{Code, Error, Result};
use crate::ids::{CollectionTaskId, ConsultationId, ContactPointId, OrganId};
use crate::opinions::feedback::DispositionKind;
use crate::opinions::{Channel, WHOLE_DRAFT};
use crate::storage::Db;
use crate::text_enum;
use conditions::Conditions;
use counting::{ACTIVITIES, ALL_PERSONS, ALL_TEXTS, TASKS, activities_by, count_all, count_different, opinions_by, tasks_by};

text_enum! {
    /// What the rows of a table of numbers are.
    Dimension {
        /// 征求意见的轮次
        Consultation = "consultation", "征求意见";
        /// 立法基层联系点
        Point = "point", "联系点";
        /// District of the point.
        Region = "region", "区域";
        /// The article, or the chapter where an opinion is on a whole chapter.
        Article = "article", "条文";
        /// 渠道
        Channel = "channel", "渠道";
        /// 采纳情况
        Outcome = "outcome", "采纳情况";
    }
}

impl Dimension {
    /// Whether activities and tasks can be told apart by it: they are of a point and a round, not of an article.
    pub fn holds_activities(self) -> bool {
        matches!(self, Dimension::Consultation | Dimension::Point | Dimension::Region)
    }
}

text_enum! {
    /// What is counted.
    Measure {
        /// Opinions received.
        Opinions = "opinions", "意见（条）";
        /// Distinct texts among them.
        Texts = "texts", "不同文本（种）";
        /// Distinct people who signed in or gave a name.
        Persons = "persons", "具名的人（位）";
        /// Received after the end of the round, while late opinions were still taken.
        Late = "late", "逾期收到（条）";
        /// With a public answer.
        Answered = "answered", "已反馈（条）";
        /// Adopted, wholly or in part.
        Adopted = "adopted", "采纳或部分采纳（条）";
        /// Collection activities.
        Activities = "activities", "征集活动（场）";
        /// People whom the activities reached.
        Reached = "reached", "活动覆盖（人次）";
        /// Tasks that points were given.
        Tasks = "tasks", "征集任务（项）";
        /// Tasks whose first submission was in time.
        OnTime = "on_time", "按时提交（项）";
        /// Tasks submitted late, or overdue now.
        Overdue = "overdue", "逾期（项）";
    }
}

impl Measure {
    /// Whether the rows of a table add up to its total: the same text or person may stand in several rows.
    pub fn adds_up(self) -> bool {
        !matches!(self, Measure::Texts | Measure::Persons)
    }

    /// Whether it is counted by activities or tasks, not by opinions.
    pub fn is_of_points(self) -> bool {
        matches!(self, Measure::Activities | Measure::Reached | Measure::Tasks | Measure::OnTime | Measure::Overdue)
    }
}

/// What an outcome is called that is no [`DispositionKind`]: the answer is not public yet.
pub const OPEN: &str = "open";
/// The opinion needs no answer, for a listed reason.
pub const EXCLUDED: &str = "excluded";

/// Which opinions, activities and tasks are counted; what is `None` or empty leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one round.
    pub consultation: Option<ConsultationId>,
    /// Collected for one task.
    pub task: Option<CollectionTaskId>,
    /// Through one point.
    pub point: Option<ContactPointId>,
    /// Through no point at all.
    pub is_without_point: bool,
    /// Through the points of one district.
    pub region: Option<String>,
    /// On one article or chapter; empty: on the draft as a whole.
    pub article: Option<String>,
    /// Through one channel.
    pub channel: Option<Channel>,
    /// With one outcome: a [`DispositionKind`], [`OPEN`] or [`EXCLUDED`].
    pub outcome: Option<String>,
    /// From this day on: opinions by their receipt, activities by their day, tasks by their sending.
    pub from: Option<NaiveDate>,
    /// Until the end of this day.
    pub until: Option<NaiveDate>,
}

impl Filter {
    /// Whether activities and tasks can be counted under it.
    fn holds_activities(&self) -> bool {
        self.article.is_none() && self.channel.is_none() && self.outcome.is_none() && !self.is_without_point
    }

    /// Whether a table of opinions by a dimension has one row at most.
    fn leaves_one(&self, by: Dimension) -> bool {
        match by {
            Dimension::Consultation => self.consultation.is_some(),
            Dimension::Point => self.point.is_some() || self.is_without_point,
            Dimension::Region => self.point.is_some() || self.region.is_some() || self.is_without_point,
            Dimension::Channel => self.channel.is_some(),
            Dimension::Outcome => self.outcome.is_some(),
            // An address that is no article or chapter of the round counts to several.
            Dimension::Article => false,
        }
    }

    fn checked(self) -> Result<Filter> {
        let outcome = self.outcome.filter(|outcome| !outcome.is_empty());
        if outcome.as_deref().is_some_and(|o| o != OPEN && o != EXCLUDED && DispositionKind::parse(o).is_none()) {
            return Err(Error::invalid("outcome", "没有这种采纳情况。"));
        }
        if self.from.zip(self.until).is_some_and(|(from, until)| from > until) {
            return Err(Error::invalid("until", "结束日期不能早于开始日期。"));
        }
        Ok(Filter { outcome, region: self.region.filter(|region| !region.is_empty()), ..self })
    }
}

/// What a caller may see of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    organ: Option<OrganId>,
    point: Option<ContactPointId>,
}

/// The bureau counts everything, a county its own points, a point itself.
pub fn scope_of(caller: &Caller) -> Result<Scope> {
    caller.require(Permission::ReadStatistics)?;
    if caller.role == Role::PointStaff {
        return Ok(Scope { organ: None, point: Some(assignments::own_point(caller)?) });
    }
    if caller.role == Role::CountyStaff {
        let organ = caller.organ.ok_or_else(|| Error::new(Code::NotFound, "您的账号还没有关联到县区司法局，请联系管理员。"))?;
        return Ok(Scope { organ: Some(organ), point: None });
    }
    Ok(Scope { organ: None, point: None })
}

/// Numbers, each by what it counts. What cannot be counted for a row is absent.
pub type Numbers = BTreeMap<&'static str, i64>;

/// A row of a table of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What tells it from the other rows; empty: what belongs to none (no point, the whole draft).
    pub key: String,
    /// What it is called.
    pub label: String,
    /// Its numbers.
    pub numbers: Numbers,
}

/// A table of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What its rows are.
    pub by: Dimension,
    /// Its columns.
    pub measures: Vec<Measure>,
    /// Its rows: points by district and name, rounds by their beginning, articles as in the text, channels and outcomes as lists show them.
    pub rows: Vec<Row>,
    /// Everything together; counted, not added up, because the same text or person may stand in several rows.
    pub total: Row,
}

/// What an outcome is called.
pub fn outcome_label(outcome: &str) -> String {
    match outcome {
        OPEN => "尚未反馈".into(),
        EXCLUDED => "不作反馈".into(),
        kind => DispositionKind::parse(kind).map_or(kind, |kind| kind.label()).into(),
    }
}

/// Place of an outcome in lists: the kinds of answers in their official order, then what is not answered yet, then what never is.
fn place_of(outcome: &str) -> usize {
    let kinds = DispositionKind::ALL;
    match outcome {
        OPEN => kinds.len(),
        EXCLUDED => kinds.len() + 1,
        kind => kinds.iter().position(|known| known.as_str() == kind).unwrap_or(usize::MAX),
    }
}

/// 未经联系点
pub const NO_POINT: &str = "未经联系点";

/// Counts by a dimension. By article one round must be chosen, because each has its own text.
pub async fn count(db: &Db, caller: &Caller, now: DateTime<Utc>, by: Dimension, filter: Filter) -> Result<Table> {
    if by == Dimension::Article && filter.consultation.is_none() {
        return Err(Error::invalid("consultation", "按条文统计，请先选定一轮征求意见。"));
    }
    let c = Conditions::of(caller, filter)?;
    let (opinions, activities, tasks) = counting::statements_by(by);
    let with_points = by.holds_activities() && c.filter.holds_activities();
    let mut table = Table {
        by,
        measures: Measure::ALL.iter().copied().filter(|m| with_points || !m.is_of_points()).collect(),
        rows: Vec::new(),
        total: Row { key: String::new(), label: "合计".into(), numbers: Numbers::new() },
    };
    // What adds up is added up. A large round takes each of these statements a second, so that the rest is counted beside the rows; not where there is one.
    let alone = c.filter.leaves_one(by);
    let (rows, all) = tokio::try_join!(opinions_by(db, opinions, &c), async {
        match alone {
            true => Ok(None),
            false => Ok(Some([
                (Measure::Texts, count_different(db, ALL_TEXTS, &c).await?),
                (Measure::Persons, count_different(db, ALL_PERSONS, &c).await?),
            ])),
        }
    })?;
    for row in rows {
        let label = label_of(by, &row.name, &row.label);
        let numbers = row.numbers().map(|(measure, number)| (measure.as_str(), number));
        for (measure, number) in numbers {
            *table.total.numbers.entry(measure).or_insert(0) += number;
        }
        table.row(key_of(row.id, &row.name), label).extend(numbers);
    }
    for (measure, number) in all.into_iter().flatten() {
        table.total.numbers.insert(measure.as_str(), number);
    }
    if with_points {
        let names = [Measure::Activities, Measure::Reached].map(Measure::as_str);
        for row in activities_by(db, activities, &c).await? {
            let numbers = table.row(key_of(row.id, &row.name), label_of(by, &row.name, &row.label));
            numbers.extend(names.into_iter().zip([row.first, row.second]));
        }
        for row in activities_by(db, ACTIVITIES, &c).await? {
            table.total.numbers.extend(names.into_iter().zip([row.first, row.second]));
        }
        let names = [Measure::Tasks, Measure::OnTime, Measure::Overdue].map(Measure::as_str);
        for row in tasks_by(db, tasks, &c, now).await? {
            let numbers = table.row(key_of(row.id, &row.name), label_of(by, &row.name, &row.label));
            numbers.extend(names.into_iter().zip([row.first, row.second, row.third]));
        }
        for row in tasks_by(db, TASKS, &c, now).await? {
            table.total.numbers.extend(names.into_iter().zip([row.first, row.second, row.third]));
        }
    }
    match by {
        // Points without opinions came last.
        Dimension::Point | Dimension::Region => {
            table.rows.sort_by(|a, b| (a.key.is_empty(), &a.label).cmp(&(b.key.is_empty(), &b.label)));
        }
        Dimension::Consultation => table.rows.sort_by_key(|row| row.key.is_empty()),
        Dimension::Channel => table.rows.sort_by_key(|row| Channel::parse(&row.key)),
        Dimension::Outcome => table.rows.sort_by_key(|row| place_of(&row.key)),
        Dimension::Article => {}
    }
    // What has no row on one side has none of it.
    for row in table.rows.iter_mut().chain([&mut table.total]) {
        for measure in &table.measures {
            row.numbers.entry(measure.as_str()).or_insert(0);
        }
    }
    Ok(table)
}

/// One number of all that a filter holds: the one over the rows behind it.
pub async fn count_one(db: &Db, caller: &Caller, now: DateTime<Utc>, measure: Measure, filter: Filter) -> Result<i64> {
    let c = Conditions::of(caller, filter)?;
    if measure.is_of_points() && !c.filter.holds_activities() {
        return Ok(0);
    }
    let sum = |rows: Vec<counting::PointsRow>, of: fn(&counting::PointsRow) -> i64| rows.iter().map(of).sum();
    Ok(match measure {
        Measure::Texts => count_different(db, ALL_TEXTS, &c).await?,
        Measure::Persons => count_different(db, ALL_PERSONS, &c).await?,
        Measure::Opinions | Measure::Late | Measure::Answered | Measure::Adopted => count_all(db, &c, measure).await?,
        Measure::Activities => sum(activities_by(db, ACTIVITIES, &c).await?, |row| row.first),
        Measure::Reached => sum(activities_by(db, ACTIVITIES, &c).await?, |row| row.second),
        Measure::Tasks => sum(tasks_by(db, TASKS, &c, now).await?, |row| row.first),
        Measure::OnTime => sum(tasks_by(db, TASKS, &c, now).await?, |row| row.second),
        Measure::Overdue => sum(tasks_by(db, TASKS, &c, now).await?, |row| row.third),
    })
}

impl Table {
    /// The numbers of a row, which is added when it is not there yet.
    fn row(&mut self, key: String, label: String) -> &mut Numbers {
        let at = self.rows.iter().position(|row| row.key == key).unwrap_or_else(|| {
            self.rows.push(Row { key, label, numbers: Numbers::new() });
            self.rows.len() - 1
        });
        &mut self.rows[at].numbers
    }
}

fn key_of(id: Option<Uuid>, name: &str) -> String {
    id.map_or_else(|| name.to_owned(), |id| id.to_string())
}

fn label_of(by: Dimension, name: &str, label: &str) -> String {
    match by {
        Dimension::Channel => Channel::parse(name).map_or(name, |channel| channel.label()).into(),
        Dimension::Outcome => outcome_label(name),
        Dimension::Article if name.is_empty() => WHOLE_DRAFT.into(),
        Dimension::Article if label.is_empty() => name.into(),
        Dimension::Point | Dimension::Region if label.is_empty() => NO_POINT.into(),
        Dimension::Consultation if label.is_empty() => "未关联征求意见的活动".into(),
        _ => label.into(),
    }
}

/// The filter that holds exactly what a row of a table counts.
pub fn narrowed(filter: &Filter, by: Dimension, key: &str) -> Result<Filter> {
    let id = || key.parse::<Uuid>().map_err(|_| Error::invalid("key", "没有这一行。"));
    let mut filter = filter.clone();
    match by {
        Dimension::Consultation => filter.consultation = Some(ConsultationId(id()?)),
        Dimension::Point if key.is_empty() => filter.is_without_point = true,
        Dimension::Point => filter.point = Some(ContactPointId(id()?)),
        Dimension::Region if key.is_empty() => filter.is_without_point = true,
        Dimension::Region => filter.region = Some(key.into()),
        Dimension::Article => filter.article = Some(key.into()),
        Dimension::Channel => filter.channel = Some(Channel::parse(key).ok_or_else(|| Error::invalid("key", "没有这个渠道。"))?),
        Dimension::Outcome => filter.outcome = Some(key.into()),
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_stand_in_their_official_order() {
        let mut keys = ["excluded", "already_provided", "open", "not_adopted", "partly_adopted", "adopted", "out_of_scope"];
        keys.sort_by_key(|key| place_of(key));
        assert_eq!(keys, ["adopted", "partly_adopted", "not_adopted", "already_provided", "out_of_scope", "open", "excluded"]);
    }
}
