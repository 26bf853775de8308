//! Words of the pages of a citizen's own account.

/// What a sign-in without the tick says.
pub const AGREE_FIRST: &str = "请先阅读个人信息保护告知，并勾选同意。";
/// What a statement of age without a choice says.
pub const CHOOSE_AGE: &str = "请选择一项。";
/// What a guardian's form without a relation says.
pub const CHOOSE_RELATION: &str = "请选择与未成年人的关系。";
/// Name of the fact: phone.
pub const PHONE: &str = "手机号";
/// Name of the fact: WeChat.
pub const WECHAT: &str = "微信";
/// Name of the fact: age.
pub const AGE: &str = "年龄";
/// Name of the fact: guardian.
pub const GUARDIAN: &str = "监护人";
/// Name of the fact: since when.
pub const SINCE: &str = "注册时间";
/// Name of the fact: privacy notice.
pub const PRIVACY: &str = "个人信息保护告知";
/// No phone.
pub const NOT_BOUND: &str = "未绑定";
/// WeChat is bound.
pub const BOUND: &str = "已绑定";
/// A device that is not known.
pub const UNKNOWN_DEVICE: &str = "未知设备";

/// What was just done, by the name in the address of the page.
pub fn done(name: &str) -> Option<&'static str> {
    match name {
        "session" => Some("已结束那个登录。"),
        "sessions" => Some("已结束其他所有登录。"),
        "phone" => Some("手机号已绑定。"),
        "merged" => Some("手机号已绑定，这个手机号原来的账号已合并进来。"),
        "privacy" => Some("已记录您同意个人信息保护告知。"),
        "age" => Some("已记录您的说明。"),
        "guardian" => Some("已记录监护人的同意。"),
        _ => None,
    }
}

/// The acceptance of the notice.
pub fn accepted(version: &str, at: &str) -> String {
    format!("{at}同意（{version} 版）")
}

/// A guardian's consent.
pub fn consented(name: &str, relation: &str, phone: &str, at: &str) -> String {
    format!("{name}（{relation}，{phone}），{at}同意")
}
