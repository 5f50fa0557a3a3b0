//! All outcomes of a run, and what follows from them.

use crate::plan::{Against, Figure, Goal, Sizes, Store, Wanted, Workload};
use bench_core::outcome::Outcome;
use serde::Serialize;

/// Everything measured: this is what `--json` writes.
#[derive(Serialize)]
pub struct Results {
    pub machine: Vec<(String, String)>,
    pub server: Vec<(String, String)>,
    pub sizes: Sizes,
    pub rounds: Vec<Round>,
}

#[derive(Default, Serialize)]
pub struct Round {
    /// Load average of the last minute when it began.
    pub load: f64,
    pub turns: Vec<Turn>,
}

#[derive(Serialize)]
pub struct Turn {
    pub workload: Workload,
    pub store: Store,
    pub outcome: Outcome,
}

/// The middle one and the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        Some(Self { median, least, most })
    }
}

/// A goal held against the results.
pub struct Finding {
    pub what: String,
    pub ratio: Spread,
    pub wanted: Option<Wanted>,
}

impl Finding {
    /// None where nothing is wanted.
    pub fn met(&self) -> Option<bool> {
        Some(match self.wanted? {
            Wanted::AtLeast(least) => self.ratio.median >= least,
            Wanted::AtMost(most) => self.ratio.median <= most,
        })
    }

    /// How far the ratio is from what was wanted, as a part of that: above 0 is better than wanted.
    pub fn margin(&self) -> Option<f64> {
        Some(match self.wanted? {
            Wanted::AtLeast(least) => self.ratio.median / least - 1.0,
            Wanted::AtMost(most) => 1.0 - self.ratio.median / most,
        })
    }
}

impl Results {
    fn figure(&self, round: &Round, workload: Workload, store: Store, figure: Figure) -> Option<f64> {
        let turn = round.turns.iter().find(|turn| turn.workload == workload && turn.store == store)?;
        match figure {
            Figure::Value => Some(turn.outcome.value),
            Figure::P99 => turn.outcome.details.get("p99_ms").copied(),
        }
    }

    pub fn spread(&self, workload: Workload, store: Store, figure: Figure) -> Option<Spread> {
        let values = self.rounds.iter().filter_map(|round| self.figure(round, workload, store, figure));
        Spread::of(values.collect())
    }

    /// The store of these with the best median.
    fn best(&self, stores: &[Store], workload: Workload, figure: Figure) -> Option<Store> {
        let less_is_better = workload == Workload::L1;
        let medians = stores.iter().filter_map(|store| {
            let median = self.spread(workload, *store, figure)?.median;
            Some((*store, if less_is_better { -median } else { median }))
        });
        medians.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(store, _)| store)
    }

    /// Ratios are taken within each round, where both had the same machine; then the median of them.
    pub fn finding(&self, goal: &Goal) -> Option<Finding> {
        let Goal { workload, figure, against, wanted } = *goal;
        let (store, other, what) = match against {
            Against::BestPeer | Against::BestOf(_) => {
                let stores = if let Against::BestOf(stores) = against { stores } else { &Store::PEERS };
                let best = self.best(stores, workload, figure)?;
                (best, workload, format!("{} × {}", label(workload, figure), best.name()))
            }
            Against::Limit(of) => {
                (Store::Limit, of, format!("{} × {}", label(workload, figure), limit_name(of)))
            }
            Against::Own(of) => {
                (Store::Mycopod, of, format!("{} × own {}", label(workload, figure), label(of, figure)))
            }
            Against::Plain => (
                Store::MycopodPlain,
                workload,
                format!("cost of encryption and chain in {}", label(workload, figure)),
            ),
        };
        let ratios = self.rounds.iter().filter_map(|round| {
            let mine = self.figure(round, workload, Store::Mycopod, figure)?;
            let ratio = mine / self.figure(round, other, store, figure)?;
            Some(if matches!(against, Against::Plain) { 1.0 - ratio } else { ratio })
        });
        Some(Finding { what, ratio: Spread::of(ratios.collect())?, wanted })
    }
}

fn label(workload: Workload, figure: Figure) -> String {
    let name = workload.name().to_uppercase();
    match (workload, figure) {
        (Workload::L1, Figure::Value) => format!("{name} p50"),
        (_, Figure::Value) => name,
        (_, Figure::P99) => format!("{name} p99"),
    }
}

pub fn limit_name(workload: Workload) -> &'static str {
    match workload.limit() {
        Some("commit1") => "bare one-row commits, 1 client",
        Some("commit16") => "bare one-row commits, 16 clients",
        Some("unnest") => "bare insert of 1,000 rows a commit",
        Some("decode") => "decoding alone (open and JSON)",
        Some("copyout") => "bare COPY BINARY out",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(rounds: &[&[(Workload, Store, f64)]]) -> Results {
        let turn = |&(workload, store, value): &(Workload, Store, f64)| {
            let mut outcome = Outcome::rate(workload.name(), "events", 1, std::time::Duration::from_secs(1));
            outcome.value = value;
            Turn { workload, store, outcome }
        };
        let rounds =
            rounds.iter().map(|turns| Round { load: 0.0, turns: turns.iter().map(turn).collect() }).collect();
        Results { machine: vec![], server: vec![], sizes: Sizes::QUICK, rounds }
    }

    #[test]
    fn ratios_are_taken_within_rounds_against_the_best_peer() {
        use {Store::*, Workload::*};
        let results = results(&[
            &[(W1, Mycopod, 20.0), (W1, Esrs, 10.0), (W1, CqrsEs, 8.0)],
            &[(W1, Mycopod, 300.0), (W1, Esrs, 100.0), (W1, CqrsEs, 120.0)],
            &[(W1, Mycopod, 40.0), (W1, Esrs, 10.0), (W1, CqrsEs, 9.0)],
        ]);
        let goal = |wanted| Goal { workload: W1, figure: Figure::Value, against: Against::BestPeer, wanted };
        let found = results.finding(&goal(Some(Wanted::AtLeast(4.0)))).unwrap();
        assert_eq!(found.what, "W1 × esrs");
        assert_eq!(found.ratio, Spread { median: 3.0, least: 2.0, most: 4.0 });
        assert_eq!(found.met(), Some(false));
        assert_eq!(found.margin(), Some(-0.25));
        assert_eq!(results.finding(&goal(None)).unwrap().met(), None);
    }

    #[test]
    fn what_was_not_measured_gives_no_finding() {
        let results = results(&[&[(Workload::L1, Store::Mycopod, 2.0)]]);
        assert!(crate::plan::GOALS.iter().all(|goal| results.finding(goal).is_none()));
    }

    #[test]
    fn of_latencies_the_smallest_is_best() {
        use {Store::*, Workload::*};
        let results = results(&[&[(L1, Mycopod, 2.0), (L1, CqrsEs, 4.0), (L1, Esrs, 5.0)]]);
        let goal = Goal {
            workload: L1,
            figure: Figure::Value,
            against: Against::BestOf(&[CqrsEs, Esrs]),
            wanted: Some(Wanted::AtMost(1.0)),
        };
        let found = results.finding(&goal).unwrap();
        assert_eq!((found.ratio.median, found.met()), (0.5, Some(true)));
    }
}
