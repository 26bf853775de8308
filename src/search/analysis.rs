//! Analysis: how a text becomes words and character bigrams, the same way for the index and for a query.
//!
//! Words come from jieba in search mode with the legal words of `search-index/dictionary.txt`. Bigrams are pairs of neighbouring characters of
//! the normal form without white space; their position is the offset of the first character, so a phrase over bigrams is an exact run of
//! characters whatever the word boundaries are. The last character of a run stands alone as well, which makes every single character a
//! prefix of some term. A numeral is one more token with its value, so that 二十, 20 and ２０ meet.

use std::collections::HashSet;
use std::sync::LazyLock;

use jieba_rs::Jieba;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::normalise::{normalise, normalise_char, numerals_of};

/// Legal words that jieba's own dictionary does not know.
pub(super) const DICTIONARY: &str = include_str!("../../search-index/dictionary.txt");

/// Name of the word tokenizer in the index.
pub(super) const WORDS: &str = "zhitong_words";
/// Name of the bigram tokenizer in the index.
pub(super) const GRAMS: &str = "zhitong_grams";

/// Longest term that is indexed, in bytes; longer ones (base64, long digit runs) are cut.
const LONGEST_TERM_BYTES: usize = 96;

static JIEBA: LazyLock<Jieba> = LazyLock::new(|| {
    let mut jieba = Jieba::new();
    for word in dictionary_words() {
        jieba.add_word(word, None, None);
    }
    jieba
});

/// Words that carry the shape of a question and not its matter.
static QUESTION_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    "的 了 吗 呢 吧 啊 是 在 和 与 或 我 你 他 她 它 我们 他们 什么 怎么 如何 是否 可以 能否 能 会 应该 应当 哪些 哪个 多少 几 有 有没有 没有 为 \
     为什么 对 被 把 给 就 都 也 还 而 及 以 于 请问 怎样 该 这 那 这个 那个 一下 一个 可 能不能 要 需要 想 怎么办 如果 的话 后 时 中 上 下 从 到 向 由 其 \
     并 且 但 等 谁 哪 不是 算 让 去 来 个 哪里 何 怎"
        .split_whitespace()
        .collect()
});

/// The entries of the dictionary, one word a line; `#` begins a comment.
fn dictionary_words() -> impl Iterator<Item = &'static str> {
    DICTIONARY.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a character can be part of a term.
pub(super) fn is_matter(c: char) -> bool {
    c.is_alphanumeric()
}

/// Whether a word only shapes a question (请问, 是否, 怎么办).
pub(super) fn is_question_word(word: &str) -> bool {
    QUESTION_WORDS.contains(word)
}

/// The characters of the normal form, white space left out.
pub(super) fn sequence(text: &str) -> Vec<char> {
    text.chars().map(normalise_char).filter(|c| !c.is_whitespace()).collect()
}

/// A word of a query and the characters it covers in the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word.
    pub text: String,
    /// Its first character.
    pub start: usize,
    /// One past its last character.
    pub end: usize,
}

/// Words of a text without overlap, each with its place in [`sequence`].
pub(super) fn segments(text: &str) -> Vec<Word> {
    let mut start = 0;
    let joined: String = sequence(text).into_iter().collect();
    JIEBA
        .cut(&joined, true)
        .into_iter()
        .map(|token| {
            let end = start + token.word.chars().count();
            let word = Word { text: token.word.to_owned(), start, end };
            start = end;
            word
        })
        .collect()
}

/// Words of a text in search mode; numerals are one word of the form `#20`.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let characters: Vec<char> = normalise(line).chars().collect();
        let mut from = 0;
        for numeral in numerals_of(&characters) {
            push_words(&characters[from.min(numeral.start)..numeral.start], &mut found);
            found.push(format!("#{}", numeral.value));
            from = numeral.end;
        }
        push_words(&characters[from..], &mut found);
    }
    found
}

fn push_words(characters: &[char], found: &mut Vec<String>) {
    if characters.is_empty() {
        return;
    }
    let piece: String = characters.iter().collect();
    found.extend(
        JIEBA
            .cut_for_search(&piece, true)
            .into_iter()
            .map(|token| token.word)
            .filter(|word| word.chars().any(is_matter) && word.len() <= LONGEST_TERM_BYTES)
            .map(str::to_owned),
    );
}

/// A bigram and where it begins in the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gram {
    /// Two characters, one at the end of a run, or a numeral with the character after it.
    pub text: String,
    /// Offset of the first character.
    pub at: usize,
    /// Whether it is a plain pair of characters, the kind that a phrase is made of.
    pub is_pair: bool,
}

/// Bigrams of a text, sorted by place.
pub(super) fn grams(text: &str) -> Vec<Gram> {
    let characters = sequence(text);
    let mut numerals = numerals_of(&characters).into_iter().peekable();
    let mut found = Vec::with_capacity(characters.len() + 8);
    for (at, &c) in characters.iter().enumerate() {
        if !is_matter(c) {
            continue;
        }
        let next = characters.get(at + 1).copied().filter(|c| is_matter(*c));
        let mut pair = String::with_capacity(8);
        pair.push(c);
        pair.extend(next);
        found.push(Gram { text: pair, at, is_pair: next.is_some() });
        if let Some(numeral) = numerals.next_if(|n| n.start <= at) {
            let mut text = format!("#{}", numeral.value);
            text.extend(characters.get(numeral.end).copied().filter(|c| is_matter(*c)));
            found.push(Gram { text, at, is_pair: false });
        }
    }
    found
}

/// Tokenizer of the word fields.
#[derive(Clone)]
pub(super) struct WordTokenizer;

/// Tokenizer of the bigram fields.
#[derive(Clone)]
pub(super) struct GramTokenizer;

/// Tokens that are already made.
pub(super) struct Tokens {
    tokens: std::vec::IntoIter<Token>,
    current: Token,
}

impl Tokens {
    fn new(texts: impl Iterator<Item = (String, usize)>) -> Self {
        let tokens: Vec<Token> = texts
            .map(|(text, position)| Token { offset_from: position, offset_to: position + 1, position, text, position_length: 1 })
            .collect();
        Tokens { tokens: tokens.into_iter(), current: Token::default() }
    }
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        match self.tokens.next() {
            Some(token) => {
                self.current = token;
                true
            }
            None => false,
        }
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        Tokens::new(words(text).into_iter().enumerate().map(|(i, word)| (word, i)))
    }
}

impl Tokenizer for GramTokenizer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        Tokens::new(grams(text).into_iter().map(|gram| (gram.text, gram.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(String, usize)> {
        grams(text).into_iter().map(|g| (g.text, g.at)).collect()
    }

    #[test]
    fn bigrams_carry_character_offsets_and_stop_at_punctuation() {
        let expected: Vec<(String, usize)> =
            [("养犬", 0), ("犬人", 1), ("人", 2), ("登记", 4), ("记", 5)].map(|(t, a)| (t.to_owned(), a)).into();
        assert_eq!(texts("养犬 人，\n登记"), expected);
        assert!(texts("，。（）").is_empty());
    }

    #[test]
    fn every_form_of_a_numeral_is_one_word_and_one_bigram() {
        for text in ["二十日内", "20日内", "２０日内"] {
            assert!(words(text).contains(&"#20".to_owned()), "{text}");
            assert!(texts(text).iter().any(|(t, at)| t == "#20日" && *at == 0), "{text}");
        }
    }

    #[test]
    fn traditional_and_wide_characters_meet_their_plain_forms() {
        assert_eq!(words("養犬登記ＡＢ"), words("养犬登记ab"));
    }

    #[test]
    fn segments_tile_the_sequence() {
        let text = "请问 养犬需要登记吗？";
        let found = segments(text);
        assert_eq!(found.first().map(|w| w.start), Some(0));
        assert!(found.windows(2).all(|w| w[0].end == w[1].start));
        assert_eq!(found.last().map(|w| w.end), Some(sequence(text).len()));
        assert!(is_question_word("请问") && !is_question_word("登记"));
    }
}
