//! One story: a plan is carried out by an Agent that dies and is started again, until nothing is left to do.

use crate::clock::Chance;
use crate::hands::Agent;
use crate::plans::DECLARATION;
use crate::state::{Faults, Shared};
use agent::executor::Executor;
use agent::log::LogError;
use domain::account::{Actor, Role};
use domain::cluster;
use domain::ids::{AccountId, RunId};
use domain::plan::Plan;
use domain::run::{self, Cause, Command, Run, Status, way_back};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use uuid::Uuid;

pub const ADA: Actor = Actor { id: AccountId(Uuid::from_u128(0xada)), role: Role::Admin };
/// Resumes after which faults end: what is left must work out.
const RESUMES_WITH_FAULTS: usize = 6;
const TURNS_MAX: usize = 400;

type Work = Pin<Box<dyn Future<Output = Result<(), LogError>>>>;

pub struct Story {
    pub shared: Shared,
    pub run: RunId,
    pub kills: usize,
    pub pauses: usize,
    /// How it is disturbed beside the faults of calls.
    pub disturb: Option<Chance>,
}

/// How one stretch of work ended.
enum Turn {
    Ended(Result<(), LogError>),
    Died,
}

impl Story {
    pub fn new(seed: u64, plan: &Plan, faults: Faults) -> Self {
        let shared = Shared::new(seed, faults);
        let run = RunId(Uuid::from_u128(1));
        let mut story = Self { shared, run, kills: 0, pauses: 0, disturb: None };
        story.begin(run, plan, Cause::Commit);
        story
    }

    pub fn begin(&mut self, run: RunId, plan: &Plan, cause: Cause) {
        let start = Command::Start {
            declaration: DECLARATION,
            digest: plan.digest(),
            commit: "c1".into(),
            plan: Box::new(plan.clone()),
            cause,
        };
        self.shared.world().tell(run, start, 0).unwrap();
        self.run = run;
    }

    pub fn state(&self) -> Arc<Run> {
        self.shared.world().run(self.run)
    }

    fn work(&self) -> Work {
        let agent = Agent { shared: self.shared.clone(), epoch: self.shared.world().epoch, run: self.run };
        Box::pin(async move { Executor { hands: &agent, books: &agent }.carry_out().await })
    }

    /// Lets the work go on until it ends or its process dies. A disturbed one is stopped for a while, and another Agent
    /// takes the lease meanwhile.
    fn drive(&mut self, mut work: Work) -> Turn {
        let mut context = Context::from_waker(Waker::noop());
        let mut zombie: Option<(Work, u64)> = None;
        loop {
            if let Poll::Ready(outcome) = work.as_mut().poll(&mut context) {
                // The one that was stopped goes on, and must not act.
                if let Some((mut stopped, _)) = zombie.take() {
                    self.let_run_out(&mut stopped);
                }
                return Turn::Ended(outcome);
            }
            if self.shared.world().died {
                self.shared.world().died = false;
                return Turn::Died;
            }
            if let Some((stopped, until)) = &mut zombie
                && self.shared.clock.now_ms() >= *until
            {
                // It finds that it lost the lease at its next append or call.
                if stopped.as_mut().poll(&mut context).is_ready() {
                    zombie = None;
                }
            }
            self.disturb(&mut work, &mut zombie);
            if !self.shared.clock.advance() {
                return Turn::Ended(Err(LogError::Unavailable("nobody waits for anything".into())));
            }
        }
    }

    fn let_run_out(&self, stopped: &mut Work) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if stopped.as_mut().poll(&mut context).is_ready() || !self.shared.clock.advance() {
                return;
            }
        }
    }

    fn disturb(&mut self, work: &mut Work, zombie: &mut Option<(Work, u64)>) {
        let Some(chance) = &mut self.disturb else { return };
        let now = self.shared.clock.now_ms();
        match chance.below(600) {
            0 => {
                let reason = "a storm".to_owned();
                let _ = self.shared.world().tell_cluster(cluster::Command::Freeze { by: None, reason });
            }
            1 => {
                let _ = self.shared.world().tell_cluster(cluster::Command::Thaw { by: None });
            }
            2 => self.shared.world().foreign_task(9001, now),
            3 => {
                let next = self.shared.world().passed + 1 + chance.below(20);
                self.shared.world().die_at = Some(next);
            }
            4 if zombie.is_none() => {
                // SIGSTOP, until long after the lease ran out; another one takes over.
                {
                    let mut world = self.shared.world();
                    let epoch = world.epoch;
                    world.stopped.insert(epoch, now);
                    world.epoch += 1;
                }
                self.shared.clock.skip(20_000);
                let stopped = std::mem::replace(work, self.work());
                let until = self.shared.clock.now_ms() + self.disturb.as_mut().map_or(0, |c| c.below(3_000));
                *zombie = Some((stopped, until));
            }
            _ => {}
        }
    }

    /// Goes on, restarted after each death and resumed after each pause, until the run is over. A person thaws, resumes
    /// and after a while sees to it that the cluster works.
    pub fn run_to_its_end(&mut self) {
        for _ in 0..TURNS_MAX {
            let work = self.work();
            match self.drive(work) {
                Turn::Died => {
                    self.kills += 1;
                    let mut world = self.shared.world();
                    world.epoch += 1;
                    world.die_at = None;
                }
                Turn::Ended(Err(LogError::Refused(why))) => {
                    self.shared.world().violation(format!("the log refused the executor: {why}"));
                    return;
                }
                Turn::Ended(Err(_)) => self.shared.clock.skip(2_000),
                Turn::Ended(Ok(())) => match self.state().status {
                    Status::Completed | Status::Stopped => return,
                    Status::Paused { .. } => self.resume(),
                    _ => {}
                },
            }
        }
        let status = self.state().status.clone();
        self.shared.world().violation(format!("it never comes to an end: {status:?}"));
    }

    fn resume(&mut self) {
        self.pauses += 1;
        let now = self.shared.clock.now_ms();
        let mut world = self.shared.world();
        let _ = world.tell_cluster(cluster::Command::Thaw { by: None });
        world.refuse_send = None;
        world.unsteal();
        if self.pauses > RESUMES_WITH_FAULTS {
            world.faults = Faults::default();
        }
        let _ = world.tell(self.run, Command::Resume { by: ADA }, now);
        drop(world);
        self.shared.clock.skip(1_000);
    }

    /// Carries the run on until it pauses, is over, or its process dies.
    pub fn run_until_it_dies(&mut self) {
        let work = self.work();
        if let Turn::Died = self.drive(work) {
            self.kills += 1;
            let mut world = self.shared.world();
            world.epoch += 1;
            world.die_at = None;
        }
    }

    /// Carries the run on until it pauses or is over.
    pub fn run_to_its_pause(&mut self) {
        let work = self.work();
        if let Turn::Ended(Err(error)) = self.drive(work) {
            self.shared.world().violation(error.to_string());
        }
    }

    /// Approves the way back and carries it out; false where there is none.
    pub fn undo(&mut self) -> bool {
        let before = self.state();
        let Some(plan) = way_back::plan(&before) else { return false };
        let (digest, confirmed) = (plan.digest(), plan.names_to_confirm());
        let now = self.shared.clock.now_ms();
        let undone = self.run;
        let command = Command::Undo { by: ADA, digest: digest.clone(), confirmed };
        self.shared.world().tell(undone, command, now).unwrap();
        self.begin(run::undo_id(undone, &digest), &plan, Cause::Undo { run: undone, by: ADA.id });
        self.run_to_its_end();
        true
    }

    #[track_caller]
    pub fn assert_well(&self, told: &str) {
        let world = self.shared.world();
        assert!(
            world.violations.is_empty(),
            "{told}: {:#?}\n{:#?}",
            world.violations,
            world.runs[&self.run].0
        );
    }
}
