//! `mycopod demo`: everything on this machine, with a simulated cluster, in one process tree.
//!
//! Begin with [`run`]. This process holds the private Postgres and the simulated cluster; UI and Agent are child
//! processes that share nothing but the log, as they would in two containers. All of it ends with this process.
//!
//! Never here: anything a real installation does not do too. The demonstration uses the same services.

mod children;
mod place;
pub mod seed;
pub mod story;
mod world;

use crate::args::DemoArgs;
use crate::failure::{Failure, Outcome};
use crate::{note, out};
pub use children::parent_gone;
use domain::account::Role;
pub use place::Place;
use std::time::Instant;
pub use world::World;
pub use world::made_up_password;

/// Texts that show what it can do on the built-in cluster.
const TRY: [&str; 3] = [
    "A Debian 12 VM called scratch, 2 cores, 4 gigs of memory, 30 GB disk.",
    "Three Ubuntu VMs for Kubernetes, 4 cores and 8 GB each, one per server.",
    "Give the web-old machine 8 gigs instead of 4.",
];

pub async fn run(args: DemoArgs) -> Outcome {
    let begun = Instant::now();
    let place = Place::open(args.keep.as_deref(), args.reset)?;
    let world = World::start(&place, &args).await?;
    if let Some(script) = &args.script {
        let told = story::play(script, &world).await;
        let stopped = world.stop().await;
        place.leave();
        return told.and(stopped);
    }
    announce(&world, &place, begun);
    let ended = tokio::select! {
        ended = world.ended() => Err(ended),
        _ = tokio::signal::ctrl_c() => Ok(()),
        () = crate::commands::terminated() => Ok(()),
    };
    note!("Stopping UI, Agent, simulated cluster and database …");
    let stopped = world.stop().await;
    place.leave();
    ended.and(stopped)
}

fn announce(world: &World, place: &Place, begun: Instant) {
    out!(
        "MycoPod demonstration, ready after {:.1} s. Nothing here is real.\n",
        begun.elapsed().as_secs_f64()
    );
    out!("  open      {}", world.url);
    for login in &world.logins {
        let may = match login.role {
            Role::Admin => "Admin: reviews, approves, applies",
            Role::User => "User: drafts, previews, asks for approval",
        };
        out!("  sign in   {:<4} {}   ({may})", login.name, login.password);
    }
    out!("\n  try       {}", TRY.join("\n            "));
    out!("\n  data      {}{}", place.dir.display(), if place.kept { "" } else { " (removed at the end)" });
    out!("  commands  mycopod --config {} runs list", place.config_file().display());
    out!(
        "  cluster   {} (simulated; faults and ledger: http://{})",
        world.cluster_url(),
        world.control_addr()
    );
    out!("  stop      Ctrl-C\n");
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new(crate::failure::Code::Failed, error, "check that the folder can be written to")
    }
}
