//! What the machine gives this process: room on its disks, open files, groups of users.

use std::io;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Room of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What this process may still write.
    pub free: u64,
    /// Everything.
    pub size: u64,
}

/// The room of the file system on which a path lies.
pub fn room_of(path: &Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Room { free: found.f_bavail.saturating_mul(found.f_frsize), size: found.f_blocks.saturating_mul(found.f_frsize) })
}

/// How many files a process of this kind may open at most; `None` = without limit.
pub fn most_open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the number of files that this process may open to what it needs, as far as the system lets it, and gives the number that it has then; `None` =
/// without limit. A shell gives its programs fewer than they may have.
pub fn need_open_files(needed: u64) -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let present = limit.current?;
    if present >= needed {
        return Some(present);
    }
    let raised = limit.maximum.map_or(needed, |most| most.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => Some(raised),
        Err(_) => Some(present),
    }
}

/// Groups of users that this process belongs to; empty where the system does not tell.
pub fn groups() -> Vec<u32> {
    groups_in(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

fn groups_in(status: &str) -> Vec<u32> {
    // Real, effective, saved, and that of the file system.
    let effective = after(status, "Gid:").split_whitespace().nth(1);
    effective.into_iter().chain(after(status, "Groups:").split_whitespace()).filter_map(|group| group.parse().ok()).collect()
}

/// The rest of the line that begins so.
fn after<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_the_effective_one_and_the_further_ones() {
        let status = "Name:\tzhitong\nUid:\t1\t2\t3\t4\nGid:\t10\t20\t30\t40\nFDSize:\t64\nGroups:\t20 10001 \n";
        assert_eq!(groups_in(status), [20, 20, 10_001]);
        assert_eq!(groups_in("Name:\tzhitong\n"), Vec::<u32>::new());
        assert!(!groups().is_empty());
    }

    #[test]
    fn a_disk_has_room_and_what_is_not_there_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let room = room_of(folder.path()).unwrap();
        assert!(room.size > 0 && room.free <= room.size);
        assert!(room_of(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn open_files_are_never_made_fewer() {
        let present = need_open_files(0);
        assert!(present.is_none_or(|present| most_open_files().is_none_or(|most| present <= most)));
        assert_eq!(need_open_files(0), present);
    }
}
