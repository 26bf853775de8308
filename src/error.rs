//! One error for the whole product, built from one table of codes.
//!
//! To add a failure a caller can tell apart, add a line to the table below; its slug is part of the API and never changes.
//! Absence is `Option`, not an error. Anything from a library becomes [`Code::Internal`] with its source kept for the log.

use std::error::Error as StdError;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)+) => {
        /// What went wrong, as the API names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            /// Every code, for the reference page and for tests.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// Stable machine name, the last part of the problem's `type`.
            pub fn slug(self) -> &'static str { match self { $(Code::$name => $slug),+ } }

            /// HTTP status of the failure.
            pub fn status(self) -> u16 { match self { $(Code::$name => $status),+ } }

            /// Short title in Chinese, the same for every occurrence.
            pub fn title(self) -> &'static str { match self { $(Code::$name => $title),+ } }
        }
    };
}

codes! {
    /// A value in the request does not satisfy its rule; `fields` says which.
    Invalid = "invalid", 400, "填写的内容不符合要求";
    /// The request cannot be read at all (malformed JSON, wrong type, bad path).
    Malformed = "malformed", 400, "请求无法识别";
    /// No valid login came with the request.
    LoginRequired = "login-required", 401, "请先登录";
    /// Name, password or code is wrong.
    LoginFailed = "login-failed", 401, "登录未成功";
    /// The caller is known and may not do this.
    Forbidden = "forbidden", 403, "没有权限";
    /// The person must first accept the privacy notice, state their age, or bring a guardian's consent.
    ConsentRequired = "consent-required", 403, "需要先作说明";
    /// The thing does not exist, or the caller may not know that it does.
    NotFound = "not-found", 404, "没有找到";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", 405, "不支持这种操作方式";
    /// The state of the thing does not allow the act.
    Conflict = "conflict", 409, "当前状态下不能这样操作";
    /// The same idempotency key came with another content.
    KeyReused = "idempotency-key-reused", 409, "重复提交标识已用于其他内容";
    /// The consultation does not take opinions at this instant.
    NotOpen = "consultation-not-open", 409, "现在不接收意见";
    /// The body of the request did not arrive in time.
    TooSlow = "too-slow", 408, "内容传输过慢";
    /// Body or file over its limit.
    TooLarge = "too-large", 413, "内容过大";
    /// A body of a kind this operation does not read.
    UnsupportedMedia = "unsupported-media", 415, "不支持的内容类型";
    /// A file that cannot be read as what it claims to be, or must not be read.
    UnreadableFile = "unreadable-file", 422, "文件无法读取";
    /// Over a rate limit.
    TooMany = "too-many-requests", 429, "操作过于频繁";
    /// An engine (database, cache, files, index) does not answer.
    Unavailable = "unavailable", 503, "服务暂时不可用";
    /// The disk of the database or of the files has no room left.
    Full = "storage-full", 507, "存储空间不足";
    /// A service of another operator (WeChat) failed.
    Upstream = "upstream", 502, "外部服务没有正常响应";
    /// A configuration or start-up problem; never sent to a client.
    Startup = "startup", 500, "无法启动";
    /// A defect of ours, or a failure nobody foresaw.
    Internal = "internal", 500, "系统内部错误";
}

/// One field of the input and what is wrong with it, in Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field as the caller sent it.
    pub field: String,
    /// What to do about it.
    pub message: String,
}

/// A failure: a code, one sentence for the person, optionally fields, and the source for the log.
pub struct Error {
    /// Which failure.
    pub code: Code,
    /// One sentence in Chinese that says what to do.
    pub detail: String,
    /// Problems of single fields.
    pub fields: Vec<FieldError>,
    /// Seconds after which another try may succeed, where they are known.
    pub retry_after_s: Option<u64>,
    /// Whether it was counted where it was made, so that it is not logged by itself: there may be thousands of the kind in a second.
    pub is_counted: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Result with the product's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure with its sentence for the person.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Error { code, detail: detail.into(), fields: Vec::new(), retry_after_s: None, is_counted: false, source: None }
    }

    /// A value that does not satisfy its rule.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Error { detail: message.clone(), fields: vec![FieldError { field, message }], ..Error::new(Code::Invalid, "") }
    }

    /// Absence of a named thing, as one sentence.
    pub fn not_found(what: &str) -> Self {
        Error::new(Code::NotFound, format!("没有找到{what}，可能已被移除，或者地址有误。"))
    }

    /// A failure nobody foresaw; `context` is English, for the log only.
    pub fn internal(context: impl fmt::Display, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error {
            source: Some(Box::new(Context { context: context.to_string(), source: source.into() })),
            ..Error::new(Code::Internal, "系统出现错误，请稍后再试；如果仍然不行，请把请求编号告诉我们。")
        }
    }

    /// A defect found by our own check; `context` is English, for the log only.
    pub fn defect(context: impl fmt::Display) -> Self {
        Error::internal("defect", context.to_string())
    }

    /// No room to write.
    pub fn full() -> Self {
        Error::new(Code::Full, "服务器存储空间已满，暂时不能保存；您填写的内容请先留存，稍后再试。").retry_after(60)
    }

    /// A start-up failure: one sentence, printed as it stands.
    pub fn startup(sentence: impl Into<String>) -> Self {
        Error::new(Code::Startup, sentence)
    }

    /// Says after how many seconds another try may succeed.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Says that it was counted where it was made, and need not be logged by itself.
    pub fn counted(mut self) -> Self {
        self.is_counted = true;
        self
    }

    /// Attaches the cause, for the log.
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The chain of causes as one line, for the log; never for a client.
    pub fn cause_chain(&self) -> String {
        let mut chain = String::new();
        let mut next: Option<&(dyn StdError + 'static)> = self.source.as_deref().map(|s| s as &(dyn StdError + 'static));
        while let Some(cause) = next {
            if !chain.is_empty() {
                chain.push_str(": ");
            }
            chain.push_str(&cause.to_string());
            next = cause.source();
        }
        chain
    }
}

#[derive(Debug)]
struct Context {
    context: String,
    source: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl StdError for Context {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.slug(), self.detail)?;
        if self.source.is_some() {
            write!(f, " ({})", self.cause_chain())?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        if is_full(&source) {
            return Error::full().caused_by(source);
        }
        Error::internal("input or output failed", source)
    }
}

/// Whether something could not be written because there is no room.
pub fn is_full(failure: &std::io::Error) -> bool {
    matches!(failure.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn slugs_are_distinct_and_statuses_are_failures() {
        let slugs: HashSet<_> = Code::ALL.iter().map(|c| c.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|c| (400..600).contains(&c.status()) && !c.title().is_empty()));
    }

    #[test]
    fn the_client_sentence_never_carries_the_cause() {
        let error = Error::internal("reading the row failed", "secret column");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(error.cause_chain(), "reading the row failed: secret column");
    }
}
