//! By what names a document is called: its title, and the forms that people and citations shorten it to.

use crate::search::normalise::normalise_char;

/// The state's name, which citations drop and drafters add: 中华人民共和国民法典 is 民法典.
const STATE: &str = "中华人民共和国";

/// How close a name is to the title itself; the order is the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quality {
    /// The title, with or without 中华人民共和国.
    Title,
    /// A name that a list or the document itself gives (以下简称).
    Alias,
    /// The title without its closing mark: （试行）, （2018年修正）.
    Unmarked,
    /// A judicial interpretation called by the law or matter it interprets: 民事诉讼法司法解释.
    Derived,
    /// One part of several, called without its number: …的解释（一）.
    Part,
    /// A local document called without its region: 物业管理条例.
    Unlocated,
}

impl Quality {
    /// How certainly this name alone means the document.
    pub(super) fn certainty(self) -> f32 {
        match self {
            Quality::Title => 1.0,
            Quality::Alias => 0.98,
            Quality::Unmarked => 0.95,
            Quality::Derived => 0.92,
            Quality::Part => 0.86,
            Quality::Unlocated => 0.78,
        }
    }
}

/// Province-level names as titles begin with them, and their short forms.
const PROVINCES: [(&str, &str); 31] = [
    ("北京市", "北京"),
    ("天津市", "天津"),
    ("上海市", "上海"),
    ("重庆市", "重庆"),
    ("河北省", "河北"),
    ("山西省", "山西"),
    ("辽宁省", "辽宁"),
    ("吉林省", "吉林"),
    ("黑龙江省", "黑龙江"),
    ("江苏省", "江苏"),
    ("浙江省", "浙江"),
    ("安徽省", "安徽"),
    ("福建省", "福建"),
    ("江西省", "江西"),
    ("山东省", "山东"),
    ("河南省", "河南"),
    ("湖北省", "湖北"),
    ("湖南省", "湖南"),
    ("广东省", "广东"),
    ("海南省", "海南"),
    ("四川省", "四川"),
    ("贵州省", "贵州"),
    ("云南省", "云南"),
    ("陕西省", "陕西"),
    ("甘肃省", "甘肃"),
    ("青海省", "青海"),
    ("内蒙古自治区", "内蒙古"),
    ("广西壮族自治区", "广西"),
    ("西藏自治区", "西藏"),
    ("宁夏回族自治区", "宁夏"),
    ("新疆维吾尔自治区", "新疆"),
];

/// Cities and prefectures as people write them, to tell another place from a slip of the pen.
const CITIES: &str = "\
    石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 阳泉 长治 晋城 朔州 晋中 运城 忻州 \
    临汾 吕梁 呼和浩特 包头 乌海 赤峰 通辽 鄂尔多斯 呼伦贝尔 巴彦淖尔 乌兰察布 沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 \
    营口 阜新 辽阳 盘锦 铁岭 朝阳 葫芦岛 长春 四平 辽源 通化 白山 松原 白城 延边 哈尔滨 齐齐哈尔 鸡西 鹤岗 \
    双鸭山 大庆 伊春 佳木斯 七台河 牡丹江 黑河 绥化 南京 无锡 徐州 常州 苏州 南通 连云港 淮安 盐城 扬州 镇江 \
    泰州 宿迁 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 合肥 芜湖 蚌埠 淮南 马鞍山 淮北 铜陵 安庆 \
    黄山 滁州 阜阳 宿州 六安 亳州 池州 宣城 福州 厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 南昌 景德镇 萍乡 九江 \
    新余 鹰潭 赣州 吉安 宜春 抚州 上饶 济南 青岛 淄博 枣庄 东营 烟台 潍坊 济宁 泰安 威海 日照 临沂 德州 聊城 \
    滨州 菏泽 郑州 开封 洛阳 平顶山 安阳 鹤壁 新乡 焦作 濮阳 许昌 漯河 三门峡 南阳 商丘 信阳 周口 驻马店 武汉 \
    黄石 十堰 宜昌 襄阳 鄂州 荆门 孝感 荆州 黄冈 咸宁 随州 恩施 长沙 株洲 湘潭 衡阳 邵阳 岳阳 常德 张家界 益阳 \
    郴州 永州 怀化 娄底 湘西 广州 韶关 深圳 珠海 汕头 佛山 江门 湛江 茂名 肇庆 惠州 梅州 汕尾 河源 阳江 清远 \
    东莞 中山 潮州 揭阳 云浮 南宁 柳州 桂林 梧州 北海 防城港 钦州 贵港 玉林 百色 贺州 河池 来宾 崇左 海口 三亚 \
    三沙 儋州 成都 自贡 攀枝花 泸州 德阳 绵阳 广元 遂宁 内江 乐山 南充 眉山 宜宾 广安 达州 雅安 巴中 资阳 阿坝 \
    甘孜 凉山 贵阳 六盘水 遵义 安顺 毕节 铜仁 黔西南 黔东南 黔南 昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 楚雄 \
    红河 文山 西双版纳 大理 德宏 怒江 迪庆 拉萨 日喀则 昌都 林芝 山南 那曲 阿里 西安 铜川 宝鸡 咸阳 渭南 延安 \
    汉中 榆林 安康 商洛 兰州 嘉峪关 金昌 白银 天水 武威 张掖 平凉 酒泉 庆阳 定西 陇南 临夏 甘南 西宁 海东 海北 \
    黄南 果洛 玉树 海西 银川 石嘴山 吴忠 固原 中卫 乌鲁木齐 克拉玛依 吐鲁番 哈密 昌吉 博尔塔拉 巴音郭楞 阿克苏 \
    克孜勒苏 喀什 和田 伊犁 塔城 阿勒泰";

/// The letters and digits of a text in normal form, without the state's name: what titles are compared by.
pub(crate) fn title_key(text: &str) -> String {
    let letters: String = text.chars().map(normalise_char).filter(|c| c.is_alphanumeric()).collect();
    let without = letters.replace(STATE, "");
    if without.is_empty() { letters } else { without }
}

/// All names of a title, best first, none twice.
pub(super) fn names_of(title: &str) -> Vec<(String, Quality)> {
    let mut names = Names(Vec::new());
    let normal: String = title.trim().chars().map(normalise_char).collect();
    names.add(title_key(&normal), Quality::Title);
    // Files are often named with their document number first.
    if let Some((_, title)) =
        normal.split_once('号').filter(|(number, title)| number.contains('(') && number.chars().count() <= 20 && title.chars().count() >= 6)
    {
        names.add(title_key(title), Quality::Title);
    }
    let (body, mark) = split_mark(&normal);
    let number = mark.and_then(crate::corpus::numerals::parse);
    if let (Some(mark), true) = (mark, !body.is_empty()) {
        match number {
            Some(number) => {
                names.add(title_key(body) + &number.to_string(), Quality::Title);
                names.add(title_key(body), Quality::Part);
            }
            None if mark.ends_with('年') => {
                names.add(title_key(body) + mark.trim_end_matches('年'), Quality::Title);
                names.add(title_key(body), Quality::Part);
            }
            None => names.add(title_key(body), if mark.is_empty() { Quality::Title } else { Quality::Unmarked }),
        }
    }
    for name in judicial_names(&title_key(body)) {
        match (mark, number) {
            (Some(mark), Some(number)) => {
                names.add(format!("{name}{mark}"), Quality::Derived);
                names.add(format!("{name}{number}"), Quality::Derived);
                names.add(name, Quality::Part);
            }
            _ => names.add(name, Quality::Derived),
        }
    }
    let key = title_key(body);
    if let Some((region, rest)) = split_region(&key) {
        names.add(format!("{}{rest}", short_region(&region)), Quality::Derived);
        const ENDS: [&str; 4] = ["办法", "条例", "细则", "规定"];
        // 广东省实施〈消费者权益保护法〉办法 is asked for as 广东省消费者权益保护法实施办法.
        if let Some((law, form)) =
            rest.strip_prefix("实施").and_then(|inner| ENDS.iter().find_map(|end| Some((inner.strip_suffix(end)?, *end))))
        {
            names.add(format!("{region}{law}实施{form}"), Quality::Derived);
            names.add(format!("{}{law}实施{form}", short_region(&region)), Quality::Derived);
        }
        names.add(rest, Quality::Unlocated);
    }
    names.0
}

/// The province, city or county that a key begins with.
pub(super) fn region_of(key: &str) -> Option<String> {
    split_region(key).map(|(region, _)| region)
}

/// The place that a typed title begins with, in its short form (惠州): a known city or province, with or without 市 or 省.
pub(super) fn known_place(key: &str) -> Option<&'static str> {
    let provinces = PROVINCES.iter().map(|(_, short)| *short);
    CITIES.split(' ').chain(provinces).find(|place| key.starts_with(place))
}

struct Names(Vec<(String, Quality)>);

impl Names {
    fn add(&mut self, key: String, quality: Quality) {
        if key.chars().count() >= 2 && !self.0.iter().any(|(known, _)| *known == key) {
            self.0.push((key, quality));
        }
    }
}

/// The part before a closing bracket group and the words inside it: （试行）, （二）.
fn split_mark(normal: &str) -> (&str, Option<&str>) {
    let split = normal.trim_end().strip_suffix(')').and_then(|inner| inner.rsplit_once('('));
    match split {
        Some((body, mark)) if mark.chars().count() <= 14 => (body.trim_end(), Some(mark.trim())),
        _ => (normal, None),
    }
}

/// Short names of judicial interpretations, from the key of a title without its closing mark.
fn judicial_names(key: &str) -> Vec<String> {
    let Some((organ, matter)) = key.split_once("关于") else { return Vec::new() };
    let issued = organ.is_empty() || ["院", "部", "会", "委", "局", "署", "厅", "府"].iter().any(|end| organ.ends_with(end));
    if !issued || matter.is_empty() {
        return Vec::new();
    }
    let mut names = vec![format!("关于{matter}"), matter.to_owned()];
    if !organ.starts_with("最高人民") {
        return names;
    }
    let core = ["的解释", "的若干解释", "的规定", "若干规定", "的若干规定", "的批复", "的安排"]
        .iter()
        .find_map(|end| matter.strip_suffix(end))
        .unwrap_or(matter);
    let core = [
        "适用法律若干问题",
        "具体应用法律若干问题",
        "应用法律若干问题",
        "适用法律问题",
        "适用法律有关问题",
        "具体应用法律问题",
        "若干问题",
        "有关问题",
    ]
    .iter()
    .find_map(|end| core.strip_suffix(end))
    .unwrap_or(core);
    let subject = ["人民法院办理", "人民法院审理", "审理", "办理", "适用", "执行", "人民法院"]
        .iter()
        .find_map(|start| core.strip_prefix(start))
        .unwrap_or(core);
    for subject in [subject, subject.strip_suffix("案件").unwrap_or(subject), subject.strip_suffix("纠纷案件").unwrap_or(subject)] {
        if subject.chars().count() >= 2 && subject != matter {
            names.push(format!("{subject}解释"));
            names.push(format!("{subject}司法解释"));
            names.push(format!("{subject}规定"));
        }
    }
    names
}

/// Splits off the regions that a key begins with: 广东省 / 惠州市 / 惠东县.
fn split_region(key: &str) -> Option<(String, String)> {
    let mut rest = key;
    let mut region = String::new();
    if let Some((name, _)) = PROVINCES.iter().find(|(name, _)| rest.starts_with(name)) {
        region.push_str(name);
        rest = rest.strip_prefix(name).unwrap_or(rest);
    }
    for _ in 0..2 {
        let Some(length) = place_length(rest) else { break };
        let (place, after) = rest.split_at(length);
        region.push_str(place);
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("经济特区") {
        region.push_str("经济特区");
        rest = after;
    } else if let Some(at) = key.find("经济特区").filter(|at| region.is_empty() && *at > 0 && *at <= 12) {
        // 深圳经济特区…条例 carries no 市.
        let (place, after) = key.split_at(at + "经济特区".len());
        region = place.to_owned();
        rest = after;
    }
    (!region.is_empty() && rest.chars().count() >= 3).then(|| (region, rest.to_owned()))
}

/// Length in bytes of a city, prefecture or county that a text begins with.
fn place_length(text: &str) -> Option<usize> {
    let mut name = String::new();
    for (count, (at, c)) in text.char_indices().enumerate().take(9) {
        if matches!(c, '市' | '州' | '县') && count >= 2 {
            let prefecture = c != '州' || name.ends_with("自治");
            // 城市…, 设区的市…, 住宅小区 are matters, not places.
            let place = !["城", "区的", "级", "都市"].iter().any(|end| name.ends_with(end)) && (count <= 4 || name.ends_with("自治"));
            return (prefecture && place).then_some(at + c.len_utf8());
        }
        name.push(c);
    }
    None
}

/// 惠州市 as people write it before a title: 惠州.
fn short_region(region: &str) -> String {
    if let Some((_, short)) = PROVINCES.iter().find(|(name, _)| *name == region) {
        return (*short).to_owned();
    }
    region.strip_suffix(['市', '县']).unwrap_or(region).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(title: &str) -> Vec<String> {
        names_of(title).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn a_title_is_known_by_its_usual_names() {
        for (title, name) in [
            ("中华人民共和国城乡绿化法", "城乡绿化法"),
            ("某某监督规则（试行）", "某某监督规则"),
            ("最高人民法院关于适用《中华人民共和国民事诉讼法》的解释", "民事诉讼法司法解释"),
            ("最高人民法院关于适用〈民事诉讼法〉的解释", "民事诉讼法解释"),
            ("最高人民法院关于审理旅游纠纷案件适用法律若干问题的规定", "旅游纠纷规定"),
            ("最高人民法院关于审理旅游纠纷案件适用法律若干问题的规定", "审理旅游纠纷案件适用法律若干问题的规定"),
            ("最高人民法院关于审理期货纠纷案件若干问题的规定（二）", "期货纠纷规定2"),
            ("刑法修正案（十一）", "刑法修正案11"),
            ("宪法修正案（2018年）", "宪法修正案2018"),
            ("惠州市扬尘污染防治条例", "扬尘污染防治条例"),
            ("惠州市扬尘污染防治条例", "惠州扬尘污染防治条例"),
            ("广东省实施《中华人民共和国消费者权益保护法》办法", "广东省消费者权益保护法实施办法"),
            ("深圳经济特区养犬管理条例", "养犬管理条例"),
            ("延边朝鲜族自治州河道管理条例", "河道管理条例"),
        ] {
            assert!(keys(title).contains(&name.to_owned()), "{title}: {:?}", keys(title));
        }
    }

    #[test]
    fn matters_are_not_taken_for_regions() {
        for title in ["城市供水条例", "县级以上人民政府工作规则", "设区的市立法条例", "州际道路办法", "市场监督条例", "都市圈规划条例"]
        {
            assert_eq!(region_of(title), None, "{title}");
        }
        assert_eq!(known_place("惠州物业管理条例"), Some("惠州"));
        assert_eq!(known_place("广东省物业管理条例"), Some("广东"));
        assert_eq!(known_place("产州市物业管理条例"), None);
        assert!(CITIES.split(' ').all(|city| (2..=5).contains(&city.chars().count())));
        assert_eq!(region_of("广东省惠州市西湖保护办法").as_deref(), Some("广东省惠州市"));
    }

    #[test]
    fn nothing_breaks_a_name() {
        for title in ["", "（）", "）（", "中华人民共和国", "《》", "市", "省市县", "关于", "最高人民法院关于", "（（（二）", "经济特区"]
        {
            let _ = names_of(title);
        }
        assert_eq!(title_key("中华人民共和国"), "中华人民共和国");
    }
}
