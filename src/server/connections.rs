//! Connections: how they are taken in, how many there may be, and how long one may keep the server waiting.
//!
//! A head must have come whole in a time, which is also how long an idle connection is kept; a proxy before the server closes its idle connections
//! sooner. A response may not stand still for long because nobody reads it. What is over the caps is told so and closed, but for what operators and their
//! machines ask: an instance that is full must not look like one that is dead.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Sleep, sleep, timeout};

use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::storage::machine;

/// Time for the head of a request, from the end of the one before.
const HEAD: Duration = Duration::from_secs(15);
/// Most headers of a request; a browser behind a proxy sends about thirty.
const HEADERS: usize = 64;
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// Memory of a connection for what came in, and again for what goes out, in bytes.
const BUFFER_BYTES: usize = 64 << 10;
/// How long a response may stand still because nobody reads it.
const STALL: Duration = Duration::from_secs(30);
/// What is sent to a connection over the caps.
const CROWDED: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nCache-Control: no-store\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\n此刻访问的人很多，请稍等几秒再试；您填写的内容请先保留。\n";
/// Connections over the caps that are looked at at the same time, and that are told so; further ones are only closed.
const LOOKS: usize = 64;
const REFUSALS: usize = 64;
/// Time in which a connection over the caps is told so.
const REFUSAL: Duration = Duration::from_secs(1);
/// How a connection begins that is served over the caps: by one request of those that check or watch the instance.
const PROBES: [&[u8]; 3] = [b"GET /health/", b"HEAD /health/", b"GET /metrics "];
/// How long a connection over the caps has to begin so.
const PROBE_START: Duration = Duration::from_millis(250);
/// Time in which it is served. Readiness waits for engines for two seconds.
const PROBE: Duration = Duration::from_secs(5);
/// Pause after no connection could be taken in, because the process has no file left to open.
const PAUSE: Duration = Duration::from_millis(100);
/// How often such a failure is logged.
const COMPLAINT: Duration = Duration::from_secs(60);
/// Open files that connections leave to databases, originals and the index, and to those over the caps.
const SPARE_FILES: u32 = 256;

/// How many files the process must be able to open to have as many connections as are configured.
pub fn files_needed(config: &Config) -> u64 {
    u64::from(config.connections) + u64::from(SPARE_FILES)
}

/// An open port.
pub type Port = TcpListener;

/// Opens the port, or says in one sentence why it cannot be opened.
pub async fn bind(address: SocketAddr) -> Result<Port> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => Error::startup(format!("端口 {address} 已被占用。请停止占用它的程序，或用 --listen 指定别的地址。")),
        ErrorKind::PermissionDenied => Error::startup(format!("没有权限监听 {address}。请改用 1024 以上的端口，或授予权限。")),
        _ => Error::startup(format!("无法监听 {address}：{e}。")),
    })
}

/// Answers what comes through the port until `stopped`; then lets requests in flight finish for as long as is configured, and cuts off the rest.
pub async fn answer(app: &App, port: Port, bound: SocketAddr, endpoint: BoxEndpoint<'static, Response>, stopped: impl Future<Output = ()>) {
    let doors = Arc::new(Doors::new(&app.config));
    let (looks, refusals) = (Arc::new(Semaphore::new(LOOKS)), Arc::new(Semaphore::new(REFUSALS)));
    let endpoint = Arc::new(endpoint);
    let http = protocol();
    let graceful = GracefulShutdown::new();
    let (cut, cutting) = watch::channel(());
    let mut complained: Option<Instant> = None;
    let mut stopped = pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = port.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // The client was gone before it was taken in.
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused) => {
                continue;
            }
            Err(e) => {
                if complained.is_none_or(|at| at.elapsed() > COMPLAINT) {
                    tracing::error!(cause = %e, "connections cannot be taken in; trying again until they can");
                    complained = Some(Instant::now());
                }
                sleep(PAUSE).await;
                continue;
            }
        };
        let is_proxy = app.config.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
        let place = Doors::enter(&doors, peer.ip(), is_proxy);
        let (endpoint, local, remote) = (endpoint.clone(), LocalAddr(bound.into()), RemoteAddr(peer.into()));
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (endpoint, local, remote) = (endpoint.clone(), local.clone(), remote.clone());
            async move {
                let request: poem::Request = (request, local, remote, Scheme::HTTP).into();
                Ok::<hyper::Response<_>, Infallible>(endpoint.get_response(request).await.into())
            }
        });
        let Some(place) = place else {
            let Ok(look) = looks.clone().try_acquire_owned() else {
                app.metrics.shed("connection");
                continue;
            };
            let (metrics, refusals) = (app.metrics.clone(), refusals.clone());
            tokio::spawn(async move {
                if is_probe(&stream).await {
                    let mut http = protocol();
                    http.header_read_timeout(REFUSAL).keep_alive(false);
                    let served = timeout(PROBE, http.serve_connection(TokioIo::new(Reader::new(stream)), service)).await;
                    tracing::trace!(is_served = matches!(served, Ok(Ok(()))), "a probe was answered over the caps");
                    drop(look);
                } else {
                    metrics.shed("connection");
                    drop(look);
                    if let Ok(_turn) = refusals.try_acquire() {
                        refuse(stream).await;
                    }
                }
            });
            continue;
        };
        let held = app.metrics.connection();
        let served = graceful.watch(http.serve_connection(TokioIo::new(Reader::new(stream)), service));
        let mut cutting = cutting.clone();
        tokio::spawn(async move {
            let _place = (place, held);
            tokio::select! {
                ended = served => if let Err(e) = ended {
                    tracing::trace!(cause = %e, "a connection broke off");
                },
                _ = cutting.changed() => {}
            }
        });
    }
    drop(port);
    let grace = Duration::from_secs(app.config.shutdown_seconds);
    if timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests in flight took too long and are cut off");
    }
    drop(cut);
}

/// HTTP/1.1 as it is spoken here.
fn protocol() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .keep_alive(true);
    http
}

/// Whether a connection begins with the request of a probe, which sends it at once.
async fn is_probe(stream: &TcpStream) -> bool {
    let mut start = [0; 16];
    match timeout(PROBE_START, stream.peek(&mut start)).await {
        Ok(Ok(length)) => begins_as_probe(start.get(..length).unwrap_or_default()),
        Ok(Err(_)) | Err(_) => false,
    }
}

fn begins_as_probe(start: &[u8]) -> bool {
    PROBES.iter().any(|probe| start.starts_with(probe))
}

/// Tells a connection over the caps that it is, and closes it.
async fn refuse(mut stream: TcpStream) {
    let told = async {
        stream.write_all(CROWDED.as_bytes()).await?;
        stream.shutdown().await?;
        // What the client sent is read first: closing before would take the answer from it.
        let mut sent = [0; 1024];
        while stream.read(&mut sent).await? > 0 {}
        io::Result::Ok(())
    };
    let told = timeout(REFUSAL, told).await;
    tracing::trace!(is_told = told.is_ok(), "a connection over the caps was closed");
}

/// How many connections there may be, and how many there are.
struct Doors {
    most: u32,
    most_each: u32,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    all: u32,
    by_network: HashMap<IpAddr, u32>,
}

impl Doors {
    /// The caps as configured, as far as the process may open that many files.
    fn new(config: &Config) -> Doors {
        let files = machine::need_open_files(files_needed(config)).map(|files| u32::try_from(files).unwrap_or(u32::MAX));
        let most = files.map_or(config.connections, |files| config.connections.min(files.saturating_sub(SPARE_FILES).max(files / 2)));
        if most < config.connections {
            let wanted = config.connections;
            tracing::warn!(
                "the limit of open files leaves room for {most} connections, not for {wanted}; raise it (LimitNOFILE, ulimit -n)"
            );
        }
        Doors { most, most_each: config.connections_per_address, inside: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection; `None` over a cap. The connections of a proxy are those of many people: only all together are counted.
    fn enter(doors: &Arc<Doors>, peer: IpAddr, is_proxy: bool) -> Option<Place> {
        let network = (!is_proxy).then(|| network_of(peer));
        let mut inside = doors.lock();
        if inside.all >= doors.most {
            return None;
        }
        if let Some(network) = network {
            let held = inside.by_network.entry(network).or_default();
            if *held >= doors.most_each {
                return None;
            }
            *held += 1;
        }
        inside.all += 1;
        drop(inside);
        Some(Place { doors: doors.clone(), network })
    }
}

/// The place of one connection, free again when it is dropped.
struct Place {
    doors: Arc<Doors>,
    network: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.doors.lock();
        inside.all = inside.all.saturating_sub(1);
        let Some(network) = self.network else { return };
        if let Some(held) = inside.by_network.get_mut(&network) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                inside.by_network.remove(&network);
            }
        }
    }
}

/// Whose connection it is: an IPv4 address, or the network that a household has under IPv6.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

/// A connection whose other side must read: a write that stands still for [`STALL`] ends it.
struct Reader {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Reader {
    fn new(stream: TcpStream) -> Reader {
        Reader { stream, stalled: None }
    }

    /// Passes on what became of a write, and counts the time while nothing did.
    fn timed<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL)));
        if stalled.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        // What was written and not read would stay in the system for as long as the reader pleases.
        if let Err(e) = self.stream.set_zero_linger() {
            tracing::trace!(cause = %e, "a connection that stands still is closed without being reset");
        }
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Reader {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Reader {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(context, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.timed(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_for_all_and_for_each_network_and_come_back() {
        let doors = Arc::new(Doors { most: 4, most_each: 2, inside: Mutex::default() });
        let enter = |address: &str, is_proxy: bool| Doors::enter(&doors, address.parse().unwrap(), is_proxy);
        let first = enter("2001:db8::1", false).unwrap();
        let _second = enter("2001:db8::ffff:1", false).unwrap();
        assert!(enter("2001:db8::2", false).is_none(), "the network of one household");
        let _third = enter("::ffff:192.0.2.1", false).unwrap();
        drop(first);
        let _again = enter("2001:db8::2", false).unwrap();
        let last = enter("192.0.2.1", false).unwrap();
        assert!(enter("192.0.2.9", false).is_none(), "all together");
        drop(last);
        let _proxy = enter("10.0.0.1", true).unwrap();
        let inside = doors.lock();
        assert_eq!((inside.all, inside.by_network.len()), (4, 2));
        drop(inside);
    }

    #[test]
    fn a_probe_is_known_by_its_first_words() {
        for start in ["GET /health/ready", "GET /health/live", "HEAD /health/rea", "GET /metrics HTT"] {
            assert!(begins_as_probe(start.as_bytes()), "{start}");
        }
        for start in ["", "GET /", "GET /health", "GET /healthy HTT", "POST /health/rea", "GET /metrics/x H", " GET /health/live"] {
            assert!(!begins_as_probe(start.as_bytes()), "{start}");
        }
    }

    #[test]
    fn a_proxy_has_more_than_one_person() {
        let doors = Arc::new(Doors { most: 4, most_each: 1, inside: Mutex::default() });
        let held: Vec<Place> = (0..5).map_while(|_| Doors::enter(&doors, IpAddr::from([10, 0, 0, 1]), true)).collect();
        assert_eq!(held.len(), 4);
        drop(held);
        let inside = doors.lock();
        assert_eq!((inside.all, inside.by_network.len()), (0, 0));
    }
}
