//! `health`: whether the instance of this machine is ready, asked as a balancer asks. For health checks of containers, whose images have no other program
//! that could ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{Error, Result};

/// How long the instance may take. It waits for its engines for two seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES: u64 = 64 << 10;

/// `health`
pub async fn health(listen: SocketAddr) -> Result<ExitCode> {
    let address = reachable(listen);
    let answer = timeout(PATIENCE, ask(address))
        .await
        .map_err(|_| Error::startup(format!("http://{address}/health/ready 在 {} 秒内没有应答。", PATIENCE.as_secs())))?
        .map_err(|e| Error::startup(format!("连不上 http://{address}/health/ready：{e}。请确认服务已启动，监听地址与配置一致。")))?;
    let (status, body) = read(&answer).ok_or_else(|| Error::startup(format!("http://{address}/health/ready 的应答无法识别。")))?;
    println!("{status} {body}");
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The address at which whoever listens at another is reached from the same machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Status and body of an answer.
fn read(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_reached_at_home() {
        for (listen, address) in [
            ("0.0.0.0:8600", "127.0.0.1:8600"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.11:8600", "10.0.0.11:8600"),
            ("127.0.0.1:2", "127.0.0.1:2"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), address);
        }
    }

    #[test]
    fn an_answer_is_read_or_is_none() {
        let answer = read(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!(answer, (503, "{}".to_owned()));
        for broken in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"] {
            assert!(read(broken.as_bytes()).is_none(), "{broken:?}");
        }
    }
}
