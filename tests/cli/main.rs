//! The binary as a newcomer and an operator meet it: start, stop, what is printed, what is refused; and the readers that its commands stand on, over
//! the committed inputs of the fuzz targets (`corpus`).

mod backups;
mod corpus;
mod doctor;
mod moving;
mod operations;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// A start on a slow, busy machine, with the demonstration to load.
const PATIENCE: Duration = Duration::from_secs(120);

fn zhitong(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhitong"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ZHITONG_")) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(data).env("ZHITONG_LOG", "error").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// A server that was started by a test and dies with it.
struct Running {
    child: Child,
    address: SocketAddr,
    printed: String,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child = command
            .arg("serve")
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let (mut printed, mut address) = (String::new(), None);
        for line in &mut lines {
            let line = line.expect("stdout is UTF-8");
            if let Some(rest) = line.split("http://").nth(1).filter(|_| address.is_none()) {
                address = rest.split('/').next().and_then(|a| a.parse().ok());
            }
            printed.push_str(&line);
            printed.push('\n');
            if line.contains("Ctrl-C") {
                break;
            }
        }
        let Some(address) = address else { panic!("no address was printed: {printed} {:?}", child.wait()) };
        Running { child, address, printed }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("the port is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("the request is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the answer is read");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(done.success());
    }

    fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the server did not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may be gone already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn logins(printed: &str) -> Vec<(&str, &str)> {
    let names = ["admin", "drafter", "handler", "reviewer", "auditor", "county", "point"];
    printed
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().filter(|name| names.contains(name))?;
            Some((name, words.next()?))
        })
        .collect()
}

#[test]
fn first_start_loads_the_demonstration_and_the_second_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Running::start(zhitong(folder.path()));
    let printed = first.printed.clone();
    let passwords = logins(&printed);
    assert_eq!(passwords.len(), 7, "{}", first.printed);
    let mut distinct: Vec<_> = passwords.iter().map(|(_, password)| *password).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 7, "passwords are random");
    assert!(distinct.iter().all(|p| p.len() >= 12));
    assert_eq!(first.get("/health/live").0, 200);
    assert_eq!(first.get("/health/ready").0, 200);
    let listen = first.address.to_string();
    let healthy = run(zhitong(folder.path()).args(["health", "--listen", &listen]));
    assert!(healthy.status.success() && text(&healthy.stdout).starts_with("200 {"), "{}", text(&healthy.stderr));
    let (status, home) = first.get("/");
    assert!(status == 200 && home.contains("示例"), "{home}");
    let (status, found) =
        first.get("/api/v1/search?q=%E6%B8%85%E6%B2%B3%E5%B8%82%E5%85%BB%E7%8A%AC%E7%AE%A1%E7%90%86%E6%9D%A1%E4%BE%8B%E7%AC%AC20%E6%9D%A1");
    assert!(status == 200 && found.contains("art-20"), "{found}");
    let (_, metrics) = first.get("/metrics");
    // The first look at the installation is taken as soon as it runs.
    let started = Instant::now();
    while !first.get("/metrics").1.contains("zhitong_jobs{kind=\"import\",state=\"running\"} 0") {
        assert!(started.elapsed() < PATIENCE, "nothing was read of the installation");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(metrics.contains("zhitong_http_requests_total") && metrics.contains("zhitong_build_info{version="), "{metrics}");
    let (_, metrics) = first.get("/metrics");
    let value = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    assert!(value("zhitong_next_closing_seconds ").is_some_and(|seconds| seconds > 0.0), "a round of the demonstration is open: {metrics}");
    assert!(
        value("zhitong_data_dir_free_bytes ").is_some_and(|bytes| bytes > 0.0) && value("zhitong_connections ").is_some_and(|n| n >= 1.0)
    );
    assert!(value("zhitong_database_connections{state=\"open\"} ").is_some_and(|n| n >= 2.0), "one reads and one writes: {metrics}");

    // The same directory cannot be used twice.
    let second = run(zhitong(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert!(!second.status.success());
    assert_eq!(text(&second.stderr).trim().lines().count(), 1, "{}", text(&second.stderr));
    assert!(text(&second.stderr).contains("正被另一个进程使用"));

    first.signal("TERM");
    assert!(first.wait().success());
    // The address may come from the settings; nobody listens there any more.
    let healthy = run(zhitong(folder.path()).arg("health").env("ZHITONG_LISTEN", &listen));
    assert!(healthy.status.code() == Some(1) && text(&healthy.stderr).contains("连不上"), "{}", text(&healthy.stderr));

    let started = Instant::now();
    let mut again = Running::start(zhitong(folder.path()));
    assert!(logins(&again.printed).is_empty(), "{}", again.printed);
    assert!(started.elapsed() < Duration::from_secs(20), "a second start is quick");
    again.signal("INT");
    assert!(again.wait().success());

    let renewed = run(zhitong(folder.path()).args(["seed", "--new-passwords"]));
    assert!(renewed.status.success());
    let renewed = text(&renewed.stdout);
    assert_eq!(logins(&renewed).len(), 7);
    assert!(logins(&renewed).iter().all(|(_, password)| !distinct.contains(password)));

    let searched = run(zhitong(folder.path()).args(["search", "养犬管理条例", "第二十条"]));
    assert!(searched.status.success() && text(&searched.stdout).contains("第二十条"), "{}", text(&searched.stdout));
    for (query, said) in [
        ("养犬条例第12条", "第十二条"),
        ("绿化条例第5条", "《清河市城市绿化条例》第五条"),
        ("停车规定第3条", "《清河市机动车停车管理规定》第三条"),
        ("物业条例第30条第2款", "《清河市物业管理条例》第三十条"),
        ("养犬管理条例第999条", "没有第九百九十九条。"),
        ("民法典1024条", "法规库里没有《民法典》"),
        ("yangq", "您是不是要找：清河市养犬管理条例"),
    ] {
        let searched = text(&run(zhitong(folder.path()).args(["search", query])).stdout);
        assert!(searched.contains(said), "{query}: {searched}");
    }
    let doctor = run(zhitong(folder.path()).arg("doctor"));
    assert!(doctor.status.success(), "{}", text(&doctor.stdout));
    let verified = run(zhitong(folder.path()).args(["audit", "verify"]));
    let said = text(&verified.stdout);
    assert!(verified.status.success() && said.contains("审计日志完整") && said.contains("意见回执完整"), "{said}");
    assert!(said.contains("另有 0 条待封存") && !said.contains("：0 条由"), "{said}");
}

#[test]
fn a_configuration_file_means_production() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zhitong.toml");
    std::fs::write(&file, format!("data_key = '{}'", "5a".repeat(32))).unwrap();
    let mut command = zhitong(&folder.path().join("data"));
    let refused = run(command.arg("--config").arg(&file).arg("serve"));
    assert!(!refused.status.success() && text(&refused.stderr).contains("短信沙箱"), "{}", text(&refused.stderr));
    std::fs::write(&file, format!("data_key = '{}'\n[sms]\ngateway = 'off'", "5a".repeat(32))).unwrap();
    let mut command = zhitong(&folder.path().join("data"));
    command.arg("--config").arg(&file);
    let mut server = Running::start(command);
    assert!(logins(&server.printed).is_empty() && !server.printed.contains("示例"), "{}", server.printed);
    let (_, documents) = server.get("/api/v1/documents");
    assert!(documents.contains("\"total\":0"), "{documents}");
    server.signal("TERM");
    assert!(server.wait().success());
    let mut command = zhitong(&folder.path().join("data"));
    let doctor = run(command.arg("--config").arg(&file).arg("doctor"));
    assert!(
        !doctor.status.success() && text(&doctor.stdout).contains("沙箱"),
        "a sandbox in production is refused: {}",
        text(&doctor.stdout)
    );
    let mut command = zhitong(&folder.path().join("data"));
    assert!(!run(command.arg("--config").arg(&file).arg("seed")).status.success());
}

#[test]
fn what_cannot_start_says_why_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let missing = folder.path().join("missing.toml");
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "listen = ").unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let cases: [(&str, Vec<&std::ffi::OsStr>, &str); 4] = [
        ("port", vec!["serve".as_ref(), "--listen".as_ref(), address.as_ref()], "已被占用"),
        ("missing configuration", vec!["--config".as_ref(), missing.as_os_str()], "无法读取配置文件"),
        ("broken configuration", vec!["--config".as_ref(), broken.as_os_str()], "有误"),
        (
            "data directory",
            vec!["serve".as_ref(), "--listen".as_ref(), "127.0.0.1:0".as_ref(), "--data-dir".as_ref(), file.as_os_str()],
            "无法使用数据目录",
        ),
    ];
    for (name, arguments, sentence) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zhitong"));
        if !arguments.contains(&"--data-dir".as_ref()) {
            command.arg("--data-dir").arg(folder.path().join("data"));
        }
        let output = run(command.args(&arguments).env("ZHITONG_LOG", "error").stdin(Stdio::null()));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(sentence), "{name}: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
}

const RULE: &str = "# 示例市测试管理办法\n\n2024年5月1日 示例市人民政府公布\n\n<!-- INFO END -->\n\n## 第一章 总则\n\n第一条 为了检验导入，制定本办法。\n\n第二条 测试应当如实记录。\n\n第三条 本办法自2024年7月1日起施行。\n";

#[test]
fn importing_twice_changes_nothing_and_a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, input) = (folder.path().join("data"), folder.path().join("in"));
    std::fs::create_dir(&input).unwrap();
    std::fs::write(input.join("示例市测试管理办法(2024-05-01).md"), RULE).unwrap();
    std::fs::write(input.join("坏.docx"), b"PK\x03\x04broken").unwrap();
    let import = |extra: &[&str]| {
        let output = run(zhitong(&data).arg("import").args(extra).arg("--json").arg(&input));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        (output.status.code(), report["report"]["counts"].clone())
    };
    let (code, counts) = import(&["--dry-run"]);
    assert_eq!((code, counts["new"].as_u64(), counts["problem"].as_u64()), (Some(2), Some(1), Some(1)), "{counts}");
    let (_, counts) = import(&[]);
    assert_eq!(counts["new"].as_u64(), Some(1), "the dry run wrote nothing: {counts}");
    let (_, counts) = import(&[]);
    assert_eq!(counts["unchanged"].as_u64(), Some(1), "{counts}");
    assert_eq!(counts["new"].as_u64().unwrap_or(0), 0);
    let found = run(zhitong(&data).args(["search", "测试管理办法第二条"]));
    assert!(text(&found.stdout).contains("如实记录"), "{}", text(&found.stdout));
    let rebuilt = run(zhitong(&data).arg("reindex"));
    assert!(rebuilt.status.success());
    let found = run(zhitong(&data).args(["search", "测试管理办法第二条"]));
    assert!(text(&found.stdout).contains("如实记录"));
}

#[test]
fn every_command_has_help() {
    for command in [
        "serve",
        "migrate",
        "seed",
        "import",
        "reindex",
        "search",
        "evaluate",
        "openapi",
        "doctor",
        "health",
        "audit",
        "account",
        "keys",
        "backup",
        "restore",
        "migrate-store",
    ] {
        let output = run(Command::new(env!("CARGO_BIN_EXE_zhitong")).args([command, "--help"]));
        assert!(output.status.success() && text(&output.stdout).chars().any(|c| c > '\u{4e00}'), "{command}");
    }
}
