//! 个人信息保护告知 (个人信息保护法 17, 30): what a person reads before handing over anything. One text for pages and the mini-program.
//!
//! A change of meaning gets a new version: everybody is asked again before their next opinion.

/// Version of the notice, the month from which it applies.
pub const PRIVACY_VERSION: &str = "2026-01";

/// A section of the notice.
pub struct Section {
    /// Heading.
    pub heading: &'static str,
    /// Paragraphs; `{bureau}` stands for the name of the bureau.
    pub paragraphs: &'static [&'static str],
}

/// The notice.
pub const SECTIONS: &[Section] = &[
    Section {
        heading: "谁处理您的信息",
        paragraphs: &[
            "{bureau}依照法定职责，为征集、办理和反馈立法意见处理您的个人信息。对告知内容有疑问的，可以通过页面底部的“投诉建议”与我们联系。",
        ],
    },
    Section {
        heading: "收集什么，用来做什么",
        paragraphs: &[
            "登录：微信登录只取得微信为本小程序生成的用户标识，不取得您的昵称、头像和好友；手机号登录取得您的手机号码。它们只用来确认是您本人，以及把办理结果告诉您。",
            "提意见：您写的内容、附件和选择的公开方式，用来办理和答复这条意见。",
            "安全：登录的时间、结果和设备种类，用来防止冒用和刷票。",
            "不收集身份证号、出生日期和住址，也不用您的信息作自动化决策。",
        ],
    },
    Section {
        heading: "怎样保存，保存多久",
        paragraphs: &[
            "手机号码和微信用户标识加密保存，页面上只显示手机号码的前三位和后四位。登录状态最长保留三十天，验证码五分钟后失效。",
            "意见及其办理情况属于立法档案，依照档案管理规定保存；登录和操作的日志至少保存六个月。",
        ],
    },
    Section {
        heading: "给谁看",
        paragraphs: &[
            "意见经过审核后公开，公开时不显示您的账号、手机号码和其他能认出您的信息；您可以选择不公开意见内容。",
            "发送验证码的短信服务商和微信平台，只得到完成发送所需要的信息。除法律另有规定外，不提供给其他单位和个人。",
        ],
    },
    Section {
        heading: "您的权利",
        paragraphs: &[
            "在“我的”页面可以随时查阅和导出您的全部信息、更换手机号码、结束任何一个登录、注销账号。",
            "注销后，账号信息立即删除，登录立即失效。已经提交的意见依法需要存档，会去掉与您的联系，不再用于其他用途；办理和公开反馈照常进行。",
            "我们不能满足您的请求时，会说明理由；您也可以依法向人民法院提起诉讼。",
        ],
    },
    Section {
        heading: "不满十四周岁的未成年人",
        paragraphs: &[
            "不满十四周岁的未成年人的个人信息属于敏感个人信息。提意见之前，需要父母或者其他监护人阅读本告知并用手机验证码表示同意。公开其意见时，不显示任何能认出本人的信息，附件不公开。",
        ],
    },
];
