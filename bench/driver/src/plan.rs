//! Who runs what, how large, and what is hoped for.

use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    Mycopod,
    /// MycoPod's store with encryption and chain switched off: their cost is the difference.
    MycopodPlain,
    CqrsEs,
    Esrs,
    Disintegrate,
    /// No store: what PostgreSQL and the processor can do.
    Limit,
}

impl Store {
    pub const ALL: [Self; 6] =
        [Self::Mycopod, Self::MycopodPlain, Self::CqrsEs, Self::Esrs, Self::Disintegrate, Self::Limit];
    pub const PEERS: [Self; 3] = [Self::CqrsEs, Self::Esrs, Self::Disintegrate];

    pub fn name(self) -> &'static str {
        match self {
            Self::Mycopod => "mycopod",
            Self::MycopodPlain => "mycopod-plain",
            Self::CqrsEs => "cqrs-es",
            Self::Esrs => "esrs",
            Self::Disintegrate => "disintegrate",
            Self::Limit => "limit",
        }
    }

    pub fn is_peer(self) -> bool {
        Self::PEERS.contains(&self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    W1,
    W2,
    W3,
    W4,
    R1,
    R2,
    P1,
    L1,
    V1,
}

impl Workload {
    pub const ALL: [Self; 9] =
        [Self::W1, Self::W2, Self::W3, Self::W4, Self::R1, Self::R2, Self::P1, Self::L1, Self::V1];

    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "w1",
            Self::W2 => "w2",
            Self::W3 => "w3",
            Self::W4 => "w4",
            Self::R1 => "r1",
            Self::R2 => "r2",
            Self::P1 => "p1",
            Self::L1 => "l1",
            Self::V1 => "v1",
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Self::W1 => "1 writer, 1 event per append",
            Self::W2 => "16 writers on their own streams",
            Self::W3 => "16 writers, 10 events per append",
            Self::W4 => "16 writers on one stream",
            Self::R1 => "load a 1,000-event stream into structs",
            Self::R2 => "replay the log, every event decoded",
            Self::P1 => "rebuild a read model of 50,000 rows",
            Self::L1 => "append until visible, 200 a second",
            Self::V1 => "verify the whole chain",
        }
    }

    /// It reads the log that was filled beforehand.
    pub fn reads(self) -> bool {
        matches!(self, Self::R1 | Self::R2 | Self::P1 | Self::V1)
    }

    /// The limit measured beside it, as `mycopod-bench limit` names it.
    pub fn limit(self) -> Option<&'static str> {
        match self {
            Self::W1 => Some("commit1"),
            Self::W2 => Some("commit16"),
            Self::W3 => Some("unnest"),
            Self::R1 => Some("decode"),
            Self::R2 => Some("copyout"),
            Self::W4 | Self::P1 | Self::L1 | Self::V1 => None,
        }
    }

    pub fn has(self, store: Store) -> bool {
        match store {
            Store::Mycopod => true,
            Store::MycopodPlain => matches!(self, Self::W3 | Self::R2),
            Store::Limit => self.limit().is_some(),
            Store::CqrsEs | Store::Esrs | Store::Disintegrate => self != Self::V1,
        }
    }
}

/// How much of everything. The defaults make a run of five rounds of about 25 minutes.
#[derive(Clone, Debug, Serialize)]
pub struct Sizes {
    pub rounds: usize,
    pub events: u64,
    pub write_seconds: f64,
    pub load_seconds: f64,
    pub live_seconds: f64,
    pub rebuild_seconds: f64,
}

impl Sizes {
    pub const FULL: Self = Self {
        rounds: 5,
        events: 1_000_000,
        write_seconds: 3.0,
        load_seconds: 2.0,
        live_seconds: 10.0,
        rebuild_seconds: 6.0,
    };
    /// Shows that everything works; the figures mean nothing.
    pub const QUICK: Self = Self {
        rounds: 1,
        events: 60_000,
        write_seconds: 1.0,
        load_seconds: 0.5,
        live_seconds: 2.0,
        rebuild_seconds: 2.0,
    };

    /// What follows the program's name and the store on the command line.
    pub fn arguments(&self, workload: Workload, store: Store) -> Vec<String> {
        let amount = match workload {
            Workload::W1 | Workload::W2 | Workload::W3 | Workload::W4 => self.write_seconds.to_string(),
            Workload::R1 => self.load_seconds.to_string(),
            Workload::L1 => self.live_seconds.to_string(),
            Workload::R2 | Workload::P1 | Workload::V1 => self.events.to_string(),
        };
        match (store, workload.limit()) {
            (Store::Limit, Some(limit)) => vec!["limit".into(), limit.into(), self.load_seconds.to_string()],
            _ if workload == Workload::P1 && store.is_peer() => {
                vec!["p1".into(), amount, "--seconds".into(), self.rebuild_seconds.to_string()]
            }
            _ => vec![workload.name().into(), amount],
        }
    }
}

/// A comparison and what is hoped for.
pub struct Goal {
    pub workload: Workload,
    pub figure: Figure,
    pub against: Against,
    /// The ratio hoped for; none where it is only told.
    pub wanted: Option<Wanted>,
}

#[derive(Clone, Copy)]
pub enum Figure {
    Value,
    /// In milliseconds.
    P99,
}

#[derive(Clone, Copy)]
pub enum Against {
    /// Of the peers the best one.
    BestPeer,
    /// Of these peers.
    BestOf(&'static [Store]),
    Limit(Workload),
    /// MycoPod's own figure in another workload.
    Own(Workload),
    /// The part that encryption and chain take of the speed without them.
    Plain,
}

#[derive(Clone, Copy)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

pub const GOALS: [Goal; 20] = {
    use {Against::*, Figure::*, Wanted::*, Workload::*};
    const INLINE: &[Store] = &[Store::CqrsEs, Store::Esrs];
    const ASYNCHRONOUS: &[Store] = &[Store::Disintegrate];
    const fn goal(workload: Workload, figure: Figure, against: Against, wanted: Option<Wanted>) -> Goal {
        Goal { workload, figure, against, wanted }
    }
    [
        goal(W1, Value, BestPeer, Some(AtLeast(1.6))),
        goal(W1, Value, Limit(W1), None),
        goal(W2, Value, BestPeer, Some(AtLeast(3.0))),
        goal(W2, Value, Limit(W2), None),
        goal(W2, Value, Limit(W3), None),
        goal(W3, Value, BestPeer, Some(AtLeast(5.0))),
        goal(W3, Value, Limit(W3), None),
        goal(W3, Value, Plain, Some(AtMost(0.10))),
        goal(W4, Value, BestPeer, Some(AtLeast(10.0))),
        goal(W4, Value, Own(W2), None),
        goal(R1, Value, BestPeer, Some(AtLeast(3.0))),
        goal(R1, Value, Limit(R1), None),
        goal(R2, Value, BestPeer, Some(AtLeast(2.0))),
        goal(R2, Value, Limit(R2), Some(AtLeast(0.65))),
        goal(R2, Value, Plain, Some(AtMost(0.20))),
        goal(P1, Value, BestPeer, Some(AtLeast(20.0))),
        goal(P1, Value, Limit(R2), None),
        goal(L1, Value, BestOf(INLINE), Some(AtMost(1.0))),
        goal(L1, P99, BestOf(ASYNCHRONOUS), Some(AtMost(0.5))),
        goal(V1, Value, Own(R2), Some(AtLeast(0.7))),
    ]
};
