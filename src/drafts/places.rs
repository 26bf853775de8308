//! 条款 as places that one can point at: how a provision is cited, and its words as they are shown.

use sqlx::FromRow;

use super::versions::citation_of;
use crate::corpus::structure::ProvisionKind;
use crate::error::Result;
use crate::ids::DraftVersionId;
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::failed;

/// A provision of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How it is cited, e.g. 第十五条第四项.
    pub label: String,
    /// Its words as they are shown, what belongs to it included, a line for each 款, 项 and 目; its own marker is left out.
    pub text: String,
    /// What can be pointed at inside it, itself included: address, citation and words of every 款, 项 and 目.
    pub parts: Vec<Part>,
}

/// A provision inside another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Address.
    pub address: String,
    /// How it is cited.
    pub label: String,
    /// Its own words, marker included.
    pub text: String,
}

#[derive(FromRow)]
struct Row {
    address: String,
    kind: String,
    label: String,
    heading: String,
    body: String,
}

const LIST_UNIT: &str =
    "SELECT address, kind, label, heading, body FROM draft_provision WHERE version_id = $1 AND (address = $2 OR address LIKE $3)
    ORDER BY ordinal";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_UNIT];

/// Longest address that is looked for.
const ADDRESS_BYTES: usize = 200;

/// Finds a provision by its address; `None` when the version has none there, or when it is no place for an opinion.
/// The text of a published version never changes, so this may be asked before a transaction begins.
pub async fn find_place(db: &Db, version: DraftVersionId, address: &str) -> Result<Option<Place>> {
    let is_address = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'/' | b'~');
    if address.is_empty() || address.len() > ADDRESS_BYTES || !address.bytes().all(is_address) {
        return Ok(None);
    }
    let unit = address.split('/').next().unwrap_or(address);
    // The alphabet of addresses has no wildcard.
    let below = format!("{unit}/%");
    let rows: Vec<Row> =
        on_db!(db, pool => sqlx::query_as(LIST_UNIT).bind(version).bind(unit).bind(&below).fetch_all(pool).await).map_err(failed)?;
    Ok(place_among(&rows, address))
}

fn place_among(rows: &[Row], address: &str) -> Option<Place> {
    let found = rows.iter().find(|row| row.address == address)?;
    if found.kind.parse() == Ok(ProvisionKind::Contents) {
        return None;
    }
    let unit = address.split('/').next().unwrap_or(address);
    // An article with a single 款 is cited without 第一款.
    let second = format!("{unit}/para-2");
    let has_second_paragraph = rows.iter().any(|row| row.address == second);
    let cite = |row: &Row| citation_of(&row.address, &row.label, has_second_paragraph);
    let below = format!("{address}/");
    let words = |row: &Row, marker: &str| [marker, &row.heading, &row.body].concat();
    let inside = || rows.iter().filter(|row| row.address.starts_with(&below));
    let lines: Vec<String> = std::iter::once(words(found, "")).chain(inside().map(|row| words(row, &row.label))).collect();
    let parts = std::iter::once(found).chain(inside());
    Some(Place {
        label: cite(found),
        text: lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"),
        parts: parts.map(|row| Part { address: row.address.clone(), label: cite(row), text: words(row, &row.label) }).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(address: &str, kind: &str, label: &str, body: &str) -> Row {
        Row { address: address.into(), kind: kind.into(), label: label.into(), heading: String::new(), body: body.into() }
    }

    #[test]
    fn a_place_has_the_words_that_are_shown_there() {
        let rows = [
            row("art-3", "article", "第三条", ""),
            row("art-3/para-1", "paragraph", "", "经营者应当："),
            row("art-3/para-1/item-1", "item", "（一）", "登记；"),
            row("art-3/para-1/item-2", "item", "（二）", "公示。"),
            row("art-3/para-2", "paragraph", "", "不得转让。"),
        ];
        let whole = place_among(&rows, "art-3").unwrap();
        assert_eq!((whole.label.as_str(), whole.text.as_str()), ("第三条", "经营者应当：\n（一）登记；\n（二）公示。\n不得转让。"));
        assert_eq!(
            whole.parts.iter().map(|p| p.label.as_str()).collect::<Vec<_>>(),
            ["第三条", "第三条第一款", "第三条第一款第一项", "第三条第一款第二项", "第三条第二款"]
        );
        let item = place_among(&rows, "art-3/para-1/item-2").unwrap();
        assert_eq!((item.label.as_str(), item.text.as_str()), ("第三条第一款第二项", "公示。"));
        assert_eq!(place_among(&rows, "art-3/para-3"), None);
        assert_eq!(place_among(&[row("contents", "contents", "", "目录")], "contents"), None);
    }
}
