//! The rules of a declaration, told as stories.

use super::*;
use crate::account::{Actor, Role};
use crate::decider::story::given;
use crate::plan::sample;
use chrono::TimeDelta;
use uuid::Uuid;

const ADA: Actor = Actor { id: AccountId(Uuid::from_u128(1)), role: Role::Admin };
const BO: Actor = Actor { id: AccountId(Uuid::from_u128(2)), role: Role::User };
const CY: Actor = Actor { id: AccountId(Uuid::from_u128(3)), role: Role::User };
const TEXT: &str = "A VM called web-old.";
const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn drafted(by: Actor) -> Event {
    Event::Drafted { author: by.id, title: "A VM".into(), text: TEXT.into(), follows: None }
}

fn previewed(preview: u32) -> Event {
    Event::PreviewRequested { by: BO.id, preview }
}

fn proposed(plan: Plan) -> Event {
    Event::PlanProposed { preview: 1, digest: plan.digest(), plan: Box::new(plan) }
}

fn approve(by: Actor, plan: &Plan) -> Command {
    Command::Approve { by, plan: plan.digest(), confirmed: vec![], alone: false, now: NOW }
}

fn approved(plan: &Plan) -> Event {
    Event::PlanApproved { by: ADA.id, plan: plan.digest(), confirmed: vec![], alone: false }
}

#[test]
fn an_admin_approves_the_plan_that_was_shown() {
    let plan = sample::plan(TEXT, 1);
    given::<Declaration>([drafted(BO), previewed(1), proposed(plan.clone())])
        .when(approve(ADA, &plan))
        .then([approved(&plan)]);
}

#[test]
fn a_user_never_approves_or_commits() {
    let plan = sample::plan(TEXT, 1);
    let history = [drafted(BO), previewed(1), proposed(plan.clone())];
    given::<Declaration>(history.clone()).when(approve(BO, &plan)).then_refused(Refusal::AdminOnly);
    given::<Declaration>(history)
        .when(Command::Commit { by: BO, plan: plan.digest(), now: NOW })
        .then_refused(Refusal::AdminOnly);
}

#[test]
fn a_plan_that_changed_after_it_was_shown_is_not_approved() {
    let (old, new) = (sample::plan(TEXT, 1), sample::plan(TEXT, 2));
    given::<Declaration>([drafted(BO), previewed(1), proposed(old.clone()), previewed(2), proposed(new)])
        .when(approve(ADA, &old))
        .then_refused(Refusal::PlanChanged);
}

#[test]
fn a_revised_text_voids_the_plan() {
    let plan = sample::plan(TEXT, 1);
    let revised = Event::Revised { by: BO.id, title: "A VM".into(), text: "Two VMs.".into() };
    given::<Declaration>([drafted(BO), previewed(1), proposed(plan.clone()), approved(&plan), revised])
        .when(Command::Commit { by: ADA, plan: plan.digest(), now: NOW })
        .then_refused(Refusal::PlanChanged);
}

#[test]
fn an_author_does_not_approve_alone_unless_there_is_one_admin() {
    let plan = sample::plan(TEXT, 1);
    let history = [drafted(ADA), previewed(1), proposed(plan.clone())];
    given::<Declaration>(history.clone()).when(approve(ADA, &plan)).then_refused(Refusal::OwnPlan);
    let command = Command::Approve { by: ADA, plan: plan.digest(), confirmed: vec![], alone: true, now: NOW };
    let event = Event::PlanApproved { by: ADA.id, plan: plan.digest(), confirmed: vec![], alone: true };
    given::<Declaration>(history).when(command).then([event]);
}

#[test]
fn what_is_destroyed_has_to_be_typed() {
    let plan = sample::destroying(TEXT);
    let history = [drafted(BO), previewed(1), proposed(plan.clone())];
    given::<Declaration>(history.clone())
        .when(approve(ADA, &plan))
        .then_refused(Refusal::ConfirmName("web-old".into()));
    let confirmed = vec!["web-old".to_owned()];
    given::<Declaration>(history)
        .when(Command::Approve {
            by: ADA,
            plan: plan.digest(),
            confirmed: confirmed.clone(),
            alone: false,
            now: NOW,
        })
        .then([Event::PlanApproved { by: ADA.id, plan: plan.digest(), confirmed, alone: false }]);
}

#[test]
fn an_empty_plan_has_nothing_to_approve() {
    let plan = sample::empty(TEXT);
    given::<Declaration>([drafted(BO), previewed(1), proposed(plan.clone())])
        .when(approve(ADA, &plan))
        .then_refused(Refusal::EmptyPlan);
}

#[test]
fn an_old_plan_is_previewed_again_before_it_is_approved() {
    let plan = sample::plan(TEXT, 1);
    let later = NOW + TimeDelta::minutes(31);
    given::<Declaration>([drafted(BO), previewed(1), proposed(plan.clone())])
        .when(Command::Approve { by: ADA, plan: plan.digest(), confirmed: vec![], alone: false, now: later })
        .then_refused(Refusal::PlanTooOld(31));
}

#[test]
fn an_approval_that_waited_too_long_expires_instead_of_being_committed() {
    let plan = sample::plan(TEXT, 1);
    let later = NOW + TimeDelta::hours(25);
    given::<Declaration>([drafted(BO), previewed(1), proposed(plan.clone()), approved(&plan)])
        .when(Command::Commit { by: ADA, plan: plan.digest(), now: later })
        .then([Event::ApprovalExpired { plan: plan.digest(), why: "the approval is 25 hours old".into() }]);
}

#[test]
fn approving_twice_is_approving_once() {
    let plan = sample::plan(TEXT, 1);
    given::<Declaration>([drafted(BO), previewed(1), proposed(plan.clone()), approved(&plan)])
        .when(approve(ADA, &plan))
        .then([]);
}

#[test]
fn another_user_does_not_change_a_declaration() {
    given::<Declaration>([drafted(BO)])
        .when(Command::Revise { by: CY, title: String::new(), text: "mine now".into() })
        .then_refused(Refusal::NotYours);
}

#[test]
fn a_plan_for_another_text_or_a_late_preview_is_not_proposed() {
    given::<Declaration>([drafted(BO), previewed(1)])
        .when(Command::Propose { preview: 1, plan: Box::new(sample::plan("another text", 1)) })
        .then_refused(Refusal::ForeignPlan);
    given::<Declaration>([drafted(BO), previewed(1), previewed(2)])
        .when(Command::Propose { preview: 1, plan: Box::new(sample::plan(TEXT, 1)) })
        .then([]);
}

#[test]
fn each_question_needs_an_answer_and_answers_make_the_next_preview() {
    use crate::interpretation::{Question, QuestionAbout};
    let question = Question {
        about: QuestionAbout::WhichShare,
        text: "Which share?".into(),
        options: vec!["10.0.20.5:/tank/vm".into()],
        span: None,
    };
    let history = [drafted(BO), previewed(1), Event::QuestionAsked { preview: 1, questions: vec![question] }];
    given::<Declaration>(history.clone())
        .when(Command::Answer { by: BO, answers: vec![] })
        .then_refused(Refusal::AnswerEach(1));
    let answers = vec![Answer {
        span: None,
        about: QuestionAbout::WhichShare,
        question: "Which share?".into(),
        answer: "10.0.20.5:/tank/vm".into(),
    }];
    given::<Declaration>(history)
        .when(Command::Answer { by: BO, answers: vec!["10.0.20.5:/tank/vm".into()] })
        .then([Event::QuestionAnswered { by: BO.id, answers }, previewed(2)]);
}

#[test]
fn empty_and_over_long_texts_are_refused_with_their_size() {
    let draft = |text: String| Command::Draft { by: BO, title: String::new(), text, follows: None };
    given::<Declaration>([]).when(draft("  \n".into())).then_refused(Refusal::EmptyText);
    given::<Declaration>([]).when(draft("a".repeat(65_537))).then_refused(Refusal::TextTooLong(65_537));
}
