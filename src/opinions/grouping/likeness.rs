//! How alike two opinions are: the words that count, their shingles, and the Jaccard likeness of two sets of shingles.

/// Texts shorter than this, in characters that count, are compared by pairs of characters: five-character shingles would see nothing of them.
pub const SHORT_CHARACTERS: usize = 20;
/// Characters of a shingle of a longer text.
const LONG_SHINGLE: usize = 5;
/// Characters of a shingle of a short text.
const SHORT_SHINGLE: usize = 2;
/// Words that turn a short sentence into its contrary.
const NEGATIONS: &str = "不无未非禁勿别否反莫没";

/// The words that count: letters and digits in half width and lower case, without spaces, punctuation and invisible characters.
/// Of a text of punctuation alone the punctuation counts.
pub fn words(text: &str) -> String {
    let folded = |c: char| match c {
        // Full-width forms of ASCII.
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    let kept: String = text.chars().map(folded).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if kept.is_empty() { text.chars().filter(|c| !c.is_whitespace()).collect() } else { kept }
}

/// What is kept of a text in order to compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Characters that count.
    pub characters: usize,
    /// Hashes of its shingles of five characters, sorted; empty for a short text.
    long: Vec<u32>,
    /// Hashes of its pairs of characters, sorted; empty for a text that no short text can be like.
    short: Vec<u32>,
    /// Negations and digits of a short text, sorted.
    turns: Vec<char>,
}

/// Which of the two sets of shingles is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Five characters.
    Long,
    /// Two characters.
    Short,
}

impl Print {
    /// The print of the words of a text, as [`words`] gives them.
    pub fn of(words: &str) -> Print {
        let characters: Vec<char> = words.chars().collect();
        let n = characters.len();
        let is_short = n < SHORT_CHARACTERS;
        let mut turns: Vec<char> =
            if is_short { characters.iter().copied().filter(|c| NEGATIONS.contains(*c) || c.is_numeric()).collect() } else { Vec::new() };
        turns.sort_unstable();
        Print {
            characters: n,
            long: if is_short { Vec::new() } else { shingles(&characters, LONG_SHINGLE) },
            // A text that is at least half as like as a short one is less than twice as long.
            short: if n < 2 * SHORT_CHARACTERS { shingles(&characters, SHORT_SHINGLE) } else { Vec::new() },
            turns,
        }
    }

    /// The sorted shingles of one scale.
    pub fn shingles(&self, scale: Scale) -> &[u32] {
        match scale {
            Scale::Long => &self.long,
            Scale::Short => &self.short,
        }
    }

    /// Whether the text is compared by pairs of characters.
    pub fn is_short(&self) -> bool {
        self.characters < SHORT_CHARACTERS
    }

    /// The Jaccard likeness of two texts, from 0 to 1: by pairs of characters when the shorter is short, else by shingles of five. Two texts of which
    /// one is short and which differ in a negation or a digit are not alike at all: “应当收费” is not “不应当收费”.
    pub fn likeness(&self, other: &Print) -> f64 {
        let (one, two) = if self.is_short() || other.is_short() {
            if self.is_short() && other.is_short() && self.turns != other.turns {
                return 0.0;
            }
            (&self.short, &other.short)
        } else {
            (&self.long, &other.long)
        };
        jaccard(one, two)
    }
}

/// Sorted hashes of the distinct shingles; of a text shorter than a shingle the whole is one.
fn shingles(characters: &[char], size: usize) -> Vec<u32> {
    let mut hashes: Vec<u32> = if characters.len() < size { vec![hash(characters)] } else { characters.windows(size).map(hash).collect() };
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// FNV-1a over the code points, folded to 32 bits: the same on every machine and in every run.
fn hash(characters: &[char]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for c in characters {
        hash = (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) as u32
}

/// Size of the common part over size of the union of two sorted sets.
fn jaccard(one: &[u32], two: &[u32]) -> f64 {
    let (mut a, mut b) = (one.iter().peekable(), two.iter().peekable());
    let mut common = 0usize;
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => drop(a.next()),
            std::cmp::Ordering::Greater => drop(b.next()),
            std::cmp::Ordering::Equal => {
                common += 1;
                a.next();
                b.next();
            }
        }
    }
    let union = one.len() + two.len() - common;
    if union == 0 { 0.0 } else { common as f64 / union as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, two: &str) -> f64 {
        Print::of(&words(one)).likeness(&Print::of(&words(two)))
    }

    #[test]
    fn only_letters_and_digits_count() {
        assert_eq!(words(" 建议，改为 ４８ 小时！\n（Ｗｉｆｉ）"), "建议改为48小时wifi");
        assert_eq!(words("？？ ！"), "？？！");
        assert_eq!(words(" \n"), "");
    }

    #[test]
    fn the_same_words_are_alike_whatever_the_punctuation() {
        assert_eq!(likeness("建议延长归还时间。", "建议延长归还时间！！"), 1.0);
        let long = "雨伞的归还时间应当延长到四十八小时，因为出差的人往往隔天才能回到借伞的地方。";
        assert_eq!(likeness(long, &long.replace('，', " , ")), 1.0);
        assert_eq!(likeness("改", "改"), 1.0);
    }

    #[test]
    fn a_turned_meaning_is_another_opinion() {
        for (one, two) in [("应当收取押金", "不应当收取押金"), ("赞成", "反对"), ("归还时间改为24小时", "归还时间改为48小时"), ("改", "删")]
        {
            assert!(likeness(one, two) < 0.5, "{one} / {two}");
        }
    }

    #[test]
    fn small_edits_stay_alike_and_other_texts_do_not() {
        let text = "雨伞的归还时间应当延长到四十八小时，因为出差的人往往隔天才能回到借伞的地方，二十四小时太紧张了，希望考虑实际情况。";
        assert!(likeness(text, &text.replace("出差", "外出")) > 0.5);
        assert!(likeness(text, &format!("{text}谢谢！")) > 0.8);
        assert!(likeness(text, "停车场的收费标准应当在入口处公示，并且注明免费停放的时间和投诉电话，方便车主了解和监督。") < 0.1);
        // Across the border between short and long.
        assert!(likeness("建议归还时间延长到四十八小时为宜好", "建议归还时间延长到四十八小时为宜，这样更好一些") > 0.5);
    }
}
