//! Where the keys of personal data come from: one key in the configuration, or a key file with several.
//!
//! From every configured key come subkeys under labels of their own (HMAC-SM3): what hashes never seals. Fields are sealed with the first
//! key of the file and opened with whichever sealed them, so a key can be replaced while the service runs. The hash key stays for the life
//! of the data: a keyed hash cannot be computed again from itself, and people are found by it.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use aes_gcm::AesGcm;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sm3::Sm3;
use sm4::Sm4;

use crate::config::Secret;
use crate::error::{Error, Result};
use crate::ids::IdSource;
use crate::storage::machine;

/// GCM over SM4 with the usual nonce of 96 bits (RFC 8998; GB/T 32907 for the cipher).
pub(super) type Sm4Gcm = AesGcm<Sm4, aes_gcm::aead::consts::U12>;

/// Fewest bytes of a key.
const KEY_BYTES: usize = 32;
/// Distinct bytes that a random key of 32 bytes has at the least, but for one in many millions.
const DISTINCT_BYTES: usize = 16;
/// Largest key file that is read, in bytes.
const FILE_BYTES: u64 = 64 * 1024;

/// Key of keyed hashes.
#[derive(Clone)]
pub struct DataKey {
    key: [u8; 32],
    id: String,
}

impl DataKey {
    /// Derives the key of hashes from a configured key.
    pub fn from_hex(key: &Secret) -> Result<DataKey> {
        let master = bytes_of(key)?;
        Ok(DataKey { key: hmac_sm3(&master, &[b"zhitong keyed hashes"])?, id: id_of(&master)? })
    }

    /// Short name of the configured key, computed from it: eight hexadecimal digits that do not tell the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// HMAC-SM3 of a value under a purpose, in hexadecimal: equal values can be found, none can be read back.
    pub fn keyed_hash(&self, purpose: &str, value: &str) -> String {
        // HMAC takes keys of every length, so it cannot fail; the empty text stands because the signature says otherwise.
        hmac_sm3(&self.key, &[purpose.as_bytes(), &[0], value.as_bytes()]).map(hex::encode).unwrap_or_default()
    }
}

/// A key that seals fields.
pub(super) struct SealingKey {
    /// Short name, part of every sealed text.
    pub id: String,
    /// The cipher under the derived subkey.
    pub cipher: Sm4Gcm,
}

/// Every key that is configured.
pub struct Keyring {
    /// Key of keyed hashes.
    pub hash: DataKey,
    /// Keys of sealed fields: the first seals, all open. Never empty.
    pub(super) sealing: Vec<SealingKey>,
}

/// A key file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    hash_key: Secret,
    keys: Vec<Secret>,
}

impl Keyring {
    /// One key for everything.
    pub fn of_key(key: &Secret) -> Result<Keyring> {
        Ok(Keyring { hash: DataKey::from_hex(key)?, sealing: vec![sealing_key(key)?] })
    }

    /// The keys of a file that nobody else can read.
    pub fn of_file(path: &Path) -> Result<Keyring> {
        let file = read_file(path)?;
        if file.keys.is_empty() {
            return Err(Error::startup(format!("密钥文件 {} 的 keys 是空的，请运行 zhitong keys add 添加一把密钥。", path.display())));
        }
        let sealing = file.keys.iter().map(sealing_key).collect::<Result<_>>()?;
        Ok(Keyring { hash: DataKey::from_hex(&file.hash_key)?, sealing })
    }

    /// Short names of the sealing keys, the active one first.
    pub fn key_ids(&self) -> Vec<String> {
        self.sealing.iter().map(|key| key.id.clone()).collect()
    }
}

/// Why a key that has the right form is still a bad one; `None` for a good one.
pub fn weakness(key: &Secret) -> Option<&'static str> {
    let Ok(bytes) = bytes_of(key) else { return Some("密钥应为不少于 64 位的十六进制字符串（32 字节）") };
    let distinct: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
    (distinct.len() < DISTINCT_BYTES).then_some("密钥不是随机生成的，容易被猜到")
}

/// Why one of the keys of a file is a bad one; `None` when all are good. Fails when the file cannot be used at all.
pub fn weakness_of_file(path: &Path) -> Result<Option<&'static str>> {
    let file = read_file(path)?;
    Ok(file.keys.iter().chain([&file.hash_key]).find_map(weakness))
}

/// Puts a new random key at the head of a key file and gives its short name. A file that does not exist is made: with `present` as its
/// hash key and older sealing key when one is in use already, else with a new hash key.
pub fn add_key(path: &Path, present: Option<&Secret>, ids: &IdSource) -> Result<String> {
    let new = Secret(ids.secret(KEY_BYTES));
    let (hash_key, older) = if path.exists() {
        let file = read_file(path)?;
        (file.hash_key, file.keys)
    } else {
        match present {
            Some(key) => (key.clone(), vec![key.clone()]),
            None => (Secret(ids.secret(KEY_BYTES)), Vec::new()),
        }
    };
    let keys: Vec<String> = std::iter::once(&new).chain(&older).map(|key| format!("  \"{}\",\n", key.0)).collect();
    let text = format!(
        "# 直通的个人信息密钥。只许运行服务的用户读取（chmod 600），另存一份备份；遗失后密文无法恢复。\n\
        # hash_key 用于带密钥的散列，永远不要更换；keys 的第一把用于加密，其余只用来读取以前加密的内容。\n\
        hash_key = \"{}\"\nkeys = [\n{}]\n",
        hash_key.0,
        keys.concat()
    );
    write_privately(path, &text)?;
    Ok(sealing_key(&new)?.id)
}

/// Writes a file that only its owner can read: whole or not at all. In the place of another it has that one's owner and group, and its group can read it when
/// that one's could: the service that shares it goes on reading it. Where the system does not let us give it away, it is ours alone.
fn write_privately(path: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| Error::startup(format!("无法写入密钥文件 {}：{e}。请检查目录和权限。", path.display()));
    let beside = path.with_extension("new");
    // What an attempt that broke off left behind.
    if beside.exists() {
        std::fs::remove_file(&beside).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    let mode = match std::fs::metadata(path) {
        Ok(before) if fchown(&file, Some(before.uid()), Some(before.gid())).is_ok() => 0o400 | (before.mode() & 0o640),
        _ => 0o600,
    };
    file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)?;
    // The new name must survive a power cut as well as the content.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn read_file(path: &Path) -> Result<KeyFile> {
    let failed = |e: std::io::Error| Error::startup(format!("无法读取密钥文件 {}：{e}。请检查 data_key_file 和权限。", path.display()));
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !is_private(metadata.mode(), metadata.gid(), &machine::groups()) {
        return Err(Error::startup(format!("密钥文件 {0} 可以被其他用户读取，请运行 chmod 600 {0}。", path.display())));
    }
    let malformed = |why: &str| Error::startup(format!("密钥文件 {} 的格式不正确（{why}），请用 zhitong keys add 生成。", path.display()));
    if !metadata.is_file() || metadata.len() > FILE_BYTES {
        return Err(malformed("不是一个小文件"));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    // The parser's own message would quote the line, and with it a key.
    toml::from_str(&text).map_err(|_| malformed("应有 hash_key 和 keys"))
}

/// Whether a file can be read by its owner alone, or by its owner and a group of ours: a container gets its secrets from another user, who shares them with
/// the group that the process was given for it. Nobody but the owner may write in either case.
fn is_private(mode: u32, group: u32, ours: &[u32]) -> bool {
    match mode & 0o077 {
        0 => true,
        0o040 => ours.contains(&group),
        _ => false,
    }
}

/// The group whose users can all read a key file; `None` when its owner alone can, and when there is no such file.
pub fn sharing_group(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    (metadata.mode() & 0o040 != 0).then_some(metadata.gid())
}

fn sealing_key(key: &Secret) -> Result<SealingKey> {
    let master = bytes_of(key)?;
    let derived = hmac_sm3(&master, &[b"zhitong sealed fields"])?;
    let cipher =
        Sm4Gcm::new_from_slice(&derived[..16]).map_err(|e| Error::internal("the derived key has a wrong length", e.to_string()))?;
    Ok(SealingKey { id: id_of(&master)?, cipher })
}

fn id_of(master: &[u8]) -> Result<String> {
    Ok(hex::encode(&hmac_sm3(master, &[b"zhitong key id"])?[..4]))
}

fn bytes_of(key: &Secret) -> Result<Vec<u8>> {
    match hex::decode(&key.0) {
        Ok(bytes) if bytes.len() >= KEY_BYTES => Ok(bytes),
        _ => Err(Error::startup(
            "个人信息密钥应为不少于 64 位的十六进制字符串（32 字节），可用 zhitong keys add 或 `openssl rand -hex 32` 生成。",
        )),
    }
}

fn hmac_sm3(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
    let mut mac = <Hmac<Sm3>>::new_from_slice(key).map_err(|e| Error::internal("HMAC refused a key", e.to_string()))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: &str) -> Secret {
        Secret(byte.repeat(32))
    }

    #[test]
    fn keyed_hashes_depend_on_key_purpose_and_value() {
        let (one, other) = (DataKey::from_hex(&key("01")).unwrap(), DataKey::from_hex(&key("02")).unwrap());
        let hash = one.keyed_hash("phone", "13800000000");
        assert_eq!(hash.len(), 64);
        assert_eq!(hash, one.keyed_hash("phone", "13800000000"));
        assert_ne!(hash, one.keyed_hash("openid", "13800000000"));
        assert_ne!(hash, other.keyed_hash("phone", "13800000000"));
        assert_ne!(one.id(), other.id());
    }

    #[test]
    fn keys_that_nobody_drew_at_random_are_told() {
        assert!(weakness(&key("5a")).is_some());
        assert!(weakness(&Secret("0123456789abcdef".repeat(4))).is_some());
        assert!(weakness(&Secret("ab".into())).is_some());
        assert_eq!(weakness(&Secret(IdSource::Random.secret(32))), None);
    }

    #[test]
    fn a_key_file_grows_at_its_head_and_keeps_its_hash_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let present = key("5a");
        let first = add_key(&path, Some(&present), &IdSource::Random).unwrap();
        let ring = Keyring::of_file(&path).unwrap();
        assert_eq!(ring.hash.id(), DataKey::from_hex(&present).unwrap().id());
        assert_eq!(ring.key_ids(), [first.clone(), sealing_key(&present).unwrap().id]);
        let second = add_key(&path, None, &IdSource::Random).unwrap();
        assert_eq!(Keyring::of_file(&path).unwrap().key_ids()[..2], [second, first]);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_group_of_ours_may_read_and_no_other() {
        for (mode, group, is_ours) in [
            (0o100_600, 7, true),
            (0o100_400, 7, true),
            (0o100_440, 5, true),
            (0o100_640, 5, true),
            (0o100_440, 7, false),
            (0o100_460, 5, false),
            (0o100_444, 5, false),
            (0o100_404, 5, false),
        ] {
            assert_eq!(is_private(mode, group, &[3, 5]), is_ours, "{mode:o} of {group}");
        }
        assert!(!is_private(0o100_440, 5, &[]), "where the system does not tell our groups, none is ours");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        add_key(&path, None, &IdSource::Random).unwrap();
        assert_eq!(sharing_group(&path), None);
        // A file that we make belongs to a group of ours.
        std::fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        assert!(Keyring::of_file(&path).is_ok() && sharing_group(&path).is_some());
    }

    #[test]
    fn a_new_key_file_belongs_to_whom_the_old_one_did() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        add_key(&path, None, &IdSource::Random).unwrap();
        for (mode, expected) in [(0o640, 0o640), (0o440, 0o440), (0o400, 0o400), (0o600, 0o600)] {
            // A group that is not the one new files get, where we may choose one; the service shares it.
            let group = machine::groups().last().copied();
            drop(std::os::unix::fs::chown(&path, None, group));
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let before = std::fs::metadata(&path).unwrap();
            add_key(&path, None, &IdSource::Random).unwrap();
            let after = std::fs::metadata(&path).unwrap();
            assert_ne!(after.ino(), before.ino(), "it is another file");
            assert_eq!((after.uid(), after.gid(), after.mode() & 0o777), (before.uid(), before.gid(), expected), "{mode:o}");
        }
        write_privately(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        write_privately(&path, "").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o640, "what others could do is not carried over");
    }

    #[test]
    fn a_key_file_that_others_can_read_or_that_is_no_key_file_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        add_key(&path, None, &IdSource::Random).unwrap();
        for open in [0o604, 0o644, 0o660, 0o620, 0o650] {
            std::fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            assert!(Keyring::of_file(&path).err().unwrap().detail.contains("chmod 600"), "{open:o}");
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let private = |text: &str| {
            write_privately(&path, text).unwrap();
            Keyring::of_file(&path).err().unwrap().detail
        };
        let secret = "c3".repeat(31);
        for text in
            ["keys = 1".to_owned(), format!("hash_key = '{secret}'\nkeys = ['{secret}']"), format!("keys = [{secret}"), String::new()]
        {
            let said = private(&text);
            assert!(said.contains("密钥") && !said.contains("c3c3") && !said.contains('\n'), "{said}");
        }
        assert!(private(&format!("hash_key = '{}'\nkeys = []", "c3".repeat(32))).contains("keys add"));
        std::fs::remove_file(&path).unwrap();
        assert!(Keyring::of_file(&path).err().unwrap().detail.contains("无法读取"));
    }
}
