//! What becomes of an own answer that breaks a rule: the question or refusal that says so.
//!
//! Begin with [`for_violation`].

use super::finish::{question, refusal};
use crate::limits;
use domain::interpretation::rules::{Rule, Violation};
use domain::interpretation::{GuestKind, Interpretation, Label, QuestionAbout, RefusalReason};

/// The question or refusal that an answer of our own becomes when it breaks a rule.
pub(super) fn for_violation(
    doc: &Interpretation,
    broken: &[Violation],
    facts: &domain::facts::Facts,
) -> Interpretation {
    let Some(first) = broken.iter().min_by_key(|v| weight(v)) else {
        return refusal(RefusalReason::Unsupported, "This could not be read safely.", None);
    };
    let why = first.why.as_str();
    // The words that gave the value: an answer takes their place.
    let place = |field: &str| {
        let guest = first.pointer.as_ref()?.strip_prefix("/guests/")?.split('/').next()?;
        doc.label(&format!("/guests/{guest}/{field}")).and_then(Label::span)
    };
    let ask = |about: QuestionAbout, tail: &str, options: Vec<String>| {
        let mut doc =
            question(about, &limits::cut(&format!("{}. {tail}", capital(why)), limits::QUESTION_CHARS_MAX));
        let span = match about {
            QuestionAbout::WhatAddress => place("ip"),
            QuestionAbout::WhatName => place("name"),
            QuestionAbout::WhichStorage => place("storage"),
            QuestionAbout::WhichNode => place("node"),
            QuestionAbout::WhichImage => place("image"),
            QuestionAbout::WhatSize => place("disk_gib"),
            _ => None,
        };
        doc.questions.iter_mut().for_each(|q| q.span = span);
        let options: Vec<String> = options.into_iter().take(limits::OPTIONS_MAX).collect();
        if options.len() > 1 {
            doc.questions.iter_mut().for_each(|q| q.options.clone_from(&options));
        }
        doc
    };
    let refuse = |reason| refusal(reason, &format!("{}.", capital(why)), None);
    let content = |need: &str| {
        facts.storages.iter().filter(|(_, s)| s.holds(need)).map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    let container = first
        .pointer
        .as_ref()
        .and_then(|p| p.strip_prefix("/guests/")?.split('/').next()?.parse::<usize>().ok())
        .and_then(|n| doc.guests.get(n))
        .is_some_and(|g| g.kind == GuestKind::Container);
    match first.rule {
        Rule::R10 if why.contains("threads") => refuse(RefusalReason::OverThreads),
        Rule::R10 if why.contains("shrink") => refuse(RefusalReason::ShrinkDisk),
        Rule::R10 if why.contains("smaller than") => {
            ask(QuestionAbout::WhatSize, "How large shall the disk be?", vec![])
        }
        Rule::R10 if why.contains("policy allows") => refuse(RefusalReason::TooLarge),
        Rule::R10 if why.contains("privileged") => refuse(RefusalReason::Unsupported),
        Rule::R10 => refuse(RefusalReason::Capacity),
        Rule::R12 => ask(QuestionAbout::WhatAddress, "Which address shall it have?", vec![]),
        Rule::R7 if why.contains("protected") => refuse(RefusalReason::ProtectedGuest),
        Rule::R7 => refuse(RefusalReason::UndeclaredGuest),
        Rule::R6 if why.contains("taken") || why.contains("exists") => {
            ask(QuestionAbout::WhatName, "Which name shall it have?", vec![])
        }
        Rule::R6 if why.contains("second entry") => {
            ask(QuestionAbout::Contradiction, "Which one counts?", vec![])
        }
        Rule::R6 => ask(QuestionAbout::WhichGuest, "Which guest is meant?", vec![]),
        Rule::R8 if why.contains("cannot mount") => refuse(RefusalReason::RootOnly),
        Rule::R8 if why.contains("storage") || why.contains("cannot hold") => ask(
            QuestionAbout::WhichStorage,
            "Which storage shall it be?",
            content(if why.contains("backup") {
                "backup"
            } else if container {
                "rootdir"
            } else {
                "images"
            }),
        ),
        Rule::R8 if why.contains("node") || why.contains("target") => ask(
            QuestionAbout::WhichNode,
            "Which node shall it be?",
            facts.nodes.iter().filter(|(_, n)| n.online).map(|(n, _)| n.clone()).collect(),
        ),
        Rule::R8 if why.contains("image") || why.contains("ISO") => {
            ask(QuestionAbout::WhichImage, "Which one shall it be?", vec![])
        }
        Rule::R8 if why.contains("snapshot") => {
            ask(QuestionAbout::WhichSnapshot, "Which snapshot is meant?", vec![])
        }
        Rule::R8 if why.contains("pool") => refuse(RefusalReason::UnknownName),
        Rule::R8 if why.contains("guest") => ask(QuestionAbout::WhichGuest, "Which guest is meant?", vec![]),
        Rule::R9 if why.contains("policy allows") => refuse(RefusalReason::MassDestroy),
        Rule::R9 => ask(QuestionAbout::ConfirmLoss, "Shall it really be gone?", vec![]),
        _ => refusal(RefusalReason::Unsupported, &format!("This could not be read safely: {why}."), None),
    }
}

/// What matters most comes first.
pub(super) fn weight(violation: &Violation) -> u8 {
    match violation.rule {
        Rule::R7 => 0,
        Rule::R9 => 1,
        Rule::R10 => 2,
        Rule::R8 => 3,
        Rule::R12 => 4,
        Rule::R6 => 5,
        _ => 6,
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
