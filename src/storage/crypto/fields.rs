//! Sealed fields: personal data as it lies in the database.
//!
//! A sealed text reads `v1.<key>.<base64>`: the version of this form, the short name of the key, and nonce, ciphertext and tag of SM4-GCM.
//! The purpose is authenticated with it, so that a text sealed for one column cannot be passed off as one of another. Nonces are drawn at
//! random, which is sound for some four thousand million texts under one key.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aes_gcm::Nonce;
use aes_gcm::aead::{Aead, Payload, consts::U12};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::keys::{DataKey, Keyring};
use crate::config::Secret;
use crate::error::{Code, Error, Result};
use crate::ids::IdSource;

/// Version of the form.
const VERSION: &str = "v1";
/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;
/// How long a key file is believed not to have changed.
const BELIEVED: Duration = Duration::from_secs(5);

/// Seals and opens fields of personal data. Cheap to clone; all clones share the keys.
#[derive(Clone)]
pub struct FieldCipher(Arc<Inner>);

struct Inner {
    held: RwLock<Held>,
    file: Option<PathBuf>,
    ids: IdSource,
}

struct Held {
    ring: Arc<Keyring>,
    read_at: Instant,
}

impl FieldCipher {
    /// A cipher with one key.
    pub fn of_key(key: &Secret, ids: &IdSource) -> Result<FieldCipher> {
        Ok(Self::with(Keyring::of_key(key)?, None, ids))
    }

    /// A cipher with the keys of a file. A key that is added to the file later is taken up while the process runs.
    pub fn of_file(path: &Path, ids: &IdSource) -> Result<FieldCipher> {
        Ok(Self::with(Keyring::of_file(path)?, Some(path.to_owned()), ids))
    }

    fn with(ring: Keyring, file: Option<PathBuf>, ids: &IdSource) -> FieldCipher {
        let held = RwLock::new(Held { ring: Arc::new(ring), read_at: Instant::now() });
        FieldCipher(Arc::new(Inner { held, file, ids: ids.clone() }))
    }

    /// Key of keyed hashes that belongs to these keys.
    pub fn data_key(&self) -> DataKey {
        self.ring().hash.clone()
    }

    /// Short names of the keys, the active one first.
    pub fn key_ids(&self) -> Vec<String> {
        self.ring().key_ids()
    }

    /// How sealed texts of the active key begin.
    pub fn active_prefix(&self) -> Result<String> {
        let ring = self.ring();
        let active = ring.sealing.first().ok_or_else(|| Error::defect("there is no sealing key"))?;
        Ok(format!("{VERSION}.{}.", active.id))
    }

    /// Seals a text under the active key. `purpose` names the column, e.g. `account-phone`, and is needed to open it.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String> {
        self.look_again_after(BELIEVED);
        let ring = self.ring();
        let active = ring.sealing.first().ok_or_else(|| Error::defect("there is no sealing key"))?;
        let mut bytes = hex::decode(self.0.ids.secret(NONCE_BYTES)).map_err(|e| Error::internal("the source of ids gave no bytes", e))?;
        let nonce: [u8; NONCE_BYTES] =
            bytes.as_slice().try_into().map_err(|e| Error::internal("the source of ids gave a nonce of another length", format!("{e}")))?;
        let sealed = active
            .cipher
            .encrypt(&Nonce::<U12>::from(nonce), Payload { msg: text.as_bytes(), aad: purpose.as_bytes() })
            .map_err(|_| Error::defect("a text is too long to be sealed"))?;
        bytes.extend_from_slice(&sealed);
        Ok(format!("{VERSION}.{}.{}", active.id, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens a sealed text. Fails when its key is not configured, and when the text or its purpose is not what was sealed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(id), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(unreadable("a sealed field has an unknown form".into()));
        };
        let mut ring = self.ring();
        if !ring.sealing.iter().any(|key| key.id == id) {
            // Another process may have sealed with a key that was added since.
            self.look_again_after(Duration::ZERO);
            ring = self.ring();
        }
        let key = ring
            .sealing
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| unreadable(format!("a field is sealed with key {id}, which is not among the configured ones")))?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|e| unreadable(format!("a sealed field is no base64: {e}")))?;
        let (nonce, ciphertext) =
            bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| unreadable("a sealed field is too short".into()))?;
        let text = key
            .cipher
            .decrypt(&Nonce::<U12>::from(*nonce), Payload { msg: ciphertext, aad: purpose.as_bytes() })
            .map_err(|_| unreadable(format!("a field under key {id} was changed, or was not sealed for {purpose}")))?;
        String::from_utf8(text).map_err(|e| unreadable(format!("a sealed field is no text: {e}")))
    }

    fn ring(&self) -> Arc<Keyring> {
        self.0.held.read().unwrap_or_else(PoisonError::into_inner).ring.clone()
    }

    /// Reads the key file again when the last look is older than an age. The keys at hand stay when it cannot be read.
    fn look_again_after(&self, age: Duration) {
        let Some(file) = &self.0.file else { return };
        if self.0.held.read().unwrap_or_else(PoisonError::into_inner).read_at.elapsed() < age {
            return;
        }
        let read = Keyring::of_file(file);
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        held.read_at = Instant::now();
        match read {
            Ok(ring) if ring.hash.id() == held.ring.hash.id() => held.ring = Arc::new(ring),
            Ok(_) => tracing::warn!("the hash key in the key file has changed; the keys read before stay in use"),
            Err(error) => tracing::warn!(error = error.detail, "the key file cannot be read again; the keys read before stay in use"),
        }
    }
}

/// Key of a sealed text, by its short name; `None` for a text of another form.
pub fn key_of(sealed: &str) -> Option<&str> {
    let (id, _) = sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
    Some(id)
}

fn unreadable(context: String) -> Error {
    Error::new(Code::Internal, "这项个人信息暂时无法读取：服务器上没有对应的密钥，或者内容已损坏。请联系管理员运行 zhitong doctor。")
        .caused_by(context)
}

#[cfg(test)]
mod tests {
    use super::super::keys::{Sm4Gcm, add_key};
    use super::*;
    use aes_gcm::KeyInit;

    fn cipher(byte: &str) -> FieldCipher {
        FieldCipher::of_key(&Secret(byte.repeat(32)), &IdSource::Random).unwrap()
    }

    #[test]
    fn the_cipher_agrees_with_the_published_vector() {
        // RFC 8998, appendix A.1.
        let bytes = |text: &str| hex::decode(text).unwrap();
        let cipher = Sm4Gcm::new_from_slice(&bytes("0123456789abcdeffedcba9876543210")).unwrap();
        let nonce: [u8; 12] = bytes("00001234567800000000abcd").try_into().unwrap();
        let plain = bytes(&["aa", "bb", "cc", "dd", "ee", "ff", "ee", "aa"].map(|byte| byte.repeat(8)).concat());
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let sealed = cipher.encrypt(&Nonce::<U12>::from(nonce), Payload { msg: &plain, aad: &aad }).unwrap();
        assert_eq!(
            hex::encode(sealed),
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15\
             a56834cbcf98c397b4024a2691233b8d83de3541e4c2b58177e065a9bf7b62ec"
        );
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_only_and_never_reads_the_same() {
        let cipher = cipher("5a");
        let sealed = cipher.seal("phone", "13800001234").unwrap();
        assert!(sealed.starts_with(&cipher.active_prefix().unwrap()) && !sealed.contains("13800001234"), "{sealed}");
        assert_eq!(key_of(&sealed), Some(cipher.key_ids()[0].as_str()));
        assert_ne!(sealed, cipher.seal("phone", "13800001234").unwrap());
        assert_eq!(cipher.open("phone", &sealed).unwrap(), "13800001234");
        assert_eq!(cipher.open("phone", &cipher.seal("phone", "").unwrap()).unwrap(), "");
        assert!(cipher.open("name", &sealed).is_err());
        let mut changed = sealed.clone();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.push(last);
        assert!(cipher.open("phone", &changed).is_err());
        for bad in ["", "13800001234", "v1", "v1.x.y", "v2.5a5a5a5a.AAAA", "v1.5a5a5a5a.!!", &sealed[..20]] {
            assert_eq!(cipher.open("phone", bad).unwrap_err().code, Code::Internal, "{bad}");
        }
    }

    #[test]
    fn a_wrong_key_is_told_in_one_sentence_without_the_content() {
        let sealed = cipher("5a").seal("phone", "13800001234").unwrap();
        let error = cipher("5b").open("phone", &sealed).unwrap_err();
        assert!(error.detail.contains("密钥") && error.cause_chain().contains("not among the configured"), "{error:?}");
    }

    #[test]
    fn a_key_added_to_the_file_is_taken_up_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        add_key(&path, None, &IdSource::Random).unwrap();
        let running = FieldCipher::of_file(&path, &IdSource::Random).unwrap();
        let old = running.seal("phone", "13800001234").unwrap();
        add_key(&path, None, &IdSource::Random).unwrap();
        let another = FieldCipher::of_file(&path, &IdSource::Random).unwrap();
        let new = another.seal("phone", "13900001234").unwrap();
        assert_ne!(key_of(&old), key_of(&new));
        assert_eq!(another.open("phone", &old).unwrap(), "13800001234");
        assert_eq!(running.open("phone", &new).unwrap(), "13900001234");
        assert_eq!(key_of(&running.seal("phone", "x").unwrap()), key_of(&new));
    }
}
