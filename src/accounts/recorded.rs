//! What the audit log says of acts on accounts, in words: how somebody came in, what they declared, which role they got.
//!
//! The log keeps canonical names. Whoever shows it, to staff or to the person whose acts they are, says them with [`told`].

use super::Role;
use super::citizens::consent::{Age, Relation};
use crate::audit::Act;

/// The detail of an act on an account in words; `None` for other acts, for none, and for one that is not of the form that the act writes.
pub fn told(act: Act, stored: &str) -> Option<String> {
    use Act::*;
    Some(match act {
        SignIn | LockSignIn | BindPhone | MergeAccounts => way_in(stored)?,
        SignOut => match stored {
            "one of the own sessions" => "退出自己的一处登录".into(),
            "all other own sessions" => "退出自己的其他登录".into(),
            _ => return None,
        },
        ProvePassword => match stored {
            "code" => "下一步：输入验证码".into(),
            "password" => "下一步：更换密码".into(),
            "enrolment" => "下一步：启用两步验证".into(),
            _ => return None,
        },
        CreateAccount => Role::parse(stored)?.label().into(),
        ChangeAccount => {
            let (before, after) = stored.split_once(" -> ")?;
            let (before, after) = (Role::parse(before)?.label(), Role::parse(after)?.label());
            if before == after { format!("角色不变：{after}") } else { format!("角色由{before}改为{after}") }
        }
        AcceptPrivacyNotice => format!("告知版本 {stored}"),
        StateAge => Age::parse(stored)?.label().into(),
        RecordGuardianConsent => Relation::parse(stored)?.label().into(),
        _ => return None,
    })
}

fn way_in(stored: &str) -> Option<String> {
    Some(match stored {
        "password" => "用密码".into(),
        "password and code" => "用密码和验证码".into(),
        "password and recovery code" => "用密码和恢复码".into(),
        "phone" | "code" => "用手机验证码".into(),
        "wechat" => "用微信".into(),
        "workplace closed" => "所属联系点或者信息采集点已经关闭".into(),
        _ => format!("来源标记 {}", stored.strip_prefix("from ")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_citizens_do_is_told_in_words() {
        for (act, stored, words) in [
            (Act::SignIn, "phone", Some("用手机验证码")),
            (Act::SignIn, "wechat", Some("用微信")),
            (Act::SignOut, "all other own sessions", Some("退出自己的其他登录")),
            (Act::AcceptPrivacyNotice, "2026-01", Some("告知版本 2026-01")),
            (Act::StateAge, "fourteen_or_over", Some("已满十四周岁")),
            (Act::RecordGuardianConsent, "parent", Some("父母")),
            (Act::BindPhone, "code", Some("用手机验证码")),
            (Act::MergeAccounts, "wechat", Some("用微信")),
            // Nothing, another form, another room's.
            (Act::SignOut, "", None),
            (Act::SignIn, "by magic", None),
            (Act::TagOpinions, "phone", None),
        ] {
            assert_eq!(told(act, stored).as_deref(), words, "{act:?} {stored}");
        }
    }
}
