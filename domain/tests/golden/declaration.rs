//! Samples of the facts about a declaration.

use crate::{BY, every, interpretation, plan};
use domain::declaration::{Answer, Event, Failure};
use domain::interpretation::{Interpretation, Kind, RefusalReason};
use domain::plan::rehearsal::{Score, Wrong};

pub fn samples() -> Vec<Event> {
    let (by, plan, why) = (BY, || plan::digest("plan"), || "too much memory".to_owned());
    let (title, text, advice) =
        (|| "A web server".to_owned(), || "A VM called web.".to_owned(), || "Ask for less.".to_owned());
    let read = |said: Interpretation| Event::Interpreted {
        preview: 1,
        interpreter: plan::interpreter(),
        interpretation: Box::new(said),
        took_ms: 12,
    };
    let proposed =
        |plan: Box<domain::plan::Plan>| Event::PlanProposed { preview: 1, digest: plan.digest(), plan };
    let failed = |failure| Event::PreviewFailed { preview: 1, failure };
    let approved = |confirmed, alone| Event::PlanApproved { by, plan: plan(), confirmed, alone };
    let answer = |about| Answer { about, question: "Which one?".into(), answer: "web".into(), span: None };
    let earlier = domain::ids::DeclarationId(uuid::Uuid::from_u128(0xd));
    let mut samples = vec![
        Event::Drafted { author: by, title: title(), text: text(), follows: None },
        Event::Drafted { author: by, title: title(), text: text(), follows: Some(earlier) },
        Event::Revised { by, title: title(), text: text() },
        Event::PreviewRequested { by, preview: 1 },
        read(Interpretation::empty(Kind::Desired)),
        read(interpretation::full()),
        read(interpretation::asked()),
        read(interpretation::refused()),
        Event::QuestionAsked { preview: 1, questions: interpretation::questions() },
        Event::QuestionAnswered { by, answers: every().into_iter().map(answer).collect() },
        proposed(plan::empty()),
        proposed(plan::full()),
        failed(Failure::NoPlan { text: why(), advice: advice() }),
        failed(Failure::Unavailable { text: why(), advice: advice() }),
        failed(Failure::Cancelled {}),
        Event::ApprovalRequested { by, plan: plan() },
        Event::Commented { by, text: text() },
        approved(vec![], false),
        approved(vec!["web".into()], true),
        Event::SentBack { by, plan: plan(), why: why() },
        Event::ApprovalExpired { plan: plan(), why: why() },
        Event::CommitRequested { by, plan: plan() },
        Event::DeclarationCommitted { plan: plan(), commit: crate::COMMIT.into(), branch: "main".into() },
        Event::CommitFailed { plan: plan(), why: why(), advice: advice() },
        Event::PredictionScored {
            plan: plan(),
            number: 2,
            run: domain::ids::RunId(uuid::Uuid::from_u128(0xc)),
            score: Score {
                fields: 2,
                right: 1,
                wrong: vec![Wrong {
                    vmid: 200,
                    field: "memory".into(),
                    predicted: "8192 MiB".into(),
                    seen: "4096 MiB".into(),
                }],
            },
        },
        Event::Withdrawn { by },
        Event::Retired { by, why: why() },
    ];
    samples.extend(every().into_iter().map(|stage| Event::PreviewAdvanced { preview: 1, stage }));
    let reasons = every::<RefusalReason>().into_iter();
    samples.extend(reasons.map(|reason| failed(Failure::Refused { reason, text: why() })));
    samples
}
