//! `mycopod bench --guests N`: how much longer runs take than the tasks they wait for, and how much memory the Agent needs.
//!
//! The shortest time is not guessed: the same run is carried out once more in virtual time, with the same lanes, each call
//! taking exactly what the simulated cluster says its task took, and everything else nothing. What the real run took beyond
//! that is our own share.

use crate::args::{DemoArgs, Person};
use crate::context::{Context, by, load, refused, store_failed, until};
use crate::demo::{Place, World};
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use chrono::{DateTime, Utc};
use domain::account::Actor;
use domain::decider::Decider;
use domain::declaration::{Command, Declaration, Status};
use domain::event::Category;
use domain::ids::{DeclarationId, RunId, SETTINGS};
use domain::run::{self, Action, CallNo, Event, Run};
use domain::settings::{self, Settings};
use eventstore::{EventLog, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

const WAIT: Duration = Duration::from_secs(60 * 60);

/// Half VMs, half containers. `time_scale` 1 is about as long as tasks take on a small cluster.
pub async fn run(guests: u32, time_scale: f64) -> Outcome {
    let place = Place::open(None, false)?;
    let args =
        DemoArgs { keep: None, reset: false, port: 0, script: None, cluster: None, time_scale, poll: 5 };
    let world = World::start(&place, &args).await?;
    let told = figures(&world, guests, time_scale).await;
    let stopped = world.stop().await;
    place.leave();
    told.and(stopped)
}

async fn figures(world: &World, guests: u32, time_scale: f64) -> Outcome {
    let (bo, _) = world.context.person(&Person { name: Some("bo".into()) }).await?;
    let (ada, _) = world.context.person(&Person { name: Some("ada".into()) }).await?;
    widen(&world.context, guests, ada).await?;
    let half = guests / 2;
    let texts = [
        format!("{half} Debian VMs called v-1 to v-{half}, 1 core, 512 MB of memory and 5 GB disk each."),
        format!(
            "{} Debian containers called c-1 to c-{}, 1 core, 256 MB of memory and 4 GB disk each.",
            guests - half,
            guests - half
        ),
    ];
    let build = if cfg!(debug_assertions) { "development build" } else { "release build" };
    out!(
        "workload     {guests} guests in two declarations, tasks at {time_scale} of their usual time, {build}\n"
    );
    out!("{:<34} {:>9} {:>9} {:>9}", "", "took", "tasks", "overhead");
    let (mut took, mut least) = (0.0, 0.0);
    for text in texts {
        let run = carry_out(world, &text, bo, ada).await?;
        let real = lasted(&world.context, run).await?;
        let (state, _) = load::<Run>(&world.context.store, Category::Run, run.0).await?;
        let shortest = shortest(&state, &times(world));
        line(&text, real, shortest);
        took += real;
        least += shortest;
    }
    line("together", took, least);
    match world.agent_memory_mib().await {
        Some(mib) => out!("\nmemory of the Agent at its most    {mib} MiB"),
        None => out!("\nmemory of the Agent at its most    not told by this system"),
    }
    Ok(())
}

fn line(name: &str, took: f64, least: f64) {
    let name: String = name.chars().take(34).collect();
    out!("{name:<34} {took:>7.1} s {least:>7.1} s {:>7.1} %", (took - least) * 100.0 / least.max(0.001));
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

async fn carry_out(world: &World, text: &str, bo: Actor, ada: Actor) -> Result<RunId, Failure> {
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
    let over = |run: &Run| run.is_over() || matches!(run.status, run::Status::Paused { .. });
    let state = wait(until::<Run>(store, Category::Run, run.0, WAIT, over).await?)?;
    match state.status {
        run::Status::Completed => Ok(run),
        status => {
            Err(Failure::new(Code::Failed, format!("the run ended as {status:?}"), "look into agent.log"))
        }
    }
}

fn wait<T>(state: Option<T>) -> Result<T, Failure> {
    state.ok_or_else(|| Failure::new(Code::Unavailable, "the Agent took too long", "look into agent.log"))
}

/// From the run's start to its end, in seconds.
async fn lasted(context: &Context, run: RunId) -> Result<f64, Failure> {
    let stream = StreamId::new(Category::Run, run.0);
    let history = context.store.read_stream(stream, 1).await.map_err(store_failed)?;
    let at =
        |event: Option<&eventstore::Recorded>| event.map_or(DateTime::UNIX_EPOCH, |event| event.recorded_at);
    Ok((at(history.last()) - at(history.first())).as_seconds_f64())
}

/// Mean seconds of each kind of task, by the simulated cluster's own account: it tells whole seconds, and over many tasks
/// the rounding evens out.
fn times(world: &World) -> BTreeMap<String, f64> {
    let state = world.simulator.state_json();
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for task in state["tasks"].as_array().into_iter().flatten() {
        let (Some(kind), Some(from), Some(to)) =
            (task["kind"].as_str(), task["starttime"].as_i64(), task["endtime"].as_i64())
        else {
            continue;
        };
        let sum = sums.entry(kind.to_owned()).or_default();
        *sum = (sum.0 + (to - from) as f64, sum.1 + 1.0);
    }
    sums.into_iter().map(|(kind, (sum, count))| (kind, sum / count)).collect()
}

/// The kind of task that a call starts; empty where it is done at once.
fn kind(run: &Run, at: CallNo) -> &'static str {
    let Some(call) = run.call(at) else { return "" };
    let vm = call.path.contains("/qemu");
    match call.path.rsplit('/').next().unwrap_or_default() {
        "clone" => "qmclone",
        "lxc" => "vzcreate",
        "qemu" => "qmcreate",
        "resize" => "resize",
        "start" if vm => "qmstart",
        "start" => "vzstart",
        _ => "",
    }
}

/// The run once more in virtual time, with nothing but its tasks; in seconds.
fn shortest(done: &Run, times: &BTreeMap<String, f64>) -> f64 {
    let (Some(plan), Some(digest), Some(declaration)) = (&done.plan, &done.digest, done.declaration) else {
        return 0.0;
    };
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
        for action in state.next_beside(&busy.keys().copied().collect::<BTreeSet<_>>()) {
            match action {
                Action::Take { at, attempt, .. } => {
                    let took = times.get(kind(&state, at)).copied().unwrap_or(0.0);
                    let issued = Event::CallIssued { at, attempt, request: String::new() };
                    state = state.evolve(&issued);
                    busy.insert(at.step, (now + took, at));
                }
                Action::FinishStep { step, .. } => state = state.evolve(&Event::StepSucceeded { step }),
                _ => state = state.evolve(&Event::RunCompleted { done: 0, already: 0, skipped: 0 }),
            }
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
