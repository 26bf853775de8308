//! What the framework could not read of a request, in words for who sent it.
//!
//! The framework says it in English, with the names of its types. Those are looked up in the description of the API, which knows the values that a name may
//! take and which fields of a body are of a type. What it says in a form that is not known here becomes a general sentence, so that no English reaches a person.

use std::sync::LazyLock;

use serde_json::Value;

/// Fields that a sentence lists where it cannot tell which one is meant.
const MOST_FIELDS: usize = 6;
/// Characters of a value that a sentence repeats.
const FOUND_CHARACTERS: usize = 40;

static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    let mut spec: Value = serde_json::from_str(&super::spec()).unwrap_or_default();
    spec.pointer_mut("/components/schemas").map(Value::take).unwrap_or_default()
});

/// What is wrong with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The field, where it is certain.
    pub field: Option<String>,
    /// What to do about it.
    pub sentence: String,
}

/// What the framework says of a value.
struct Said<'a> {
    /// Name of the type that was expected.
    kind: &'a str,
    /// The value, as JSON; `null` also where there was none.
    found: Option<&'a str>,
    /// The rule that it breaks.
    rule: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn read(said: &'a str) -> Option<Said<'a>> {
        if let Some(rest) = said.strip_prefix("Expected input type \"") {
            let (kind, found) = rest.split_once("\", found ")?;
            Some(Said { kind, found: Some(found.strip_suffix('.').unwrap_or(found)), rule: None })
        } else if let Some(rest) = said.strip_prefix("failed to parse \"") {
            let (kind, rule) = rest.split_once("\": ")?;
            Some(Said { kind, found: None, rule: Some(rule) })
        } else {
            let kind = said.strip_prefix("Type \"")?.strip_suffix("\" expects an input value.")?;
            Some(Said { kind, found: Some("null"), rule: None })
        }
    }
}

/// What is wrong with a body that the framework refused.
pub fn in_body(reason: &str) -> Mistake {
    let mistake = |field: Option<&str>, words: String| {
        let sentence = format!("请求内容无法读取：{words}。");
        Mistake { field: field.map(str::to_owned), sentence }
    };
    if let Some(words) = no_json(reason) {
        return mistake(None, words);
    }
    let (said, within) = taken_apart(reason);
    let Some(Said { kind, found, rule }) = Said::read(said) else {
        return mistake(None, "与接口说明不符，请核对后重试".into());
    };
    let named = |before: &str| rule?.strip_prefix(before)?.split_once('`');
    if let Some((field, failed)) = named("field `") {
        return mistake(Some(field), format!("字段 {field} {}", broken(failed)));
    }
    if let Some((field, _)) = named("unknown field `") {
        return mistake(Some(field), format!("接口没有字段 {field}，请核对名称"));
    }
    let expected = rule.and_then(own_words).unwrap_or_else(|| format!("应为{}", described(kind)));
    let is_missing = found == Some("null");
    let Some(fields) = fields_of(kind, &within, is_missing) else {
        return mistake(None, if is_missing { format!("没有内容，{expected}") } else { format!("{expected}{}", told(found)) });
    };
    match (fields.as_slice(), is_missing) {
        ([field], true) => mistake(Some(field), format!("缺少必填的字段 {field}，{expected}")),
        ([field], false) => mistake(Some(field), format!("字段 {field} {expected}{}", told(found))),
        ([_, _, ..], true) if fields.len() <= MOST_FIELDS => {
            mistake(None, format!("必填的字段 {} 中有一个没有填写，{expected}", fields.join("、")))
        }
        ([_, _, ..], false) if fields.len() <= MOST_FIELDS => {
            mistake(None, format!("字段 {} 中有一个{expected}{}", fields.join("、"), told(found)))
        }
        (_, true) => mistake(None, format!("有一个必填的字段没有填写，{expected}")),
        (_, false) => mistake(None, format!("有一个字段{expected}{}", told(found))),
    }
}

/// What is wrong with a parameter that the framework refused.
pub fn in_parameter(name: &str, reason: &str) -> String {
    if reason.starts_with("verification failed. ") {
        return format!("参数 {name} {}。", broken(reason));
    }
    let Some(Said { kind, found, rule }) = Said::read(taken_apart(reason).0) else {
        return format!("参数 {name} 的值与接口说明不符，请核对后重试。");
    };
    let expected = rule.and_then(own_words).unwrap_or_else(|| format!("应为{}", described(kind)));
    if found == Some("null") {
        format!("缺少参数 {name}，{expected}。")
    } else {
        format!("参数 {name} 的值无法使用，{expected}{}。", told(found))
    }
}

/// A text that is no JSON: where it ceases to be.
fn no_json(reason: &str) -> Option<String> {
    if reason.starts_with("Expected input type") || reason.starts_with("failed to parse") {
        return None;
    }
    let (what, place) = reason.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    let (line, column): (u64, u64) = (line.parse().ok()?, column.parse().ok()?);
    Some(if what.starts_with("EOF") {
        format!("JSON 没有写完，到第 {line} 行第 {column} 列就断了")
    } else if what.starts_with("trailing characters") {
        format!("JSON 之后还有多余的内容，从第 {line} 行第 {column} 列起")
    } else if what.starts_with("recursion limit") {
        format!("JSON 嵌套得太深，到第 {line} 行第 {column} 列")
    } else {
        format!("不是正确的 JSON，第 {line} 行第 {column} 列附近有误")
    })
}

/// What the framework says, and the types within which it was reading, the innermost first.
fn taken_apart(reason: &str) -> (&str, Vec<&str>) {
    let (mut said, mut within) = (reason, Vec::new());
    while let Some((inner, name)) = said.strip_suffix("\")").and_then(|rest| rest.rsplit_once(" (occurred while parsing \"")) {
        within.push(name);
        said = inner;
    }
    within.reverse();
    (said, within)
}

/// A rule that the framework checks, in words that follow the name of a field.
fn broken(failed: &str) -> String {
    let rule = failed.rsplit_once("verification failed. ").map_or(failed, |(_, rule)| rule);
    let (name, limits) = rule.trim_end_matches(')').split_once('(').unwrap_or((rule, ""));
    let (limit, is_exclusive) = (limits.split(',').next().unwrap_or_default(), limits.ends_with("exclusive: true"));
    match name {
        "maxLength" => format!("不能超过 {limit} 个字"),
        "minLength" if limit == "1" => "不能为空".into(),
        "minLength" => format!("不能少于 {limit} 个字"),
        "maxItems" => format!("最多 {limit} 项"),
        "minItems" => format!("至少 {limit} 项"),
        "maximum" if is_exclusive => format!("应当小于 {limit}"),
        "maximum" => format!("不能大于 {limit}"),
        "minimum" if is_exclusive => format!("应当大于 {limit}"),
        "minimum" => format!("不能小于 {limit}"),
        "multipleOf" => format!("应为 {limit} 的倍数"),
        "uniqueItems" => "不能有重复的项".into(),
        _ => "的形式与接口说明不符".into(),
    }
}

/// Words of our own types, and the limits of a number; `None` for what the framework says in English.
fn own_words(rule: &str) -> Option<String> {
    if let Some((least, most)) = rule.strip_prefix("Only integers from ").and_then(|rest| rest.split_once(" to ")) {
        return Some(format!("应为 {least} 到 {} 之间的整数", most.strip_suffix(" are accepted.")?));
    }
    let is_ours = rule.chars().next().is_some_and(|first| !first.is_ascii());
    is_ours.then(|| rule.trim_end_matches(['。', '.']).to_owned())
}

/// The value that came, after what was expected.
fn told(found: Option<&str>) -> String {
    match found {
        None => String::new(),
        Some(found) if found.starts_with('{') => "，收到的是一个对象".into(),
        Some(found) if found.starts_with('[') => "，收到的是一个列表".into(),
        Some(found) if found.chars().count() > FOUND_CHARACTERS => {
            format!("，收到的是 {}……", found.chars().take(FOUND_CHARACTERS).collect::<String>())
        }
        Some(found) => format!("，收到的是 {found}"),
    }
}

/// A name of a type without what only says that it may be absent.
fn bare(name: &str) -> &str {
    name.strip_prefix("optional_").map_or(name, bare)
}

/// A type as a person would say it.
fn described(name: &str) -> String {
    let name = bare(name);
    if let Some(values) = SCHEMAS[name]["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return format!("以下之一：{}", values.join("、"));
    }
    match name {
        "string" => "文本".into(),
        "string_uuid" => "编号，形如 01900000-0000-7000-8000-000000000000".into(),
        "string_date" => "日期，形如 2026-01-31".into(),
        "string_date-time" => "时刻，形如 2026-01-31T08:00:00Z".into(),
        "boolean" => " true 或者 false".into(),
        _ if name.starts_with("integer") => "整数".into(),
        _ if name.starts_with("number") => "数字".into(),
        _ if name.starts_with("list_") => "列表（[…]）".into(),
        _ if SCHEMAS[name].is_object() => "对象（{…}）".into(),
        _ => "接口说明规定的内容".into(),
    }
}

/// The fields that may be meant: those of the innermost object that are of the type; `None` when it is the body itself.
fn fields_of(kind: &str, within: &[&str], is_missing: bool) -> Option<Vec<String>> {
    let mut wanted = bare(kind);
    for outer in within {
        let schema = &SCHEMAS[bare(outer)];
        let Some(properties) = schema["properties"].as_object() else {
            wanted = bare(outer);
            continue;
        };
        let is_needed = |field: &str| schema["required"].as_array().is_some_and(|needed| needed.iter().any(|name| name == field));
        let fitting = properties.iter().filter(|(field, schema)| is_of(schema, wanted) && (!is_missing || is_needed(field)));
        return Some(fitting.map(|(field, _)| field.clone()).collect());
    }
    None
}

/// Whether a field is of a type.
fn is_of(schema: &Value, kind: &str) -> bool {
    let kind = bare(kind);
    if let Some(item) = kind.strip_prefix("list_") {
        return schema["type"] == "array" && is_of(&schema["items"], item);
    }
    let reference = format!("#/components/schemas/{kind}");
    let refers = |schema: &Value| schema["$ref"] == reference.as_str();
    let (name, format) = kind.split_once('_').map_or((kind, None), |(name, format)| (name, Some(format)));
    refers(schema)
        || schema["allOf"].as_array().is_some_and(|all| all.iter().any(refers))
        || (schema["type"] == name && schema["format"].as_str() == format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_body_is_said_in_chinese_with_its_field() {
        for (reason, field, words) in [
            (
                r#"Expected input type "StanceName", found "modify". (occurred while parsing "OpinionBody")"#,
                Some("stance"),
                r#"字段 stance 应为以下之一：support、amend、oppose、question，收到的是 "modify""#,
            ),
            (
                r#"Expected input type "StanceName", found null. (occurred while parsing "OpinionBody")"#,
                Some("stance"),
                "缺少必填的字段 stance，应为以下之一：support、amend、oppose、question",
            ),
            (
                r#"Expected input type "boolean", found "yes". (occurred while parsing "OpinionBody")"#,
                Some("is_public"),
                r#"字段 is_public 应为 true 或者 false，收到的是 "yes""#,
            ),
            (
                r#"Expected input type "string", found null. (occurred while parsing "StaffLoginBody")"#,
                None,
                "必填的字段 name、password 中有一个没有填写，应为文本",
            ),
            (
                r#"Expected input type "string", found {"a":1}. (occurred while parsing "StaffLoginBody")"#,
                None,
                "字段 name、password 中有一个应为文本，收到的是一个对象",
            ),
            (
                r#"failed to parse "string_uuid": invalid character: found `文` at 1 (occurred while parsing "list_string_uuid") (occurred while parsing "OpinionBody")"#,
                Some("attachments"),
                "字段 attachments 应为编号，形如 01900000-0000-7000-8000-000000000000",
            ),
            (
                r#"Expected input type "integer_int64", found "3". (occurred while parsing "optional_integer_int64") (occurred while parsing "OpinionBody")"#,
                Some("quote_start"),
                r#"字段 quote_start 应为整数，收到的是 "3""#,
            ),
            (r#"failed to parse "StaffLoginBody": field `name` verification failed. minLength(1)"#, Some("name"), "字段 name 不能为空"),
            (
                r#"failed to parse "OpinionBody": field `body` verification failed. maxLength(20000)"#,
                Some("body"),
                "字段 body 不能超过 20000 个字",
            ),
            (
                r#"failed to parse "OpinionBody": field `quote_start` verification failed. minimum(0, exclusive: false)"#,
                Some("quote_start"),
                "字段 quote_start 不能小于 0",
            ),
            (r#"failed to parse "OpinionBody": unknown field `mood`."#, Some("mood"), "接口没有字段 mood，请核对名称"),
            (r#"Expected input type "OpinionBody", found "text"."#, None, r#"应为对象（{…}），收到的是 "text""#),
            (r#"Expected input type "OpinionBody", found null."#, None, "没有内容，应为对象（{…}）"),
            ("expected value at line 2 column 7", None, "不是正确的 JSON，第 2 行第 7 列附近有误"),
            ("EOF while parsing an object at line 1 column 5", None, "JSON 没有写完，到第 1 行第 5 列就断了"),
            ("trailing characters at line 3 column 1", None, "JSON 之后还有多余的内容，从第 3 行第 1 列起"),
            ("a sentence of another edition", None, "与接口说明不符，请核对后重试"),
        ] {
            let mistake = in_body(reason);
            assert_eq!(mistake.sentence, format!("请求内容无法读取：{words}。"), "{reason}");
            assert_eq!(mistake.field.as_deref(), field, "{reason}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_said_in_chinese() {
        for (reason, sentence) in [
            ("verification failed. maximum(100, exclusive: false)", "参数 limit 不能大于 100。"),
            (r#"failed to parse "integer_uint32": invalid digit found in string"#, "参数 limit 的值无法使用，应为整数。"),
            (r#"failed to parse "string_date": 日期应形如 2026-01-31"#, "参数 limit 的值无法使用，日期应形如 2026-01-31。"),
            (
                r#"failed to parse "StanceName": Expect a valid enumeration value. (occurred while parsing "optional_StanceName")"#,
                "参数 limit 的值无法使用，应为以下之一：support、amend、oppose、question。",
            ),
            (r#"Type "string" expects an input value."#, "缺少参数 limit，应为文本。"),
            ("a sentence of another edition", "参数 limit 的值与接口说明不符，请核对后重试。"),
        ] {
            assert_eq!(in_parameter("limit", reason), sentence, "{reason}");
        }
    }

    #[test]
    fn a_long_value_is_cut() {
        let reason = format!(r#"Expected input type "StanceName", found "{}". (occurred while parsing "OpinionBody")"#, "长".repeat(500));
        assert!(in_body(&reason).sentence.chars().count() < 120);
    }
}
