//! Through which contact point somebody came to a draft: the address on its poster names the point, and an opinion of this visit carries it.

use poem::web::cookie::CookieJar;
use serde::Deserialize;

use crate::app::App;
use crate::contact_points;
use crate::error::Result;
use crate::portal::visits::cookie;

/// Cookie with the code of the point. It ends with the visit, and holds nothing about the person.
const POINT_COOKIE: &str = "zhitong_point";
/// Longest code.
const CODE_BYTES: usize = 100;

/// What the address says.
#[derive(Deserialize)]
pub struct Arrival {
    /// Code of a point; empty for everybody who came another way.
    #[serde(default)]
    pub point: String,
}

/// Remembers the point for this visit; a code that names none is forgotten at once.
pub async fn remember(app: &App, cookies: &CookieJar, code: &str) -> Result<()> {
    if is_code(code) && contact_points::find_point_by_code(&app.db, code).await?.is_some() {
        cookies.add(cookie(app, POINT_COOKIE, &crate::portal::links::encode(code), None));
    }
    Ok(())
}

/// Code of the point through which this visit came.
pub async fn point_of(app: &App, cookies: &CookieJar) -> Result<Option<String>> {
    let Some(code) = cookies.get(POINT_COOKIE).and_then(|c| decoded(c.value_str())).filter(|code| is_code(code)) else { return Ok(None) };
    let point = contact_points::find_point_by_code(&app.db, &code).await?;
    Ok(point.map(|_| code))
}

fn is_code(code: &str) -> bool {
    !code.is_empty() && code.len() <= CODE_BYTES && !code.contains(char::is_control)
}

/// Percent-decodes a value that [`remember`] wrote.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_cookie() {
        for code in ["donghu", "东湖-1", "a%b c"] {
            assert_eq!(decoded(&crate::portal::links::encode(code)).as_deref(), Some(code));
        }
        for bad in ["%", "%G0", "%E4"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
