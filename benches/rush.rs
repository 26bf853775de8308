//! People who arrive whether the server is ready for them or not: the load of `tests/province/rush.py`, for the rates of a release build.
//!
//!     cargo bench --no-run --bench rush        prints where the program is
//!     tests/province/rush.py --generator target/release/deps/rush-…
//!
//! Reads a plan and prints one line of JSON for each stage; `tests/province/arrivals.py` explains both, and does the same for small rates. Requests are
//! written and answers read by hand, because whatever this program uses of the machine is taken from the server under test.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Room for an answer before it must grow, in bytes.
const BUFFER_BYTES: usize = 16 << 10;
/// Words that opinions are made of.
const CHARACTERS: &str = "经营者应当在显著位置公示停放要求保证金退还期限以及投诉电话便于群众监督";
/// Characters of an opinion beside its key.
const LENGTH: usize = 40;

#[derive(Deserialize)]
struct Plan {
    ports: Vec<u16>,
    draft: String,
    people: String,
    paths: Vec<(String, f64)>,
    connections: usize,
    patience_s: f64,
    in_time_ms: f64,
    label: String,
    seed: u64,
    receipts: String,
    stages: Vec<Stage>,
}

#[derive(Clone, Deserialize)]
struct Stage {
    seconds: f64,
    posts: f64,
    reads: f64,
    workers: usize,
}

fn main() {
    // `cargo bench` runs every bench, and gives it `--bench`.
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("this program needs a plan; see tests/province/rush.py");
        return;
    };
    let text = std::fs::read_to_string(path).expect("a plan");
    let plan: Plan = serde_json::from_str(&text).expect("a plan that can be read");
    // One thread: the others are the server's.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(run(plan));
}

async fn run(plan: Plan) {
    let rush = Arc::new(Rush::new(plan));
    for (number, stage) in rush.plan.stages.clone().into_iter().enumerate() {
        let cpu = cpu_seconds();
        let (posts, reads) = (Arc::new(Mutex::new(Tally::default())), Arc::new(Mutex::new(Tally::default())));
        let (began, end) = (Instant::now(), Duration::from_secs_f64(stage.seconds));
        let mut late = Vec::new();
        if stage.workers > 0 {
            let mut working = JoinSet::new();
            for worker in 0..stage.workers {
                let chance = Chance(rush.plan.seed ^ ((number * 100_000 + worker) as u64));
                working.spawn(work(rush.clone(), stage.clone(), chance, began + end, posts.clone(), reads.clone()));
            }
            working.join_all().await;
        } else {
            let seed = rush.plan.seed.wrapping_add(number as u64 * 2);
            let (of_posts, of_reads) = tokio::join!(
                arrive(rush.clone(), true, stage.posts, began, end, posts.clone(), Chance(seed)),
                arrive(rush.clone(), false, stage.reads, began, end, reads.clone(), Chance(seed + 1)),
            );
            late.extend(of_posts);
            late.extend(of_reads);
        }
        let line = json!({
            "stage": number, "seconds": stage.seconds, "posts": lock(&posts).summary(), "reads": lock(&reads).summary(),
            "late_ms": quantiles(&mut late), "generator_cpu_s": cpu_seconds() - cpu,
        });
        println!("{line}");
        rush.keep_receipts().expect("receipts on disk");
    }
}

/// Arrivals on their schedule; gives by how many microseconds this program was late for each.
async fn arrive(
    rush: Arc<Rush>,
    is_post: bool,
    rate: f64,
    began: Instant,
    end: Duration,
    tally: Arc<Mutex<Tally>>,
    mut chance: Chance,
) -> Vec<u32> {
    let mut late = Vec::new();
    if rate <= 0.0 {
        return late;
    }
    let mut running = JoinSet::new();
    let mut due = Duration::ZERO;
    loop {
        due += Duration::from_secs_f64(-(1.0 - chance.share()).ln() / rate);
        if due >= end {
            break;
        }
        let at = began + due;
        if at > Instant::now() {
            tokio::time::sleep_until(at.into()).await;
        }
        late.push(micros(at.elapsed()));
        while running.try_join_next().is_some() {}
        let request = rush.request(is_post, &mut chance);
        running.spawn(one(rush.clone(), request, at, tally.clone()));
    }
    while running.join_next().await.is_some() {}
    late
}

/// One person who acts again as soon as the act before has its answer.
async fn work(rush: Arc<Rush>, stage: Stage, mut chance: Chance, until: Instant, posts: Arc<Mutex<Tally>>, reads: Arc<Mutex<Tally>>) {
    let share = stage.posts / (stage.posts + stage.reads);
    while Instant::now() < until {
        let is_post = chance.share() < share;
        let request = rush.request(is_post, &mut chance);
        one(rush.clone(), request, Instant::now(), if is_post { posts.clone() } else { reads.clone() }).await;
    }
}

/// Sends one request, due at an instant, and notes what became of it.
async fn one(rush: Arc<Rush>, request: Request, due: Instant, tally: Arc<Mutex<Tally>>) {
    lock(&tally).offered += 1;
    let give_up = due + Duration::from_secs_f64(rush.plan.patience_s);
    let answered = tokio::time::timeout_at(give_up.into(), rush.ask(&request)).await;
    let took = micros(due.elapsed());
    let mut tally = lock(&tally);
    let (status, body) = match answered {
        Err(_) => {
            tally.unanswered += 1;
            return;
        }
        Ok(Err(_)) => {
            tally.broken += 1;
            return;
        }
        Ok(Ok(answer)) => answer,
    };
    *tally.statuses.entry(status.to_string()).or_default() += 1;
    let is_accepted = status < 300;
    if is_accepted {
        tally.accepted.push(took)
    } else {
        tally.refused.push(took)
    }
    if is_accepted && f64::from(took) <= rush.plan.in_time_ms * 1000.0 {
        tally.in_time += 1;
    }
    drop(tally);
    if let Some(key) = request.key.filter(|_| is_accepted) {
        let receipt: Value = serde_json::from_slice(&body).unwrap_or_default();
        let number = receipt["receipt_number"].as_str().unwrap_or("none").to_owned();
        lock(&rush.receipts).push(format!("{key} {number}\n"));
    }
}

/// What became of the requests of one kind in one stage; times in microseconds.
#[derive(Default)]
struct Tally {
    offered: u64,
    statuses: BTreeMap<String, u64>,
    broken: u64,
    unanswered: u64,
    in_time: u64,
    accepted: Vec<u32>,
    refused: Vec<u32>,
}

impl Tally {
    fn summary(&mut self) -> Value {
        json!({
            "offered": self.offered, "statuses": self.statuses, "broken": self.broken, "unanswered": self.unanswered, "in_time": self.in_time,
            "accepted_ms": quantiles(&mut self.accepted), "refused_ms": quantiles(&mut self.refused),
        })
    }
}

/// The median, 99 and 99.9 of a hundred, and the longest, in milliseconds; nothing of nothing.
fn quantiles(values: &mut [u32]) -> Value {
    values.sort_unstable();
    let Some(last) = values.len().checked_sub(1) else { return Value::Null };
    let at = |share: f64| f64::from(values[((values.len() as f64 * share) as usize).min(last)]) / 1000.0;
    json!([at(0.5), at(0.99), at(0.999), at(1.0)])
}

/// One request as it is written.
struct Request {
    port: usize,
    bytes: Vec<u8>,
    /// The key of a post.
    key: Option<String>,
}

/// Everybody, and the connections that are open.
struct Rush {
    people: Vec<(String, String)>,
    weights: f64,
    serial: AtomicUsize,
    turns: Semaphore,
    idle: Vec<Mutex<Vec<Connection>>>,
    receipts: Mutex<Vec<String>>,
    plan: Plan,
}

impl Rush {
    fn new(plan: Plan) -> Rush {
        let text = std::fs::read_to_string(&plan.people).expect("the file of people");
        let people: Vec<(String, String)> =
            text.lines().filter_map(|line| line.split_once(' ')).map(|(token, address)| (token.to_owned(), address.to_owned())).collect();
        assert!(!people.is_empty() && !plan.paths.is_empty() && !plan.ports.is_empty(), "a plan with people, paths and ports");
        Rush {
            people,
            weights: plan.paths.iter().map(|(_, weight)| weight).sum(),
            serial: AtomicUsize::new(0),
            turns: Semaphore::new(plan.connections),
            idle: plan.ports.iter().map(|_| Mutex::default()).collect(),
            receipts: Mutex::default(),
            plan,
        }
    }

    fn request(&self, is_post: bool, chance: &mut Chance) -> Request {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        let (token, address) = &self.people[serial % self.people.len()];
        let port = serial % self.plan.ports.len();
        if !is_post {
            let mut left = chance.share() * self.weights;
            let mut path = "/";
            for (candidate, weight) in &self.plan.paths {
                path = candidate;
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
            let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\n\r\n");
            return Request { port, bytes: head.into_bytes(), key: None };
        }
        let key = format!("rush-{}-{serial}", self.plan.label);
        let characters: Vec<char> = CHARACTERS.chars().collect();
        let words: String = (0..LENGTH).map(|_| characters[(chance.share() * characters.len() as f64) as usize]).collect();
        let opinion = json!({
            "address": format!("art-{}", serial % 8 + 1), "stance": "amend", "body": format!("{key}：{words}。"), "reason": "亲身经历", "is_public": true,
        });
        let body = opinion.to_string();
        let head = format!(
            "POST /api/v1/drafts/{}/opinions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\nAuthorization: Bearer {token}\r\n\
             Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.plan.draft,
            body.len()
        );
        Request { port, bytes: [head.into_bytes(), body.into_bytes()].concat(), key: Some(key) }
    }

    /// Status and body. A connection that the server closed while it was idle is replaced once, as a proxy does.
    async fn ask(&self, request: &Request) -> io::Result<(u16, Vec<u8>)> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        let idle = &self.idle[request.port];
        let kept = lock(idle).pop();
        if let Some(mut connection) = kept {
            match connection.exchange(&request.bytes).await {
                Err(_) if connection.buffer.is_empty() => {}
                Err(e) => return Err(e),
                Ok(answer) => return Ok(connection.give_back(idle, answer)),
            }
        }
        let mut connection = Connection::open(self.plan.ports[request.port]).await?;
        let answer = connection.exchange(&request.bytes).await?;
        Ok(connection.give_back(idle, answer))
    }

    fn keep_receipts(&self) -> io::Result<()> {
        let receipts = std::mem::take(&mut *lock(&self.receipts));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.plan.receipts)?;
        file.write_all(receipts.concat().as_bytes())
    }
}

/// An answer as it was read.
struct Answer {
    status: u16,
    body: Vec<u8>,
    closes: bool,
}

/// One open connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> io::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Keeps the connection for the next request, if the server does.
    fn give_back(self, idle: &Mutex<Vec<Connection>>, answer: Answer) -> (u16, Vec<u8>) {
        if !answer.closes {
            lock(idle).push(self);
        }
        (answer.status, answer.body)
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Where a mark begins, at a place or behind it; reads until it is there.
    async fn find(&mut self, mark: &[u8], from: usize) -> io::Result<usize> {
        loop {
            let found = self.buffer.get(from..).and_then(|rest| rest.windows(mark.len()).position(|window| window == mark));
            match found {
                Some(at) => return Ok(from + at),
                None => self.more().await?,
            }
        }
    }

    async fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(())
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let end = self.find(b"\r\n\r\n", 0).await?;
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        let start = end + 4;
        let status: u16 = head.get(9..12).and_then(|code| code.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let header = |name: &str| {
            head.lines().filter_map(|line| line.split_once(':')).find(|(found, _)| *found == name).map(|(_, value)| value.trim())
        };
        let length: Option<usize> = header("content-length").and_then(|value| value.parse().ok());
        let is_chunked = header("transfer-encoding") == Some("chunked");
        let mut closes = header("connection") == Some("close");
        let body = if let Some(length) = length {
            self.fill(start + length).await?;
            self.buffer[start..start + length].to_vec()
        } else if is_chunked {
            self.chunks(start).await?
        } else if matches!(status, 204 | 304) {
            Vec::new()
        } else {
            closes = true;
            while self.stream.read_buf(&mut self.buffer).await? > 0 {}
            self.buffer[start..].to_vec()
        };
        Ok(Answer { status, body, closes })
    }

    async fn chunks(&mut self, mut at: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.find(b"\r\n", at).await?;
            let size = String::from_utf8_lossy(&self.buffer[at..end]).into_owned();
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| ErrorKind::InvalidData)?;
            let start = end + 2;
            self.fill(start + size + 2).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[start..start + size]);
            at = start + size + 2;
        }
    }
}

/// Chance that a seed repeats (splitmix64).
struct Chance(u64);

impl Chance {
    /// At least 0 and less than 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Seconds that this process has used of the processors, as the kernel counts them: in hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; the times are the 12th and 13th field behind it.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = behind.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}
