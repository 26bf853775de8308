//! What `doctor` finds on the machine: who can read files, room on disks, open files.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Findings;
use crate::config::Config;
use crate::server;
use crate::storage::machine::{self, Room};

/// Free bytes below which a disk is full soon, whatever its size: of the data, and of uploads on their way.
const DATA_BYTES: u64 = 2 << 30;
const UPLOAD_BYTES: u64 = 256 << 20;
/// Free bytes that are enough, however small a part of a large disk they are.
const ENOUGH_BYTES: u64 = 20 << 30;
/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// Whether other users of the machine can reach what only the service needs. The key file is looked at with the keys.
pub(super) fn look_at_permissions(config: &Config, config_file: Option<&Path>, findings: &mut Findings) {
    const WHAT: &str = "文件权限";
    if config.is_demonstration {
        return;
    }
    let is_open = |path: &Path| std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o007 != 0);
    // A file without secrets may be read by everybody: they can come from the environment.
    let secrets = [&config.data_key, &config.database_url, &config.redis_url, &config.wechat.secret, &config.sms.token];
    let holds_secrets = |file: &Path| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let s3 = config.s3.iter().map(|s3| &s3.secret_key);
        secrets.into_iter().chain(s3).any(|secret| !secret.0.is_empty() && text.contains(&secret.0))
    };
    let file = config_file.filter(|&file| is_open(file) && holds_secrets(file));
    let folder = Some(config.data_dir.as_path()).filter(|&folder| is_open(folder));
    let open: Vec<String> = folder.into_iter().chain(file).map(|path| path.display().to_string()).collect();
    if open.is_empty() {
        findings.fine("permissions", WHAT, "其他用户不能读取");
    } else {
        findings.mend("permissions", WHAT, format!("{} 可以被其他用户读取，请运行 chmod o-rwx {}。", open.join("、"), open.join(" ")));
    }
}

/// Whether there is room to write. A demonstration needs little.
pub(super) fn look_at_disks(config: &Config, findings: &mut Findings) {
    const WHAT: &str = "剩余空间";
    if config.is_demonstration {
        return;
    }
    let temporary = std::env::temp_dir();
    let (mut scarce, mut told) = (Vec::new(), Vec::new());
    for (name, folder, least) in [("数据目录", config.data_dir.as_path(), DATA_BYTES), ("临时目录", temporary.as_path(), UPLOAD_BYTES)]
    {
        match machine::room_of(folder) {
            Ok(room) => {
                let list = if is_scarce(room, least) { &mut scarce } else { &mut told };
                list.push(format!("{name} {} 剩余 {} MiB（共 {} MiB）", folder.display(), room.free / MIB, room.size / MIB));
            }
            Err(e) => scarce.push(format!("{name} {} 读不到剩余空间（{e}）", folder.display())),
        }
    }
    if scarce.is_empty() {
        findings.fine("disk", WHAT, told.join("，"));
    } else {
        findings.mend("disk", WHAT, format!("{}。请清理旧日志、旧备份或扩容；写满以后不能再提交意见。", scarce.join("，")));
    }
}

fn is_scarce(room: Room, least: u64) -> bool {
    room.free < least || (room.free < room.size / 10 && room.free < ENOUGH_BYTES)
}

/// Whether as many connections can be open as are configured.
pub(super) fn look_at_open_files(config: &Config, findings: &mut Findings) {
    const WHAT: &str = "打开文件数上限";
    if config.is_demonstration {
        return;
    }
    let needed = server::files_needed(config);
    match machine::most_open_files() {
        Some(most) if most < needed => findings.mend(
            "file_limit",
            WHAT,
            format!(
                "这里最多打开 {most} 个文件，{} 个连接需要 {needed} 个。请调高上限（systemd 的 LimitNOFILE、容器的 ulimits），或者调低 connections。",
                config.connections
            ),
        ),
        Some(most) => findings.fine("file_limit", WHAT, format!("{most} 个，需要 {needed} 个")),
        None => findings.fine("file_limit", WHAT, "不限"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_scarce_below_a_floor_or_a_tenth_unless_much_is_left() {
        const GIB: u64 = 1 << 30;
        for (free, size, expected) in [(1, 500, true), (1, 4, true), (3, 8, false), (3, 40, true), (19, 200, true), (21, 400, false)] {
            assert_eq!(is_scarce(Room { free: free * GIB, size: size * GIB }, DATA_BYTES), expected, "{free} of {size}");
        }
        assert!(!is_scarce(Room { free: 400 * MIB, size: 512 * MIB }, UPLOAD_BYTES));
    }
}
