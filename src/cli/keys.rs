//! `keys`: the keys of personal data.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::{Access, App};
use crate::audit::{self, Act, NewEntry};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::IdSource;
use crate::storage::Db;
use crate::storage::crypto::keys;
use crate::storage::crypto::rotation::{self, Progress};

/// `keys add`
pub async fn add(config: Config, file: Option<PathBuf>) -> Result<ExitCode> {
    let path = file
        .or_else(|| config.data_key_file.clone())
        .ok_or_else(|| Error::startup("请用 --file 指定密钥文件的路径，或先在配置中设置 data_key_file。"))?;
    let is_new = !path.exists();
    let holds_data = config.is_postgres() || config.data_dir.join("zhitong.db").exists();
    // Data that was written under a single key is found and opened with it from now on, too.
    let present = if !config.data_key.0.is_empty() {
        Some(config.data_key.clone())
    } else if is_new && config.is_demonstration && config.data_key_file.is_none() && holds_data {
        let db = Db::open(&config).await?;
        Some(App::single_key(&config, &db, &IdSource::Random, false).await?)
    } else {
        None
    };
    let id = keys::add_key(&path, present.as_ref(), &IdSource::Random)?;
    println!("已添加编号 {id} 的密钥：{}。请把这个文件另存一份备份，遗失后密文无法恢复。", path.display());
    if config.data_key_file.as_ref() != Some(&path) {
        println!(
            "请在配置中设置 data_key_file = {:?} 并去掉 data_key，重启服务，然后运行 zhitong keys rotate。",
            path.display().to_string()
        );
    } else if !is_new {
        println!("运行中的服务会自动读取；请接着运行 zhitong keys rotate。");
    }
    Ok(ExitCode::SUCCESS)
}

/// `keys rotate`
pub async fn rotate(config: Config) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    let tell = |p: Progress| eprintln!("已重新加密 {} / {} 项", p.done, p.total);
    let done = rotation::rotate(&app.db, &app.field_cipher, App::SEALED_COLUMNS, tell).await?;
    let active = app.field_cipher.key_ids().into_iter().next().unwrap_or_default();
    let counts = rotation::count_by_key(&app.db, App::SEALED_COLUMNS).await?;
    if done.done > 0 {
        let mut tx = app.db.begin().await?;
        let detail = format!("{} to {active}", done.done);
        let entry =
            NewEntry { account_id: None, act: Act::RotateKeys, subject: "keys", subject_id: None, is_success: true, detail: &detail };
        audit::append(&mut tx, &app.clock, entry).await?;
        tx.commit().await?;
    }
    let left: u64 = counts.iter().filter(|(id, _)| **id != active).map(|(_, n)| n).sum();
    if left > 0 {
        println!("重新加密了 {} 项，另有 {left} 项是服务在此期间用旧密钥写入的；请稍后再运行一次。", done.done);
        return Ok(ExitCode::from(2));
    }
    println!(
        "重新加密了 {} 项，全部个人信息现在都用编号 {active} 的密钥。确认备份之后，可以从密钥文件的 keys 中去掉旧密钥；hash_key 不要动。",
        done.done
    );
    Ok(ExitCode::SUCCESS)
}

/// `keys status`
pub async fn status(config: Config) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    let counts = rotation::count_by_key(&app.db, App::SEALED_COLUMNS).await?;
    let known = app.field_cipher.key_ids();
    println!("散列密钥 {}（不更换：散列不能由散列重新算出）", app.data_key.id());
    for (i, id) in known.iter().enumerate() {
        let role = if i == 0 { "加密与读取" } else { "只读取" };
        println!("密钥 {id}  {role}  {} 项", counts.get(id).copied().unwrap_or(0));
    }
    let mut is_whole = true;
    for (id, n) in counts.iter().filter(|(id, _)| !known.contains(id)) {
        is_whole = false;
        println!("密钥 {id}  缺失！{n} 项无法读取，请把它加回密钥文件的 keys。");
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
