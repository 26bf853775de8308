//! Originals (uploaded files) by content hash: local disk or S3-compatible storage, through one library.
//!
//! A blob is written once and never changed, so writing the same content twice is one write.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig};
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::error::{Code, Error, Result, is_full};

/// SHA-256 of a content in lower-case hexadecimal; its address in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobHash(String);

impl BlobHash {
    /// Hash of a content.
    pub fn of(content: &[u8]) -> BlobHash {
        BlobHash(hex::encode(Sha256::digest(content)))
    }

    /// Reads a hash that was stored; `None` unless it is 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<BlobHash> {
        (text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))).then(|| BlobHash(text.to_owned()))
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self, shelf: &str) -> Path {
        Path::from(format!("{shelf}{}/{}", &self.0[..2], self.0))
    }
}

/// How long a connection to the object store may take, one request, and all tries of it: who uploads is told, and nothing of ours waits longer.
const CONNECT: Duration = Duration::from_secs(2);
const REQUEST: Duration = Duration::from_secs(8);
const RETRYING: Duration = Duration::from_secs(6);

/// The store of originals.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    kind: &'static str,
    /// Folder of a shelf, with its slash; empty for the originals that are kept for ever.
    shelf: &'static str,
}

impl Blobs {
    /// Opens the configured store; locally creates its folder.
    pub fn open(config: &Config) -> Result<Blobs> {
        if let Some(s3) = &config.s3 {
            crate::storage::crypto::install_tls();
            let store = AmazonS3Builder::new()
                .with_endpoint(&s3.endpoint)
                .with_bucket_name(&s3.bucket)
                .with_region(&s3.region)
                .with_access_key_id(&s3.access_key.0)
                .with_secret_access_key(&s3.secret_key.0)
                .with_allow_http(s3.allow_http)
                .with_client_options(
                    ClientOptions::new().with_allow_http(s3.allow_http).with_connect_timeout(CONNECT).with_timeout(REQUEST),
                )
                .with_retry(RetryConfig {
                    max_retries: 2,
                    retry_timeout: RETRYING,
                    backoff: BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() },
                })
                .build()
                .map_err(|e| Error::startup("对象存储的配置无法使用，请检查 s3 各项。").caused_by(e))?;
            return Ok(Blobs { store: Arc::new(store), kind: "s3", shelf: "" });
        }
        let folder = config.data_dir.join("blobs");
        std::fs::create_dir_all(&folder).map_err(|e| Error::startup(format!("无法创建原件目录 {}：{e}。", folder.display())))?;
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|e| Error::startup(format!("无法打开原件目录 {}。", folder.display())).caused_by(e))?
            .with_fsync(true);
        Ok(Blobs { store: Arc::new(store), kind: "local", shelf: "" })
    }

    /// A part of the store whose contents may be removed again: one room alone keeps it, so that nothing of another room's goes with them.
    /// `folder` ends with a slash.
    pub fn shelf(&self, folder: &'static str) -> Blobs {
        Blobs { shelf: folder, ..self.clone() }
    }

    /// Stores a content and gives its address; the same content again is no second write.
    pub async fn put(&self, content: Vec<u8>) -> Result<BlobHash> {
        let hash = BlobHash::of(&content);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&hash.path(self.shelf), PutPayload::from(content), options).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(hash),
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Reads a content back and checks it against its address.
    pub async fn get(&self, hash: &BlobHash) -> Result<Vec<u8>> {
        let found = match self.store.get(&hash.path(self.shelf)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Err(Error::not_found("原件")),
            Err(e) => return Err(unavailable(e)),
        };
        let content = found.bytes().await.map_err(unavailable)?.to_vec();
        if BlobHash::of(&content) != *hash {
            return Err(Error::defect(format_args!("blob {} does not match its hash", hash.0)));
        }
        Ok(content)
    }

    /// Whether a content is there.
    pub async fn holds(&self, hash: &BlobHash) -> Result<bool> {
        match self.store.head(&hash.path(self.shelf)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Removes a content from a shelf; one that is gone already is no failure. The originals themselves are never removed.
    pub async fn remove(&self, hash: &BlobHash) -> Result<()> {
        if self.shelf.is_empty() {
            return Err(Error::defect("originals are never removed"));
        }
        match self.store.delete(&hash.path(self.shelf)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Whether the store answers, by asking for an object that does not exist.
    pub async fn ping(&self) -> Result<()> {
        match self.store.head(&Path::from("ping")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Kind of the store, for `doctor`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

fn unavailable(source: object_store::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&source);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(is_full) {
            return Error::full().caused_by(source);
        }
        cause = error.source();
    }
    Error::new(Code::Unavailable, "原件存储暂时不可用，请稍后再试。").retry_after(10).caused_by(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_content_is_one_blob_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Config { data_dir: folder.path().to_owned(), ..Config::default() }).unwrap();
        let hash = blobs.put("原件".into()).await.unwrap();
        assert_eq!(blobs.put("原件".into()).await.unwrap(), hash);
        assert_eq!(blobs.get(&hash).await.unwrap(), "原件".as_bytes());
        let file = folder.path().join("blobs").join(&hash.as_str()[..2]).join(hash.as_str());
        std::fs::write(file, "改动").unwrap();
        assert_eq!(blobs.get(&hash).await.unwrap_err().code, Code::Internal);
        assert_eq!(blobs.get(&BlobHash::of(b"absent")).await.unwrap_err().code, Code::NotFound);
    }

    #[tokio::test]
    async fn only_what_lies_on_a_shelf_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Config { data_dir: folder.path().to_owned(), ..Config::default() }).unwrap();
        let shelf = blobs.shelf("shelf/");
        let hash = blobs.put("原件".into()).await.unwrap();
        assert!(!shelf.holds(&hash).await.unwrap());
        shelf.put("原件".into()).await.unwrap();
        shelf.remove(&hash).await.unwrap();
        shelf.remove(&hash).await.unwrap();
        assert!(blobs.holds(&hash).await.unwrap() && !shelf.holds(&hash).await.unwrap());
        assert_eq!(blobs.remove(&hash).await.unwrap_err().code, Code::Internal);
    }

    #[test]
    fn only_real_hashes_are_read() {
        assert!(BlobHash::parse(&"a".repeat(64)).is_some());
        for bad in ["", "../../etc/passwd", &"G".repeat(64), &"a".repeat(63)] {
            assert!(BlobHash::parse(bad).is_none());
        }
    }
}
