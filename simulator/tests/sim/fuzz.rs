//! Malformed requests by the hundred thousand: no panic, no hang, an answer where one is due, bounded memory.

use crate::client::{SECRET, TOKEN, cluster};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use simulator::{SimConfig, Simulator};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUESTS: u64 = 100_000;
/// Clients side by side.
const LANES: u64 = 8;
/// Growth of this process that the requests may cause.
const RSS_GROWTH_KIB_MAX: u64 = 300 * 1024;

const SEEDS: &[&str] = &[
    "GET /api2/json/nodes/pve1/qemu HTTP/1.1\r\nHost: x\r\n",
    "GET /api2/json/cluster/resources?type=vm HTTP/1.1\r\nHost: x\r\n",
    "GET /api2/json/nodes/pve1/storage/local/content/local:iso%2Fx.iso HTTP/1.1\r\nHost: x\r\n",
    "GET /api2/extjs/nodes/pve1/tasks/UPID:pve1:00000001:00000001:00000001:x:1:root@pam:/log HTTP/1.1\r\n",
    "DELETE /api2/json/access/acl/x?path=/&roles=a%;b=c HTTP/1.1\r\nHost: x\r\n",
];
const BODIES: &[(&str, &str, &str)] = &[
    ("POST", "/nodes/pve1/qemu", "vmid=900&scsi0=local%3A1%2Cformat%3Dqcow2&net0=virtio%2Cbridge%3Dvmbr0"),
    ("PUT", "/nodes/pve1/qemu/110/config", "sshkeys=ssh-ed25519%2520AAAA&ipconfig0=ip%3Ddhcp&delete=a,b"),
    ("PUT", "/access/acl", "path=/vms/100&users=a@pve&roles=PVEVMUser"),
    ("POST", "/nodes/pve1/network", "iface=vmbr9&type=bridge&cidr=10.0.0.1/24"),
    ("POST", "/cluster/backup", "{\"vmid\":\"100\",\"schedule\":\"daily\",\"x\":[1,{\"a\":null}]}"),
];

/// One request, somewhat broken.
fn request(rng: &mut StdRng) -> Vec<u8> {
    let auth = format!("Authorization: PVEAPIToken={TOKEN}={SECRET}\r\n");
    let mut bytes = if rng.random_bool(0.5) {
        format!("{}{auth}\r\n", SEEDS[rng.random_range(0..SEEDS.len())]).into_bytes()
    } else {
        let (verb, path, body) = BODIES[rng.random_range(0..BODIES.len())];
        let kind = if body.starts_with('{') { "json" } else { "x-www-form-urlencoded" };
        let length = body.len();
        format!("{verb} /api2/json{path} HTTP/1.1\r\n{auth}Content-Type: application/{kind}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    };
    for _ in 0..rng.random_range(0..6) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..5) {
            0 => bytes[at] = rng.random(),
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, b"\r\n:=&;%+{}[]/?#<>\0\xff"[rng.random_range(0..19)]),
            3 => {
                let piece = bytes[at..(at + 30).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

/// The status of the answer; 0 when the connection ended without one.
async fn ask(address: SocketAddr, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it was told everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "no end to the answer to {:?}", String::from_utf8_lossy(bytes));
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_malformed_requests_do_no_harm() {
    let config = SimConfig { plain: true, ..cluster() };
    let sim = Simulator::start(config.with_token(TOKEN, SECRET)).await.unwrap();
    let address = sim.addr();
    let before = rss_kib();
    let lanes = (0..LANES).map(|lane| {
        tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(lane);
            for _ in 0..REQUESTS / LANES {
                let bytes = request(&mut rng);
                let status = ask(address, &bytes).await;
                // 596 is the answer to a call whose handler broke.
                let fine = matches!(status, 0 | 200 | 301 | 308 | 400 | 401 | 403 | 500 | 501 | 506);
                assert!(fine, "{status} to {:?}", String::from_utf8_lossy(&bytes));
                // A connection ends without an answer only where no whole request came.
                let whole = bytes.windows(4).any(|w| w == b"\r\n\r\n");
                let short = bytes.iter().any(|b| *b >= 0x80 || *b < 0x0a) || !bytes.starts_with(b"GET ");
                assert!(
                    status != 0
                        || !whole
                        || short
                        || bytes.windows(16).any(|w| w.eq_ignore_ascii_case(b"content-length: ")),
                    "no answer to {:?}",
                    String::from_utf8_lossy(&bytes)
                );
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
    let grown = rss_kib().saturating_sub(before);
    assert!(grown < RSS_GROWTH_KIB_MAX, "{grown} KiB more than before");
    let ask_version = format!(
        "GET /api2/json/version HTTP/1.1\r\nConnection: close\r\nAuthorization: PVEAPIToken={TOKEN}={SECRET}\r\n\r\n"
    );
    assert_eq!(ask(address, ask_version.as_bytes()).await, 200);
}
