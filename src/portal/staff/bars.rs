//! Bars as SVG, drawn by the server: no script, no style of its own, and every bar says its number in words.
//!
//! Heights are in letters and widths in hundredths of the picture, so that it fits a phone and grows with the letters: a label stands above its bar, the number
//! beside its end.

use std::fmt::Write;

use crate::opinions::statistics::{Measure, Row, Table};

/// Tenths of the height of a letter: a label with its bar, where its line is written, where the bar begins, how thick it is, where the number is written.
const ROW: usize = 32;
const LABEL: usize = 11;
const BAR: usize = 16;
const THICK: usize = 10;
const NUMBER: usize = 25;
/// The longest bar, in thousandths of the width; the rest is for its number.
const LONGEST: i64 = 780;
/// Rows drawn; the table beside the picture has all.
const MOST: usize = 60;
/// Characters of a label, and how many of them are its end: rounds of one draft differ there alone.
const LABEL_CHARACTERS: usize = 20;
const END_CHARACTERS: usize = 7;

/// A picture of one column of a table, in the order of its rows; `None` where there is nothing to draw.
pub fn bars(table: &Table, measure: Measure) -> Option<String> {
    let number = |row: &Row| row.numbers.get(measure.as_str()).copied().unwrap_or(0).max(0);
    let rows: Vec<(&str, i64)> = table.rows.iter().take(MOST).map(|row| (row.label.as_str(), number(row))).collect();
    let greatest = rows.iter().map(|(_, n)| *n).max().filter(|n| *n > 0)?;
    let height = em(rows.len() * ROW);
    let told = rows.iter().map(|(label, n)| format!("{label} {n}")).collect::<Vec<_>>().join("；");
    let more = if table.rows.len() > MOST { format!("。图中只画前 {MOST} 行，全部见表格") } else { String::new() };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg class=\"bars\" width=\"100%\" height=\"{height}\" role=\"img\" aria-labelledby=\"bars-title bars-words\"><title id=\"bars-title\">{}：{}</title><desc id=\"bars-words\">{}{more}</desc>",
        escaped(table.by.label()),
        escaped(measure.label()),
        escaped(&told)
    );
    for (at, (label, n)) in rows.iter().enumerate() {
        let (top, long) = (at * ROW, (n * LONGEST / greatest).max(i64::from(*n > 0) * 5));
        let width = format!("{}.{}%", long / 10, long % 10);
        let _ = write!(
            out,
            "<g aria-hidden=\"true\"><text y=\"{}\">{}</text><rect y=\"{}\" width=\"{width}\" height=\"{}\" rx=\"3\"/><text x=\"{width}\" dx=\"0.4em\" y=\"{}\">{n}</text></g>",
            em(top + LABEL),
            escaped(&cut(label)),
            em(top + BAR),
            em(THICK),
            em(top + NUMBER)
        );
    }
    out.push_str("</svg>");
    Some(out)
}

/// Tenths of the height of a letter as a length.
fn em(tenths: usize) -> String {
    format!("{}.{}em", tenths / 10, tenths % 10)
}

/// A label in its room: what is too long loses its middle.
fn cut(label: &str) -> String {
    let count = label.chars().count();
    if count <= LABEL_CHARACTERS {
        return label.to_owned();
    }
    let begin = label.chars().take(LABEL_CHARACTERS - 1 - END_CHARACTERS);
    begin.chain(['…']).chain(label.chars().skip(count - END_CHARACTERS)).collect()
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
    use super::*;
    use crate::opinions::statistics::{Dimension, Numbers};

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
        for width in ["78.0%", "19.5%", "0.0%"] {
            assert!(picture.contains(&format!("width=\"{width}\" height=\"1.0em\"")), "{width}: {picture}");
        }
        assert!(!picture.contains("style"), "{picture}");
    }

    #[test]
    fn the_picture_is_as_wide_as_its_place_and_each_label_stands_above_its_bar() {
        let picture = bars(&table(&[("东区", 4), ("西区", 1)]), Measure::Opinions).unwrap();
        assert!(picture.starts_with("<svg class=\"bars\" width=\"100%\" height=\"6.4em\""), "{picture}");
        assert!(picture.contains("<text y=\"4.3em\">西区</text><rect y=\"4.8em\""), "{picture}");
        assert!(picture.contains("<text x=\"19.5%\" dx=\"0.4em\" y=\"5.7em\">1</text>"), "{picture}");
    }

    #[test]
    fn rounds_of_one_draft_are_told_apart() {
        let title = "清河市城市公共厕所和公共停车场建设管理办法";
        let labels = [format!("{title}（第1轮）"), format!("{title}（第12轮）")];
        let short = labels.each_ref().map(|label| cut(label));
        assert_eq!(short, ["清河市城市公共厕所和公共…办法（第1轮）", "清河市城市公共厕所和公共…法（第12轮）"]);
        let exact: String = "一".repeat(LABEL_CHARACTERS);
        assert_eq!(cut(&exact), exact);
        assert_eq!(cut(&format!("{exact}二")).chars().count(), LABEL_CHARACTERS);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(bars(&table(&[]), Measure::Opinions), None);
        assert_eq!(bars(&table(&[("东区", 0)]), Measure::Opinions), None);
    }

    #[test]
    fn a_long_table_says_that_the_picture_ends_before_it() {
        let rows: Vec<(&str, i64)> = (0..70).map(|_| ("某某市某某街道某某社区某某立法基层联系点工作站", 1)).collect();
        let picture = bars(&table(&rows), Measure::Opinions).unwrap();
        assert!(picture.contains("只画前 60 行") && picture.matches("<rect").count() == MOST && picture.contains('…'));
    }
}
