//! What the parser is not sure of, numbered so that staff can look for a kind and a report can count it.
//!
//! To add one: a variant with the next free number, its line in `TABLE`, and a case in the tests.

use serde::{Deserialize, Serialize};

macro_rules! diagnostics {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// 诊断: a kind of doubt about a text. The code is stable; the message is Chinese, for staff.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum DiagnosticCode {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl DiagnosticCode {
            /// Every code, in order.
            pub const ALL: &[DiagnosticCode] = &[$(Self::$name),*];

            /// The stable number, `D01` and so on.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What it says to staff, in Chinese.
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

diagnostics! {
    /// A number used twice in one series.
    RepeatedNumber = "D01", "编号重复";
    /// A series jumps over numbers, or does not begin at one.
    MissingNumber = "D02", "编号缺失";
    /// A number smaller than the one before it.
    OutOfOrder = "D03", "编号次序颠倒";
    /// 笫 for 第, a dash for 一, a doubled 条, a missing 第 or 条.
    OddNumber = "D04", "编号写法异常";
    /// An article began in the middle of a line and was given its own place.
    RunOnArticle = "D05", "条文连排，已拆分";
    /// Something like an article heading in the middle of a line that was left there.
    HeadingInParagraph = "D06", "段落中疑似条文标题，未拆分";
    /// A heading continued on the next line.
    WrappedHeading = "D07", "标题折行，已合并";
    /// A sentence continued on the next line.
    WrappedLine = "D08", "正文折行，已合并";
    /// A line that begins with 第…条 or 第…章 and was taken for a reference.
    ReferenceAtLineStart = "D09", "行首“第…条（章、节）”按引用处理，未作标题";
    /// A heading of another document, quoted here.
    QuotedHeading = "D10", "引述其他文件的条、章标题，按正文处理";
    /// A quotation mark without its partner.
    UnclosedQuote = "D11", "引号未闭合";
    /// A character of a private-use area: something was lost in an earlier conversion.
    PrivateUse = "D12", "含私用区字符，原字可能丢失";
    /// An article with a number and no words.
    EmptyArticle = "D13", "条文无内容";
    /// A title without a body.
    EmptyBody = "D14", "正文为空";
    /// Numbering begins again at one outside an attachment.
    RestartedNumbering = "D15", "条号重新起算";
    /// Items do not follow one another.
    ItemNumber = "D16", "项、目编号不连续";
    /// A heading without a number, or whose number was lost.
    UnnumberedHeading = "D17", "标题无编号";
    /// Words under a chapter and outside any article.
    TextOutsideArticles = "D18", "条文之外的文字";
    /// A list of chapters at the top that does not call itself 目录.
    UntitledContents = "D19", "目录未标明";
    /// No line could be taken for the title.
    NoTitle = "D20", "未识别出标题";
    /// The replacement character: bytes were lost when the text was decoded.
    ReplacementCharacter = "D21", "含替换字符，原字已丢失";
    /// Several items stood on one line and were given their own places.
    RunOnItems = "D22", "各项连排，已拆分";
    /// The title stands twice.
    RepeatedTitle = "D23", "标题重复出现";
}

/// One doubt, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The kind of doubt.
    pub code: DiagnosticCode,
    /// Line of the input, from 1.
    pub line: u32,
    /// What exactly, in Chinese; never longer than a short line.
    pub detail: String,
}

/// The first characters of a line, for a detail.
pub(super) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(30).collect();
    if text.chars().nth(30).is_some() {
        short.push('…');
    }
    short
}
