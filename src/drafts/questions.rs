//! 征集问题: what a round asks the public besides opinions on the text, and the answers.
//!
//! Questions are published with the round and never changed. A citizen answers each once, together with an opinion or alone, and may change the answer until
//! the round ends. Own words are read by staff only, since nobody has checked them; what everybody may see, when the round says so, are the counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::consultations::{Consultation, Phase, newest_round_in};
use super::{Draft, Viewer, hold_draft};
use crate::accounts::{Caller, Permission};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ConsultationId, DraftId, IdSource};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// How a question is answered.
    QuestionKind {
        /// In own words.
        Text = "text", "问答";
        /// By one of the options.
        Single = "single", "单选";
        /// By any number of the options.
        Multiple = "multiple", "多选";
    }
}

/// A question to be published with a round.
#[derive(Clone, Debug)]
pub struct NewQuestion {
    /// How it is answered.
    pub kind: QuestionKind,
    /// The question.
    pub wording: String,
    /// Two or more for a choice, none for own words.
    pub options: Vec<String>,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// Id.
    pub id: Uuid,
    /// Its round.
    pub consultation_id: ConsultationId,
    /// From 1.
    pub number: i64,
    /// How it is answered.
    pub kind: QuestionKind,
    /// The question.
    pub wording: String,
    /// Options, numbered from 1 in this order; empty for own words.
    pub options: Vec<String>,
}

/// What a person answers to one question. Neither words nor choices takes an earlier answer back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: Uuid,
    /// Own words; for a question that asks for them.
    pub body: String,
    /// Numbers of the options chosen.
    pub choices: Vec<i64>,
}

/// How often a question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionCount {
    /// The question.
    pub question: Uuid,
    /// Persons who answered it.
    pub persons: i64,
    /// Persons who chose each option, in the order of the options. They may be more than the persons: a person may choose several.
    pub options: Vec<i64>,
}

/// An answer in own words, as staff read it.
#[derive(Clone, Debug, FromRow)]
pub struct WrittenAnswer {
    /// The words.
    pub body: String,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    answered_at: DateTime<Utc>,
    account_id: AccountId,
}

const INSERT: &str = "INSERT INTO consultation_question (id, consultation_id, number, kind, wording) VALUES ($1, $2, $3, $4, $5)";
const INSERT_OPTION: &str = "INSERT INTO question_option (question_id, number, label) VALUES ($1, $2, $3)";
const LIST: &str = "SELECT q.id, q.consultation_id, q.number, q.kind, q.wording FROM consultation_question q
    JOIN consultation c ON c.id = q.consultation_id WHERE c.draft_id = $1 ORDER BY c.round, q.number";
const LIST_OPTIONS: &str = "SELECT o.question_id, o.label FROM question_option o JOIN consultation_question q ON q.id = o.question_id
    JOIN consultation c ON c.id = q.consultation_id WHERE c.draft_id = $1 ORDER BY o.question_id, o.number";
const SHAPES: &str = "SELECT q.id, q.kind, CAST(COUNT(o.number) AS BIGINT) FROM consultation_question q
    LEFT JOIN question_option o ON o.question_id = q.id WHERE q.consultation_id = $1 GROUP BY q.id, q.kind";
const PUT_ANSWER: &str = "INSERT INTO question_answer (question_id, account_id, body, answered_at, updated_at) VALUES ($1, $2, $3, $4, $4)
    ON CONFLICT (question_id, account_id) DO UPDATE SET body = $3, updated_at = $4";
const DROP_CHOICES: &str = "DELETE FROM question_choice WHERE question_id = $1 AND account_id = $2";
const DROP_ANSWER: &str = "DELETE FROM question_answer WHERE question_id = $1 AND account_id = $2";
const INSERT_CHOICE: &str = "INSERT INTO question_choice (question_id, account_id, option_number) VALUES ($1, $2, $3)";
const LIST_OWN: &str = "SELECT a.question_id, a.body FROM question_answer a JOIN consultation_question q ON q.id = a.question_id
    WHERE a.account_id = $1 AND q.consultation_id = $2 ORDER BY q.number";
const LIST_OWN_CHOICES: &str =
    "SELECT h.question_id, h.option_number FROM question_choice h JOIN consultation_question q ON q.id = h.question_id
    WHERE h.account_id = $1 AND q.consultation_id = $2 ORDER BY q.number, h.option_number";
const COUNT: &str = "SELECT q.id, CAST(COUNT(a.account_id) AS BIGINT) FROM consultation_question q
    LEFT JOIN question_answer a ON a.question_id = q.id WHERE q.consultation_id = $1 GROUP BY q.id, q.number ORDER BY q.number";
const COUNT_OPTIONS: &str = "SELECT o.question_id, CAST(COUNT(h.account_id) AS BIGINT) FROM question_option o
    JOIN consultation_question q ON q.id = o.question_id
    LEFT JOIN question_choice h ON h.question_id = o.question_id AND h.option_number = o.number
    WHERE q.consultation_id = $1 GROUP BY o.question_id, o.number ORDER BY o.question_id, o.number";
const LIST_WRITTEN: &str = "SELECT a.body, a.updated_at, a.answered_at, a.account_id FROM question_answer a
    JOIN consultation_question q ON q.id = a.question_id JOIN consultation c ON c.id = q.consultation_id
    WHERE a.question_id = $1 AND c.draft_id = $2 AND ((a.answered_at, a.account_id) > ($3, $4) OR $3 IS NULL)
    ORDER BY a.answered_at, a.account_id LIMIT $5";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    INSERT,
    INSERT_OPTION,
    LIST,
    LIST_OPTIONS,
    SHAPES,
    PUT_ANSWER,
    DROP_CHOICES,
    DROP_ANSWER,
    INSERT_CHOICE,
    LIST_OWN,
    LIST_OWN_CHOICES,
    COUNT,
    COUNT_OPTIONS,
    LIST_WRITTEN,
];

/// Most questions of a round.
pub const MOST_QUESTIONS: usize = 20;
/// Most options of a question.
pub const MOST_OPTIONS: usize = 20;
/// Longest question and longest option, in characters.
const WORDING_CHARACTERS: usize = 500;
/// Longest answer in own words, in characters.
pub const ANSWER_CHARACTERS: usize = 2_000;

#[derive(FromRow)]
struct QuestionRow {
    id: Uuid,
    consultation_id: ConsultationId,
    number: i64,
    kind: String,
    wording: String,
}

/// The questions as they will be stored: trimmed and within their limits.
pub(super) fn checked(questions: Vec<NewQuestion>) -> Result<Vec<NewQuestion>> {
    if questions.len() > MOST_QUESTIONS {
        return Err(Error::invalid("questions", format!("一轮征求意见最多 {MOST_QUESTIONS} 个问题。")));
    }
    let is_bad = |text: &str| text.is_empty() || text.chars().count() > WORDING_CHARACTERS || text.chars().any(char::is_control);
    let mut checked = Vec::with_capacity(questions.len());
    for (number, question) in (1..).zip(questions) {
        let refused = |message: String| Err(Error::invalid("questions", format!("第 {number} 个问题：{message}")));
        let wording = question.wording.trim().to_owned();
        let options: Vec<String> = question.options.iter().map(|option| option.trim().to_owned()).collect();
        if is_bad(&wording) || options.iter().any(|option| is_bad(option)) {
            return refused(format!("问题和选项都要填写，每项不超过 {WORDING_CHARACTERS} 个字，不换行。"));
        }
        let mut distinct = options.clone();
        distinct.sort();
        distinct.dedup();
        match question.kind {
            QuestionKind::Text if !options.is_empty() => return refused("问答题没有选项。".into()),
            QuestionKind::Single | QuestionKind::Multiple if distinct.len() != options.len() => return refused("选项不能重复。".into()),
            QuestionKind::Single | QuestionKind::Multiple if !(2..=MOST_OPTIONS).contains(&options.len()) => {
                return refused(format!("选择题要有 2 至 {MOST_OPTIONS} 个选项。"));
            }
            _ => checked.push(NewQuestion { kind: question.kind, wording, options }),
        }
    }
    Ok(checked)
}

/// Writes the questions of a new round.
pub(super) async fn write_questions(tx: &mut Tx, ids: &IdSource, round: ConsultationId, questions: &[NewQuestion]) -> Result<()> {
    for (number, question) in (1i64..).zip(questions) {
        let id = ids.next();
        on_tx!(tx, c => sqlx::query(INSERT)
            .bind(id).bind(round).bind(number).bind(question.kind.as_str()).bind(&question.wording).execute(c).await.map(drop))
        .map_err(failed)?;
        for (number, label) in (1i64..).zip(&question.options) {
            on_tx!(tx, c => sqlx::query(INSERT_OPTION).bind(id).bind(number).bind(label).execute(c).await.map(drop)).map_err(failed)?;
        }
    }
    Ok(())
}

/// The questions of all rounds of a draft, in their order.
pub async fn list_questions(db: &Db, draft: &Draft) -> Result<Vec<Question>> {
    let rows: Vec<QuestionRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let labels: Vec<(Uuid, String)> =
        on_db!(db, pool => sqlx::query_as(LIST_OPTIONS).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let mut options: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for (question, label) in labels {
        options.entry(question).or_default().push(label);
    }
    let question = |row: QuestionRow| {
        Ok(Question {
            kind: QuestionKind::stored(&row.kind)?,
            options: options.remove(&row.id).unwrap_or_default(),
            id: row.id,
            consultation_id: row.consultation_id,
            number: row.number,
            wording: row.wording,
        })
    };
    rows.into_iter().map(question).collect()
}

/// Writes a citizen's answers to questions of the round that is open; questions that are not named keep their answers. Repeating it changes nothing.
/// Outside a round: [`Code::NotOpen`].
pub async fn put_answers(db: &Db, clock: &Clock, caller: &Caller, draft: DraftId, answers: &[Answer]) -> Result<()> {
    caller.require(Permission::PostOpinion)?;
    let mut tx = db.begin().await?;
    hold_draft(&mut tx, draft).await?;
    write_answers(&mut tx, clock, caller.account_id, draft, answers).await?;
    tx.commit().await
}

/// Writes a citizen's answers in the transaction of something else, e.g. of an opinion. The draft is held: see [`hold_draft`].
pub async fn write_answers(tx: &mut Tx, clock: &Clock, account: AccountId, draft: DraftId, answers: &[Answer]) -> Result<()> {
    let round = newest_round_in(tx, draft).await?.ok_or_else(|| Error::not_found("正在征求意见的草案"))?;
    // The one documented instant, as for opinions: the clock inside the transaction that writes.
    let now = clock.now();
    if round.phase(now) != Phase::Open {
        return Err(Error::new(Code::NotOpen, "现在不在征求意见的期限内，不能回答或者修改回答。"));
    }
    let shapes: Vec<(Uuid, String, i64)> = on_tx!(tx, c => sqlx::query_as(SHAPES).bind(round.id).fetch_all(c).await).map_err(failed)?;
    let invalid = |message: &str| Error::invalid("answers", message);
    if answers.len() > MOST_QUESTIONS {
        return Err(invalid("回答的数量超过问题的数量。"));
    }
    for answer in answers {
        let (kind, options) = shapes
            .iter()
            .find(|(id, ..)| *id == answer.question)
            .map(|(_, kind, options)| (kind, *options))
            .ok_or_else(|| invalid("本轮征求意见没有这个问题，请刷新页面后重新回答。"))?;
        let kind = QuestionKind::stored(kind)?;
        let body: String = answer.body.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
        let mut choices = answer.choices.clone();
        choices.sort_unstable();
        choices.dedup();
        if choices.iter().any(|choice| !(1..=options).contains(choice)) || (kind == QuestionKind::Single && choices.len() > 1) {
            return Err(invalid("选择的选项不符合题目要求，请重新选择。"));
        }
        if body.chars().count() > ANSWER_CHARACTERS || (kind != QuestionKind::Text && !body.is_empty()) {
            return Err(invalid("问答题请用文字回答，不超过 2000 个字；选择题请只选择选项。"));
        }
        on_tx!(tx, c => sqlx::query(DROP_CHOICES).bind(answer.question).bind(account).execute(c).await.map(drop)).map_err(failed)?;
        if body.is_empty() && choices.is_empty() {
            on_tx!(tx, c => sqlx::query(DROP_ANSWER).bind(answer.question).bind(account).execute(c).await.map(drop)).map_err(failed)?;
            continue;
        }
        on_tx!(tx, c => sqlx::query(PUT_ANSWER).bind(answer.question).bind(account).bind(&body).bind(now).execute(c).await.map(drop))
            .map_err(failed)?;
        for choice in choices {
            on_tx!(tx, c => sqlx::query(INSERT_CHOICE).bind(answer.question).bind(account).bind(choice).execute(c).await.map(drop))
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// What a person answered to the questions of a round.
pub async fn list_own_answers(db: &Db, account: AccountId, round: ConsultationId) -> Result<Vec<Answer>> {
    let bodies: Vec<(Uuid, String)> =
        on_db!(db, pool => sqlx::query_as(LIST_OWN).bind(account).bind(round).fetch_all(pool).await).map_err(failed)?;
    let chosen: Vec<(Uuid, i64)> =
        on_db!(db, pool => sqlx::query_as(LIST_OWN_CHOICES).bind(account).bind(round).fetch_all(pool).await).map_err(failed)?;
    let choices = |question: Uuid| chosen.iter().filter(|(id, _)| *id == question).map(|(_, number)| *number).collect();
    Ok(bodies.into_iter().map(|(question, body)| Answer { question, body, choices: choices(question) }).collect())
}

/// Whether a viewer may see the counts of a round: staff always, everybody when the round says so.
pub fn may_see_counts(viewer: Viewer<'_>, round: &Consultation) -> bool {
    round.shows_answers || matches!(viewer, Viewer::Public(Some(caller)) if caller.may(Permission::ReadOpinions))
}

/// How often each question of a round was answered; [`Code::NotFound`] when the viewer may not see it.
pub async fn count_answers(db: &Db, viewer: Viewer<'_>, round: &Consultation) -> Result<Vec<QuestionCount>> {
    if !may_see_counts(viewer, round) {
        return Err(Error::not_found("公开的回答统计"));
    }
    let persons: Vec<(Uuid, i64)> = on_db!(db, pool => sqlx::query_as(COUNT).bind(round.id).fetch_all(pool).await).map_err(failed)?;
    let chosen: Vec<(Uuid, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_OPTIONS).bind(round.id).fetch_all(pool).await).map_err(failed)?;
    let options = |question: Uuid| chosen.iter().filter(|(id, _)| *id == question).map(|(_, n)| *n).collect();
    Ok(persons.into_iter().map(|(question, persons)| QuestionCount { question, persons, options: options(question) }).collect())
}

/// Answers in own words to a question of a draft, the earliest first; for staff.
pub async fn list_written_answers(
    db: &Db,
    caller: &Caller,
    draft: &Draft,
    question: Uuid,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<WrittenAnswer>> {
    caller.require(Permission::ReadOpinions)?;
    let after: Option<(DateTime<Utc>, AccountId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<WrittenAnswer> = on_db!(db, pool => sqlx::query_as(LIST_WRITTEN)
        .bind(question).bind(draft.id).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| (row.answered_at, row.account_id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: QuestionKind, wording: &str, options: &[&str]) -> NewQuestion {
        NewQuestion { kind, wording: wording.into(), options: options.iter().map(|o| (*o).into()).collect() }
    }

    #[test]
    fn questions_have_the_form_of_their_kind() {
        use QuestionKind::*;
        let good = vec![question(Text, " 还有什么建议？ ", &[]), question(Single, "是否赞成？", &["赞成", "不赞成"])];
        assert_eq!(checked(good).unwrap()[0].wording, "还有什么建议？");
        for bad in [
            question(Text, " ", &[]),
            question(Text, "一\n二", &[]),
            question(Text, "问？", &["选项"]),
            question(Single, "问？", &["一个"]),
            question(Single, "问？", &["甲", " 甲 "]),
            question(Multiple, "问？", &["甲", ""]),
            question(Multiple, "问？", &[]),
            question(Text, &"长".repeat(501), &[]),
        ] {
            let error = checked(vec![bad.clone()]).unwrap_err();
            assert_eq!(error.fields.first().map(|f| f.field.as_str()), Some("questions"), "{bad:?}");
        }
        assert!(checked(vec![question(Text, "问？", &[]); MOST_QUESTIONS]).is_ok());
        assert!(checked(vec![question(Text, "问？", &[]); MOST_QUESTIONS + 1]).is_err());
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        assert!(checked(vec![NewQuestion { kind: Multiple, wording: "问？".into(), options: many }]).is_err());
    }
}
