//! Category 类别, level 效力位阶 and validity 时效性 of a document: canonical names, Chinese labels, and the order of levels.
//!
//! Codes of source schemes are mapped to these in `import`; the code itself is kept verbatim beside them.

use crate::text_enum;

text_enum! {
    /// 类别: what sort of document it is (after GB/T 47277, by meaning).
    Category {
        /// The constitution and its amendments.
        Constitution = "constitution", "宪法";
        /// A law.
        Law = "law", "法律";
        /// A decision on a legal question.
        Decision = "decision", "决定";
        /// An interpretation of a law by the legislature.
        LegalInterpretation = "legal_interpretation", "法律解释";
        /// An administrative regulation of the State Council.
        AdministrativeRegulation = "administrative_regulation", "行政法规";
        /// A supervision regulation.
        SupervisionRegulation = "supervision_regulation", "监察法规";
        /// A local regulation.
        LocalRegulation = "local_regulation", "地方性法规";
        /// An autonomous or separate regulation.
        AutonomousRegulation = "autonomous_regulation", "自治条例和单行条例";
        /// A regulation of a special zone (经济特区, 浦东新区, 海南自由贸易港).
        SpecialZoneRegulation = "special_zone_regulation", "特区法规";
        /// A judicial interpretation.
        JudicialInterpretation = "judicial_interpretation", "司法解释";
        /// A rule of a department of the State Council.
        DepartmentalRule = "departmental_rule", "部门规章";
        /// A rule of a local government.
        LocalGovernmentRule = "local_government_rule", "地方政府规章";
        /// A normative document of a people's congress.
        CongressNormativeDocument = "congress_normative_document", "人大规范性文件";
        /// An administrative normative document.
        AdministrativeNormativeDocument = "administrative_normative_document", "行政规范性文件";
        /// Whatever is none of these.
        Other = "other", "其他文件";
    }
}

text_enum! {
    /// 效力位阶: the tier of a document.
    Level {
        /// The constitution.
        Constitution = "constitution", "宪法";
        /// Laws and decisions of the national legislature.
        Law = "law", "法律";
        /// Administrative and supervision regulations.
        AdministrativeRegulation = "administrative_regulation", "行政法规";
        /// Judicial interpretations; they interpret laws and stand beside the order.
        JudicialInterpretation = "judicial_interpretation", "司法解释";
        /// Local regulations of a province.
        ProvincialRegulation = "provincial_regulation", "省级地方性法规";
        /// Local regulations of a city, autonomous and separate regulations.
        MunicipalRegulation = "municipal_regulation", "市级地方性法规";
        /// Rules of departments of the State Council.
        DepartmentalRule = "departmental_rule", "部门规章";
        /// Rules of a provincial government.
        ProvincialRule = "provincial_rule", "省级政府规章";
        /// Rules of a city government.
        MunicipalRule = "municipal_rule", "市级政府规章";
        /// Normative documents of any organ.
        NormativeDocument = "normative_document", "规范性文件";
        /// Whatever has no tier.
        Other = "other", "其他";
    }
}

text_enum! {
    /// 时效性: whether a document binds.
    Validity {
        /// 有效
        InForce = "in_force", "现行有效";
        /// 尚未施行
        NotYetInForce = "not_yet_in_force", "尚未施行";
        /// 已修改: replaced by a later version of the same work.
        Amended = "amended", "已被修改";
        /// 已废止
        Repealed = "repealed", "已废止";
        /// 已失效
        Lapsed = "lapsed", "已失效";
        /// 修改、废止的决定
        AmendingDecision = "amending_decision", "修改、废止的决定";
        /// The source does not say and no date tells.
        Unknown = "unknown", "时效不明";
    }
}

/// What a page shows for a canonical value of `category`, `level` or `validity`; other values (regions, organs, years) show themselves.
pub fn label_of(name: &str, value: &str) -> String {
    let label = match name {
        "category" => Category::parse(value).map(Category::label),
        "level" => Level::parse(value).map(Level::label),
        "validity" => Validity::parse(value).map(Validity::label),
        _ => None,
    };
    label.unwrap_or(value).to_owned()
}

impl Level {
    /// Whether this level prevails over another one.
    ///
    /// A partial order [立法法 98–102]: departmental rules and rules of local governments have equal force, as have departmental rules
    /// and local regulations, whose conflicts are decided case by case; judicial interpretations are not ranked.
    pub fn prevails_over(self, other: Level) -> bool {
        use Level::*;
        let below: &[Level] = match self {
            Constitution => &[
                Law,
                AdministrativeRegulation,
                JudicialInterpretation,
                ProvincialRegulation,
                MunicipalRegulation,
                DepartmentalRule,
                ProvincialRule,
                MunicipalRule,
                NormativeDocument,
            ],
            Law => &[
                AdministrativeRegulation,
                ProvincialRegulation,
                MunicipalRegulation,
                DepartmentalRule,
                ProvincialRule,
                MunicipalRule,
                NormativeDocument,
            ],
            AdministrativeRegulation => {
                &[ProvincialRegulation, MunicipalRegulation, DepartmentalRule, ProvincialRule, MunicipalRule, NormativeDocument]
            }
            ProvincialRegulation => &[MunicipalRegulation, ProvincialRule, MunicipalRule, NormativeDocument],
            MunicipalRegulation => &[MunicipalRule, NormativeDocument],
            ProvincialRule => &[MunicipalRule, NormativeDocument],
            DepartmentalRule | MunicipalRule => &[NormativeDocument],
            JudicialInterpretation | NormativeDocument | Other => &[],
        };
        below.contains(&other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        assert!(Category::ALL.iter().all(|c| Category::parse(c.as_str()) == Some(*c)));
        assert!(Level::ALL.iter().all(|l| Level::parse(l.as_str()) == Some(*l)));
        assert!(Validity::ALL.iter().all(|v| Validity::parse(v.as_str()) == Some(*v)));
        assert_eq!(Validity::parse("3"), None);
    }

    #[test]
    fn the_hierarchy_is_a_strict_partial_order() {
        for a in Level::ALL {
            assert!(!a.prevails_over(*a));
            for b in Level::ALL {
                assert!(!(a.prevails_over(*b) && b.prevails_over(*a)));
                for c in Level::ALL {
                    assert!(!(a.prevails_over(*b) && b.prevails_over(*c)) || a.prevails_over(*c), "{a:?} {b:?} {c:?}");
                }
            }
        }
        assert!(
            !Level::DepartmentalRule.prevails_over(Level::MunicipalRule) && !Level::MunicipalRule.prevails_over(Level::DepartmentalRule)
        );
        assert!(Level::ProvincialRegulation.prevails_over(Level::MunicipalRegulation));
    }
}
