//! The shortest time a run can take: its critical path through its tasks, under the lanes it really had.
//!
//! Nothing is guessed. The run is carried out once more in virtual time by the same rules that say what is next; each call
//! takes exactly as long as the simulated cluster says its task took, and everything else takes no time at all.

use chrono::{DateTime, Utc};
use domain::decider::Decider;
use domain::run::{self, Action, CallNo, Event, Run};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds of each task, by its id.
pub type Tasks = BTreeMap<String, f64>;

/// What the simulated cluster says of its ended tasks.
pub fn tasks(state: &Value) -> Tasks {
    let took = |task: &Value| Some((task["upid"].as_str()?.to_owned(), task["took_ms"].as_f64()? / 1_000.0));
    state["tasks"].as_array().into_iter().flatten().filter_map(took).collect()
}

/// Seconds of the tasks of each call; all attempts of it together.
fn calls(history: &[(DateTime<Utc>, i64, Event)], tasks: &Tasks) -> BTreeMap<CallNo, f64> {
    let mut all = BTreeMap::new();
    for (_, _, event) in history {
        if let Event::TaskStarted { at, upid } = event {
            *all.entry(*at).or_default() += tasks.get(upid).copied().unwrap_or(0.0);
        }
    }
    all
}

/// The run once more in virtual time, with nothing but its tasks; in seconds.
pub fn of(done: &Run, history: &[(DateTime<Utc>, i64, Event)], tasks: &Tasks) -> f64 {
    let (Some(plan), Some(digest), Some(declaration)) = (&done.plan, &done.digest, done.declaration) else {
        return 0.0;
    };
    let times = calls(history, tasks);
    let started = Event::RunStarted {
        declaration,
        digest: digest.clone(),
        commit: String::new(),
        plan: Box::new((**plan).clone()),
        cause: run::Cause::Commit,
    };
    let mut state = Run::default().evolve(&started);
    // When the call that a step is at will be through.
    let mut busy: BTreeMap<usize, (f64, CallNo)> = BTreeMap::new();
    let mut now = 0.0_f64;
    while state.status == run::Status::Running {
        let mut moved = false;
        for action in state.next_beside(&busy.keys().copied().collect::<BTreeSet<_>>()) {
            match action {
                Action::Take { at, attempt, .. } => {
                    let took = times.get(&at).copied().unwrap_or(0.0);
                    let issued = Event::CallIssued { at, attempt, request: String::new() };
                    state = state.evolve(&issued);
                    busy.insert(at.step, (now + took, at));
                }
                Action::FinishStep { step, .. } => {
                    state = state.evolve(&Event::StepSucceeded { step });
                    moved = true;
                }
                _ => {
                    state = state.evolve(&Event::RunCompleted { done: 0, already: 0, skipped: 0 });
                    moved = true;
                }
            }
        }
        // What waited for that begins at the same moment.
        if moved {
            continue;
        }
        let first = busy.iter().min_by(|a, b| a.1.0.total_cmp(&b.1.0)).map(|(step, end)| (*step, *end));
        if let Some((step, (end, at))) = first {
            busy.remove(&step);
            now = now.max(end);
            state = state.evolve(&Event::CallSettled { at, done: true, how: String::new() });
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_task_counts_with_all_its_attempts_and_only_once_it_ended() {
        let state =
            json!({"tasks": [{"upid": "a", "took_ms": 1_500}, {"upid": "b", "took_ms": 250}, {"upid": "c"}]});
        let tasks = tasks(&state);
        assert_eq!(tasks, Tasks::from([("a".to_owned(), 1.5), ("b".to_owned(), 0.25)]));
        let at = CallNo { step: 2, call: 1 };
        let started = |upid: &str| (DateTime::UNIX_EPOCH, 1, Event::TaskStarted { at, upid: upid.into() });
        let times = calls(&[started("a"), started("b"), started("c")], &tasks);
        assert_eq!(times, BTreeMap::from([(at, 1.75)]));
    }
}
