//! `account`: the first administrator, and the way back in when nobody can sign in any more.

use std::process::ExitCode;

use super::AccountCommand;
use crate::accounts::staff::{self, StaffAccount, StaffChange, passwords, second_factor};
use crate::accounts::{Actor, Role, find_staff};
use crate::app::{Access, App};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::{ContactPointId, OrganId, StationId};

/// `account`
pub async fn run(config: Config, command: AccountCommand) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    match command {
        AccountCommand::Add { login_name, name, role, contact_point, station, organ } => {
            let role = Role::parse(&role).filter(|role| role.is_staff()).ok_or_else(|| {
                let names: Vec<&str> = Role::ALL.iter().filter(|role| role.is_staff()).map(|role| role.as_str()).collect();
                Error::startup(format!("没有角色 {role}，可用的角色是：{}。", names.join("、")))
            })?;
            let new = StaffChange {
                display_name: &name,
                role,
                organ: organ.map(OrganId),
                contact_point: contact_point.map(ContactPointId),
                station: station.map(StationId),
            };
            let (_, password) = staff::add_staff(&app.db, &app.clock, &app.ids, Actor::System, &login_name, new).await?;
            say(&login_name, &password);
        }
        AccountCommand::ResetPassword { login_name } => {
            let account = find(&app, &login_name).await?;
            let password = passwords::reset_password(&app.db, &app.clock, &app.ids, Actor::System, account.id).await?;
            say(&account.login_name, &password);
        }
        AccountCommand::ResetSecondFactor { login_name } => {
            let account = find(&app, &login_name).await?;
            second_factor::reset_second_factor(&app.db, &app.clock, Actor::System, account.id).await?;
            println!("已清除 {} 的两步验证，其登录都已退出。", account.login_name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(login_name: &str, password: &str) {
    println!("登录名      {}", login_name.trim().to_lowercase());
    println!("一次性密码  {password}");
    println!("只显示这一次；首次登录后必须换成自己的密码。");
}

async fn find(app: &App, login_name: &str) -> Result<StaffAccount> {
    find_staff(&app.db, login_name).await?.ok_or_else(|| Error::startup(format!("没有登录名为 {login_name} 的账号。")))
}
