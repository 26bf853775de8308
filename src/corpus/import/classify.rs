//! 类别、效力位阶、时效性: from the codes and words of sources to the product's own names. Pure.
//!
//! A code means something only within its scheme; a code that its scheme does not have is an error, never a guess.

use super::region::{Region, Scale};
use crate::corpus::classification::{Category, Level, Validity};
use crate::documents::Coded;
use crate::error::{Code, Error, Result};

/// Scheme of the field `expired` in a collection's `db.sqlite3`: 0 in force, 1 not.
pub const COLLECTION_SCHEME: &str = "collection-expired";

/// Names of a scheme, and what its codes mean.
type Scheme<T> = (&'static [&'static str], &'static [(&'static str, T)]);

/// Schemes of categories: the national database, and the national standard.
const CATEGORY_SCHEMES: &[Scheme<Category>] = &[
    (
        &["flk", "flk-category", "sxx"],
        &[
            ("100", Category::Constitution),
            ("101", Category::Law),
            ("110", Category::Law),
            ("120", Category::Law),
            ("130", Category::Law),
            ("140", Category::Law),
            ("150", Category::Law),
            ("155", Category::Law),
            ("160", Category::Law),
            ("170", Category::Law),
            ("180", Category::LegalInterpretation),
            ("190", Category::Decision),
            ("195", Category::Law),
            ("200", Category::Decision),
            ("201", Category::AdministrativeRegulation),
            ("210", Category::AdministrativeRegulation),
            ("215", Category::AdministrativeRegulation),
            ("220", Category::SupervisionRegulation),
            ("221", Category::LocalRegulation),
            ("230", Category::LocalRegulation),
            ("260", Category::AutonomousRegulation),
            ("270", Category::AutonomousRegulation),
            ("290", Category::SpecialZoneRegulation),
            ("295", Category::SpecialZoneRegulation),
            ("300", Category::SpecialZoneRegulation),
            ("305", Category::Decision),
            ("310", Category::LocalRegulation),
            ("311", Category::JudicialInterpretation),
            ("320", Category::JudicialInterpretation),
            ("330", Category::JudicialInterpretation),
            ("340", Category::JudicialInterpretation),
            ("350", Category::JudicialInterpretation),
        ],
    ),
    (
        &["gbt47277", "gb/t47277", "gb/t 47277"],
        &[
            ("0000", Category::Constitution),
            ("0100", Category::Law),
            ("0200", Category::Decision),
            ("0300", Category::LegalInterpretation),
            ("0400", Category::AdministrativeRegulation),
            ("0500", Category::Other),
            ("0600", Category::SupervisionRegulation),
            ("0700", Category::LocalRegulation),
            ("0800", Category::AutonomousRegulation),
            ("0901", Category::SpecialZoneRegulation),
            ("0902", Category::SpecialZoneRegulation),
            ("0903", Category::SpecialZoneRegulation),
            ("1000", Category::Decision),
            ("1100", Category::JudicialInterpretation),
            ("1200", Category::Other),
            ("1300", Category::DepartmentalRule),
            ("1400", Category::LocalGovernmentRule),
            ("1600", Category::CongressNormativeDocument),
            ("1700", Category::AdministrativeNormativeDocument),
        ],
    ),
];

/// Schemes of validity. The same digit differs between them: 3 is in force, not yet in force, or amended.
const VALIDITY_SCHEMES: &[Scheme<Validity>] = &[
    (
        &["sxx", "flk-sxx"],
        &[
            ("1", Validity::Repealed),
            ("2", Validity::Amended),
            ("3", Validity::InForce),
            ("4", Validity::NotYetInForce),
            ("null", Validity::AmendingDecision),
        ],
    ),
    (
        &["status", "flk-status"],
        &[("1", Validity::InForce), ("3", Validity::NotYetInForce), ("5", Validity::Amended), ("9", Validity::Repealed)],
    ),
    (
        &["gbt47277", "gb/t47277", "gb/t 47277"],
        &[
            ("01", Validity::InForce),
            ("02", Validity::NotYetInForce),
            ("03", Validity::Amended),
            ("04", Validity::Repealed),
            ("05", Validity::Lapsed),
        ],
    ),
    (&[COLLECTION_SCHEME], &[("0", Validity::InForce), ("1", Validity::Repealed)]),
];

/// Words for categories, by what they contain; the first that fits counts.
const CATEGORY_WORDS: &[(&str, Category)] = &[
    ("宪法相关法", Category::Law),
    ("宪法", Category::Constitution),
    ("监察法规", Category::SupervisionRegulation),
    ("行政法规", Category::AdministrativeRegulation),
    ("司法解释", Category::JudicialInterpretation),
    ("经济特区法规", Category::SpecialZoneRegulation),
    ("特区法规", Category::SpecialZoneRegulation),
    ("浦东新区法规", Category::SpecialZoneRegulation),
    ("海南自由贸易港法规", Category::SpecialZoneRegulation),
    ("自治条例", Category::AutonomousRegulation),
    ("单行条例", Category::AutonomousRegulation),
    ("地方性法规", Category::LocalRegulation),
    ("地方法规", Category::LocalRegulation),
    ("部门规章", Category::DepartmentalRule),
    ("地方政府规章", Category::LocalGovernmentRule),
    ("地方性规章", Category::LocalGovernmentRule),
    ("政府规章", Category::LocalGovernmentRule),
    ("人大规范性文件", Category::CongressNormativeDocument),
    ("规范性文件", Category::AdministrativeNormativeDocument),
    ("法律解释", Category::LegalInterpretation),
    ("诉讼与非诉讼程序法", Category::Law),
    ("民法", Category::Law),
    ("商法", Category::Law),
    ("行政法", Category::Law),
    ("经济法", Category::Law),
    ("社会法", Category::Law),
    ("生态环境法", Category::Law),
    ("刑法", Category::Law),
    ("修正案", Category::Law),
    ("法律", Category::Law),
    ("决定", Category::Decision),
    ("其他", Category::Other),
    ("案例", Category::Other),
];

/// Words for validity.
const VALIDITY_WORDS: &[(&str, Validity)] = &[
    ("现行有效", Validity::InForce),
    ("有效", Validity::InForce),
    ("尚未施行", Validity::NotYetInForce),
    ("尚未生效", Validity::NotYetInForce),
    ("已被修改", Validity::Amended),
    ("已修改", Validity::Amended),
    ("已废止", Validity::Repealed),
    ("废止", Validity::Repealed),
    ("已失效", Validity::Lapsed),
    ("失效", Validity::Lapsed),
    ("修改、废止的决定", Validity::AmendingDecision),
    ("修改废止的决定", Validity::AmendingDecision),
];

/// Words for levels that a source may state.
const LEVEL_WORDS: &[(&str, Level)] = &[
    ("省级政府规章", Level::ProvincialRule),
    ("市级政府规章", Level::MunicipalRule),
    ("省级地方性法规", Level::ProvincialRegulation),
    ("市级地方性法规", Level::MunicipalRegulation),
    ("设区的市地方性法规", Level::MunicipalRegulation),
];

fn look_up<T: Copy>(schemes: &[Scheme<T>], coded: &Coded, what: &str) -> Result<T> {
    let scheme = coded.scheme.to_ascii_lowercase();
    let codes = schemes.iter().find(|(names, _)| {
        names.iter().any(|name| scheme == *name || scheme.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', '—'])))
    });
    let Some((_, codes)) = codes else {
        return Err(Error::new(Code::UnreadableFile, format!("{what}的代码方案“{}”不认识，没有导入。", coded.scheme)));
    };
    codes
        .iter()
        .find(|(code, _)| *code == coded.code)
        .map(|(_, value)| *value)
        .ok_or_else(|| Error::new(Code::UnreadableFile, format!("{what}代码“{}”不在方案 {} 之内，没有导入。", coded.code, coded.scheme)))
}

/// Category that a source states.
///
/// # Errors
/// [`Code::UnreadableFile`] for a scheme, code or word that is not known.
pub fn category(coded: &Coded) -> Result<Category> {
    if !coded.scheme.is_empty() {
        return look_up(CATEGORY_SCHEMES, coded, "类别");
    }
    Category::parse(&coded.code)
        .or_else(|| Category::ALL.iter().copied().find(|category| category.label() == coded.code))
        .or_else(|| category_word(&coded.code))
        .ok_or_else(|| Error::new(Code::UnreadableFile, format!("类别“{}”不认识，没有导入。", coded.code)))
}

/// Category that a word, such as a folder's name, stands for.
pub fn category_word(word: &str) -> Option<Category> {
    CATEGORY_WORDS.iter().find(|(known, _)| word.contains(known)).map(|(_, category)| *category)
}

/// Validity that a source states.
///
/// # Errors
/// [`Code::UnreadableFile`] for a scheme, code or word that is not known.
pub fn validity(coded: &Coded) -> Result<Validity> {
    if !coded.scheme.is_empty() {
        return look_up(VALIDITY_SCHEMES, coded, "时效性");
    }
    Validity::parse(&coded.code)
        .or_else(|| VALIDITY_WORDS.iter().find(|(word, _)| *word == coded.code).map(|(_, validity)| *validity))
        .ok_or_else(|| Error::new(Code::UnreadableFile, format!("时效性“{}”不认识，没有导入。", coded.code)))
}

/// Level that a source states in words, when the words tell more than the category does.
pub fn stated_level(word: &str) -> Option<Level> {
    Level::parse(word)
        .or_else(|| Level::ALL.iter().copied().find(|level| level.label() == word))
        .or_else(|| LEVEL_WORDS.iter().find(|(known, _)| *known == word).map(|(_, level)| *level))
}

/// The category that the making organ and the title tell; `None` when they do not.
pub fn by_evidence(title: &str, organ: &str, has_order: bool, has_document_number: bool) -> Option<Category> {
    let is_decision = is_decision(title);
    match () {
        () if title.contains("宪法修正案") || title == "中华人民共和国宪法" || title == "宪法" => {
            Some(Category::Constitution)
        }
        () if organ.starts_with("最高人民") || title.starts_with("最高人民法院") || title.starts_with("最高人民检察院") => {
            Some(Category::JudicialInterpretation)
        }
        () if organ.starts_with("全国人民代表大会") => Some(if title.ends_with("解释") {
            Category::LegalInterpretation
        } else if is_decision {
            Category::Decision
        } else {
            Category::Law
        }),
        () if organ.starts_with("国家监察委员会") => Some(Category::SupervisionRegulation),
        () if organ.starts_with("国务院") && !organ.starts_with("国务院办公厅") && has_order => {
            Some(Category::AdministrativeRegulation)
        }
        () if organ.contains("人民代表大会") || organ.contains("人大常委会") => Some(match () {
            () if is_decision => Category::Decision,
            () if title.contains("经济特区") || title.contains("浦东新区") || title.contains("海南自由贸易港") => {
                Category::SpecialZoneRegulation
            }
            () if title.contains("自治条例")
                || (organ.contains("自治县人民代表大会") || organ.contains("自治州人民代表大会")) && !organ.contains("常务") =>
            {
                Category::AutonomousRegulation
            }
            () => Category::LocalRegulation,
        }),
        () if has_order && organ.ends_with("人民政府") => Some(Category::LocalGovernmentRule),
        () if has_order && super::region::of_organ(organ).is_some_and(|region| region.scale == Scale::Nation) => {
            Some(Category::DepartmentalRule)
        }
        () if has_document_number => Some(Category::AdministrativeNormativeDocument),
        () => None,
    }
}

/// The category that a title alone suggests, the weakest evidence of all.
pub fn by_title(title: &str) -> Option<Category> {
    let ends = |words: &[&str]| words.iter().any(|word| title.trim_end_matches(['）', ')']).ends_with(word));
    match () {
        () if ends(&["意见", "通知", "纲要", "规划", "方案", "批复", "通告", "公告"]) => {
            Some(Category::AdministrativeNormativeDocument)
        }
        () if title.starts_with("中华人民共和国") && title.ends_with('法') => Some(Category::Law),
        () => None,
    }
}

/// Whether a title is that of a decision on a legal question or on other texts.
pub fn is_decision(title: &str) -> bool {
    title.ends_with("决定") || title.ends_with("决议")
}

/// Whether a title is that of a decision whose only content is to change or repeal other texts (关于修改…的决定).
pub fn is_amending(title: &str) -> bool {
    is_decision(title) && ["修改", "废止", "修正", "清理"].iter().any(|word| title.contains(word))
}

/// The level of a category's texts in a region.
pub fn level(category: Category, region: &Region) -> Level {
    let local = |province, city| if region.scale == Scale::City { city } else { province };
    match category {
        Category::Constitution => Level::Constitution,
        Category::Law | Category::LegalInterpretation => Level::Law,
        Category::Decision if region.scale == Scale::Nation => Level::Law,
        Category::AdministrativeRegulation | Category::SupervisionRegulation => Level::AdministrativeRegulation,
        Category::JudicialInterpretation => Level::JudicialInterpretation,
        Category::AutonomousRegulation => Level::MunicipalRegulation,
        Category::Decision | Category::LocalRegulation | Category::SpecialZoneRegulation => {
            local(Level::ProvincialRegulation, Level::MunicipalRegulation)
        }
        Category::DepartmentalRule => Level::DepartmentalRule,
        Category::LocalGovernmentRule => local(Level::ProvincialRule, Level::MunicipalRule),
        Category::CongressNormativeDocument | Category::AdministrativeNormativeDocument => Level::NormativeDocument,
        Category::Other => Level::Other,
    }
}

/// Whether texts of a category apply in the whole country whatever their title begins with.
pub fn is_national(category: Category) -> bool {
    matches!(
        category,
        Category::Constitution
            | Category::Law
            | Category::LegalInterpretation
            | Category::AdministrativeRegulation
            | Category::SupervisionRegulation
            | Category::JudicialInterpretation
            | Category::DepartmentalRule
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::import::region;

    fn coded(scheme: &str, code: &str) -> Coded {
        Coded { scheme: scheme.into(), code: code.into() }
    }

    #[test]
    fn three_means_three_things() {
        assert_eq!(validity(&coded("sxx", "3")).unwrap(), Validity::InForce);
        assert_eq!(validity(&coded("status", "3")).unwrap(), Validity::NotYetInForce);
        assert_eq!(validity(&coded("GB/T 47277—2026", "03")).unwrap(), Validity::Amended);
        for bad in [coded("sxx", "9"), coded("status", "2"), coded("某方案", "3"), coded("", "3"), coded("", "大概有效")] {
            assert_eq!(validity(&bad).unwrap_err().code, Code::UnreadableFile, "{bad:?}");
        }
        assert_eq!(validity(&coded("", "现行有效")).unwrap(), Validity::InForce);
    }

    #[test]
    fn categories_by_code_word_and_evidence() {
        assert_eq!(category(&coded("flk", "230")).unwrap(), Category::LocalRegulation);
        assert_eq!(category(&coded("gbt47277", "1400")).unwrap(), Category::LocalGovernmentRule);
        assert!(category(&coded("flk", "999")).is_err());
        for (word, expected) in [
            ("宪法相关法", Category::Law),
            ("宪法", Category::Constitution),
            ("行政法规", Category::AdministrativeRegulation),
            ("行政法", Category::Law),
            ("02地方政府规章", Category::LocalGovernmentRule),
            ("01部门规范性文件", Category::AdministrativeNormativeDocument),
            ("民法典", Category::Law),
        ] {
            assert_eq!(category(&coded("", word)).unwrap(), expected, "{word}");
        }
        for (title, organ, order, number, expected) in [
            ("甲市养犬条例", "甲市人民代表大会常务委员会", false, false, Some(Category::LocalRegulation)),
            ("甲省养犬办法", "甲省人民政府", true, false, Some(Category::LocalGovernmentRule)),
            ("甲市养犬通知", "甲市人民政府", false, true, Some(Category::AdministrativeNormativeDocument)),
            ("某程序规定", "国家税务总局", true, false, Some(Category::DepartmentalRule)),
            ("某条例", "国务院", true, false, Some(Category::AdministrativeRegulation)),
            ("关于修改某法的决定", "全国人民代表大会常务委员会", false, false, Some(Category::Decision)),
            ("深圳经济特区某条例", "深圳市人民代表大会常务委员会", false, false, Some(Category::SpecialZoneRegulation)),
            ("某某自治县城乡条例", "某某自治县人民代表大会", false, false, Some(Category::AutonomousRegulation)),
            ("某文", "", false, false, None),
        ] {
            assert_eq!(by_evidence(title, organ, order, number), expected, "{title}");
        }
    }

    #[test]
    fn the_level_follows_from_category_and_region() {
        let city = region::leading("惠州市某条例").unwrap();
        let province = region::leading("广东省某条例").unwrap();
        assert_eq!(level(Category::LocalRegulation, &city), Level::MunicipalRegulation);
        assert_eq!(level(Category::LocalRegulation, &province), Level::ProvincialRegulation);
        assert_eq!(level(Category::LocalGovernmentRule, &city), Level::MunicipalRule);
        assert_eq!(level(Category::Decision, &region::nation()), Level::Law);
        assert!(
            is_amending("关于修改甲条例的决定") && !is_amending("关于修改甲条例的决定的解释") && !is_amending("关于设立某委员会的决定")
        );
    }
}
