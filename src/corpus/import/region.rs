//! 适用区域: where a text applies, from the organ that made it, its title, or the folder it lay in. Pure.

/// How large a region is; decides the level of what its organs make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 全国.
    Nation,
    /// A province, autonomous region or municipality.
    Province,
    /// A city, prefecture, county or anything else below a province.
    City,
}

/// A region by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// 全国, 广东省, 惠州市 …
    pub name: String,
    /// Its size.
    pub scale: Scale,
}

/// Provinces: short name, full name.
const PROVINCES: &[(&str, &str)] = &[
    ("北京", "北京市"),
    ("天津", "天津市"),
    ("上海", "上海市"),
    ("重庆", "重庆市"),
    ("河北", "河北省"),
    ("山西", "山西省"),
    ("辽宁", "辽宁省"),
    ("吉林", "吉林省"),
    ("黑龙江", "黑龙江省"),
    ("江苏", "江苏省"),
    ("浙江", "浙江省"),
    ("安徽", "安徽省"),
    ("福建", "福建省"),
    ("江西", "江西省"),
    ("山东", "山东省"),
    ("河南", "河南省"),
    ("湖北", "湖北省"),
    ("湖南", "湖南省"),
    ("广东", "广东省"),
    ("海南", "海南省"),
    ("四川", "四川省"),
    ("贵州", "贵州省"),
    ("云南", "云南省"),
    ("陕西", "陕西省"),
    ("甘肃", "甘肃省"),
    ("青海", "青海省"),
    ("台湾", "台湾省"),
    ("内蒙古", "内蒙古自治区"),
    ("广西", "广西壮族自治区"),
    ("西藏", "西藏自治区"),
    ("宁夏", "宁夏回族自治区"),
    ("新疆", "新疆维吾尔自治区"),
    ("香港", "香港特别行政区"),
    ("澳门", "澳门特别行政区"),
];

/// Special zones whose name alone names a city.
const ZONES: &[(&str, &str)] = &[
    ("深圳经济特区", "深圳市"),
    ("珠海经济特区", "珠海市"),
    ("汕头经济特区", "汕头市"),
    ("厦门经济特区", "厦门市"),
    ("喀什经济特区", "喀什地区"),
];

/// Endings of regions below a province, longest first.
const ENDINGS: &[&str] = &["自治县", "自治州", "自治旗", "地区", "林区", "市", "州", "盟", "县", "旗"];

/// Common words that end like a region and are none.
const NO_REGIONS: &[&str] = &[
    "城市",
    "股市",
    "上市",
    "超市",
    "都市",
    "集市",
    "门市",
    "夜市",
    "县市",
    "省市",
    "各市",
    "本市",
    "设区的市",
    "较大的市",
    "直辖市",
    "特大城市",
    "小城市",
    "大城市",
    "中小城市",
    "贫困县",
    "各县",
];

/// The whole country.
pub fn nation() -> Region {
    Region { name: "全国".into(), scale: Scale::Nation }
}

/// The region of an organ (甲市人民代表大会常务委员会, 甲省人民政府); `None` when the name does not tell.
pub fn of_organ(organ: &str) -> Option<Region> {
    if organ.starts_with("全国")
        || organ.starts_with("国务院")
        || organ.starts_with("国家")
        || organ.starts_with("最高人民")
        || organ.starts_with("中央")
        || organ.starts_with("中共中央")
    {
        return Some(nation());
    }
    let place =
        ["人民代表大会", "人大常委会", "人民政府", "革命委员会"].iter().find_map(|end| organ.find(end).and_then(|at| organ.get(..at)));
    match place {
        Some(place) if !place.is_empty() => leading(place),
        // 公安部, 国家税务总局: departments of the centre are not named after a place.
        _ => ["部", "总局", "总署", "委员会", "银行"]
            .iter()
            .any(|end| organ.ends_with(end))
            .then(nation)
            .filter(|_| leading(organ).is_none()),
    }
}

/// The region with which a title or an organ's name begins.
pub fn leading(text: &str) -> Option<Region> {
    let text = text.trim_start_matches(['《', '〈', '“']);
    let text = text.strip_prefix("中国（").or_else(|| text.strip_prefix("中国(")).unwrap_or(text);
    if let Some((_, city)) = ZONES.iter().find(|(zone, _)| text.starts_with(zone)) {
        return Some(Region { name: (*city).to_owned(), scale: Scale::City });
    }
    if let Some((short, full)) = PROVINCES.iter().find(|(short, full)| text.starts_with(full) || text.starts_with(short)) {
        let rest = text.strip_prefix(full).or_else(|| text.strip_prefix(short)).unwrap_or_default();
        // 甲省乙市…: the smaller region makes the text.
        return below_province(rest).or_else(|| {
            let is_place = text.starts_with(full) || !rest.starts_with(['市', '县']);
            is_place.then(|| Region { name: (*full).to_owned(), scale: Scale::Province })
        });
    }
    below_province(text)
}

/// A city, prefecture or county with which a text begins: two to twelve characters up to its ending.
fn below_province(text: &str) -> Option<Region> {
    let head_end = text.char_indices().nth(14).map_or(text.len(), |(at, _)| at);
    let head = text.get(..head_end)?;
    let (end, ending) = ENDINGS
        .iter()
        .filter_map(|ending| head.find(ending).map(|at| (at + ending.len(), *ending)))
        .min_by_key(|(end, ending)| (*end, usize::MAX - ending.len()))?;
    let name = head.get(..end)?;
    let length = name.chars().count();
    // 甲州市 ends with its 市, not with its 州.
    if matches!(ending, "州" | "盟" | "旗") {
        let rest = text.get(end..)?;
        if let Some(after) = rest.strip_prefix(['市', '县', '区']) {
            let whole = text.get(..text.len() - after.len())?;
            return Some(Region { name: whole.to_owned(), scale: Scale::City });
        }
        if ending == "州" {
            return None;
        }
    }
    let is_name = (2..=12).contains(&length)
        && !NO_REGIONS.iter().any(|word| name.ends_with(word))
        && name.chars().all(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
        && !["关于", "国务院", "国家", "全国", "中央", "实施", "公安", "最高"].iter().any(|word| name.contains(word));
    is_name.then(|| Region { name: name.to_owned(), scale: Scale::City })
}

/// The province that a folder is named after (广东, 广东省, 广东地方法规); nearest folder first.
pub fn of_folders<'a>(folders: impl DoubleEndedIterator<Item = &'a str>) -> Option<Region> {
    folders.rev().find_map(|folder| {
        let (_, full) = PROVINCES.iter().find(|(short, full)| {
            folder == *short
                || folder == *full
                || folder
                    .strip_prefix(short)
                    .is_some_and(|rest| rest.starts_with("地方") || rest.starts_with("省") || rest.starts_with("市"))
        })?;
        Some(Region { name: (*full).to_owned(), scale: Scale::Province })
    })
}

/// Reads a region that a source states by name.
pub fn stated(name: &str) -> Region {
    let name = name.trim();
    if matches!(name, "全国" | "中国" | "国家") {
        return nation();
    }
    match PROVINCES.iter().find(|(short, full)| name == *short || name == *full) {
        Some((_, full)) => Region { name: (*full).to_owned(), scale: Scale::Province },
        None => Region { name: name.to_owned(), scale: Scale::City },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_from_titles_and_organs() {
        for (text, name) in [
            ("广东省平安建设条例", Some("广东省")),
            ("北京市机动车停车条例", Some("北京市")),
            ("惠州市市容和环境卫生管理条例", Some("惠州市")),
            ("广州市停车场条例", Some("广州市")),
            ("杭州市道路交通安全管理条例", Some("杭州市")),
            ("惠东县某办法", Some("惠东县")),
            ("广东省惠州市西湖风景名胜区保护条例", Some("惠州市")),
            ("深圳经济特区人工智能产业促进条例", Some("深圳市")),
            ("海南自由贸易港公平竞争条例", Some("海南省")),
            ("上海市浦东新区某若干规定", Some("上海市")),
            ("中国（上海）自由贸易试验区条例", Some("上海市")),
            ("彭水苗族土家族自治县城乡建设管理条例", Some("彭水苗族土家族自治县")),
            ("恩施土家族苗族自治州某条例", Some("恩施土家族苗族自治州")),
            ("内蒙古自治区行政执法监督条例", Some("内蒙古自治区")),
            ("城市绿化条例", None),
            ("上市公司监督管理条例", None),
            ("国务院关于城市的规定", None),
            ("民法典", None),
            ("中关村国家自主创新示范区条例", None),
            ("村庄和集镇规划建设管理条例", None),
            ("县级以上地方各级人民代表大会规则", None),
        ] {
            assert_eq!(leading(text).map(|r| r.name).as_deref(), name, "{text}");
        }
        for (organ, name, scale) in [
            ("全国人民代表大会常务委员会", "全国", Scale::Nation),
            ("国务院", "全国", Scale::Nation),
            ("公安部", "全国", Scale::Nation),
            ("国家税务总局", "全国", Scale::Nation),
            ("浙江省人民代表大会常务委员会", "浙江省", Scale::Province),
            ("宁波市人民代表大会常务委员会", "宁波市", Scale::City),
            ("重庆市人民政府", "重庆市", Scale::Province),
        ] {
            assert_eq!(of_organ(organ), Some(Region { name: name.into(), scale }), "{organ}");
        }
        assert_eq!(of_organ("某某协会"), None);
    }

    #[test]
    fn folders_name_provinces() {
        assert_eq!(of_folders(["DLC", "广东地方法规", "地方性法规", "广东"].into_iter()).unwrap().name, "广东省");
        assert_eq!(of_folders(["DLC", "北京地方法规"].into_iter()).unwrap().name, "北京市");
        assert!(of_folders(["行政法规", "广东话"].into_iter()).is_none());
        assert_eq!(stated("广东").name, "广东省");
        assert_eq!(stated("惠州市").scale, Scale::City);
    }
}
