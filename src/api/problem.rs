//! The one error body: `application/problem+json` (RFC 9457), for every failure of the API.
//!
//! A 5xx is logged here, once, with its causes, unless it was counted instead; the client sees the code and the request id, never an internal name.

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};

use super::mistakes::{self, Mistake};
use crate::error::{Code, Error, FieldError};
pub use crate::telemetry::REQUEST_ID;

/// Media type of the body.
pub const MEDIA_TYPE: &str = "application/problem+json; charset=utf-8";

/// Seconds until another try where the failure does not say.
const DEFAULT_RETRY_S: u64 = 30;

/// One field of the input and what is wrong with it.
#[derive(Clone, Debug, Object)]
pub struct ProblemField {
    /// Name of the field as it was sent.
    pub field: String,
    /// What to do about it, in Chinese.
    pub message: String,
}

/// A failure (RFC 9457).
#[derive(Clone, Debug, Object)]
pub struct ProblemBody {
    /// `urn:zhitong:problem:` and the stable code.
    #[oai(rename = "type")]
    pub kind: String,
    /// Short title, the same for every occurrence.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// One sentence that says what to do.
    pub detail: String,
    /// Stable code.
    pub code: String,
    /// Id of the request, to quote when asking for help.
    pub request_id: String,
    /// Problems of single fields.
    #[oai(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<ProblemField>,
}

/// The failure side of every operation.
#[derive(Debug)]
pub struct Problem(pub Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem(error)
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        poem::Error::from_response(problem.into_response())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = self.0;
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let request_id = REQUEST_ID.try_with(String::clone).unwrap_or_default();
        if status.is_server_error() && !error.is_counted {
            tracing::error!(request_id, error = error.code.slug(), cause = error.cause_chain(), "a request failed: {}", error.detail);
        }
        let is_temporary = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        let retry_after_s = error.retry_after_s.or(is_temporary.then_some(DEFAULT_RETRY_S));
        let body = ProblemBody {
            kind: format!("urn:zhitong:problem:{}", error.code.slug()),
            title: error.code.title().into(),
            status: status.as_u16(),
            detail: error.detail,
            code: error.code.slug().into(),
            request_id,
            fields: error.fields.into_iter().map(|f| ProblemField { field: f.field, message: f.message }).collect(),
        };
        let text = poem_openapi::types::ToJSON::to_json_string(&body);
        let mut response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            .body(text);
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        response
    }
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Any failure: a problem body that says what happened and what to do",
                status: None,
                status_range: None,
                content: vec![MetaMediaType { content_type: "application/problem+json; charset=utf-8", schema: ProblemBody::schema_ref() }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

/// Turns what the framework refuses (unknown route, malformed body, failed validator) into the same body.
pub fn from_framework(error: poem::Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let status = error.status();
    let problem = if let Some(e) = error.downcast_ref::<poem_openapi::error::ParseParamError>() {
        Error::invalid(e.name, mistakes::in_parameter(e.name, &e.reason))
    } else if error.downcast_ref::<poem_openapi::error::ParsePathError>().is_some() {
        // The framework names the parameter `param0`.
        Error::invalid("path", "地址中的编号无法识别，请核对后重试。")
    } else if let Some(e) = error.downcast_ref::<poem_openapi::error::ParseRequestPayloadError>() {
        let Mistake { field, sentence } = mistakes::in_body(&e.reason);
        let mut problem = Error::new(Code::Malformed, sentence.clone());
        problem.fields.extend(field.map(|field| FieldError { field, message: sentence }));
        problem
    } else if error.downcast_ref::<poem_openapi::error::ParseMultipartError>().is_some() {
        Error::new(Code::Malformed, "上传的表单无法读取，请检查是否缺少文件或字段。")
    } else if error.downcast_ref::<poem_openapi::error::ContentTypeError>().is_some() {
        Error::new(Code::UnsupportedMedia, "请用接口说明中的内容类型（Content-Type）提交。")
    } else {
        match status {
            StatusCode::NOT_FOUND => Error::new(Code::NotFound, "没有这个地址，请核对接口说明。"),
            StatusCode::METHOD_NOT_ALLOWED => Error::new(Code::MethodNotAllowed, "这个地址不支持该操作方式，请核对接口说明。"),
            StatusCode::UNAUTHORIZED => Error::new(Code::LoginRequired, "请先登录，再进行这项操作。"),
            StatusCode::FORBIDDEN => Error::new(Code::Forbidden, "您的账号没有这项操作的权限。"),
            StatusCode::PAYLOAD_TOO_LARGE => Error::new(Code::TooLarge, "提交的内容过大，请压缩或分次提交。"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Error::new(Code::UnsupportedMedia, "请用接口说明中的内容类型（Content-Type）提交。"),
            s if s.is_client_error() => Error::new(Code::Malformed, "请求无法识别，请核对接口说明。"),
            _ => Error::internal("the framework refused a request", error.to_string()),
        }
    };
    Problem(problem).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_says_when() {
        let after =
            |error: Error| Problem(error).into_response().headers().get(header::RETRY_AFTER).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(after(Error::full()).as_deref(), Some("60"));
        assert_eq!(after(Error::new(Code::Unavailable, "请稍后再试。").retry_after(2)).as_deref(), Some("2"));
        assert_eq!(after(Error::new(Code::TooMany, "请稍后再试。")).as_deref(), Some("30"));
        assert_eq!(after(Error::not_found("意见")), None);
    }
}
