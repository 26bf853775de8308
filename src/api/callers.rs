//! Extractors that prove who is calling: the permission check of an operation *is* the type of its argument.
//!
//! [`SignedIn`] needs a valid bearer token; [`Anyone`] takes one when it is sent, and refuses a wrong one rather than going on as anonymous.
//! Which right is needed is asked with [`crate::accounts::Caller::require`], the only permission table.

use poem::web::headers::authorization::Bearer as BearerHeader;
use poem::web::headers::{Authorization, HeaderMapExt};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use super::problem::Problem;
use crate::accounts::{Caller, Permission, sessions};
use crate::app::App;
use crate::error::{Code, Error, Result};

/// Somebody with a valid session.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "opaque", rename = "Session", checker = "find_caller")]
pub struct SignedIn(Caller);

async fn find_caller(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    let app = app_of(request)?;
    Ok(known(app, &bearer.token).await.map_err(Problem)?)
}

impl SignedIn {
    /// The caller, once the right to a permission is proved.
    pub fn with(self, permission: Permission) -> Result<Caller> {
        self.0.require(permission)?;
        Ok(self.0)
    }

    /// The caller, for acts that every signed-in person may do to what is theirs.
    pub fn caller(self) -> Caller {
        self.0
    }
}

/// Anybody: a caller when a session was sent with the request, `None` without one.
pub struct Anyone(pub Option<Caller>);

impl<'a> FromRequest<'a> for Anyone {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        match token_of(request)? {
            None => Ok(Anyone(None)),
            Some(token) => Ok(Anyone(Some(known(app_of(request)?, &token).await.map_err(Problem)?))),
        }
    }
}

/// The bearer token of a request; `None` when no `Authorization` was sent.
pub fn token_of(request: &Request) -> poem::Result<Option<String>> {
    if !request.headers().contains_key(poem::http::header::AUTHORIZATION) {
        return Ok(None);
    }
    match request.headers().typed_get::<Authorization<BearerHeader>>() {
        Some(header) => Ok(Some(header.token().to_owned())),
        None => Err(Problem(refused()).into()),
    }
}

/// The token of a session that was accepted.
pub fn own_token(request: &Request) -> Result<String> {
    let token = token_of(request).map_err(|e| Error::internal("the token of a session that was accepted is gone", e.to_string()))?;
    token.ok_or_else(|| Error::defect("a session was accepted without a token"))
}

async fn known(app: &App, token: &str) -> Result<Caller> {
    sessions::find_caller(&app.db, &app.clock, token).await?.ok_or_else(refused)
}

fn refused() -> Error {
    Error::new(Code::LoginRequired, "登录已失效或不正确，请重新登录。")
}

fn app_of(request: &Request) -> poem::Result<&App> {
    request.data::<App>().ok_or_else(|| Problem(Error::defect("the application is not attached to the request")).into())
}
