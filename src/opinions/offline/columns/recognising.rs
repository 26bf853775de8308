//! Finding the heading of a table, and what its columns say.

use super::{Column, Field, HEADING, Layout, bare, field_of};
use crate::documents::tables::{Row, Table};

/// Rows from the top among which the heading is looked for.
const SEARCHED: usize = 40;
/// Rows after the heading whose words decide what an unclear column says.
const SAMPLE: usize = 30;
/// The heading that [`return_file`](crate::opinions::offline::batches::return_file) writes over its remarks.
const REMARKS: &str = "检查结果";

/// Makes of a table that we handed back with remarks what it was before: without the column of remarks, and with the heading of two rows that lost its merged
/// cells on the way. Gives whether it was such a table. Its columns, and with them the mapping that a person chose, are then those of the first upload.
pub fn take_back(table: &mut Table) -> bool {
    let Some((heading, column)) = remarks_at(table) else { return false };
    for row in &mut table.rows {
        cut(row, column);
    }
    let below = table.rows.get(heading + 1).cloned();
    let (Some(upper), Some(lower)) = (table.rows.get_mut(heading), below) else { return true };
    let before = upper.clone();
    for column in 1..lower.cells.len() {
        let left = upper.cell(column - 1).to_owned();
        let Ok(place) = u16::try_from(column) else { break };
        if left.is_empty() || !upper.cell(column).is_empty() || lower.cell(column).is_empty() {
            continue;
        }
        if upper.cells.len() <= column {
            upper.cells.resize(column + 1, String::new());
        }
        if let Some(cell) = upper.cells.get_mut(column) {
            *cell = left;
            upper.spread.push(place);
        }
    }
    upper.spread.sort_unstable();
    if !is_second_row(table, heading)
        && let Some(upper) = table.rows.get_mut(heading)
    {
        *upper = before;
    }
    true
}

/// Leaves out what stands in a column and right of it.
pub fn cut(row: &mut Row, column: usize) {
    row.cells.truncate(column);
    row.cells.truncate(row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
    row.spread.retain(|place| usize::from(*place) < row.cells.len());
}

/// The row and the column where our remarks begin: their heading is the last of its row and the first words of its column. The same words below the heading of
/// another column are what somebody wrote.
fn remarks_at(table: &Table) -> Option<(usize, usize)> {
    let (index, column) = table.rows.iter().take(SEARCHED).enumerate().find_map(|(index, row)| {
        let (last, _) = row.filled().last()?;
        let column = (1..=last).rev().take_while(|column| bare(row.own(*column)) == REMARKS).last()?;
        Some((index, column))
    })?;
    table.rows.iter().take(index).all(|row| row.own(column).is_empty()).then_some((index, column))
}

/// Finds the heading of a table and reads its columns; our remarks are none of them.
pub fn recognise(table: &Table) -> Layout {
    if remarks_at(table).is_some() {
        let mut before = table.clone();
        take_back(&mut before);
        return recognise(&before);
    }
    let width = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let best = (0..table.rows.len().min(SEARCHED)).map(|i| (score(table, i), i)).filter(|(score, _)| *score > 0);
    // Of two rows that are as good the upper one: the lower may be its repetition.
    let Some((_, heading)) = best.max_by_key(|(score, i)| (*score, usize::MAX - i)) else {
        return unrecognised(table, width);
    };
    let heading_rows = if is_second_row(table, heading) { 2 } else { 1 };
    let (Some(upper), lower) = (table.rows.get(heading), table.rows.get(heading + 1).filter(|_| heading_rows == 2)) else {
        return unrecognised(table, width);
    };
    let mut columns: Vec<Column> = (0..width)
        .map(|column| {
            let above = upper.cell(column);
            let below = lower.map_or("", |row| row.cell(column));
            let heading = match (above.is_empty(), below.is_empty() || above == below) {
                (_, true) => above.to_owned(),
                (true, false) => below.to_owned(),
                (false, false) => format!("{above} {below}"),
            };
            let field = field_of(below)
                .filter(|field| *field != Field::Ignored)
                .or_else(|| field_of(&heading.replace(' ', "")))
                .or_else(|| field_of(above));
            let is_repeated = upper.own(column).is_empty() && below.is_empty();
            Column { heading, field: field.filter(|_| !is_repeated).unwrap_or(Field::Ignored) }
        })
        .collect();
    settle(table, heading + heading_rows, &mut columns);
    while columns.last().is_some_and(|column| column.heading.is_empty()) && columns.len() > 1 {
        let last = columns.len() - 1;
        if table.rows.iter().skip(heading + heading_rows).any(|row| !row.own(last).is_empty()) {
            break;
        }
        columns.pop();
    }
    let layout = Layout { heading: Some(heading), heading_rows, columns, is_certain: false };
    let is_certain = layout.says(Field::Body) || layout.says(Field::Proposed);
    Layout { is_certain, ..layout }
}

/// A table whose headings nobody knows: the first row with several short words stands for the heading, until a person says more.
fn unrecognised(table: &Table, width: usize) -> Layout {
    let looks = |row: &Row| row.filled().count() >= 2.min(width.max(1)) && row.filled().all(|(_, words)| words.chars().count() <= HEADING);
    let heading = table.rows.iter().take(SEARCHED).position(looks);
    let row = heading.and_then(|i| table.rows.get(i));
    let columns = (0..width).map(|i| {
        let heading = row.map_or("", |row| row.cell(i)).to_owned();
        let field = field_of(&heading).unwrap_or(Field::Ignored);
        Column { heading, field }
    });
    Layout { heading, heading_rows: usize::from(heading.is_some()), columns: columns.collect(), is_certain: false }
}

/// How much a row looks like a heading; 0: not at all.
fn score(table: &Table, index: usize) -> usize {
    let Some(row) = table.rows.get(index) else { return 0 };
    let filled: Vec<(usize, &str)> = row.filled().collect();
    if filled.iter().any(|(_, words)| words.chars().count() > HEADING) {
        return 0;
    }
    let mut fields: Vec<Field> = filled.iter().filter_map(|(_, words)| field_of(words)).collect();
    let recognised = fields.len();
    let below = table.rows.get(index + 1).filter(|_| is_second_row(table, index));
    fields.extend(below.iter().flat_map(|row| row.filled()).filter_map(|(_, words)| field_of(words)));
    let both = fields.len();
    fields.sort_unstable();
    fields.dedup();
    let has_speech = fields.iter().any(|field| matches!(field, Field::Body | Field::Proposed));
    // One word alone may be a title (意见) or a cell; two that are known, most of them, are a heading.
    if recognised < 2 && !(recognised == 1 && has_speech && filled.len() <= 3 && (index == 0 || filled.len() > 1)) {
        return 0;
    }
    if recognised * 2 < filled.len() {
        return 0;
    }
    fields.len() * 2 + both + usize::from(has_speech) * 6
}

/// Whether the row below a heading belongs to it: it names the parts of a heading that spans several columns.
fn is_second_row(table: &Table, index: usize) -> bool {
    let (Some(upper), Some(lower)) = (table.rows.get(index), table.rows.get(index + 1)) else { return false };
    if lower.number != upper.number + 1 || upper.spread.is_empty() {
        return false;
    }
    let own = |column: usize, words: &str| words != upper.cell(column) || upper.own(column).is_empty();
    let parts: Vec<&str> = lower.filled().filter(|(column, words)| own(*column, words)).map(|(_, words)| words).collect();
    let short = parts.iter().all(|words| words.chars().count() <= HEADING);
    let known = parts.iter().filter(|words| field_of(words).is_some()).count();
    // Under a title that spans everything the next row is the heading itself, not its second row.
    let is_title = upper.filled().count() == 1;
    !is_title && short && !parts.is_empty() && known * 2 >= parts.len()
}

/// Decides by the words of the rows what a heading leaves open, and keeps one column for what only one can say.
fn settle(table: &Table, from: usize, columns: &mut [Column]) {
    let sample = |column: usize| {
        let rows = table.rows.iter().skip(from).take(SAMPLE);
        rows.map(|row| row.own(column)).filter(|words| !words.is_empty()).collect::<Vec<&str>>()
    };
    let mean = |words: &[&str]| words.iter().map(|w| w.chars().count()).sum::<usize>() / words.len().max(1);
    let has = |columns: &[Column], field: Field| columns.iter().any(|column| column.field == field);
    for i in 0..columns.len() {
        let words = sample(i);
        let Some(field) = columns.get(i).map(|c| c.field) else { continue };
        let looks_like_place = || !words.is_empty() && words.iter().filter(|w| is_place_like(w)).count() * 2 > words.len();
        let settled = match field {
            // 条文 is a number in one table and the words of the provision in another.
            Field::Place if mean(&words) > 25 && !has(columns, Field::Original) => Field::Original,
            Field::Original if !has(columns, Field::Place) && looks_like_place() => Field::Place,
            // 说明 beside nothing that speaks, and 内容 beside something that does.
            Field::Body
                if columns.get(i).is_some_and(|c| bare(&c.heading) == "内容")
                    && columns.iter().filter(|c| c.field == Field::Body).count() > 1 =>
            {
                Field::Original
            }
            other => other,
        };
        if let Some(column) = columns.get_mut(i) {
            column.field = settled;
        }
    }
    let mut seen: Vec<Field> = Vec::new();
    for column in columns.iter_mut() {
        if !column.field.is_joined() && seen.contains(&column.field) {
            column.field = Field::Ignored;
        }
        seen.push(column.field);
    }
}

fn is_place_like(words: &str) -> bool {
    words.chars().count() <= 20
        && (words.starts_with('第') || words.chars().all(|c| c.is_ascii_digit()) || matches!(words, "全文" | "整体" | "总则" | "附则"))
}
