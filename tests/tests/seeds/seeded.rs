//! R5 and R6: thousands of seeded histories, and errors planted on purpose, which they must find.

use crate::clock::Chance;
use crate::plans::{self, KINDS};
use crate::state::Faults;
use crate::story::Story;
use agent::executor::bugs::{self, Bug};
use domain::plan::Plan;
use domain::run::Status;
use std::time::Instant;

/// Histories of one test; `MYCOPOD_SEEDS` sets another number.
const SEEDS: u64 = 1_500;
/// Histories within which a planted error must be found.
const SEEDS_PER_BUG: u64 = 2_000;

fn seeds() -> u64 {
    std::env::var("MYCOPOD_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

/// One history; answers with what must not have happened.
fn history(seed: u64, plans: &[Plan], ends: &[std::collections::BTreeMap<String, String>]) -> Vec<String> {
    let which = usize::try_from(seed).unwrap() % plans.len();
    let mut story = Story::new(seed, &plans[which], Faults::F20);
    let mut chance = Chance::new(seed ^ 0xd157);
    if chance.below(6) == 0 {
        // Another hand took a number that the plan is to use.
        story.shared.world().steal(&plans[which]);
    }
    story.disturb = Some(chance);
    story.run_to_its_end();
    let mut world = story.shared.world();
    let mut wrong = std::mem::take(&mut world.violations);
    let run = world.run(story.run);
    if run.status != Status::Completed {
        wrong.push(format!("it ended as {:?}", run.status));
    } else if world.model.state() != ends[which] {
        wrong.push("the cluster is not as it is without faults".to_owned());
    }
    for (vmid, count) in &world.model.made {
        if *count > 1 {
            wrong.push(format!("guest {vmid} was made {count} times"));
        }
        if !world.cluster.claims.contains_key(vmid) && wrong.is_empty() {
            wrong.push(format!("guest {vmid} is an orphan: nobody claimed it"));
        }
    }
    wrong
}

fn ground() -> (Vec<Plan>, Vec<std::collections::BTreeMap<String, String>>) {
    let plans: Vec<Plan> = KINDS.iter().map(|(_, text)| plans::plan(text)).collect();
    let ends = plans.iter().map(|plan| {
        let mut story = Story::new(1, plan, Faults::default());
        story.run_to_its_end();
        story.shared.state()
    });
    let ends = ends.collect();
    (plans, ends)
}

#[test]
fn r5_no_history_breaks_a_rule() {
    let (plans, ends) = ground();
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let count = seeds();
    let failed: Vec<(u64, Vec<String>)> = std::thread::scope(|scope| {
        let work = |first: u64| {
            let (plans, ends) = (&plans, &ends);
            scope.spawn(move || {
                let all = (first..count).step_by(usize::try_from(threads).unwrap());
                all.map(|seed| (seed, history(seed, plans, ends))).find(|(_, wrong)| !wrong.is_empty())
            })
        };
        let handles: Vec<_> = (0..threads).map(work).collect();
        handles.into_iter().filter_map(|handle| handle.join().unwrap()).collect()
    });
    println!("{count} seeds in {:.1} s", begun.elapsed().as_secs_f64());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn r6_every_planted_error_is_found() {
    let (plans, ends) = ground();
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        bugs::plant(Some(bug));
        let found = (0..SEEDS_PER_BUG)
            .map(|seed| (seed, history(seed, &plans, &ends)))
            .find(|(_, wrong)| !wrong.is_empty());
        bugs::plant(None);
        match found {
            Some((seed, wrong)) => println!("{bug:?}: seed {seed}: {}", wrong[0]),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found within {SEEDS_PER_BUG} seeds each: {missed:?}");
}
