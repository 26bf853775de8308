//! How far a typed title is from a real one: weighted edit distance that knows omissions, homophones and lookalikes.

use super::pinyin::confusion;

/// First character left out of the title (扬尘污染条例 for 扬尘污染防治条例), and each further one beside it.
const OMISSION: (f32, f32) = (0.5, 0.22);

/// First character added to the title, and each further one beside it.
const ADDITION: (f32, f32) = (0.9, 0.85);

/// Likeness of two names of the same letters in another order.
const SAME_LETTERS: f32 = 0.84;

/// Two neighbours exchanged.
const EXCHANGE: f32 = 0.5;

/// The form of the document taken for another: 办法 for 条例.
const FORM: f32 = 0.7;

/// Forms that people confuse.
const FORMS: [&str; 8] = ["实施细则", "条例", "办法", "规定", "规则", "细则", "法", "通知"];

/// How alike a typed name and a title are, from 0 to 1, both without punctuation; 0 when they are less alike than `least`.
/// Time grows with the product of the lengths, and far less for titles that are not alike.
pub(super) fn similarity(typed: &[char], title: &[char], least: f32) -> f32 {
    // Between the two lengths, so that neither a long title nor a long query forgives everything.
    let length = (typed.len() + title.len()) as f32 / 2.0;
    if typed.is_empty() || title.is_empty() {
        return 0.0;
    }
    let most = length * (1.0 - least);
    let whole = distance(typed, title, most);
    let best = match (form(typed), form(title)) {
        (Some((stem, a)), Some((other, b))) if a != b && stem.len() >= 2 && other.len() >= 2 => {
            whole.min(distance(stem, other, most - FORM) + FORM)
        }
        _ => whole,
    };
    let likeness = if best > most { 0.0 } else { 1.0 - best / length };
    // 道路安全交通法: the same letters in another order of words.
    if typed.len() >= 5 && typed.len() == title.len() && likeness < SAME_LETTERS && least <= SAME_LETTERS && are_same_letters(typed, title)
    {
        SAME_LETTERS
    } else {
        likeness
    }
}

fn are_same_letters(typed: &[char], title: &[char]) -> bool {
    let sorted = |letters: &[char]| {
        let mut letters = letters.to_vec();
        letters.sort_unstable();
        letters
    };
    sorted(typed) == sorted(title)
}

/// The title without the form it ends in, and that form.
fn form(title: &[char]) -> Option<(&[char], &'static str)> {
    FORMS.iter().find_map(|form| {
        let stem = title.len().checked_sub(form.chars().count())?;
        let (stem, end) = title.split_at(stem);
        end.iter().copied().eq(form.chars()).then_some((stem, *form))
    })
}

/// One cell of the table: the best cost of ending in a match, in an omission or in an addition.
#[derive(Clone, Copy)]
struct Cell {
    paired: f32,
    omitted: f32,
    added: f32,
}

impl Cell {
    const FAR: Cell = Cell { paired: f32::INFINITY, omitted: f32::INFINITY, added: f32::INFINITY };

    fn best(self) -> f32 {
        self.paired.min(self.omitted).min(self.added)
    }
}

/// The cost of turning one into the other; infinite as soon as it must exceed `most`.
fn distance(typed: &[char], title: &[char], most: f32) -> f32 {
    let width = title.len() + 1;
    let mut before_last = vec![Cell::FAR; width];
    let mut last = vec![Cell::FAR; width];
    let mut row = vec![Cell::FAR; width];
    for (j, cell) in last.iter_mut().enumerate() {
        *cell = if j == 0 {
            Cell { paired: 0.0, ..Cell::FAR }
        } else {
            Cell { omitted: OMISSION.0 + OMISSION.1 * (j as f32 - 1.0), ..Cell::FAR }
        };
    }
    for (i, &t) in typed.iter().enumerate() {
        row[0] = Cell { added: ADDITION.0 + ADDITION.1 * i as f32, ..Cell::FAR };
        let mut nearest = row[0].best();
        for (j, &m) in title.iter().enumerate() {
            let mut paired = last[j].best() + confusion_of(t, m);
            if i > 0 && j > 0 && typed[i - 1] == m && title[j - 1] == t && t != m {
                paired = paired.min(before_last[j - 1].best() + EXCHANGE);
            }
            let left = row[j];
            let above = last[j + 1];
            row[j + 1] = Cell {
                paired,
                omitted: (left.paired.min(left.added) + OMISSION.0).min(left.omitted + OMISSION.1),
                added: (above.paired.min(above.omitted) + ADDITION.0).min(above.added + ADDITION.1),
            };
            nearest = nearest.min(row[j + 1].best());
        }
        // An exchange reaches two rows back, but never below this row by more than it costs.
        if nearest > most + EXCHANGE {
            return f32::INFINITY;
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last.last().map_or(f32::INFINITY, |cell| cell.best())
}

/// An unrelated letter weighs more than a homophone by more than their unlikeness: two of them make another matter (物业, 土地).
fn confusion_of(typed: char, meant: char) -> f32 {
    match confusion(typed, meant) {
        unrelated if unrelated >= 1.0 => 1.3,
        alike => alike,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(typed: &str, title: &str) -> f32 {
        similarity(&typed.chars().collect::<Vec<_>>(), &title.chars().collect::<Vec<_>>(), 0.0)
    }

    #[test]
    fn nearer_titles_are_more_alike() {
        assert_eq!(alike("河道管理条例", "河道管理条例"), 1.0);
        for (typed, near, far) in [
            ("扬尘污染条例", "扬尘污染防治条例", "大气污染防治条例"),
            ("治按管理处罚法", "治安管理处罚法", "行政处罚法"),
            ("消费者权益法", "消费者权益保护法", "妇女权益保障法"),
            ("道路安全交通法", "道路交通安全法", "铁路安全管理条例"),
        ] {
            assert!(alike(typed, near) > 0.78, "{typed} {near} {}", alike(typed, near));
            assert!(alike(typed, near) > alike(typed, far), "{typed} {near} {far}");
        }
        // The form is the lesser part of a title.
        assert!(alike("河道管理办法", "河道管理条例") > alike("河道管理办法", "湖泊管理办法"));
        assert!(alike("河道管理条例", "宗教事务条例") < 0.5);
        assert_eq!(alike("", "河道"), 0.0);
        let (typed, title): (Vec<char>, Vec<char>) = ("扬尘污染条例".chars().collect(), "扬尘污染防治条例".chars().collect());
        assert_eq!(similarity(&typed, &title, 0.7), similarity(&typed, &title, 0.0));
        assert_eq!(similarity(&typed, &title, 0.99), 0.0);
    }
}
