//! Bodies of requests: how large, how slow and in how many parts they may be, decided before anybody works on them.
//!
//! A body is read here as long as it is small, so that a slow sender holds nothing but its own connection. A larger one takes a seat: text is read on and
//! handed over whole; a form with files is handed over as a stream that keeps counting, because its files go to disk.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::stream::{self, BoxStream, StreamExt};
use hyper::body::Bytes;
use poem::http::header;
use poem::{Body, Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::admission::crowded;
use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::telemetry::Metrics;

/// Largest form with files, in bytes: a recording of an activity has up to 100 MiB.
const FORM_BYTES: u64 = 110 << 20;
/// Room of a form for what is not its enclosures, in bytes.
const FIELDS_BYTES: u64 = 10 << 20;
/// Largest JSON or form without files, in bytes. Long texts are pasted into forms with files; the longest of the others has 100,000 characters.
const TEXT_BYTES: u64 = 4 << 20;
/// Largest body of any other kind, in bytes.
const OTHER_BYTES: u64 = 1 << 20;
/// Up to this length a body takes no seat, in bytes: an opinion of 5,000 characters has 15,000.
const SMALL_BYTES: usize = 64 << 10;
/// Larger texts at once; each lies in memory.
const TEXTS_AT_ONCE: usize = 64;
/// Larger forms with files at once.
const FORMS_AT_ONCE: usize = 16;
/// Most parts of a form.
const PARTS: u32 = 256;
/// Longest head of a part, and what may stand before the first, in bytes.
const PART_HEAD_BYTES: usize = 16 << 10;
/// How long may be waited for a body of no length, and at most for its next bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Least speed of a body, in bytes a second.
const BYTES_PER_SECOND: u64 = 16 << 10;
/// How long what follows a refusal is still read: most clients look at the answer only when they have sent everything, and closing at once would take
/// it from them.
const LINGER: Duration = Duration::from_secs(5);

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    TooLarge(u64),
    TooSlow,
    TooManyParts,
    Unreadable,
    Encoded,
}

impl Refusal {
    fn error(self) -> Error {
        match self {
            Refusal::TooLarge(limit) => Error::new(Code::TooLarge, format!("提交的内容超过上限 {} MB，请压缩或分次提交。", limit >> 20)),
            Refusal::TooSlow => Error::new(Code::TooSlow, "提交的内容长时间没有传完，已经中断；请检查网络后再试，您填写的内容请先保留。"),
            Refusal::TooManyParts => Error::new(Code::TooLarge, format!("一次提交的文件和填写项合计不能超过 {PARTS} 个，请分次提交。")),
            Refusal::Unreadable => Error::new(Code::Malformed, "提交的内容没有收全，或者格式无法识别，请重试。"),
            Refusal::Encoded => Error::new(Code::UnsupportedMedia, "请不要压缩传输提交的内容（不带 Content-Encoding）。"),
        }
    }
}

/// What the bodies of all requests share.
pub struct Bodies {
    form_bytes: u64,
    texts: Arc<Semaphore>,
    forms: Arc<Semaphore>,
    metrics: Metrics,
}

/// A body that was taken, with its seat.
#[derive(Debug, Default)]
pub struct Taken {
    _seat: Option<OwnedSemaphorePermit>,
    /// Why the rest of a stream was not given.
    refused: Option<Arc<OnceLock<Refusal>>>,
}

impl Taken {
    /// Whether the body is still on its way: how long it takes is then the sender's affair.
    pub fn is_on_its_way(&self) -> bool {
        self.refused.is_some()
    }

    /// Why the stream broke off, when that was our doing.
    pub fn refusal(&self) -> Option<Error> {
        self.refused.as_ref()?.get().map(|refusal| refusal.error())
    }
}

impl Bodies {
    /// The limits; a site that allows larger enclosures allows larger forms.
    pub fn new(config: &Config, metrics: Metrics) -> Bodies {
        let enclosures = (u64::from(config.rules.enclosures_mib) << 20) + FIELDS_BYTES;
        Bodies {
            form_bytes: FORM_BYTES.max(enclosures),
            texts: Arc::new(Semaphore::new(TEXTS_AT_ONCE)),
            forms: Arc::new(Semaphore::new(FORMS_AT_ONCE)),
            metrics,
        }
    }

    /// Puts a body within its limits in the place of what was sent. [`Code::TooLarge`], [`Code::TooSlow`], [`Code::Malformed`],
    /// [`Code::UnsupportedMedia`] when it was compressed for its way (what is counted here is what was sent, and a few KiB can unfold to a GiB), or
    /// [`Code::Unavailable`] when too many others are sending much. What is given back is held until the request is answered.
    pub async fn take(&self, request: &mut Request, chance: u8) -> Result<Taken> {
        let body = request.take_body();
        if body.is_empty() {
            return Ok(Taken::default());
        }
        let kind = request.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let is_form = kind.starts_with("multipart/");
        let is_text = kind.starts_with("application/") && (kind.contains("json") || kind.contains("x-www-form-urlencoded"));
        let limit = if is_form {
            self.form_bytes
        } else if is_text {
            TEXT_BYTES
        } else {
            OTHER_BYTES
        };
        let mut rest = Rest { stream: body.into_bytes_stream().boxed(), limit, left: limit, patience: PATIENCE, parts: None };
        if !is_plain(request) {
            return Err(rest.refuse(Refusal::Encoded).error());
        }
        let declared = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if declared.is_some_and(|length| length > limit) {
            return Err(rest.refuse(Refusal::TooLarge(limit)).error());
        }
        if is_form {
            let edge = request.header(header::CONTENT_TYPE).and_then(edge_of);
            rest.parts = Some(Parts::new(edge.ok_or_else(|| Refusal::Unreadable.error())?));
        }
        let mut read: Vec<u8> = Vec::new();
        let mut seat = None;
        while let Some(chunk) = rest.next().await.map_err(Refusal::error)? {
            read.extend_from_slice(&chunk);
            if read.len() > SMALL_BYTES && seat.is_none() {
                let seats = if is_form { &self.forms } else { &self.texts };
                let Ok(free) = seats.clone().try_acquire_owned() else {
                    self.metrics.shed("body");
                    rest.linger();
                    return Err(crowded(chance));
                };
                seat = Some(free);
                if is_form {
                    let refused = Arc::new(OnceLock::new());
                    let begun: io::Result<Bytes> = Ok(read.into());
                    let whole = stream::iter([begun]).chain(rest.into_stream(refused.clone()));
                    request.set_body(Body::from_bytes_stream(whole));
                    return Ok(Taken { _seat: seat, refused: Some(refused) });
                }
            }
        }
        request.set_body(read);
        Ok(Taken { _seat: seat, refused: None })
    }
}

/// Whether a body is sent as it is.
fn is_plain(request: &Request) -> bool {
    request.headers().get_all(header::CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// What is still to come of a body.
struct Rest {
    stream: BoxStream<'static, io::Result<Bytes>>,
    limit: u64,
    left: u64,
    /// How long may still be waited in all; every byte adds some.
    patience: Duration,
    parts: Option<Parts>,
}

impl Rest {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let asked = Instant::now();
        let chunk = match timeout(self.patience.min(PATIENCE), self.stream.next()).await {
            Err(_) => return Err(Refusal::TooSlow),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Refusal::Unreadable),
            Ok(Some(Ok(chunk))) => chunk,
        };
        let length = chunk.len() as u64;
        let earned = Duration::from_micros(length.saturating_mul(1_000_000) / BYTES_PER_SECOND);
        self.patience = self.patience.saturating_sub(asked.elapsed()).saturating_add(earned);
        let Some(left) = self.left.checked_sub(length) else { return Err(self.refuse(Refusal::TooLarge(self.limit))) };
        self.left = left;
        match self.parts.as_mut().map_or(Ok(()), |parts| parts.look_at(&chunk)) {
            Ok(()) => Ok(Some(chunk)),
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// Goes on reading for a moment so that the refusal is heard, and passes it on.
    fn refuse(&mut self, refusal: Refusal) -> Refusal {
        self.linger();
        refusal
    }

    /// Reads what still comes, for a moment, and forgets it.
    fn linger(&mut self) {
        let mut stream = std::mem::replace(&mut self.stream, stream::empty().boxed());
        tokio::spawn(async move {
            let ended = timeout(LINGER, async { while let Some(Ok(_)) = stream.next().await {} }).await;
            tracing::trace!(is_whole = ended.is_ok(), "a body that was refused has been read");
        });
    }

    /// The rest as a stream that breaks off with its first refusal, which is noted.
    fn into_stream(self, refused: Arc<OnceLock<Refusal>>) -> BoxStream<'static, io::Result<Bytes>> {
        stream::unfold(Some(self), move |rest| {
            let refused = refused.clone();
            async move {
                let mut rest = rest?;
                match rest.next().await {
                    Ok(Some(chunk)) => Some((Ok(chunk), Some(rest))),
                    Ok(None) => None,
                    Err(refusal) => {
                        refused.get_or_init(|| refusal);
                        Some((Err(io::Error::other("the body was refused")), None))
                    }
                }
            }
        })
        .boxed()
    }
}

/// What stands between the parts of a form. A head that names it in a way that could be read in two ways is not read at all.
fn edge_of(content_type: &str) -> Option<Vec<u8>> {
    const NAME: &str = "boundary=";
    let lower = content_type.to_ascii_lowercase();
    let (before, after) = lower.split_once(NAME)?;
    if after.contains(NAME) {
        return None;
    }
    let value = content_type.get(before.len() + NAME.len()..)?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(';').next()?.trim(),
    };
    let is_plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b));
    (is_plain && (1..=70).contains(&value.len())).then(|| format!("\r\n--{value}").into_bytes())
}

/// Counts the parts of a form while it passes.
struct Parts {
    edge: Vec<u8>,
    /// Bytes of the edge just seen.
    matched: usize,
    /// Edges seen so far; the last one ends the form.
    seen: u32,
    /// Bytes since the head of a part began; `None` in its content.
    head: Option<usize>,
    /// Bytes of the empty line just seen that ends a head.
    ended: usize,
}

impl Parts {
    fn new(edge: Vec<u8>) -> Parts {
        // The form begins as if a line had ended before it.
        Parts { edge, matched: 2, seen: 0, head: Some(0), ended: 0 }
    }

    fn look_at(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        for &byte in chunk {
            // A carriage return begins the edge and stands nowhere else in it: after a difference only this byte can begin it anew.
            let is_next = self.edge.get(self.matched) == Some(&byte);
            self.matched = if is_next { self.matched + 1 } else { usize::from(byte == b'\r') };
            if self.matched == self.edge.len() {
                self.seen += 1;
                if self.seen > PARTS + 1 {
                    return Err(Refusal::TooManyParts);
                }
                (self.matched, self.head, self.ended) = (0, Some(0), 0);
                continue;
            }
            if let Some(length) = self.head {
                let is_next = b"\r\n\r\n".get(self.ended) == Some(&byte);
                self.ended = if is_next { self.ended + 1 } else { usize::from(byte == b'\r') };
                if length > PART_HEAD_BYTES {
                    return Err(Refusal::Unreadable);
                }
                let is_over = self.ended == 4 && self.seen > 0;
                self.head = (!is_over).then_some(length + 1);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Bodies {
        Bodies::new(&Config::default(), Metrics::new())
    }

    fn request(kind: &str, body: Body) -> Request {
        Request::builder().header(header::CONTENT_TYPE, kind).body(body)
    }

    /// A body that does not say how long it is.
    fn endless(chunk: &'static [u8], times: usize) -> Body {
        Body::from_bytes_stream(stream::iter((0..times).map(move |_| io::Result::Ok(Bytes::from_static(chunk)))))
    }

    async fn code(bodies: &Bodies, mut request: Request) -> Option<Code> {
        bodies.take(&mut request, 0).await.err().map(|e| e.code)
    }

    #[tokio::test]
    async fn a_text_within_its_limit_is_handed_over_whole() {
        let bodies = bodies();
        let mut sent = request("application/json", endless(&[b'x'; 1000], 100));
        let taken = bodies.take(&mut sent, 0).await.unwrap();
        assert!(!taken.is_on_its_way() && taken.refusal().is_none());
        assert_eq!(bodies.texts.available_permits(), TEXTS_AT_ONCE - 1, "more than a little takes a seat");
        assert_eq!(sent.take_body().into_vec().await.unwrap().len(), 100_000);
        drop(taken);
        assert_eq!(bodies.texts.available_permits(), TEXTS_AT_ONCE);
        let mut empty = request("application/json", Body::empty());
        bodies.take(&mut empty, 0).await.unwrap();
        assert!(empty.take_body().is_empty());
    }

    #[tokio::test]
    async fn too_much_is_refused_by_its_length_or_while_it_is_read() {
        const MIB: &[u8] = &[b'x'; 1 << 20];
        let bodies = bodies();
        for (kind, most) in [("application/json", 4), ("application/x-www-form-urlencoded; charset=utf-8", 4), ("text/plain", 1), ("", 1)] {
            assert_eq!(code(&bodies, request(kind, endless(MIB, most))).await, None, "{kind}");
            assert_eq!(code(&bodies, request(kind, endless(MIB, most + 1))).await, Some(Code::TooLarge), "{kind}");
        }
        let mut declared = request("application/json", endless(b"{}", 1));
        declared.headers_mut().insert(header::CONTENT_LENGTH, header::HeaderValue::from_static("10737418240"));
        assert_eq!(code(&bodies, declared).await, Some(Code::TooLarge));
    }

    #[tokio::test]
    async fn what_was_compressed_for_its_way_is_refused() {
        let bodies = bodies();
        for (coding, refusal) in [
            ("gzip", Some(Code::UnsupportedMedia)),
            ("ZSTD", Some(Code::UnsupportedMedia)),
            ("identity, br", Some(Code::UnsupportedMedia)),
            ("", Some(Code::UnsupportedMedia)),
            ("Identity", None),
        ] {
            let mut sent = request("application/json", endless(b"{}", 1));
            sent.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
            assert_eq!(code(&bodies, sent).await, refusal, "{coding}");
        }
        let mut twice = request("application/json", endless(b"{}", 1));
        for coding in ["identity", "gzip"] {
            twice.headers_mut().append(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        }
        assert_eq!(code(&bodies, twice).await, Some(Code::UnsupportedMedia));
    }

    #[tokio::test]
    async fn a_large_form_is_counted_while_it_passes_and_only_some_come_at_once() {
        let bodies = Bodies { form_bytes: 3 << 20, ..bodies() };
        let kind = "multipart/form-data; boundary=edge";
        let start: &[u8] = b"--edge\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
        let form = |mib: usize| {
            let chunks = std::iter::once(Bytes::from_static(start)).chain((0..mib).map(|_| Bytes::from(vec![b'x'; 1 << 20])));
            request(kind, Body::from_bytes_stream(stream::iter(chunks.map(io::Result::Ok))))
        };
        let mut sent = form(3);
        let taken = bodies.take(&mut sent, 0).await.unwrap();
        assert!(taken.is_on_its_way() && taken.refusal().is_none());
        assert!(sent.take_body().into_vec().await.is_err());
        assert_eq!(taken.refusal().map(|e| e.code), Some(Code::TooLarge));
        let mut held = vec![taken];
        for _ in 1..FORMS_AT_ONCE {
            held.push(bodies.take(&mut form(1), 0).await.unwrap());
        }
        assert_eq!(code(&bodies, form(1)).await, Some(Code::Unavailable));
        assert_eq!(code(&bodies, form(0)).await, None, "a small form needs no seat");
        held.pop();
        assert_eq!(code(&bodies, form(1)).await, None);
    }

    #[test]
    fn parts_are_counted_however_they_are_cut() {
        let form = |parts: usize| {
            let part = "--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\r\n-\r\n--edg\r\n";
            format!("{}--edge--\r\n", part.repeat(parts)).into_bytes()
        };
        let look = |bytes: &[u8], step: usize| {
            let mut parts = Parts::new(b"\r\n--edge".to_vec());
            bytes.chunks(step).try_for_each(|chunk| parts.look_at(chunk)).map(|()| parts.seen)
        };
        for step in [1, 7, 4096] {
            assert_eq!(look(&form(3), step), Ok(4));
            assert_eq!(look(&form(256), step), Ok(257));
            assert_eq!(look(&form(257), step), Err(Refusal::TooManyParts));
            assert_eq!(look(&[b'x'; 20_000], step), Err(Refusal::Unreadable), "no part begins");
            assert_eq!(look(&[b"--edge\r\n".to_vec(), vec![b'x'; 20_000]].concat(), step), Err(Refusal::Unreadable), "a head has no end");
        }
    }

    #[test]
    fn what_stands_between_parts_is_read_in_one_way_or_not_at_all() {
        let edge = |kind: &str| edge_of(kind).map(|edge| String::from_utf8(edge).unwrap());
        for kind in
            ["multipart/form-data; boundary=aB-1", "multipart/form-data; Boundary=\"aB-1\"; x=y", "multipart/form-data;boundary=aB-1;x=y"]
        {
            assert_eq!(edge(kind).as_deref(), Some("\r\n--aB-1"), "{kind}");
        }
        assert_eq!(edge("multipart/form-data; boundary=----WebKitFormBoundary7").as_deref(), Some("\r\n------WebKitFormBoundary7"));
        for kind in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; x=\"; boundary=a; \"; boundary=b"] {
            assert_eq!(edge(kind), None, "{kind}");
        }
    }
}
