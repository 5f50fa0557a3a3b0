//! `mycopod bench`: figures of this machine, on a simulated world of its own. Nothing is asserted; the numbers are
//! printed with what they were measured on.

use crate::args::DemoArgs;
use crate::context::{by, refused, until};
use crate::demo::{Place, World};
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use domain::account::Actor;
use domain::declaration::{Command, Declaration, Status};
use domain::event::Category;
use domain::ids::DeclarationId;
use domain::run::{self, Run};
use eventstore::{EventLog, StreamId};
use std::time::{Duration, Instant};
use uuid::Uuid;

const WAIT: Duration = Duration::from_secs(60);

pub async fn run(rounds: u32) -> Outcome {
    let place = Place::open(None, false)?;
    let args = DemoArgs {
        keep: None,
        reset: false,
        port: 0,
        script: None,
        cluster: None,
        time_scale: 0.0,
        poll: 30,
    };
    let begun = Instant::now();
    let world = World::start(&place, &args).await?;
    let ready = begun.elapsed();
    let told = figures(&world, rounds, ready).await;
    let stopped = world.stop().await;
    place.leave();
    told.and(stopped)
}

/// What figures were measured on.
pub(super) fn machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let build = if cfg!(debug_assertions) { "development build" } else { "release build" };
    let git = std::process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok();
    let commit =
        git.filter(|git| git.status.success()).map(|git| String::from_utf8_lossy(&git.stdout).into_owned());
    out!(
        "machine      {cores} cores, {} GiB, load {}",
        memory.unwrap_or(0) / 1_048_576,
        load.split(' ').next().unwrap_or("?")
    );
    out!(
        "program      mycopod {} ({build}), commit of this folder {}",
        env!("CARGO_PKG_VERSION"),
        commit.as_deref().map_or("unknown", str::trim)
    );
}

async fn figures(world: &World, rounds: u32, ready: Duration) -> Outcome {
    machine();
    out!("workload     simulated cluster of 3 nodes and 10 guests, tasks at once, {rounds} rounds\n");
    out!("{:<44} {:>9} {:>9} {:>9}", "", "median", "p95", "max");
    out!("{:<44} {:>9}", "demonstration ready", ms(ready));

    let person = crate::args::Person { name: Some("bo".into()) };
    let (bo, _) = world.context.person(&person).await?;
    let (ada, _) = world.context.person(&crate::args::Person { name: Some("ada".into()) }).await?;
    let (mut previews, mut starts, mut visible) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let text = format!("A Debian 12 VM called bench-{round}, 1 core, 1 gig of memory, 10 GB disk.");
        let id = DeclarationId(Uuid::now_v7());
        tell(world, id, bo, Command::Draft { by: bo, title: String::new(), text, follows: None }).await?;
        let begun = Instant::now();
        tell(world, id, bo, Command::Preview { by: bo }).await?;
        let ended = |state: &Declaration| !matches!(state.status, Status::Previewing { .. });
        let state = wait(
            until::<Declaration>(&world.context.store, Category::Declaration, id.0, WAIT, ended).await?,
        )?;
        previews.push(begun.elapsed());
        let (Status::Proposed, Some(plan)) = (&state.status, state.digest.clone()) else {
            return Err(Failure::new(Code::Failed, format!("round {round}: {:?}", state.status), ""));
        };
        let now = chrono::Utc::now();
        tell(
            world,
            id,
            ada,
            Command::Approve { by: ada, plan: plan.clone(), confirmed: vec![], alone: false, now },
        )
        .await?;
        tell(world, id, ada, Command::Commit { by: ada, plan: plan.clone(), now }).await?;
        let committed = |state: &Declaration| matches!(state.status, Status::Committed { .. });
        let state = wait(
            until::<Declaration>(&world.context.store, Category::Declaration, id.0, WAIT, committed).await?,
        )?;
        let Status::Committed { commit } = &state.status else { continue };
        let begun = Instant::now();
        let run = run::id_for(id, commit, &plan).0;
        let started = |run: &Run| run.status != run::Status::None;
        wait(until::<Run>(&world.context.store, Category::Run, run, WAIT, started).await?)?;
        starts.push(begun.elapsed());
        let over = |run: &Run| run.is_over() || matches!(run.status, run::Status::Paused { .. });
        wait(until::<Run>(&world.context.store, Category::Run, run, WAIT, over).await?)?;
        // The last event of the run, until the read models that the page is drawn from have it.
        let head = world.context.store.head().await.map_err(crate::context::store_failed)?.position;
        let begun = Instant::now();
        world.context.reader.wait_for(head, WAIT).await.map_err(crate::context::read_failed)?;
        visible.push(begun.elapsed());
    }
    line("preview, asked to plan (scripted interpreter)", previews);
    line("commit to run start, repository nudged", starts);
    line("event to read model", visible);
    let ada = world.logins.iter().find(|login| login.name == "ada");
    let ada = ada.ok_or_else(|| Failure::new(Code::Failed, "the demonstration has no Admin", ""))?;
    let port = world.url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    line("page, six an Admin opens most", super::pages::time(port, ada.name, &ada.password, rounds).await?);
    Ok(())
}

async fn tell(world: &World, id: DeclarationId, actor: Actor, command: Command) -> Outcome {
    let stream = StreamId::new(Category::Declaration, id.0);
    world
        .context
        .store
        .handle::<Declaration>(stream, command, by(actor), None)
        .await
        .map(drop)
        .map_err(refused)
}

fn wait<T>(state: Option<T>) -> Result<T, Failure> {
    state.ok_or_else(|| {
        Failure::new(Code::Unavailable, "the Agent took longer than a minute", "look into agent.log")
    })
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: f64| {
        times.get(((times.len() as f64 - 1.0) * part).round() as usize).copied().unwrap_or_default()
    };
    out!("{name:<44} {:>9} {:>9} {:>9}", ms(at(0.5)), ms(at(0.95)), ms(at(1.0)));
}
