//! `mycopod bench --guests N`: how much longer runs take than the tasks they wait for, how much memory the Agent needs, and
//! how soon a page shows what happened.
//!
//! The shortest time is worked out in [`shortest`]; what the real run took beyond that is our own share. How soon a call is
//! visible is read from the live stream of the run's page, in [`watching`].

mod shortest;
mod watching;

use super::{bench, pages};
use crate::args::{DemoArgs, Person};
use crate::context::{Context, READ_OWN_WRITE, by, load, read_failed, refused, store_failed, until};
use crate::demo::{Place, World};
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use chrono::{DateTime, Utc};
use domain::account::Actor;
use domain::declaration::{Command, Declaration, Status};
use domain::event::Category;
use domain::ids::{DeclarationId, RunId, SETTINGS};
use domain::run::{self, Event, Run};
use domain::settings::{self, Settings};
use eventstore::{EventLog, StreamId};
use std::time::Duration;
use uuid::Uuid;
use watching::Watcher;

const WAIT: Duration = Duration::from_secs(60 * 60);
/// The last events of a run reach its page within this, or that is a fault.
const VISIBLE_WAIT: Duration = Duration::from_secs(20);

/// What one round showed.
#[derive(Default)]
struct Round {
    /// Seconds that its runs took, and the least they could have taken.
    took: f64,
    least: f64,
    memory_mib: Option<u64>,
    /// Milliseconds until a call's intent, and its answer, were on the page.
    issued_ms: Vec<f64>,
    answered_ms: Vec<f64>,
}

/// Half VMs, half containers, each round in a world of its own. `time_scale` 1 is about as long as tasks take on a small
/// cluster.
pub async fn run(guests: u32, rounds: u32, time_scale: f64) -> Outcome {
    bench::machine();
    out!(
        "workload     {guests} guests in two declarations, tasks at {time_scale} of their usual time, {rounds} rounds\n"
    );
    out!("{:<40} {:>9} {:>9} {:>9}", "", "took", "tasks", "overhead");
    let mut all = Vec::new();
    for no in 1..=rounds {
        let place = Place::open(None, false)?;
        let args =
            DemoArgs { keep: None, reset: false, port: 0, script: None, cluster: None, time_scale, poll: 5 };
        let world = World::start(&place, &args).await?;
        let told = round(&world, guests).await;
        let stopped = world.stop().await;
        place.leave();
        let round = told?;
        stopped?;
        line(&format!("round {no} together"), round.took, round.least);
        all.push(round);
    }
    summary(&all);
    Ok(())
}

fn summary(all: &[Round]) {
    let overheads = all.iter().map(|round| overhead(round.took, round.least)).collect();
    out!("\nmedians of {} rounds", all.len());
    out!("overhead over the critical path          {:>8.1} %", median(overheads));
    let memory: Vec<f64> = all.iter().filter_map(|round| round.memory_mib).map(|mib| mib as f64).collect();
    match memory.is_empty() {
        true => out!("memory of the Agent at its most          not told by this system"),
        false => out!("memory of the Agent at its most          {:>8.0} MiB", median(memory)),
    }
    type Times = fn(&Round) -> &Vec<f64>;
    let kinds: [(&str, Times); 2] = [
        ("call recorded until on the page", |round| &round.issued_ms),
        ("answer recorded until on the page", |round| &round.answered_ms),
    ];
    for (what, of) in kinds {
        let at = |part: f64| median(all.iter().map(|round| percentile(of(round).clone(), part)).collect());
        let count: usize = all.iter().map(|round| of(round).len()).sum();
        out!("{what:<40} {:>8.0} ms p50 {:>6.0} ms p99   ({count} of them)", at(0.5), at(0.99));
    }
}

async fn round(world: &World, guests: u32) -> Result<Round, Failure> {
    let (bo, _) = world.context.person(&Person { name: Some("bo".into()) }).await?;
    let (ada, _) = world.context.person(&Person { name: Some("ada".into()) }).await?;
    widen(&world.context, guests, ada).await?;
    let port = world.url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let login = world.logins.iter().find(|login| login.name == "ada");
    let login = login.ok_or_else(|| Failure::new(Code::Failed, "the demonstration has no Admin", ""))?;
    let page = Page { port, cookie: pages::sign_in(port, login.name, &login.password).await? };
    let half = guests / 2;
    let rest = guests - half;
    let texts = [
        format!("{half} Debian VMs called v-1 to v-{half}, 1 core, 512 MB of memory and 5 GB disk each."),
        format!(
            "{rest} Debian containers called c-1 to c-{rest}, 1 core, 256 MB of memory and 4 GB disk each."
        ),
    ];
    let mut seen = Round::default();
    for text in texts {
        let (run, watcher) = carry_out(world, &page, &text, bo, ada).await?;
        let history = history(&world.context, run).await?;
        let (state, _) = load::<Run>(&world.context.store, Category::Run, run.0).await?;
        let at =
            |event: Option<&(DateTime<Utc>, i64, Event)>| event.map_or(DateTime::UNIX_EPOCH, |event| event.0);
        let took = (at(history.last()) - at(history.first())).as_seconds_f64();
        let least = shortest::of(&state, &history, &shortest::tasks(&world.simulator.state_json()));
        line(&text, took, least);
        seen.took += took;
        seen.least += least;
        for (recorded_at, position, event) in &history {
            let lags = match event {
                Event::CallIssued { .. } => &mut seen.issued_ms,
                Event::CallAnswered { .. } => &mut seen.answered_ms,
                _ => continue,
            };
            let lag = watcher.lag_ms(*position, *recorded_at);
            lags.push(lag.ok_or_else(|| Failure::new(Code::Failed, "a call never came to the page", ""))?);
        }
    }
    seen.memory_mib = world.agent_memory_mib().await;
    Ok(seen)
}

/// A browser that is signed in.
struct Page {
    port: u16,
    cookie: String,
}

async fn history(context: &Context, run: RunId) -> Result<Vec<(DateTime<Utc>, i64, Event)>, Failure> {
    let stream = StreamId::new(Category::Run, run.0);
    let recorded = context.store.read_stream(stream, 1).await.map_err(store_failed)?;
    let read = |one: &eventstore::Recorded| {
        Ok((one.recorded_at, one.position, eventstore::decode(one).map_err(store_failed)?))
    };
    recorded.iter().map(read).collect()
}

fn overhead(took: f64, least: f64) -> f64 {
    (took - least) * 100.0 / least.max(0.001)
}

fn median(values: Vec<f64>) -> f64 {
    percentile(values, 0.5)
}

/// By nearest rank.
fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (part * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

fn line(name: &str, took: f64, least: f64) {
    let name: String = name.chars().take(40).collect();
    out!("{name:<40} {took:>7.1} s {least:>7.1} s {:>7.1} %", overhead(took, least));
}

/// Rules under which so many guests may be made at once.
async fn widen(context: &Context, guests: u32, ada: Actor) -> Outcome {
    let (settings, _) = load::<Settings>(&context.store, Category::Settings, SETTINGS).await?;
    let mut rules = settings.rules.ok_or_else(|| Failure::new(Code::Failed, "no rules are set", ""))?;
    rules.house.policy.create_max = guests as usize;
    rules.vmid_last = 9_999.max(rules.vmid_first + guests);
    let command = settings::Command::SetRules { rules, by: Some(ada) };
    let stream = StreamId::new(Category::Settings, SETTINGS);
    context.store.handle::<Settings>(stream, command, by(ada), None).await.map(drop).map_err(refused)
}

/// Declares, approves and applies a text, with the page of its run open; until the page has all of it.
async fn carry_out(
    world: &World,
    page: &Page,
    text: &str,
    bo: Actor,
    ada: Actor,
) -> Result<(RunId, Watcher), Failure> {
    let store = &world.context.store;
    let id = DeclarationId(Uuid::now_v7());
    let stream = StreamId::new(Category::Declaration, id.0);
    let tell = async |actor: Actor, command: Command| {
        store.handle::<Declaration>(stream, command, by(actor), None).await.map(drop).map_err(refused)
    };
    tell(bo, Command::Draft { by: bo, title: String::new(), text: text.to_owned(), follows: None }).await?;
    tell(bo, Command::Preview { by: bo }).await?;
    let ended = |state: &Declaration| !matches!(state.status, Status::Previewing { .. });
    let state = wait(until::<Declaration>(store, Category::Declaration, id.0, WAIT, ended).await?)?;
    let (Status::Proposed, Some(plan)) = (&state.status, state.digest.clone()) else {
        return Err(Failure::new(Code::Failed, format!("{text} {:?}", state.status), ""));
    };
    let now = Utc::now();
    tell(ada, Command::Approve { by: ada, plan: plan.clone(), confirmed: vec![], alone: false, now }).await?;
    tell(ada, Command::Commit { by: ada, plan: plan.clone(), now }).await?;
    let committed = |state: &Declaration| matches!(state.status, Status::Committed { .. });
    let state = wait(until::<Declaration>(store, Category::Declaration, id.0, WAIT, committed).await?)?;
    let Status::Committed { commit } = &state.status else {
        return Err(Failure::new(Code::Failed, "it was not committed", ""));
    };
    let run = run::id_for(id, commit, &plan);
    wait(until::<Run>(store, Category::Run, run.0, WAIT, |run| run.status != run::Status::None).await?)?;
    let head = store.head().await.map_err(store_failed)?.position;
    world.context.reader.wait_for(head, READ_OWN_WRITE).await.map_err(read_failed)?;
    let row = wait(world.context.reader.run_by_id(run).await.map_err(read_failed)?)?;
    let mut watcher = Watcher::open(page.port, &page.cookie, row.no).await?;
    let over = |run: &Run| run.is_over() || matches!(run.status, run::Status::Paused { .. });
    let state = wait(until::<Run>(store, Category::Run, run.0, WAIT, over).await?)?;
    let last = history(&world.context, run).await?.last().map_or(0, |(_, position, _)| *position);
    if !watcher.caught_up(last, VISIBLE_WAIT).await {
        let what = format!("the page of the run did not show its end within {} s", VISIBLE_WAIT.as_secs());
        return Err(Failure::new(Code::Failed, what, "look into serve.log"));
    }
    match state.status {
        run::Status::Completed => Ok((run, watcher)),
        status => {
            Err(Failure::new(Code::Failed, format!("the run ended as {status:?}"), "look into agent.log"))
        }
    }
}

fn wait<T>(state: Option<T>) -> Result<T, Failure> {
    state.ok_or_else(|| Failure::new(Code::Unavailable, "the Agent took too long", "look into agent.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(values.clone(), 0.5), percentile(values.clone(), 0.99)), (100.0, 198.0));
        assert_eq!((percentile(values, 1.0), percentile(vec![], 0.5), median(vec![3.0])), (200.0, 0.0, 3.0));
        assert!((overhead(10.5, 10.0) - 5.0).abs() < 1e-9);
    }
}
