//! Grouping a hundred thousand opinions: templates of campaigns with edits, and opinions that nobody else has.
//!
//! The first run prints what was found and the peak memory; the reference is what cannot be avoided, the prints of all texts.

use std::sync::LazyLock;
use std::time::Instant;

use divan::{Bencher, black_box};
use zhitong::opinions::grouping::{Loose, Print, suggest, words};

/// Opinions.
const OPINIONS: usize = 100_000;
/// Campaigns, to which every second opinion belongs.
const CAMPAIGNS: usize = 200;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Words that sentences are made of, so that strangers share many of them.
const WORDS: &[&str] = &[
    "建议",
    "归还",
    "时间",
    "延长",
    "缩短",
    "押金",
    "收费",
    "标准",
    "公示",
    "投诉",
    "电话",
    "经营者",
    "使用者",
    "车站",
    "医院",
    "学校",
    "社区",
    "老人",
    "孩子",
    "雨季",
    "夜间",
    "周末",
    "投放",
    "数量",
    "增加",
    "减少",
    "维修",
    "消毒",
    "处罚",
    "警告",
    "罚款",
    "信息",
    "安全",
    "隐私",
    "手机",
    "现金",
    "残疾人",
    "便利",
    "道路",
    "盲道",
    "应当",
    "可以",
    "不得",
    "必须",
    "以及",
    "或者",
    "因为",
    "所以",
    "如果",
    "希望",
    "认为",
    "条款",
    "第三条",
    "第四条",
    "修改",
    "删除",
    "补充",
    "明确",
    "细化",
    "程序",
];

/// A text of about `words` words.
fn text(dice: &mut Dice, words: usize) -> String {
    let mut text = String::new();
    for n in 0..words {
        text.push_str(WORDS.get(dice.below(WORDS.len())).copied().unwrap_or_default());
        if n % 9 == 8 {
            text.push('，');
        }
    }
    text
}

/// The template with one word in thirty replaced, sometimes a sentence more.
fn edited(dice: &mut Dice, template: &str) -> String {
    let mut characters: Vec<char> = template.chars().collect();
    for _ in 0..dice.below(characters.len() / 40 + 1) {
        let at = dice.below(characters.len());
        if let Some(place) = characters.get_mut(at) {
            *place = '某';
        }
    }
    let mut out: String = characters.into_iter().collect();
    if dice.below(4) == 0 {
        out.push_str("请予采纳，谢谢！");
    }
    out
}

static OPINION_LIST: LazyLock<Vec<Loose>> = LazyLock::new(|| {
    let mut dice = Dice(1);
    let templates: Vec<String> = (0..CAMPAIGNS)
        .map(|_| {
            let words = 30 + dice.below(120);
            text(&mut dice, words)
        })
        .collect();
    let list: Vec<Loose> = (0..OPINIONS)
        .map(|n| {
            let text = if n % 2 == 0 {
                let template = templates.get(dice.below(CAMPAIGNS)).map(String::as_str).unwrap_or_default();
                edited(&mut dice, template)
            } else {
                let words = 10 + dice.below(180);
                text(&mut dice, words)
            };
            Loose { text, place: 0, sides: Vec::new() }
        })
        .collect();
    let characters: usize = list.iter().map(|one| one.text.chars().count()).sum();
    let started = Instant::now();
    let found = suggest(&[], &list);
    let grouped: usize = found.groups.iter().map(Vec::len).sum();
    println!(
        "{OPINIONS} opinions of {} characters on average, {CAMPAIGNS} campaigns: {} groups of {grouped} opinions in {:.1} s, peak memory {} MiB",
        characters / OPINIONS,
        found.groups.len(),
        started.elapsed().as_secs_f64(),
        peak_mib()
    );
    assert!(found.groups.len() >= CAMPAIGNS && grouped >= OPINIONS * 48 / 100, "campaigns were lost");
    list
});

/// Largest resident size of this process so far, in MiB; 0 where the system does not tell.
fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) / 1024
}

/// The product.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn group_100_000(bencher: Bencher) {
    bencher.bench(|| suggest(&[], black_box(&OPINION_LIST)).groups.len());
}

/// The reference: a print of every text, which any comparison needs.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn print_100_000(bencher: Bencher) {
    bencher.bench(|| OPINION_LIST.iter().map(|one| Print::of(&words(black_box(&one.text))).characters).sum::<usize>());
}

fn main() {
    divan::main();
}
