//! The Agent's ports onto the story: looking, sending and remembering, each a moment long and each a place to die.

use crate::state::Shared;
use agent::api::{Sent, TaskLook};
use agent::executor::ports::{Books, Hands};
use agent::log::LogError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::cluster::{self, Cluster};
use domain::ids::{RunId, Vmid};
use domain::plan::{Call, Look, LookAt};
use domain::run::{self, CallNo, Event, Run, TaskEnd};
use std::sync::Arc;
use std::time::Duration;

/// A lease is believed for this long.
const LEASE_AGE_MS: u64 = 5_000;

/// One Agent: which incarnation it is, and the run it carries out.
#[derive(Clone)]
pub struct Agent {
    pub shared: Shared,
    pub epoch: u64,
    pub run: RunId,
}

impl Agent {
    async fn moment(&self, ms: u64) {
        self.shared.pass().await;
        self.shared.clock.sleep(ms).await;
    }
}

impl Hands for Agent {
    async fn look(&self, at: &LookAt) -> Look {
        self.moment(3).await;
        let mut world = self.shared.world();
        let faults = world.faults;
        if world.chance.lot(faults.look_fails) {
            return Look::CannotTell { why: "596 connection timed out".into() };
        }
        world.model.look(at)
    }

    async fn send(&self, call: &Call, at: CallNo) -> Sent {
        self.shared.pass().await;
        let now = self.shared.clock.now_ms();
        let answer = {
            let mut world = self.shared.world();
            let faults = world.faults;
            world.check_send(self.run, self.epoch, call, at, now);
            let nth = world.sends;
            world.sends += 1;
            let refused = |text: &str, transient: bool, look_again: bool| Sent::Refused {
                status: Some(500),
                message: text.to_owned(),
                transient,
                advice: "look".into(),
                ms: 1,
                look_again,
            };
            if world.refuse_send == Some(nth) {
                refused("no such thing", false, false)
            } else if world.chance.lot(faults.refused) {
                refused("got timeout", true, false)
            } else if world.chance.lot(faults.lost_before) {
                Sent::Unknown { why: "the connection was reset".into() }
            } else {
                let lost = world.chance.lot(faults.lost_after);
                match world.carry_out(call, now) {
                    _ if lost => Sent::Unknown { why: "no answer came".into() },
                    Err((text, transient, look_again)) => refused(&text, transient, look_again),
                    Ok(upid) => Sent::Answered {
                        status: 200,
                        reason: "OK".into(),
                        answer: "null".into(),
                        upid,
                        ms: 1,
                    },
                }
            }
        };
        // The bytes are away; the answer is on its way back.
        self.moment(5).await;
        answer
    }

    async fn task(&self, upid: &str, _: u32, _: bool) -> TaskLook {
        self.moment(2).await;
        let mut world = self.shared.world();
        let faults = world.faults;
        if world.chance.lot(faults.task_silent) {
            return TaskLook::CannotTell { why: "the node does not answer".into() };
        }
        let end = world.model.tasks.iter().find(|task| task.upid == upid).map(|task| task.end.clone());
        match end {
            Some(None) => TaskLook::Running { new: vec![] },
            Some(Some(end)) => {
                let transient = matches!(end, TaskEnd::Failed { .. });
                TaskLook::Ended { new: vec!["TASK OK".into()], end, transient, advice: "look".into() }
            }
            None => TaskLook::Ended {
                new: vec![],
                end: TaskEnd::Unexpected {},
                transient: false,
                advice: String::new(),
            },
        }
    }

    async fn active_task(
        &self,
        _: &Option<String>,
        kinds: &[&str],
        vmids: &[Vmid],
    ) -> Result<Option<String>, String> {
        self.moment(2).await;
        let world = self.shared.world();
        let works = |task: &&crate::model::Task| {
            task.end.is_none()
                && vmids.contains(&task.vmid)
                && (kinds.is_empty() || kinds.contains(&task.kind))
        };
        Ok(world.model.tasks.iter().find(works).map(|task| task.upid.clone()))
    }
}

impl Books for Agent {
    async fn run(&self) -> Result<Arc<Run>, LogError> {
        Ok(self.shared.world().run(self.run))
    }

    async fn record(&self, events: Vec<Event>) -> Result<(), LogError> {
        self.shared.pass().await;
        {
            let mut world = self.shared.world();
            let faults = world.faults;
            if self.epoch != world.epoch {
                return Err(LogError::Fenced);
            }
            if world.chance.lot(faults.append_fails) {
                return Err(LogError::Unavailable("the database is away".into()));
            }
            let now = self.shared.clock.now_ms();
            world.tell(self.run, run::Command::Record(events), now)?;
        }
        // Durable; the Agent has not heard it yet.
        self.moment(1).await;
        Ok(())
    }

    async fn cluster(&self) -> Result<Cluster, LogError> {
        Ok(self.shared.world().cluster.clone())
    }

    async fn tell_cluster(&self, command: cluster::Command) -> Result<(), LogError> {
        self.moment(1).await;
        let mut world = self.shared.world();
        if self.epoch != world.epoch {
            return Err(LogError::Fenced);
        }
        world.tell_cluster(command)
    }

    fn fresh(&self) -> bool {
        let now = self.shared.clock.now_ms();
        let world = self.shared.world();
        world.stopped.get(&self.epoch).is_none_or(|since| now - since < LEASE_AGE_MS)
    }

    fn is_lost(&self) -> bool {
        false
    }

    fn id(&self) -> RunId {
        self.run
    }

    fn now(&self) -> DateTime<Utc> {
        let ms = i64::try_from(self.shared.clock.now_ms()).unwrap();
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    async fn sleep(&self, time: Duration) {
        self.moment(u64::try_from(time.as_millis()).unwrap()).await;
    }

    fn chance(&self) -> f64 {
        self.shared.world().chance.unit()
    }
}
