//! Bars as SVG, drawn by the server: no script, no style of its own, and every bar says its number in words.

use std::fmt::Write;

use super::{Measure, Table};

/// Width of the picture, of its labels, and height of a bar with its distance, in units of the picture.
const WIDTH: usize = 720;
const LABELS: usize = 250;
const LINE: usize = 30;
/// Rows drawn; the table beside the picture has all.
const MOST: usize = 60;
/// Characters of a label.
const LABEL_CHARACTERS: usize = 17;

/// A picture of one column of a table, in the order of its rows; `None` where there is nothing to draw.
pub fn bars(table: &Table, measure: Measure) -> Option<String> {
    let number = |row: &super::Row| row.numbers.get(measure.as_str()).copied().unwrap_or(0).max(0);
    let rows: Vec<(&str, i64)> = table.rows.iter().take(MOST).map(|row| (row.label.as_str(), number(row))).collect();
    let greatest = rows.iter().map(|(_, n)| *n).max().filter(|n| *n > 0)?;
    let height = rows.len() * LINE + 12;
    let told = rows.iter().map(|(label, n)| format!("{label} {n}")).collect::<Vec<_>>().join("；");
    let more = if table.rows.len() > MOST { format!("。图中只画前 {MOST} 行，全部见表格") } else { String::new() };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg class=\"bars\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"bars-title bars-words\"><title id=\"bars-title\">{}：{}</title><desc id=\"bars-words\">{}{more}</desc>",
        escaped(table.by.label()),
        escaped(measure.label()),
        escaped(&told)
    );
    for (at, (label, n)) in rows.iter().enumerate() {
        let (top, room) = (at * LINE + 6, (WIDTH - LABELS - 80) as i64);
        let width = (n * room / greatest).max(i64::from(*n > 0) * 2);
        let middle = top + LINE / 2 + 2;
        let _ = write!(
            out,
            "<g aria-hidden=\"true\"><text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text><rect x=\"{LABELS}\" y=\"{top}\" width=\"{width}\" height=\"{}\" rx=\"3\"/><text x=\"{}\" y=\"{middle}\">{n}</text></g>",
            LABELS - 10,
            escaped(&cut(label)),
            LINE - 8,
            LABELS as i64 + width + 8
        );
    }
    out.push_str("</svg>");
    Some(out)
}

fn cut(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARACTERS {
        label.to_owned()
    } else {
        label.chars().take(LABEL_CHARACTERS - 1).chain(['…']).collect()
    }
}

/// Text between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Dimension, Numbers, Row};
    use super::*;

    fn table(rows: &[(&str, i64)]) -> Table {
        let row = |(label, n): &(&str, i64)| Row {
            key: (*label).into(),
            label: (*label).into(),
            numbers: Numbers::from([(Measure::Opinions.as_str(), *n)]),
        };
        Table { by: Dimension::Region, measures: vec![Measure::Opinions], rows: rows.iter().map(row).collect(), total: row(&("合计", 0)) }
    }

    #[test]
    fn every_bar_says_its_number_and_nothing_is_taken_for_a_tag() {
        let picture = bars(&table(&[("东<区>\"", 4), ("西区", 1), ("北区", 0)]), Measure::Opinions).unwrap();
        assert!(picture.contains("东&lt;区&gt;&quot; 4；西区 1；北区 0"), "{picture}");
        assert!(picture.contains("width=\"390\"") && picture.contains("width=\"97\"") && picture.contains("width=\"0\""), "{picture}");
        assert!(!picture.contains("style"), "{picture}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(bars(&table(&[]), Measure::Opinions), None);
        assert_eq!(bars(&table(&[("东区", 0)]), Measure::Opinions), None);
    }

    #[test]
    fn a_long_table_says_that_the_picture_ends_before_it() {
        let rows: Vec<(&str, i64)> = (0..70).map(|_| ("某某街道某某社区某某立法基层联系点工作站", 1)).collect();
        let picture = bars(&table(&rows), Measure::Opinions).unwrap();
        assert!(picture.contains("只画前 60 行") && picture.matches("<rect").count() == MOST && picture.contains('…'));
    }
}
