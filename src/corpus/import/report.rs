//! 导入报告: one row a file, counts, and progress while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 新文件
    New,
    /// 新版本 of a known work.
    NewVersion,
    /// 已更正: the version was there with other content.
    Corrected,
    /// 无变化
    Unchanged,
    /// 已合并: part of a text that has its own row.
    Merged,
    /// 已跳过: no legal text and no fault.
    Skipped,
    /// 有问题: not imported; the reason says why.
    Problem,
}

impl Outcome {
    /// Every outcome, in the order of a summary.
    pub const ALL: [Outcome; 7] =
        [Outcome::New, Outcome::NewVersion, Outcome::Corrected, Outcome::Unchanged, Outcome::Merged, Outcome::Skipped, Outcome::Problem];

    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::New => "new",
            Outcome::NewVersion => "new_version",
            Outcome::Corrected => "corrected",
            Outcome::Unchanged => "unchanged",
            Outcome::Merged => "merged",
            Outcome::Skipped => "skipped",
            Outcome::Problem => "problem",
        }
    }

    /// What a page shows.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::New => "新文件",
            Outcome::NewVersion => "新版本",
            Outcome::Corrected => "已更正",
            Outcome::Unchanged => "无变化",
            Outcome::Merged => "已合并",
            Outcome::Skipped => "已跳过",
            Outcome::Problem => "有问题",
        }
    }

    /// Whether data was written, or in a dry run would be.
    pub fn is_change(self) -> bool {
        matches!(self, Outcome::New | Outcome::NewVersion | Outcome::Corrected)
    }
}

/// What was read about a document beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Particulars {
    /// 制定机关; empty when none was recognised.
    pub organ: String,
    /// 发文字号, as printed; empty when there is none.
    pub document_number: String,
    /// 通过日期
    pub adopted_on: Option<NaiveDate>,
    /// 公布日期
    pub promulgated_on: Option<NaiveDate>,
    /// 施行日期
    pub effective_on: Option<NaiveDate>,
    /// 废止 or 失效 date.
    pub repealed_on: Option<NaiveDate>,
}

/// One file of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// File, path below the input, or `file:line`.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Title of the document; empty when none was recognised.
    pub title: String,
    /// The day by which the version is known.
    pub dated_on: Option<NaiveDate>,
    /// What else was read about it; `None` without a document, and in reports of editions that did not keep it.
    #[serde(default)]
    pub particulars: Option<Particulars>,
    /// Number of 条.
    pub articles: u64,
    /// Why, for a problem or a skipped file; else empty.
    pub reason: String,
    /// What a person should know about the reading.
    pub notices: Vec<String>,
}

impl Row {
    /// A row without a document.
    pub fn without_document(name: String, outcome: Outcome, reason: impl Into<String>) -> Row {
        let (title, reason) = (String::new(), reason.into());
        Row { name, outcome, title, dated_on: None, particulars: None, articles: 0, reason, notices: Vec::new() }
    }
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether nothing was written on purpose.
    pub is_dry_run: bool,
    /// Number of rows by outcome.
    pub counts: BTreeMap<Outcome, u64>,
    /// Number of 条 in the documents read.
    pub articles: u64,
    /// Number of diagnostics of the structure parser by code.
    pub diagnostics: BTreeMap<String, u64>,
    /// Size of the input in bytes.
    pub bytes: u64,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
    /// The rows, in the order of the input.
    pub rows: Vec<Row>,
}

impl Report {
    /// Number of rows with an outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.counts.get(&outcome).copied().unwrap_or(0)
    }

    /// Number of rows that changed data.
    pub fn changes(&self) -> u64 {
        Outcome::ALL.into_iter().filter(|outcome| outcome.is_change()).map(|outcome| self.count(outcome)).sum()
    }

    /// Number of documents that were read.
    pub fn documents(&self) -> u64 {
        self.changes() + self.count(Outcome::Unchanged)
    }

    pub(super) fn add(&mut self, row: Row) {
        *self.counts.entry(row.outcome).or_default() += 1;
        self.articles += row.articles;
        self.rows.push(row);
    }

    /// The summary for a terminal, in Chinese, one fact a line.
    pub fn summary(&self) -> String {
        let seconds = self.elapsed_ms as f64 / 1000.0;
        let counts: Vec<String> = Outcome::ALL.into_iter().map(|outcome| format!("{} {}", outcome.label(), self.count(outcome))).collect();
        let diagnostics: Vec<String> = self.diagnostics.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let mut lines = vec![
            format!(
                "{}{} 份文件，{} 条，用时 {seconds:.1} 秒。",
                if self.is_dry_run { "试运行，没有写入：" } else { "" },
                self.documents(),
                self.articles
            ),
            counts.join("，"),
        ];
        if !diagnostics.is_empty() {
            lines.push(format!("结构诊断：{}", diagnostics.join("，")));
        }
        lines.join("\n")
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows so far.
    pub done: u64,
    /// Input worked through, in bytes.
    pub done_bytes: u64,
    /// Whole input, in bytes.
    pub total_bytes: u64,
    /// Time since the start.
    pub elapsed: Duration,
}

impl Progress {
    /// Rows a second.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.done as f64 / seconds } else { 0.0 }
    }

    /// Estimated time left, by bytes; `None` before there is anything to go by.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.total_bytes.checked_sub(self.done_bytes)?;
        (self.done_bytes > 0).then(|| self.elapsed.mul_f64(left as f64 / self.done_bytes as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_an_edition_without_particulars_is_still_read() {
        let stored = r#"{"name":"办法.md","outcome":"new","title":"办法","dated_on":null,"articles":2,"reason":"","notices":[]}"#;
        let row: Row = serde_json::from_str(stored).unwrap();
        assert_eq!((row.articles, row.particulars), (2, None));
        let stored = r#"{"name":"办法.md","outcome":"new","title":"办法","dated_on":null,"particulars":{"organ":"某市人民政府"},"articles":2,"reason":"","notices":[]}"#;
        let row: Row = serde_json::from_str(stored).unwrap();
        assert_eq!(row.particulars, Some(Particulars { organ: "某市人民政府".into(), ..Particulars::default() }));
    }

    #[test]
    fn counts_and_time_left() {
        let mut report = Report::default();
        report.add(Row::without_document("甲".into(), Outcome::Problem, "坏了。"));
        report.add(Row { articles: 3, ..Row::without_document("乙".into(), Outcome::New, "") });
        report.add(Row::without_document("丙".into(), Outcome::Unchanged, ""));
        assert_eq!((report.changes(), report.documents(), report.articles), (1, 2, 3));
        assert!(report.summary().contains("有问题 1"));
        let progress = Progress { done: 10, done_bytes: 100, total_bytes: 400, elapsed: Duration::from_secs(5) };
        assert_eq!((progress.rate(), progress.remaining()), (2.0, Some(Duration::from_secs(15))));
        assert_eq!(Progress::default().remaining(), None);
    }
}
