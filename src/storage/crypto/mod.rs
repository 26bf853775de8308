//! Keys, keyed hashes and sealed fields for personal data; password hashes; session-token hashes. Commercial cryptography (SM3, SM4)
//! where data at rest asks for it.
//!
//! [`keys`] reads the keys, [`codes`] makes codes that people keep, [`fields`] seals and opens single fields, [`rotation`] moves sealed fields to another key. A new sealed column
//! is a `sealed_column!` in its room, named in `App::SEALED_COLUMNS`.

pub mod codes;
pub mod fields;
pub mod keys;
pub mod rotation;

use std::sync::Once;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use sm3::Sm3;

pub use fields::FieldCipher;
pub use keys::DataKey;

use crate::error::{Error, Result};

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

/// Names the TLS implementation once for the process; without it the object store panics on its first HTTPS request, and Redis on its first
/// connection under TLS.
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
