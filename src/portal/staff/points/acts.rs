//! The small forms on the page of a point: each leads back to it, with what was done or with the form as it was filled in.

use std::collections::HashMap;

use chrono::NaiveDate;
use poem::handler;
use poem::web::{Form, Path};
use uuid::Uuid;

use super::showing::{Told, page};
use super::{path_of, point_id};
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::contact_points::persons::{self, NewPerson};
use crate::contact_points::{Coordinates, NewStation, invitations, managing, terms};
use crate::error::{Error, Result};
use crate::ids::{ContactPointId, InvitationId, PersonId, StationId};
use crate::portal::pages::forms::Refused;
use crate::portal::staff::login::{is_told, status_of};
use crate::portal::texts::points as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// What a form sends.
pub type Values = HashMap<String, String>;

/// A value; empty when it was not sent.
pub fn get<'a>(values: &'a Values, name: &str) -> &'a str {
    values.get(name).map_or("", String::as_str)
}

/// The revision that a form was made from.
pub fn revision(values: &Values) -> i64 {
    get(values, "revision").parse().unwrap_or(0)
}

/// A day, or none.
pub fn day(values: &Values, name: &str) -> Result<Option<NaiveDate>> {
    match get(values, name) {
        "" => Ok(None),
        text => calendar::parse_day(text).map(Some).ok_or_else(|| Error::invalid(name, words::DAY_FORM)),
    }
}

/// Degrees as people type them: longitude and latitude, with a comma between.
pub fn place(text: &str) -> Result<Option<Coordinates>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = || Error::invalid("coordinates", words::COORDINATES_FORM);
    let (longitude, latitude) = text.split_once([',', '，', ' ']).ok_or_else(wrong)?;
    let micro = |text: &str| -> Option<i64> {
        let (sign, text) = text.trim().strip_prefix('-').map_or((1, text.trim()), |rest| (-1, rest));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > 12 || !is_digits(whole) || !is_digits(part) {
            return None;
        }
        let padded: String = part.chars().chain("000000".chars()).take(6).collect();
        Some(sign * (whole.parse::<i64>().ok()? * 1_000_000 + padded.parse::<i64>().ok()?))
    };
    let (longitude, latitude) = (micro(longitude).ok_or_else(wrong)?, micro(latitude).ok_or_else(wrong)?);
    Ok(Some(Coordinates { longitude_microdegrees: longitude, latitude_microdegrees: latitude }))
}

/// A term of two days, or none.
pub fn term(values: &Values) -> Result<Option<(NaiveDate, NaiveDate)>> {
    match (day(values, "term_begins_on")?, day(values, "term_ends_on")?) {
        (Some(first), Some(last)) => Ok(Some((first, last))),
        (None, None) => Ok(None),
        (None, _) => Err(Error::invalid("term_begins_on", words::TERM_WHOLE)),
        (_, None) => Err(Error::invalid("term_ends_on", words::TERM_WHOLE)),
    }
}

fn station(values: &Values) -> Result<NewStation> {
    Ok(NewStation {
        code: String::new(),
        name: get(values, "name").to_owned(),
        address: get(values, "address").to_owned(),
        opening_hours: get(values, "opening_hours").to_owned(),
        coordinates: place(get(values, "coordinates"))?,
    })
}

fn person(values: &Values) -> NewPerson {
    NewPerson {
        duty: get(values, "duty").to_owned(),
        name: get(values, "name").to_owned(),
        phone: get(values, "phone").to_owned(),
        is_public: get(values, "is_public") == "1",
    }
}

fn part<T: From<Uuid>>(id: &str, what: &str) -> Result<T> {
    id.parse::<Uuid>().map(T::from).map_err(|_| Error::not_found(what))
}

/// Who acts, once the form is known to be ours.
fn admit<'a>(visit: &'a Visit, values: &Values, permission: Permission) -> Result<&'a Caller> {
    let caller = visit.staff(permission)?;
    visit.check_form(get(values, "csrf"))?;
    Ok(caller)
}

/// Back to the page: with what was done, or with the form.
async fn after<T>(visit: &Visit, id: ContactPointId, form: String, values: Values, outcome: Result<T>, done: &str) -> Page {
    match outcome {
        Ok(_) => Ok(see_other(&format!("{}?done={done}", path_of(id)))),
        Err(error) if is_told(&error) => {
            let status = status_of(&error);
            page(visit, id, status, Told { refused: Some(Refused { form, values, error }), ..Told::default() }).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// Another term.
#[handler]
pub async fn renew(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let id = point_id(&id)?;
    let term = term(&values).and_then(|term| term.ok_or_else(|| Error::invalid("term_begins_on", words::TERM_WHOLE)));
    let outcome = match term {
        Ok(term) => terms::renew_point(visit.app.keeping(), caller, id, revision(&values), term, get(&values, "reason")).await,
        Err(error) => Err(error),
    };
    after(&visit, id, "renewal".into(), values, outcome, "renewed").await
}

/// Closing.
#[handler]
pub async fn close(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let id = point_id(&id)?;
    let outcome = terms::close_point(visit.app.keeping(), caller, id, revision(&values), get(&values, "reason")).await;
    after(&visit, id, "closing".into(), values, outcome, "closed").await
}

/// Opening again.
#[handler]
pub async fn reopen(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let id = point_id(&id)?;
    let outcome = match term(&values) {
        Ok(term) => terms::reopen_point(visit.app.keeping(), caller, id, revision(&values), term, get(&values, "reason")).await,
        Err(error) => Err(error),
    };
    after(&visit, id, "reopening".into(), values, outcome, "reopened").await
}

/// A new station.
#[handler]
pub async fn add_station(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let id = point_id(&id)?;
    let outcome = match station(&values) {
        Ok(new) => managing::add_station(visit.app.keeping(), caller, get(&values, "key"), id, revision(&values), new).await,
        Err(error) => Err(error),
    };
    after(&visit, id, "new-station".into(), values, outcome, "station-added").await
}

/// A changed station.
#[handler]
pub async fn change_station(visit: Visit, Path((id, number)): Path<(String, String)>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let (id, number) = (point_id(&id)?, part::<StationId>(&number, words::THIS_STATION)?);
    let outcome = match station(&values) {
        Ok(new) => managing::change_station(visit.app.keeping(), caller, id, number, revision(&values), new).await,
        Err(error) => Err(error),
    };
    after(&visit, id, format!("station-{number}"), values, outcome, "station-changed").await
}

/// Closing a station.
#[handler]
pub async fn close_station(visit: Visit, Path((id, number)): Path<(String, String)>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let (id, number) = (point_id(&id)?, part::<StationId>(&number, words::THIS_STATION)?);
    let outcome = managing::close_station(visit.app.keeping(), caller, id, number, revision(&values), get(&values, "reason")).await;
    after(&visit, id, format!("station-closing-{number}"), values, outcome, "station-closed").await
}

/// Opening a station again.
#[handler]
pub async fn reopen_station(visit: Visit, Path((id, number)): Path<(String, String)>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let (id, number) = (point_id(&id)?, part::<StationId>(&number, words::THIS_STATION)?);
    let outcome = managing::reopen_station(visit.app.keeping(), caller, id, number, revision(&values)).await;
    after(&visit, id, "station-reopening".into(), values, outcome, "station-reopened").await
}

/// A new responsible person.
#[handler]
pub async fn add_person(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let id = point_id(&id)?;
    let outcome = persons::add_person(visit.app.keeping(), caller, get(&values, "key"), id, revision(&values), &person(&values)).await;
    after(&visit, id, "new-person".into(), values, outcome, "person-added").await
}

/// A changed responsible person.
#[handler]
pub async fn change_person(visit: Visit, Path((id, number)): Path<(String, String)>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let (id, number) = (point_id(&id)?, part::<PersonId>(&number, words::THIS_PERSON)?);
    let outcome = persons::change_person(visit.app.keeping(), caller, id, number, revision(&values), &person(&values)).await;
    after(&visit, id, format!("person-{number}"), values, outcome, "person-changed").await
}

/// A responsible person is taken off.
#[handler]
pub async fn remove_person(visit: Visit, Path((id, number)): Path<(String, String)>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageContactPoints)?;
    let (id, number) = (point_id(&id)?, part::<PersonId>(&number, words::THIS_PERSON)?);
    let outcome = persons::remove_person(visit.app.keeping(), caller, id, number, revision(&values)).await;
    after(&visit, id, "person-removal".into(), values, outcome, "person-removed").await
}

/// Somebody is invited: the page shows the one-time link.
#[handler]
pub async fn invite(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::InvitePointStaff)?;
    let id = point_id(&id)?;
    let station = match get(&values, "station_id") {
        "" => Ok(None),
        station => part::<StationId>(station, words::THIS_STATION).map(Some),
    };
    let outcome = match station {
        Ok(station) => invitations::invite(visit.app.keeping(), caller, get(&values, "key"), id, station, get(&values, "remark")).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(made) => {
            let url = format!("{}/invitations#{}", visit.app.config.public_url, made.code);
            page(&visit, id, poem::http::StatusCode::OK, Told { invitation_url: url, ..Told::default() }).await
        }
        Err(error) => after::<()>(&visit, id, "invite".into(), values, Err(error), "").await,
    }
}

/// An invitation is taken back.
#[handler]
pub async fn revoke_invitation(visit: Visit, Path((id, number)): Path<(String, String)>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::InvitePointStaff)?;
    let (id, number) = (point_id(&id)?, part::<InvitationId>(&number, words::THIS_INVITATION)?);
    let outcome = invitations::revoke_invitation(visit.app.keeping(), caller, number).await;
    after(&visit, id, "revocation".into(), values, outcome, "invitation-revoked").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_read_as_people_type_them() {
        for (typed, longitude, latitude) in [
            ("114.4123, 23.1102", 114_412_300, 23_110_200),
            ("114.4123456789，-23", 114_412_345, -23_000_000),
            ("-0.5 1", -500_000, 1_000_000),
        ] {
            let read = place(typed).unwrap().unwrap();
            assert_eq!((read.longitude_microdegrees, read.latitude_microdegrees), (longitude, latitude), "{typed}");
        }
        assert_eq!(place("  ").unwrap(), None);
        for bad in ["114", "东经114,23", "1114.0,23", "114..1,23", ","] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
