//! 表头: which column says what, in the many wordings of the tables that people fill in, and which rows are no opinions. Pure.
//!
//! A column that nobody recognises is left for a person to map; what a person mapped is remembered under [`Layout::signature`].
//! To teach a wording, add it to [`WORDINGS`].

use serde::{Deserialize, Serialize};

use crate::documents::tables::{Row, Table};
use crate::text_enum;

text_enum! {
    /// What a column says.
    Field {
        /// Number of the row.
        Number = "number", "序号";
        /// The provision spoken of.
        Place = "place", "条款";
        /// The words of the provision, as they were quoted.
        Original = "original", "原文";
        /// The opinion.
        Body = "body", "意见内容";
        /// The wording that is proposed.
        Proposed = "proposed", "建议条文";
        /// Why.
        Reason = "reason", "理由";
        /// Attitude.
        Stance = "stance", "态度";
        /// Who said it.
        Person = "person", "提出人";
        /// The unit that said it, or that the person belongs to.
        Unit = "unit", "单位";
        /// A kind of person, never a name.
        Kind = "kind", "身份类别";
        /// How to reach them.
        Contact = "contact", "联系方式";
        /// How it was collected.
        Method = "method", "收集方式";
        /// When it was collected.
        Date = "date", "收集日期";
        /// Which station collected it.
        Station = "station", "信息采集点";
        /// Who collected it.
        Collector = "collector", "收集人";
        /// Where it was collected.
        Venue = "venue", "地点";
        /// Whether they agree to its publication.
        Consent = "consent", "是否同意公开";
        /// Nothing that is taken over.
        Ignored = "ignored", "不采用";
    }
}

impl Field {
    /// Whether several columns may say it; their words are put together.
    pub fn is_joined(self) -> bool {
        matches!(self, Field::Place | Field::Body | Field::Reason | Field::Person | Field::Unit | Field::Contact | Field::Ignored)
    }
}

/// Headings after [`bare`], per field. The whole heading must be one of them; [`PARTS`] is asked next.
const WORDINGS: &[(Field, &[&str])] = &[
    (Field::Number, &["序号", "编号", "序", "号", "no", "no.", "排序", "行号", "意见编号", "留言编号", "意见序号"]),
    (
        Field::Place,
        &[
            "条款",
            "条文",
            "条目",
            "条",
            "条款项",
            "条款号",
            "条款序号",
            "条文序号",
            "条文号",
            "条号",
            "章节",
            "章",
            "节",
            "款",
            "章节条款",
            "章节条",
            "涉及条款",
            "涉及条文",
            "涉及的条款",
            "所涉条款",
            "所涉条文",
            "对应条款",
            "对应条文",
            "针对条款",
            "第几条",
            "哪一条",
            "修改条款",
            "修改条文",
            "修改位置",
            "位置",
            "所在条款",
            "相关条款",
            "草案条款",
            "征求意见稿条款",
            "原条款",
            "条款位置",
            "意见条款",
            "意见所涉条款",
            "涉及章节",
            "涉及章节条款",
            "具体条款",
            "法规条款",
            "规章条款",
            "条例条款",
            "办法条款",
            "article",
        ],
    ),
    (
        Field::Original,
        &[
            "原文",
            "原条文",
            "条文原文",
            "条款原文",
            "原文内容",
            "原条款内容",
            "原条文内容",
            "征求意见稿条文",
            "征求意见稿原文",
            "征求意见稿内容",
            "征求意见稿",
            "条文内容",
            "条款内容",
            "草案原文",
            "草案条文",
            "草案内容",
            "现条文",
            "现有条文",
            "现行条文",
            "修改前",
            "修改前条文",
            "修改前内容",
            "原表述",
            "原表述内容",
            "送审稿条文",
            "讨论稿条文",
            "稿件原文",
        ],
    ),
    (
        Field::Proposed,
        &[
            "建议修改为",
            "修改为",
            "建议改为",
            "改为",
            "修改后",
            "修改后条文",
            "修改后内容",
            "修改后的条文",
            "修改后表述",
            "建议修改后条文",
            "建议条文",
            "建议表述",
            "建议修改后的条文",
            "拟修改为",
            "拟改为",
            "建议修改后内容",
            "建议修改文本",
            "修改文本",
            "建议修改后表述",
            "具体修改内容",
            "修改后建议稿",
        ],
    ),
    (
        Field::Body,
        &[
            "修改建议",
            "意见建议",
            "意见",
            "建议",
            "修改意见",
            "建议内容",
            "意见内容",
            "具体意见",
            "具体建议",
            "意见和建议",
            "意见与建议",
            "意见及建议",
            "意见或建议",
            "意见或者建议",
            "反馈意见",
            "修改意见建议",
            "修改意见和建议",
            "修改意见及建议",
            "意见建议内容",
            "具体意见建议",
            "具体修改意见",
            "具体修改建议",
            "具体意见和建议",
            "立法建议",
            "群众意见",
            "内容",
            "主要内容",
            "主要意见",
            "意见描述",
            "诉求",
            "诉求内容",
            "详情",
            "留言内容",
            "留言详情",
            "提出的意见",
            "提出意见",
            "提出的意见建议",
            "征集到的意见",
            "征集意见",
            "征集意见内容",
            "收集意见",
            "收集到的意见",
            "反馈内容",
            "建议意见",
            "修改内容",
            "意见正文",
            "正文",
            "您的意见",
            "您的意见建议",
            "你的意见",
            "opinion",
            "comment",
        ],
    ),
    (
        Field::Reason,
        &[
            "理由",
            "修改理由",
            "建议理由",
            "意见理由",
            "说明",
            "修改说明",
            "依据",
            "修改依据",
            "理由依据",
            "理由和依据",
            "理由及依据",
            "理由或依据",
            "修改理由及依据",
            "原因",
            "说明理由",
            "理由说明",
            "具体理由",
            "修改建议理由",
            "意见建议理由",
        ],
    ),
    (Field::Stance, &["态度", "立场", "是否赞成", "是否同意", "赞成与否", "总体态度", "意见态度", "意见倾向", "倾向"]),
    (
        Field::Person,
        &[
            "提出人",
            "姓名",
            "意见提出人",
            "建议人",
            "意见人",
            "反馈人",
            "提出者",
            "提出人员",
            "提出意见人",
            "提出意见人员",
            "提出人或单位",
            "提出人单位",
            "提出单位或个人",
            "提出单位个人",
            "单位或个人",
            "单位个人",
            "单位或姓名",
            "姓名或单位",
            "单位及姓名",
            "姓名单位",
            "提出人姓名",
            "意见提出人或单位",
            "意见提出单位或个人",
            "意见提出者",
            "提议人",
            "发言人",
            "受访人",
            "受访者",
            "填写人",
            "代表姓名",
            "群众姓名",
            "居民姓名",
            "村民姓名",
            "联系人",
            "联系人姓名",
            "名字",
            "个人",
            "提出主体",
            "意见主体",
            "署名",
            "name",
        ],
    ),
    (
        Field::Unit,
        &[
            "单位",
            "工作单位",
            "提出单位",
            "意见提出单位",
            "反馈单位",
            "所在单位",
            "单位名称",
            "意见来源",
            "来源",
            "意见来源单位",
            "来源单位",
            "部门",
            "所属单位",
            "单位部门",
            "单位或部门",
            "机构",
            "组织",
            "企业",
            "企业名称",
        ],
    ),
    (
        Field::Kind,
        &[
            "身份",
            "职业",
            "身份类别",
            "人员类别",
            "人员类型",
            "身份类型",
            "群体",
            "群体类别",
            "人群类别",
            "提出人身份",
            "提出人类别",
            "类别",
            "用户类型",
        ],
    ),
    (
        Field::Contact,
        &[
            "联系方式",
            "电话",
            "手机",
            "联系电话",
            "手机号",
            "手机号码",
            "电话号码",
            "联系手机",
            "联系方法",
            "邮箱",
            "电子邮箱",
            "电子邮件",
            "联系地址",
            "通讯地址",
            "联系人电话",
            "联系人及电话",
            "提出人电话",
            "提出人联系方式",
            "微信",
            "微信号",
            "phone",
            "tel",
        ],
    ),
    (
        Field::Method,
        &[
            "渠道",
            "收集方式",
            "征集方式",
            "方式",
            "征集渠道",
            "收集渠道",
            "途径",
            "征集途径",
            "收集途径",
            "意见渠道",
            "来源渠道",
            "征求方式",
            "征求意见方式",
            "提出方式",
            "反馈方式",
            "采集方式",
            "意见征集方式",
            "活动形式",
            "形式",
        ],
    ),
    (
        Field::Date,
        &[
            "日期",
            "时间",
            "提出时间",
            "提出日期",
            "收集日期",
            "收集时间",
            "征集时间",
            "征集日期",
            "填写日期",
            "填写时间",
            "填表日期",
            "反馈时间",
            "反馈日期",
            "采集时间",
            "采集日期",
            "意见时间",
            "意见日期",
            "登记时间",
            "登记日期",
            "留言时间",
            "年月日",
            "date",
        ],
    ),
    (
        Field::Station,
        &[
            "站点",
            "信息采集点",
            "采集点",
            "采集站点",
            "收集点",
            "信息采集站",
            "采集站",
            "信息站点",
            "信息站",
            "所属站点",
            "所属采集点",
            "信息采集点名称",
            "采集点名称",
            "站点名称",
        ],
    ),
    (
        Field::Collector,
        &["收集人", "采集人", "征集人", "记录人", "登记人", "收集人员", "采集人员", "信息员", "信息采集员", "采集员", "经手人"],
    ),
    (Field::Venue, &["地点", "征集地点", "收集地点", "采集地点", "活动地点"]),
    (
        Field::Consent,
        &[
            "是否同意公开",
            "是否公开",
            "同意公开",
            "公开意愿",
            "是否愿意公开",
            "是否可以公开",
            "是否可公开",
            "能否公开",
            "可否公开",
            "公开",
            "是否同意意见公开",
            "是否同意公开意见",
            "意见是否公开",
            "是否同意展示",
        ],
    ),
    (
        Field::Ignored,
        &[
            "备注",
            "附注",
            "采纳情况",
            "是否采纳",
            "采纳意见",
            "办理情况",
            "处理情况",
            "处理意见",
            "采纳与否",
            "采纳理由",
            "不采纳理由",
            "答复意见",
            "答复时间",
            "反对数",
            "点赞数",
            "附件",
            "性别",
            "年龄",
        ],
    ),
];

/// Parts of longer headings, asked in this order.
const PARTS: &[(Field, &[&str])] = &[
    (Field::Ignored, &["采纳", "答复", "办理结果", "审核"]),
    (Field::Consent, &["同意公开", "是否公开", "公开意愿"]),
    (Field::Contact, &["联系方式", "联系电话", "手机", "电话", "邮箱"]),
    (Field::Date, &["日期", "时间"]),
    (Field::Proposed, &["修改为", "改为", "修改后", "建议条文", "建议稿"]),
    (Field::Reason, &["理由", "依据", "原因"]),
    (Field::Original, &["原文", "原条文", "原表述", "修改前", "条文内容", "条款内容"]),
    (
        Field::Body,
        &[
            "意见建议",
            "修改意见",
            "修改建议",
            "建议内容",
            "意见内容",
            "具体意见",
            "具体建议",
            "意见和建议",
            "意见与建议",
            "意见及建议",
            "意见或建议",
        ],
    ),
    (Field::Method, &["渠道", "方式", "途径"]),
    (Field::Station, &["采集点", "采集站", "信息站"]),
    (Field::Collector, &["收集人", "采集人", "记录人", "登记人"]),
    (Field::Person, &["姓名", "提出人", "建议人", "意见人", "反馈人"]),
    (Field::Unit, &["单位", "来源"]),
    (Field::Place, &["涉及条", "条款", "第几条", "条文", "章节"]),
    (Field::Venue, &["地点"]),
    (Field::Number, &["序号", "编号"]),
    (Field::Body, &["意见", "建议"]),
];

/// Longest heading, in characters; longer words are no heading.
const HEADING: usize = 40;
/// Rows from the top among which the heading is looked for.
const SEARCHED: usize = 40;
/// Rows after the heading whose words decide what an unclear column says.
const SAMPLE: usize = 30;

/// How a table is laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Index of the first row of the heading; `None` when none was found.
    pub heading: Option<usize>,
    /// Rows of the heading.
    pub heading_rows: usize,
    /// Columns from the first on.
    pub columns: Vec<Column>,
    /// Whether the columns needed to make opinions were recognised; else a person has to map them.
    pub is_certain: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its heading as written, both rows of it; empty when it has none.
    pub heading: String,
    /// What it says.
    pub field: Field,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// It stands above the heading.
    Title,
    /// The heading, or its repetition further down.
    Heading,
    /// A line between rows, such as 第二章 over the width of the table.
    Divider,
    /// It may say something.
    Data,
    /// A row of the form that nobody filled in: a number, a provision, its words, and nothing else.
    Unfilled,
    /// 合计, 填表人, 备注： and the like.
    Footer,
}

impl Layout {
    /// Name of the headings, under which a mapping is remembered: tables with the same headings have the same.
    pub fn signature(&self) -> String {
        self.columns.iter().map(|column| bare(&column.heading)).collect::<Vec<_>>().join("|")
    }

    /// The same layout with other columns. Columns that are not named say nothing.
    pub fn mapped(mut self, fields: &[Field]) -> Layout {
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.field = fields.get(i).copied().unwrap_or(Field::Ignored);
        }
        self.is_certain = self.says(Field::Body) || self.says(Field::Proposed);
        self
    }

    /// Whether a column says it.
    pub fn says(&self, field: Field) -> bool {
        self.columns.iter().any(|column| column.field == field)
    }

    /// Columns that say it.
    pub fn columns_of(&self, field: Field) -> impl Iterator<Item = usize> + '_ {
        self.columns.iter().enumerate().filter(move |(_, column)| column.field == field).map(|(i, _)| i)
    }

    /// What a row says about a field; words of several columns are put together, the same words once.
    pub fn words(&self, row: &Row, field: Field) -> String {
        let mut found: Vec<&str> = Vec::new();
        for column in self.columns_of(field) {
            let words = row.own(column).trim();
            if !words.is_empty() && !found.contains(&words) {
                found.push(words);
            }
        }
        found.join(match field {
            Field::Body | Field::Reason | Field::Original => "\n",
            Field::Place => "",
            _ => " ",
        })
    }

    /// What a row is; `index` counts the rows of the table.
    pub fn kind(&self, index: usize, row: &Row) -> RowKind {
        match self.heading {
            Some(heading) if index < heading => return RowKind::Title,
            Some(heading) if index < heading + self.heading_rows => return RowKind::Heading,
            _ => {}
        }
        if self.repeats_heading(row) {
            return RowKind::Heading;
        }
        let says = |field: Field| !self.words(row, field).is_empty();
        let speaks = says(Field::Body) || says(Field::Proposed);
        let filled: Vec<(usize, &str)> = row.filled().collect();
        let first = filled.first().map_or("", |(_, words)| words);
        // 填表人：甲 | | 审核人：乙: what stands under the opinions belongs to the line as well.
        let all_are = filled.len() > 1 && filled.iter().all(|(_, words)| is_footer(words, 1, false));
        if all_are || is_footer(first, filled.len(), speaks && filled.len() > 1) {
            return RowKind::Footer;
        }
        if speaks {
            // Words over the width of the table, or alone in the first column, are a line between rows.
            let covers = row.spread.len() + 1 >= row.cells.len().max(2);
            let only_body = filled.len() == 1 && covers && self.columns.len() > 2 && row.spread.len() > 1;
            return if only_body { RowKind::Divider } else { RowKind::Data };
        }
        if filled.len() == 1 && (!row.spread.is_empty() || is_division(first)) {
            return RowKind::Divider;
        }
        let is_about_someone = [Field::Reason, Field::Stance, Field::Person, Field::Unit, Field::Contact].into_iter().any(says);
        if is_about_someone { RowKind::Data } else { RowKind::Unfilled }
    }

    fn repeats_heading(&self, row: &Row) -> bool {
        if self.heading.is_none() {
            return false;
        }
        let (mut same, mut filled) = (0, 0);
        for (column, words) in row.filled() {
            filled += 1;
            let heading = self.columns.get(column).map(|c| bare(&c.heading)).unwrap_or_default();
            let words = bare(words);
            same += usize::from(!words.is_empty() && (heading == words || (words.chars().count() > 1 && heading.ends_with(&words))));
        }
        filled >= 2 && same * 5 >= filled * 4
    }
}

/// Finds the heading of a table and reads its columns.
pub fn recognise(table: &Table) -> Layout {
    let width = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let best = (0..table.rows.len().min(SEARCHED)).map(|i| (score(table, i), i)).filter(|(score, _)| *score > 0);
    // Of two rows that are as good the upper one: the lower may be its repetition.
    let Some((_, heading)) = best.max_by_key(|(score, i)| (*score, usize::MAX - i)) else {
        return unrecognised(table, width);
    };
    let heading_rows = if is_second_row(table, heading) { 2 } else { 1 };
    let (Some(upper), lower) = (table.rows.get(heading), table.rows.get(heading + 1).filter(|_| heading_rows == 2)) else {
        return unrecognised(table, width);
    };
    let mut columns: Vec<Column> = (0..width)
        .map(|column| {
            let above = upper.cell(column);
            let below = lower.map_or("", |row| row.cell(column));
            let heading = match (above.is_empty(), below.is_empty() || above == below) {
                (_, true) => above.to_owned(),
                (true, false) => below.to_owned(),
                (false, false) => format!("{above} {below}"),
            };
            let field = field_of(below)
                .filter(|field| *field != Field::Ignored)
                .or_else(|| field_of(&heading.replace(' ', "")))
                .or_else(|| field_of(above));
            let is_repeated = upper.own(column).is_empty() && below.is_empty();
            Column { heading, field: field.filter(|_| !is_repeated).unwrap_or(Field::Ignored) }
        })
        .collect();
    settle(table, heading + heading_rows, &mut columns);
    while columns.last().is_some_and(|column| column.heading.is_empty()) && columns.len() > 1 {
        let last = columns.len() - 1;
        if table.rows.iter().skip(heading + heading_rows).any(|row| !row.own(last).is_empty()) {
            break;
        }
        columns.pop();
    }
    let layout = Layout { heading: Some(heading), heading_rows, columns, is_certain: false };
    let is_certain = layout.says(Field::Body) || layout.says(Field::Proposed);
    Layout { is_certain, ..layout }
}

/// A table whose headings nobody knows: the first row with several short words stands for the heading, until a person says more.
fn unrecognised(table: &Table, width: usize) -> Layout {
    let looks = |row: &Row| row.filled().count() >= 2.min(width.max(1)) && row.filled().all(|(_, words)| words.chars().count() <= HEADING);
    let heading = table.rows.iter().take(SEARCHED).position(looks);
    let row = heading.and_then(|i| table.rows.get(i));
    let columns = (0..width).map(|i| {
        let heading = row.map_or("", |row| row.cell(i)).to_owned();
        let field = field_of(&heading).unwrap_or(Field::Ignored);
        Column { heading, field }
    });
    Layout { heading, heading_rows: usize::from(heading.is_some()), columns: columns.collect(), is_certain: false }
}

/// How much a row looks like a heading; 0: not at all.
fn score(table: &Table, index: usize) -> usize {
    let Some(row) = table.rows.get(index) else { return 0 };
    let filled: Vec<(usize, &str)> = row.filled().collect();
    if filled.iter().any(|(_, words)| words.chars().count() > HEADING) {
        return 0;
    }
    let mut fields: Vec<Field> = filled.iter().filter_map(|(_, words)| field_of(words)).collect();
    let recognised = fields.len();
    let below = table.rows.get(index + 1).filter(|_| is_second_row(table, index));
    fields.extend(below.iter().flat_map(|row| row.filled()).filter_map(|(_, words)| field_of(words)));
    let both = fields.len();
    fields.sort_unstable();
    fields.dedup();
    let has_speech = fields.iter().any(|field| matches!(field, Field::Body | Field::Proposed));
    // One word alone may be a title (意见) or a cell; two that are known, most of them, are a heading.
    if recognised < 2 && !(recognised == 1 && has_speech && filled.len() <= 3 && (index == 0 || filled.len() > 1)) {
        return 0;
    }
    if recognised * 2 < filled.len() {
        return 0;
    }
    fields.len() * 2 + both + usize::from(has_speech) * 6
}

/// Whether the row below a heading belongs to it: it names the parts of a heading that spans several columns.
fn is_second_row(table: &Table, index: usize) -> bool {
    let (Some(upper), Some(lower)) = (table.rows.get(index), table.rows.get(index + 1)) else { return false };
    if lower.number != upper.number + 1 || upper.spread.is_empty() {
        return false;
    }
    let own = |column: usize, words: &str| words != upper.cell(column) || upper.own(column).is_empty();
    let parts: Vec<&str> = lower.filled().filter(|(column, words)| own(*column, words)).map(|(_, words)| words).collect();
    let short = parts.iter().all(|words| words.chars().count() <= HEADING);
    let known = parts.iter().filter(|words| field_of(words).is_some()).count();
    // Under a title that spans everything the next row is the heading itself, not its second row.
    let is_title = upper.filled().count() == 1;
    !is_title && short && !parts.is_empty() && known * 2 >= parts.len()
}

/// Decides by the words of the rows what a heading leaves open, and keeps one column for what only one can say.
fn settle(table: &Table, from: usize, columns: &mut [Column]) {
    let sample = |column: usize| {
        let rows = table.rows.iter().skip(from).take(SAMPLE);
        rows.map(|row| row.own(column)).filter(|words| !words.is_empty()).collect::<Vec<&str>>()
    };
    let mean = |words: &[&str]| words.iter().map(|w| w.chars().count()).sum::<usize>() / words.len().max(1);
    let has = |columns: &[Column], field: Field| columns.iter().any(|column| column.field == field);
    for i in 0..columns.len() {
        let words = sample(i);
        let Some(field) = columns.get(i).map(|c| c.field) else { continue };
        let looks_like_place = || !words.is_empty() && words.iter().filter(|w| is_place_like(w)).count() * 2 > words.len();
        let settled = match field {
            // 条文 is a number in one table and the words of the provision in another.
            Field::Place if mean(&words) > 25 && !has(columns, Field::Original) => Field::Original,
            Field::Original if !has(columns, Field::Place) && looks_like_place() => Field::Place,
            // 说明 beside nothing that speaks, and 内容 beside something that does.
            Field::Body
                if columns.get(i).is_some_and(|c| bare(&c.heading) == "内容")
                    && columns.iter().filter(|c| c.field == Field::Body).count() > 1 =>
            {
                Field::Original
            }
            other => other,
        };
        if let Some(column) = columns.get_mut(i) {
            column.field = settled;
        }
    }
    let mut seen: Vec<Field> = Vec::new();
    for column in columns.iter_mut() {
        if !column.field.is_joined() && seen.contains(&column.field) {
            column.field = Field::Ignored;
        }
        seen.push(column.field);
    }
}

fn is_place_like(words: &str) -> bool {
    words.chars().count() <= 20
        && (words.starts_with('第') || words.chars().all(|c| c.is_ascii_digit()) || matches!(words, "全文" | "整体" | "总则" | "附则"))
}

/// What a heading says; `None` when nobody knows it.
pub fn field_of(heading: &str) -> Option<Field> {
    let name = bare(heading);
    if name.is_empty() || name.chars().count() > HEADING {
        return None;
    }
    let whole = WORDINGS.iter().find(|(_, words)| words.contains(&name.as_str()));
    if let Some((field, _)) = whole {
        return Some(*field);
    }
    // A longer wording carries its meaning in a part; much longer words are a sentence.
    if name.chars().count() > 18 {
        return None;
    }
    PARTS.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part))).map(|(field, _)| *field)
}

/// A heading without what does not matter: width, case, spaces, marks, remarks in brackets, 的 at its end.
pub fn bare(heading: &str) -> String {
    let mut depth = 0usize;
    let mut kept = String::new();
    let mut inside = String::new();
    for c in heading.chars().map(narrow) {
        match c {
            '(' | '[' | '【' | '〔' | '〈' | '《' => depth += 1,
            ')' | ']' | '】' | '〕' | '〉' | '》' => depth = depth.saturating_sub(1),
            c if c.is_alphanumeric() || c == '.' => {
                let target = if depth == 0 { &mut kept } else { &mut inside };
                target.extend(c.to_lowercase());
            }
            _ => {}
        }
    }
    // (序号): everything stands in brackets.
    if kept.is_empty() { inside } else { kept }
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    }
}

/// Words with which the lines below a table begin.
const FOOTERS: &[&str] = &[
    "合计",
    "总计",
    "小计",
    "共计",
    "填表人",
    "填报人",
    "填表单位",
    "填报单位",
    "制表人",
    "制表",
    "审核人",
    "审核",
    "审批人",
    "负责人",
    "单位负责人",
    "联系人",
    "联系电话",
    "备注",
    "注",
    "说明",
    "填表说明",
    "填报说明",
    "填写说明",
    "填表日期",
    "填报日期",
    "填报时间",
    "日期",
    "单位盖章",
    "盖章",
    "单位公章",
    "公章",
    "主办单位",
    "汇总人",
    "统计人",
    "经办人",
    "附注",
    "提示",
];

/// Whether a row that begins with some words is a line below the table.
fn is_footer(first: &str, filled: usize, speaks: bool) -> bool {
    let first = first.trim();
    let totals = ["合计", "总计", "小计", "共计"];
    let name = bare(first);
    if totals.contains(&name.as_str()) {
        return true;
    }
    if speaks || filled > 6 {
        return false;
    }
    let (head, has_colon) = match first.find(['：', ':']) {
        Some(at) => (first.get(..at).unwrap_or(first), true),
        None => (first, false),
    };
    let head = bare(head);
    let is_known = FOOTERS.contains(&head.as_str()) || FOOTERS.iter().any(|f| f.chars().count() > 2 && head.starts_with(f));
    let counts = (head.starts_with('共') || totals.iter().any(|t| head.starts_with(t)))
        && head.chars().any(|c| c.is_ascii_digit())
        && head.ends_with('条');
    (is_known && (has_colon || first.contains("盖章") || first.contains("签"))) || counts
}

/// 第二章 管理职责, 一、总体意见: a line that divides a table.
fn is_division(words: &str) -> bool {
    let words = words.trim();
    let is_numeral = |c: char| "零〇一二三四五六七八九十百".contains(c) || c.is_ascii_digit();
    if let Some(rest) = words.strip_prefix('第') {
        let rest = rest.trim_start_matches(is_numeral);
        return words.chars().count() <= 30 && rest.starts_with(['章', '节', '编']);
    }
    let rest = words.trim_start_matches(['（', '(']);
    let after = rest.trim_start_matches(is_numeral);
    after.len() < rest.len() && after.starts_with(['、', '）', ')']) && words.chars().count() <= 30
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> Table {
        let rows = (1u32..).zip(rows).map(|(number, cells)| Row {
            number,
            cells: cells.iter().map(|c| (*c).to_owned()).collect(),
            spread: Vec::new(),
        });
        Table { first_row: 1, rows: rows.collect(), ..Table::default() }
    }

    fn spread(mut table: Table, row: usize, columns: &[u16]) -> Table {
        table.rows[row].spread = columns.to_vec();
        table
    }

    fn fields(layout: &Layout) -> Vec<Field> {
        layout.columns.iter().map(|column| column.field).collect()
    }

    #[test]
    fn headings_are_known_in_their_many_wordings() {
        use Field::*;
        for (heading, field) in [
            ("序号", Number),
            ("序 号", Number),
            ("NO.", Number),
            ("编号", Number),
            ("条款", Place),
            ("涉及条款", Place),
            ("条 款\n项", Place),
            ("修改条款（如第三条第二款）", Place),
            ("涉及的章节、条款", Place),
            ("原文", Original),
            ("征求意见稿条文", Original),
            ("《条例》（草案）原文内容", Original),
            ("修改建议", Body),
            ("意见、建议", Body),
            ("*意见内容（必填）", Body),
            ("修改意见及理由", Reason),
            ("具体意见或建议", Body),
            ("群众意见", Body),
            ("建议修改为", Proposed),
            ("修改后条文", Proposed),
            ("【建议修改后的内容】", Proposed),
            ("理由", Reason),
            ("修改理由和法律依据", Reason),
            ("提出人", Person),
            ("提出人/单位", Person),
            ("姓　名", Person),
            ("意见提出单位（个人）", Unit),
            ("工作单位", Unit),
            ("意见来源", Unit),
            ("职业", Kind),
            ("联系电话", Contact),
            ("提出人联系方式（选填）", Contact),
            ("ＴＥＬ", Contact),
            ("渠道", Method),
            ("意见收集方式", Method),
            ("日期", Date),
            ("意见提出时间", Date),
            ("信息采集点", Station),
            ("所属信息采集点名称", Station),
            ("是否同意公开意见内容", Consent),
            ("态度", Stance),
            ("记录人", Collector),
            ("备注", Ignored),
            ("采纳情况", Ignored),
        ] {
            assert_eq!(field_of(heading), Some(field), "{heading}");
        }
        for heading in ["", "浏览量", "第十二条 经营者应当在显著位置公示收费标准", "建议把收费公示的时间改为每年一月以前完成并向社会公布"]
        {
            assert_eq!(field_of(heading), None, "{heading}");
        }
    }

    #[test]
    fn the_heading_is_found_below_titles() {
        let title = "惠城县养犬管理条例征求意见汇总表";
        let layout = recognise(&spread(
            table(&[
                &[title, title, title, title, title],
                &["填报单位：某某社区", "", "", "日期：2026年3月5日"],
                &["序号", "条款", "修改意见", "理由", "提出人"],
                &["1", "第十二条", "删去“等”", "不明确", "张某"],
            ]),
            0,
            &[1, 2, 3, 4],
        ));
        assert_eq!((layout.heading, layout.heading_rows, layout.is_certain), (Some(2), 1, true));
        assert_eq!(fields(&layout), [Field::Number, Field::Place, Field::Body, Field::Reason, Field::Person]);
        assert_eq!(layout.signature(), "序号|条款|修改意见|理由|提出人");
    }

    #[test]
    fn a_heading_may_take_two_rows() {
        let two = spread(
            table(&[
                &["序号", "条款", "意见和建议", "意见和建议", "提出人信息", "提出人信息"],
                &["序号", "条款", "具体意见", "理由", "姓名", "电话"],
                &["1", "第三条", "改", "因", "李某", "138"],
            ]),
            0,
            &[3, 5],
        );
        let layout = recognise(&two);
        assert_eq!((layout.heading, layout.heading_rows), (Some(0), 2));
        assert_eq!(fields(&layout), [Field::Number, Field::Place, Field::Body, Field::Reason, Field::Person, Field::Contact]);
        assert_eq!(layout.columns[4].heading, "提出人信息 姓名");
        assert_eq!(layout.kind(1, &two.rows[1]), RowKind::Heading);
        assert_eq!(layout.kind(2, &two.rows[2]), RowKind::Data);
    }

    #[test]
    fn what_a_column_holds_decides_what_its_heading_leaves_open() {
        let long = "经营者应当在经营场所的显著位置公示服务项目和收费标准，并遵守本条例的规定。";
        let layout = recognise(&table(&[&["条文", "意见"], &[long, "改"], &[long, "删"]]));
        assert_eq!(fields(&layout), [Field::Original, Field::Body]);
        let layout = recognise(&table(&[&["征求意见稿", "意见"], &["第三条", "改"], &["第四条", "删"]]));
        assert_eq!(fields(&layout), [Field::Place, Field::Body]);
        let layout = recognise(&table(&[&["意见"], &["都好"]]));
        assert_eq!((fields(&layout), layout.is_certain), (vec![Field::Body], true));
        let layout = recognise(&table(&[&["章", "条", "意见", "日期", "答复时间"], &["第二章", "第三条", "改", "3月5日", ""]]));
        assert_eq!(fields(&layout), [Field::Place, Field::Place, Field::Body, Field::Date, Field::Ignored]);
    }

    #[test]
    fn foreign_headings_are_left_for_a_person() {
        let foreign = table(&[&["甲栏", "乙栏", "丙栏"], &["a", "b", "c"]]);
        let layout = recognise(&foreign);
        assert_eq!((layout.heading, layout.is_certain), (Some(0), false));
        let mapped = layout.mapped(&[Field::Ignored, Field::Body, Field::Date]);
        assert!(mapped.is_certain);
        assert_eq!(mapped.words(&foreign.rows[1], Field::Body), "b");
        let messages = recognise(&table(&[
            &["留言编号", "用户", "主题", "时间", "详情", "反对数", "点赞数"],
            &["1", "A0", "路灯", "2020/1/1", "坏了", "0", "3"],
        ]));
        assert_eq!(messages.heading, Some(0));
        assert!(messages.says(Field::Body) && messages.says(Field::Date));
    }

    #[test]
    fn rows_that_are_no_opinions_are_named() {
        let t = table(&[
            &["序号", "条款", "原文", "意见", "提出人"],
            &["1", "第一条", "为了", "改", "张某"],
            &["2", "第二条", "本条例", "", ""],
            &["3", "", "", "", ""],
            &["第二章 管理", "", "", "", ""],
            &["序号", "条款", "原文", "意见", "提出人"],
            &["4", "第三条", "", "", "李某"],
            &["备注：以上为居民意见", "", "", "", ""],
            &["填表人：王某", "", "审核人：赵某", "", ""],
            &["合计", "", "", "2", ""],
            &["共 2 条", "", "", "", ""],
            &["填表人：王某", "", "", "审核人：赵某", ""],
            &["", "", "", "联系人多一些", ""],
        ]);
        let layout = recognise(&t);
        use RowKind::*;
        let kinds: Vec<RowKind> = t.rows.iter().enumerate().map(|(i, row)| layout.kind(i, row)).collect();
        assert_eq!(kinds, [Heading, Data, Unfilled, Unfilled, Divider, Heading, Data, Footer, Footer, Footer, Footer, Footer, Data]);
    }
}
