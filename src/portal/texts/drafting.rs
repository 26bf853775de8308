//! Words of the pages on which staff prepare a draft, as far as they are chosen in code.

use crate::corpus::classification::Validity;
use crate::drafts::corrections::CorrectionAct;
use crate::drafts::legal_bases::Rank;

/// A version, in "没有找到…".
pub const THIS_DRAFT_VERSION: &str = "这个稿次";
/// An attachment, in "没有找到…".
pub const THIS_ATTACHMENT: &str = "这个附件";
/// What an empty new version says.
pub const NO_TEXT: &str = "请选择文件，或者粘贴草案全文。";
/// What an upload over its limit says.
pub const FILE_TOO_LARGE: &str = "文件太大，请压缩图片或者拆分后再上传。";
/// What a search for nothing says.
pub const NO_CITATION: &str = "请写出依据，例如“立法法第八十二条”，或者写几个关键词。";
/// The draft as a whole, as the place of a basis.
pub const WHOLE_DRAFT: &str = "整个草案";
/// What an upload without a file says.
pub const NO_FILE: &str = "请先选择文件。";

/// One provision continues as one, at the same place in the order; kept or changed can be seen.
pub const ONE_AS_ONE: &str = "一条对一条，次序不变";
/// A pair that is no pair.
pub const NO_PAIR: &str = "请选择两个稿次，原稿要早于新稿。";
/// No kind was chosen.
pub const CHOOSE_KIND: &str = "请选择实际情况。";
/// A correction of a lineage, in "没有找到…".
pub const THIS_LINEAGE_CORRECTION: &str = "这次更正";

/// How a document ranks beside the draft, where it is not higher.
pub fn rank(rank: Rank) -> Option<&'static str> {
    match rank {
        Rank::Higher => None,
        Rank::Beside => Some("不一定是上位法，请核实"),
        Rank::Same => Some("与本草案同级，不是上位法"),
        Rank::Lower => Some("位阶低于本草案，不是上位法"),
    }
}

/// Why a document should not be named as a basis; empty for one that may be.
pub fn no_basis(validity: Validity) -> &'static str {
    match validity {
        Validity::Repealed => "这份文件已废止，一般不能再作为依据。确需引用的，请先核实。",
        Validity::Lapsed => "这份文件已失效，一般不能再作为依据。确需引用的，请先核实。",
        Validity::Amended => "法规库里没有这份文件修改后的文本，请先核实现行条文。",
        Validity::NotYetInForce => "这份文件尚未施行，请核实施行日期。",
        Validity::InForce | Validity::AmendingDecision | Validity::Unknown => "",
    }
}

/// How alike two provisions are, in thousandths; the same words need no number.
pub fn similarity(thousandths: u16) -> String {
    match thousandths {
        0 | 1000 => String::new(),
        n => format!("相似度 {}%", n / 10),
    }
}

/// A provision that a text does not have.
pub fn no_provision(side: &str, label: &str) -> String {
    format!("{side}里没有“{label}”，请核对条号。")
}

/// What a person said of a lineage.
pub fn relation(kind: &str, old: &[String], new: &[String]) -> String {
    let list = |labels: &[String]| labels.join("、");
    match (old.is_empty(), new.is_empty()) {
        (false, false) => format!("{kind}：{} → {}", list(old), list(new)),
        (false, true) => format!("{kind}：{}", list(old)),
        _ => format!("{kind}：{}", list(new)),
    }
}

/// 第几稿
pub fn version(number: i64) -> String {
    format!("第 {number} 稿")
}

/// Articles and lines of a text.
pub fn size(articles: i64, lines: usize) -> String {
    format!("{articles} 条，{lines} 行")
}

/// What was just done to a line.
pub fn done(act: CorrectionAct, line: usize) -> String {
    match act {
        CorrectionAct::Accept => format!("第 {line} 行已核对。"),
        CorrectionAct::Remove => format!("已删除第 {line} 行。"),
        CorrectionAct::Insert => format!("已插入第 {line} 行。"),
        CorrectionAct::Join => format!("已并入第 {line} 行。"),
        CorrectionAct::Split => format!("第 {line} 行已拆分。"),
        CorrectionAct::Edit => format!("第 {line} 行已保存。"),
        CorrectionAct::Undo => "已撤销上一步改动。".into(),
    }
}

/// A correction in the history.
pub fn past(act: CorrectionAct, line: i64, undoes: Option<i64>) -> String {
    match undoes {
        Some(revision) => format!("{}第 {revision} 次改动", act.label()),
        None => format!("{}（第 {line} 行）", act.label()),
    }
}

/// A line became a line of another kind.
pub fn retyped(line: i64) -> String {
    format!("改类别（第 {line} 行）")
}

/// Kind and size of a file.
pub fn file(media_type: &str, bytes: i64) -> String {
    let kind = match media_type {
        "application/pdf" => "PDF",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "Word 文档",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "Excel 表格",
        t if t.starts_with("image/") => "图片",
        _ => "文件",
    };
    let bytes = bytes.max(0);
    match bytes {
        0..=1_023 => format!("{kind}，{bytes} 字节"),
        1_024..=1_048_575 => format!("{kind}，{} KB", (bytes + 1_023) / 1_024),
        _ => format!("{kind}，{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}
