//! Somebody who has the page of a run open while it runs: when did what was recorded reach the browser?
//!
//! The page's own live stream is read, with a session like anybody's. Each drawing carries the position of the log it was
//! drawn from; an event is visible once a drawing from its position or a later one has arrived in full.

use crate::failure::{Code, Failure};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Arrivals by the position they were drawn from; of several regions of one drawing the last.
type Arrivals = Arc<Mutex<BTreeMap<i64, DateTime<Utc>>>>;

pub struct Watcher {
    arrivals: Arrivals,
    newest: watch::Receiver<i64>,
    reading: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Watcher {
    /// Opens the live stream of run `no`.
    pub async fn open(port: u16, cookie: &str, no: i64) -> Result<Self, Failure> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        // HTTP/1.0, so that the stream comes as it is and not in chunks.
        let request = format!(
            "GET /runs/{no}/live HTTP/1.0\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        if first.split(' ').nth(1) != Some("200") {
            let what = format!("the live stream of run {no} answered {first}");
            return Err(Failure::new(Code::Failed, what, "look into serve.log"));
        }
        let arrivals = Arrivals::default();
        let (tell, newest) = watch::channel(0);
        let noted = arrivals.clone();
        let reading = tokio::spawn(async move {
            let mut position = None;
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(id) = line.strip_prefix("id:") {
                    position = id.trim().parse::<i64>().ok();
                }
                // An empty line ends an event: all of the region is here.
                if let (true, Some(at)) = (line.is_empty(), position) {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).insert(at, Utc::now());
                    let _ = tell.send(at);
                    position = None;
                }
            }
        });
        Ok(Self { arrivals, newest, reading })
    }

    /// Waits until what was recorded up to here has arrived; false if that takes longer than `limit`.
    pub async fn caught_up(&mut self, position: i64, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.newest.wait_for(|newest| *newest >= position)).await.is_ok()
    }

    /// Milliseconds from the recording of an event until it was visible; none if it never was.
    pub fn lag_ms(&self, position: i64, recorded_at: DateTime<Utc>) -> Option<f64> {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, at) = arrivals.range(position..).next()?;
        Some((*at - recorded_at).as_seconds_f64() * 1_000.0)
    }
}
