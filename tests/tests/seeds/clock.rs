//! Virtual time: it moves only when everybody waits, straight to the next moment somebody waits for.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Time {
    now_ms: u64,
    count: u64,
    waiting: BTreeMap<(u64, u64), Waker>,
}

#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<Time>>);

impl Clock {
    pub fn now_ms(&self) -> u64 {
        self.0.lock().unwrap().now_ms
    }

    pub fn sleep(&self, ms: u64) -> Sleep {
        let mut time = self.0.lock().unwrap();
        time.count += 1;
        Sleep { clock: self.clone(), until: (time.now_ms + ms, time.count) }
    }

    /// On to the next moment; false where nobody waits.
    pub fn advance(&self) -> bool {
        let waker = {
            let mut time = self.0.lock().unwrap();
            let Some(((at, _), waker)) = time.waiting.pop_first() else { return false };
            time.now_ms = time.now_ms.max(at);
            waker
        };
        waker.wake();
        true
    }

    /// Time passes for everybody who is not there.
    pub fn skip(&self, ms: u64) {
        self.0.lock().unwrap().now_ms += ms;
    }
}

pub struct Sleep {
    clock: Clock,
    until: (u64, u64),
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = self.clock.0.lock().unwrap();
        if time.now_ms >= self.until.0 {
            time.waiting.remove(&self.until);
            return Poll::Ready(());
        }
        time.waiting.insert(self.until, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().waiting.remove(&self.until);
    }
}

/// A seeded stream of numbers.
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn lot(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}
