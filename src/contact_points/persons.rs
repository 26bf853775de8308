//! 负责人、联络员: the people who answer for a contact point. Name and telephone number lie sealed; the public sees those who agreed to be shown.

use sqlx::FromRow;

use super::acts::{self, KeyedAct};
use super::managing::{Keeping, PointAct, count_on, filled, get_kept_point, line, note};
use crate::accounts::{Caller, Permission};
use crate::error::{Error, Result};
use crate::ids::{ContactPointId, PersonId};
use crate::storage::Db;
use crate::storage::crypto::FieldCipher;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::sql::failed;
use crate::{on_db, on_tx, sealed_column};

const NAME: &str = "contact-point-person-name";
const PHONE: &str = "contact-point-person-phone";
/// The column with sealed names.
pub const SEALED_NAME: SealedColumn = sealed_column!("contact_point_person", "name_sealed", NAME);
/// The column with sealed telephone numbers.
pub const SEALED_PHONE: SealedColumn = sealed_column!("contact_point_person", "phone_sealed", PHONE);

/// Longest name, duty or number, in characters.
const CHARACTERS: usize = 50;
/// Most persons of one point.
const PERSONS: i64 = 20;

const LIST: &str =
    "SELECT id, duty, name_sealed, phone_sealed, is_public FROM contact_point_person WHERE contact_point_id = $1 ORDER BY ordinal, id";
const COUNT: &str = "SELECT COUNT(*) FROM contact_point_person WHERE contact_point_id = $1";
const INSERT: &str =
    "INSERT INTO contact_point_person (id, contact_point_id, ordinal, duty, name_sealed, phone_sealed, is_public, created_at, updated_at)
    VALUES ($1, $2, (SELECT COALESCE(MAX(ordinal) + 1, 0) FROM contact_point_person WHERE contact_point_id = $2), $3, $4, $5, $6, $7, $7)";
const CHANGE: &str = "UPDATE contact_point_person SET duty = $3, name_sealed = $4, phone_sealed = $5, is_public = $6, updated_at = $7
    WHERE id = $1 AND contact_point_id = $2";
const REMOVE: &str = "DELETE FROM contact_point_person WHERE id = $1 AND contact_point_id = $2 RETURNING duty";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, COUNT, INSERT, CHANGE, REMOVE];

/// What is said of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPerson {
    /// 负责人, 联络员, in the words of the office.
    pub duty: String,
    /// Name.
    pub name: String,
    /// Telephone number.
    pub phone: String,
    /// Whether the person agreed that the public sees name and number.
    pub is_public: bool,
}

/// A person who answers for a point.
#[derive(Clone, Debug)]
pub struct Person {
    /// Id.
    pub id: PersonId,
    /// What is said of them.
    pub said: NewPerson,
}

#[derive(FromRow)]
struct Row {
    id: PersonId,
    duty: String,
    name_sealed: String,
    phone_sealed: String,
    is_public: bool,
}

async fn read(db: &Db, cipher: &FieldCipher, point: ContactPointId, public_only: bool) -> Result<Vec<Person>> {
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST).bind(point).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter()
        .filter(|row| row.is_public || !public_only)
        .map(|row| {
            Ok(Person {
                id: row.id,
                said: NewPerson {
                    duty: row.duty,
                    name: cipher.open(NAME, &row.name_sealed)?,
                    phone: cipher.open(PHONE, &row.phone_sealed)?,
                    is_public: row.is_public,
                },
            })
        })
        .collect()
}

/// Every person of a point, for those who keep it.
pub async fn list_persons(at: Keeping<'_>, caller: &Caller, point: ContactPointId) -> Result<Vec<Person>> {
    get_kept_point(at.db, caller, point).await?;
    read(at.db, at.cipher, point, false).await
}

/// The persons of a point who agreed to be shown.
pub async fn list_public_persons(db: &Db, cipher: &FieldCipher, point: ContactPointId) -> Result<Vec<Person>> {
    read(db, cipher, point, true).await
}

/// Adds a person at the end of the list. The same key with the same content adds nothing more.
pub async fn add_person(
    at: Keeping<'_>,
    caller: &Caller,
    key: &str,
    point: ContactPointId,
    from_revision: i64,
    new: &NewPerson,
) -> Result<PersonId> {
    caller.require(Permission::ManageContactPoints)?;
    let new = checked(new)?;
    let id = PersonId(at.ids.next());
    let mut tx = at.db.begin().await?;
    let said = (point, &new.duty, &new.name, &new.phone, new.is_public);
    if let Some(known) = acts::claim(&mut tx, at, caller, key, KeyedAct::AddPerson, &said, id.0).await? {
        return Ok(PersonId(known));
    }
    count_on(&mut tx, at, caller, point, from_revision).await?;
    let held: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT).bind(point).fetch_one(c).await).map_err(failed)?;
    if held >= PERSONS {
        return Err(Error::invalid("name", format!("一个联系点最多登记 {PERSONS} 名负责人。")));
    }
    let (name, phone) = (at.cipher.seal(NAME, &new.name)?, at.cipher.seal(PHONE, &new.phone)?);
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(point).bind(&new.duty).bind(&name).bind(&phone).bind(new.is_public).bind(at.clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::PersonAdded, &new.duty, None).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes what is said of a person.
pub async fn change_person(
    at: Keeping<'_>,
    caller: &Caller,
    point: ContactPointId,
    person: PersonId,
    from_revision: i64,
    new: &NewPerson,
) -> Result<()> {
    caller.require(Permission::ManageContactPoints)?;
    let new = checked(new)?;
    let mut tx = at.db.begin().await?;
    count_on(&mut tx, at, caller, point, from_revision).await?;
    let (name, phone) = (at.cipher.seal(NAME, &new.name)?, at.cipher.seal(PHONE, &new.phone)?);
    let changed: u64 = on_tx!(&mut tx, c => sqlx::query(CHANGE)
        .bind(person).bind(point).bind(&new.duty).bind(&name).bind(&phone).bind(new.is_public).bind(at.clock.now())
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if changed == 0 {
        return Err(absent());
    }
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::PersonChanged, &new.duty, None).await?;
    tx.commit().await
}

/// Takes a person off a point; name and number are gone.
pub async fn remove_person(at: Keeping<'_>, caller: &Caller, point: ContactPointId, person: PersonId, from_revision: i64) -> Result<()> {
    caller.require(Permission::ManageContactPoints)?;
    let mut tx = at.db.begin().await?;
    count_on(&mut tx, at, caller, point, from_revision).await?;
    let duty: Option<String> =
        on_tx!(&mut tx, c => sqlx::query_scalar(REMOVE).bind(person).bind(point).fetch_optional(c).await).map_err(failed)?;
    let duty = duty.ok_or_else(absent)?;
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::PersonRemoved, &duty, None).await?;
    tx.commit().await
}

fn checked(new: &NewPerson) -> Result<NewPerson> {
    let phone = line("phone", "电话", &new.phone, CHARACTERS)?;
    if !phone.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | ' ' | '(' | ')' | '转')) {
        return Err(Error::invalid("phone", "电话只能由数字、空格和 - + ( ) 组成。"));
    }
    Ok(NewPerson {
        duty: filled("duty", "职务", &new.duty, CHARACTERS)?,
        name: filled("name", "姓名", &new.name, CHARACTERS)?,
        phone,
        is_public: new.is_public,
    })
}

fn absent() -> Error {
    Error::not_found("这名负责人")
}
