//! Pinyin of titles and terms, without tones: full spelling and initials.

use std::collections::HashMap;
use std::sync::LazyLock;

use ::pinyin::ToPinyin;

/// Words of the law whose characters have several readings, with the reading that the word takes.
const READINGS: [(&str, &[&str]); 32] = [
    ("银行", &["yin", "hang"]),
    ("行业", &["hang", "ye"]),
    ("央行", &["yang", "hang"]),
    ("商行", &["shang", "hang"]),
    ("会计", &["kuai", "ji"]),
    ("重庆", &["chong", "qing"]),
    ("重复", &["chong", "fu"]),
    ("重组", &["chong", "zu"]),
    ("重新", &["chong", "xin"]),
    ("重建", &["chong", "jian"]),
    ("调解", &["tiao", "jie"]),
    ("调节", &["tiao", "jie"]),
    ("调整", &["tiao", "zheng"]),
    ("厦门", &["xia", "men"]),
    ("长江", &["chang", "jiang"]),
    ("长沙", &["chang", "sha"]),
    ("长城", &["chang", "cheng"]),
    ("长期", &["chang", "qi"]),
    ("西藏", &["xi", "zang"]),
    ("收藏", &["shou", "cang"]),
    ("储藏", &["chu", "cang"]),
    ("首都", &["shou", "du"]),
    ("宿州", &["su", "zhou"]),
    ("传染", &["chuan", "ran"]),
    ("税率", &["shui", "lv"]),
    ("参与", &["can", "yu"]),
    ("单位", &["dan", "wei"]),
    ("统计", &["tong", "ji"]),
    ("校准", &["jiao", "zhun"]),
    ("供给", &["gong", "ji"]),
    ("差旅", &["chai", "lv"]),
    ("弹药", &["dan", "yao"]),
];

/// A text spelled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// minfadian
    pub full: String,
    /// mfd
    pub initials: String,
}

/// The toneless syllable of one character, with v for ü.
pub(crate) fn syllable(c: char) -> Option<&'static str> {
    Some(match c.to_pinyin()?.plain() {
        "lü" => "lv",
        "nü" => "nv",
        "lüe" => "lve",
        "nüe" => "nve",
        other => other,
    })
}

/// Spells a text; letters and digits stay, what has no reading is left out.
pub(crate) fn spell(text: &str) -> Spelling {
    let mut spelling = Spelling { full: String::new(), initials: String::new() };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((word, syllables)) = READINGS.iter().find(|(word, _)| rest.starts_with(word)) {
            syllables.iter().for_each(|syllable| spelling.push(syllable));
            rest = rest.strip_prefix(word).unwrap_or_default();
            continue;
        }
        if c.is_ascii_alphanumeric() {
            spelling.full.push(c.to_ascii_lowercase());
            spelling.initials.push(c.to_ascii_lowercase());
        } else if let Some(syllable) = syllable(c) {
            spelling.push(syllable);
        }
        rest = rest.strip_prefix(c).unwrap_or_default();
    }
    spelling
}

impl Spelling {
    fn push(&mut self, syllable: &str) {
        self.full.push_str(syllable);
        self.initials.extend(syllable.chars().next());
    }
}

/// A syllable with the pairs that many speakers do not tell apart made one: zh/z, ch/c, sh/s, ang/an, eng/en, ing/in, l/n.
pub(crate) fn blurred(syllable: &str) -> String {
    let mut initial = syllable.replacen("zh", "z", 1).replacen("ch", "c", 1).replacen("sh", "s", 1);
    if initial.starts_with('l') {
        initial.replace_range(..1, "n");
    }
    for (long, short) in [("ang", "an"), ("eng", "en"), ("ing", "in")] {
        if let Some(stem) = initial.strip_suffix(long) {
            return format!("{stem}{short}");
        }
    }
    initial
}

/// What one character sounds and looks like, as small numbers that are equal when the characters are confused; 0 is nothing known.
#[derive(Clone, Copy, Default)]
struct Traits {
    syllable: u16,
    blurred: u16,
    shape: u16,
}

/// First and last of the characters that [`TRAITS`] covers.
const COVERED: (u32, u32) = (0x4e00, 0x9fff);

static TRAITS: LazyLock<Vec<Traits>> = LazyLock::new(|| {
    let mut numbers: HashMap<String, u16> = HashMap::new();
    let mut number = |sound: String| {
        let next = numbers.len() as u16 + 1;
        *numbers.entry(sound).or_insert(next)
    };
    (COVERED.0..=COVERED.1)
        .map(|code| {
            let c = char::from_u32(code).unwrap_or(' ');
            let shape = SHAPES.iter().position(|group| group.contains(c)).map_or(0, |at| at as u16 + 1);
            match syllable(c) {
                Some(sound) => Traits { syllable: number(sound.to_owned()), blurred: number(format!("~{}", blurred(sound))), shape },
                None => Traits { shape, ..Traits::default() },
            }
        })
        .collect()
});

fn traits(c: char) -> Traits {
    (c as u32).checked_sub(COVERED.0).and_then(|at| TRAITS.get(at as usize)).copied().unwrap_or_default()
}

/// How unlike two characters are when one is typed for the other: 0 the same, 1 unrelated.
pub(crate) fn confusion(typed: char, meant: char) -> f32 {
    if typed == meant {
        return 0.0;
    }
    let (a, b) = (traits(typed), traits(meant));
    if (a.shape != 0 && a.shape == b.shape) || (a.syllable != 0 && a.syllable == b.syllable) {
        0.35
    } else if a.blurred != 0 && a.blurred == b.blurred {
        0.5
    } else {
        1.0
    }
}

/// A number that is equal for characters that sound alike to many speakers, below 1,024; 0 when nothing is known of the sound.
pub(crate) fn sound(c: char) -> u16 {
    traits(c).blurred
}

/// The characters that this one is taken for by shape, itself among them; empty when there are none.
pub(crate) fn lookalikes(c: char) -> &'static str {
    usize::from(traits(c).shape).checked_sub(1).and_then(|at| SHAPES.get(at)).copied().unwrap_or_default()
}

/// Characters that are taken for one another by shape or by habit; each stands in one group only.
const SHAPES: [&str; 40] = [
    "己已巳",
    "末未",
    "土士",
    "天夭",
    "侯候",
    "拨拔",
    "密蜜",
    "账帐",
    "做作",
    "坐座",
    "象像",
    "辨辩辫",
    "戍戌戊",
    "徒徙",
    "竞竟",
    "毫豪",
    "暴曝爆",
    "即既",
    "须需",
    "必毕",
    "人入",
    "贷货",
    "待侍",
    "担坦",
    "治冶洽",
    "检捡",
    "赔陪培",
    "偿尝",
    "券卷劵",
    "历厉",
    "刺剌",
    "仑仓",
    "沧沦",
    "准淮",
    "设没",
    "买卖",
    "继断",
    "违讳",
    "籍藉",
    "养眷",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_titles() {
        for (text, full, initials) in [
            ("民法典", "minfadian", "mfd"),
            ("会计法", "kuaijifa", "kjf"),
            ("商业银行法", "shangyeyinhangfa", "syyhf"),
            ("人民调解法", "renmintiaojiefa", "rmtjf"),
            ("法律援助法", "falvyuanzhufa", "flyzf"),
            ("重庆市河道条例", "chongqingshihedaotiaoli", "cqshdtl"),
            ("刑法修正案11", "xingfaxiuzhengan11", "xfxza11"),
            ("、。", "", ""),
        ] {
            assert_eq!(spell(text), Spelling { full: full.into(), initials: initials.into() }, "{text}");
        }
    }

    #[test]
    fn confusions_are_graded() {
        assert_eq!(confusion('按', '按'), 0.0);
        assert!(confusion('按', '安') < confusion('生', '森'));
        assert!(confusion('生', '森') < confusion('水', '火'));
        assert!(confusion('已', '己') < 0.5);
        assert_eq!((lookalikes('己'), lookalikes('水'), sound('是') == sound('四'), sound(' ')), ("己已巳", "", true, 0));
        assert!((COVERED.0..=COVERED.1).filter_map(char::from_u32).all(|c| sound(c) < 1024));
    }
}
