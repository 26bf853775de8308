//! Keyed hashes for personal data, password hashes, session-token hashes; commercial cryptography (SM3) where data at rest asks for it.

use std::sync::Once;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use hmac::{Hmac, KeyInit, Mac};
use sm3::Sm3;

use crate::config::Secret;
use crate::error::{Error, Result};

/// The key of keyed hashes.
#[derive(Clone)]
pub struct DataKey(Vec<u8>);

impl DataKey {
    /// Reads the key of the configuration; checked to be hexadecimal when the configuration was loaded.
    pub fn from_hex(key: &Secret) -> Result<DataKey> {
        match hex::decode(&key.0) {
            Ok(bytes) if bytes.len() >= 32 => Ok(DataKey(bytes)),
            _ => Err(Error::startup("data_key 应为不少于 64 位的十六进制字符串。")),
        }
    }

    /// HMAC-SM3 of a value under a purpose, in hexadecimal: equal values can be found, none can be read back.
    pub fn keyed_hash(&self, purpose: &str, value: &str) -> String {
        match <Hmac<Sm3> as KeyInit>::new_from_slice(&self.0) {
            Ok(mut mac) => {
                mac.update(purpose.as_bytes());
                mac.update(&[0]);
                mac.update(value.as_bytes());
                hex::encode(mac.finalize().into_bytes())
            }
            // HMAC takes keys of every length; the arm exists because the signature says otherwise.
            Err(_) => String::new(),
        }
    }
}

/// SM3 of some bytes, in hexadecimal.
pub fn sm3_hex(bytes: &[u8]) -> String {
    use sm3::Digest;
    hex::encode(Sm3::digest(bytes))
}

/// Hashes a password with argon2id and a random salt.
pub fn hash_password(password: &str) -> Result<String> {
    let hash =
        Argon2::default().hash_password(password.as_bytes()).map_err(|e| Error::internal("hashing a password failed", e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a password belongs to a hash; an unreadable hash belongs to none.
pub fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

/// Names the TLS implementation once for the process; without it the object store panics on its first HTTPS request.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that a provider is installed already, which is what is wanted.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_hashes_depend_on_key_purpose_and_value() {
        let key = DataKey::from_hex(&Secret("01".repeat(32))).unwrap();
        let other = DataKey::from_hex(&Secret("02".repeat(32))).unwrap();
        let hash = key.keyed_hash("phone", "13800000000");
        assert_eq!(hash, key.keyed_hash("phone", "13800000000"));
        assert_ne!(hash, key.keyed_hash("openid", "13800000000"));
        assert_ne!(hash, other.keyed_hash("phone", "13800000000"));
    }

    #[test]
    fn sm3_agrees_with_the_published_vector() {
        // GB/T 32905-2016, example 1.
        assert_eq!(sm3_hex(b"abc"), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    }

    #[test]
    fn passwords_verify_only_against_their_own_hash() {
        let hash = hash_password("a long pass phrase").unwrap();
        assert!(verify_password("a long pass phrase", &hash));
        assert!(!verify_password("a long pass phrasE", &hash));
        assert!(!verify_password("x", "not a hash"));
    }
}
