//! Documents and queries made by arithmetic: the same on every machine, with words as unevenly frequent as in real texts.

#![allow(dead_code, reason = "each bench takes what it needs")]

use std::time::Duration;

use uuid::Uuid;
use zhitong::corpus::classification::Validity;
use zhitong::corpus::indexing::{IndexedDocument, IndexedProvision};
use zhitong::corpus::numerals::to_chinese;

/// Documents of the benches of search.
pub const DOCUMENTS: usize = 400;
/// Articles of each: 20,000 in all.
pub const ARTICLES: usize = 50;

const PLACES: &str = "东江 西陵 南岭 北川 清河 明川 望溪 云渡 石桥 金沙 白鹭 青山 长湖 平湖 临海 新港 古渡 双溪 三河 五峰";
const TOPICS: &str =
    "养犬 物业 河道 绿化 扬尘 噪声 停车 燃气 供水 排水 消防 电梯 市容 广告 户外招牌 生活垃圾 建筑垃圾 历史建筑 志愿服务 文明行为";
const WORDS: &str = "应当 或者 规定 单位 个人 部门 主管 行政 人民政府 依法 管理 有关 机关 责令 改正 罚款 处以 情形 下列 违反 本条例 申请 许可 登记 备案 公示 公告 监督 检查 \
    处罚 权利 义务 责任 居民 村民 委员会 街道 乡镇 社区 业主 物业 服务 企业 合同 期限 日内 书面 通知 材料 提交 受理 审查 批准 决定 复议 诉讼 听证 损失 赔偿 侵权 饲养 动物 犬只 伤人 牵引 \
    佩戴 口罩 免疫 接种 疫苗 收容 领养 噪声 排放 夜间 施工 扰民 油烟 净化 设施 设备 安装 维护 检修 电梯 加装 费用 分摊 维修 资金 公共 收益 停车 车位 占用 消防 通道 充电 电动 自行车 \
    头盔 号牌 行驶 非机动车 机动车 道路 交通 拥堵 信号 限速 河道 采砂 岸线 水质 污染 防治 监测 预警 应急 预案 救援 避难 储备 物资 捐赠 志愿者 文明 公约 不文明 劝阻 举报 奖励 保密 \
    信息 数据 隐私 未成年人 监护人 老年人 残疾人 无障碍 坡道 盲道 绿地 树木 砍伐 移植 古树 名木 历史 建筑 风貌 修缮 拆除 征收 补偿 安置 房屋 租赁 出租人 承租人 押金 中介 广告 招牌 \
    市容 摊贩 占道 经营 食品 小作坊 添加剂 标签 检验 追溯 召回 垃圾 分类 投放 收集 运输 处置 厨余 可回收 有害 建筑垃圾 渣土 泄漏 遗撒 燃气 管道 阀门 用户 安检 供水 水表 排水 管网 雨污分流";

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// A word; the n-th about as often as 1/n.
    fn word(&mut self, words: &[&'static str]) -> &'static str {
        let share = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        let place = ((words.len() as f64).powf(share) - 1.0) as usize;
        words[place.min(words.len() - 1)]
    }
}

/// A made-up document.
pub struct Document {
    /// Title.
    pub title: String,
    /// Articles, each of one to three 款.
    pub articles: Vec<Vec<String>>,
}

/// `count` documents of `articles` articles each.
pub fn documents(count: usize, articles: usize) -> Vec<Document> {
    let words: Vec<&'static str> = WORDS.split_whitespace().collect();
    let places: Vec<&str> = PLACES.split_whitespace().collect();
    let topics: Vec<&str> = TOPICS.split_whitespace().collect();
    let mut chance = Chance(7);
    (0..count)
        .map(|i| {
            // Every pair of place and topic once, then again with a further word.
            let again = i / (places.len() * topics.len());
            let title =
                format!("{}市{}{}管理条例", places[i % places.len()], topics[i / places.len() % topics.len()], "补充".repeat(again));
            let articles = (0..articles).map(|_| (0..=chance.below(3)).map(|_| paragraph(&mut chance, &words)).collect()).collect();
            Document { title, articles }
        })
        .collect()
}

fn paragraph(chance: &mut Chance, words: &[&'static str]) -> String {
    let mut text = String::new();
    for clause in 0..2 + chance.below(4) {
        if clause > 0 {
            text.push('，');
        }
        for _ in 0..3 + chance.below(4) {
            text.push_str(chance.word(words));
        }
    }
    text.push('。');
    text
}

/// A document as the index takes it in.
pub fn indexed(place: usize, document: &Document) -> IndexedDocument {
    IndexedDocument {
        work_id: Uuid::from_u128((place as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        version_id: Uuid::from_u128((place as u128 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9_94d0_49bb_1331_11eb)),
        title: document.title.clone(),
        aliases: Vec::new(),
        category: "local_regulation".into(),
        level: "municipal_regulation".into(),
        region: document.title.chars().take(3).collect(),
        organ: String::new(),
        document_number: String::new(),
        adopted_on: chrono::NaiveDate::from_ymd_opt(2000 + (place % 25) as i32, 6, 1),
        promulgated_on: None,
        effective_on: chrono::NaiveDate::from_ymd_opt(2000 + (place % 25) as i32, 7, 1),
        ended_on: None,
        validity: Validity::InForce,
        provisions: document
            .articles
            .iter()
            .zip(1u32..)
            .map(|(paragraphs, number)| IndexedProvision {
                address: format!("art-{number}"),
                label: format!("第{}条", to_chinese(number)),
                number: Some((number, 0)),
                path: String::new(),
                heading: String::new(),
                paragraphs: paragraphs.clone(),
                source_id: None,
            })
            .collect(),
    }
}

/// A document as a Markdown file of the kind that is imported.
pub fn markdown(place: usize, document: &Document) -> String {
    let mut text = format!("# {}\n\n{}年6月1日 市人民代表大会常务委员会通过\n\n<!-- INFO END -->\n\n", document.title, 2000 + place % 25);
    for (paragraphs, number) in document.articles.iter().zip(1u32..) {
        text.push_str(&format!("第{}条 {}\n\n", to_chinese(number), paragraphs.join("\n\n")));
    }
    text
}

/// Writes the documents below a folder, one file each.
pub fn write(folder: &std::path::Path, documents: &[Document]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (place, document) in documents.iter().enumerate() {
        std::fs::write(folder.join(format!("{}({}-06-01).md", document.title, 2000 + place % 25)), markdown(place, document))?;
    }
    Ok(())
}

/// `count` queries over the documents: in turn three to five words, eight characters of an article, title and article.
pub fn queries(documents: &[Document], count: usize) -> Vec<String> {
    let words: Vec<&'static str> = WORDS.split_whitespace().collect();
    let mut chance = Chance(11);
    (0..count)
        .map(|i| {
            let document = &documents[chance.below(documents.len())];
            let article = chance.below(document.articles.len());
            match i % 3 {
                0 => (0..3 + chance.below(3)).map(|_| words[chance.below(words.len())]).collect(),
                1 => {
                    let characters: Vec<char> = document.articles[article][0].chars().collect();
                    let start = chance.below(characters.len().saturating_sub(8) + 1);
                    characters.iter().skip(start).take(8).collect()
                }
                _ => format!("{}第{}条", document.title, to_chinese(article as u32 + 1)),
            }
        })
        .collect()
}

/// Median and 99th percentile of durations.
pub fn percentiles(durations: &mut [Duration]) -> (Duration, Duration) {
    durations.sort_unstable();
    let at = |share: usize| durations.get(durations.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// One line of a latency table.
pub fn report(name: &str, durations: &mut [Duration]) -> Duration {
    let (p50, p99) = percentiles(durations);
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    println!("{name:<44} p50 {:7.3} ms   p99 {:7.3} ms   ({} queries)", ms(p50), ms(p99), durations.len());
    p50
}
