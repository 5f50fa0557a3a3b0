//! Measures the simulator over its real HTTPS: small GETs a second, and the time of the resources of 1,000 guests.
//!
//! `load [SECONDS]`, in a release build.

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::json;
use simulator::{Base, Running, SimConfig, Simulator};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOKEN: &str = "root@pam!load";
const SECRET: &str = "11111111-2222-3333-4444-555555555555";
const GUESTS: u32 = 1_000;
const CLIENTS: u32 = 8;
/// The server ends a connection after a hundred requests.
const PER_CONNECTION: u32 = 99;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Sends the same GET `PER_CONNECTION` times over one connection, until `stop`; gives the time of each.
async fn connection(
    sim: &Running,
    tls: Arc<rustls::ClientConfig>,
    path: &str,
    most: u32,
) -> Outcome<Vec<Duration>> {
    let tcp = TcpStream::connect(sim.addr()).await?;
    tcp.set_nodelay(true)?;
    let mut stream =
        tokio_rustls::TlsConnector::from(tls).connect(ServerName::try_from("127.0.0.1")?, tcp).await?;
    let request = format!(
        "GET /api2/json{path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nAuthorization: PVEAPIToken={TOKEN}={SECRET}\r\n\r\n"
    );
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(1 << 20);
    for _ in 0..most {
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        buffer.clear();
        loop {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err("the connection ended".into());
            }
            let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&buffer[..at]);
            let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
            if buffer.len() >= at + 4 + length.ok_or("no length")? {
                break;
            }
        }
        times.push(begun.elapsed());
    }
    Ok(times)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let seconds: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(5);
    let guests: serde_json::Map<String, serde_json::Value> = (0..GUESTS)
        .map(|n| {
            let guest = json!({"vmid": 1_000 + n, "name": format!("g{n}"), "kind": if n % 3 == 0 { "container" } else { "vm" },
                "node": format!("pve{}", n % 3 + 1), "cores": 1, "memory_mib": 512, "disk_gib": 4, "storage": "local-lvm",
                "status": "running"});
            (format!("g{n}"), guest)
        })
        .collect();
    let node =
        json!({"threads": 16, "memory_mib": 524_288, "memory_free_mib": 500_000, "address": "10.0.0.1"});
    let free = json!({"pve1": 9_000, "pve2": 9_000, "pve3": 9_000});
    let file = json!({"cluster": "load", "nodes": {"pve1": node, "pve2": node, "pve3": node}, "guests": guests,
        "storages": {"local": {"type": "dir", "free_gib": free}, "local-lvm": {"type": "lvmthin", "free_gib": free}}});
    let config = SimConfig { base: Base::Cluster(file), time_scale: 0.0, ..SimConfig::default() };
    let sim = Arc::new(Simulator::start(config.with_token(TOKEN, SECRET)).await?);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sim.ca_pem().as_bytes())?)?;
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Arc::new(tls);
    for path in ["/version", "/nodes/pve2/qemu/1001/config"] {
        let done = Arc::new(AtomicU64::new(0));
        let until = Instant::now() + Duration::from_secs(seconds);
        let clients = (0..CLIENTS).map(|_| {
            let (sim, tls, done) = (sim.clone(), tls.clone(), done.clone());
            tokio::spawn(async move {
                while Instant::now() < until {
                    let times = connection(&sim, tls.clone(), path, PER_CONNECTION).await?;
                    done.fetch_add(times.len() as u64, Ordering::Relaxed);
                }
                Outcome::Ok(())
            })
        });
        let begun = Instant::now();
        for client in clients.collect::<Vec<_>>() {
            client.await??;
        }
        let rate = done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
        println!("GET {path}: {rate:.0} a second with {CLIENTS} clients");
    }
    let mut times = connection(&sim, tls, "/cluster/resources", PER_CONNECTION).await?;
    times.sort();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1_000.0;
    println!("GET /cluster/resources, {GUESTS} guests: median {:.1} ms, 95 % {:.1} ms", at(50), at(95));
    Ok(())
}
