//! Which existing guests a clause is about, and whether they may be changed.
//!
//! Begin with [`Reader::targets`].

use super::attr::Attribute;
use super::draft::GuestDraft;
use super::mention::{Meant, Mention};
use super::reader::{Focus, Reader, guest_kind};
use domain::facts::Guest;
use domain::ids::Vmid;
use domain::interpretation::{GuestChange, GuestWish, Label, QuestionAbout, RefusalReason, Span};

/// Guests that stand together in the text, and where.
pub struct Target {
    pub vmids: Vec<Vmid>,
    pub from: usize,
    pub to: usize,
}

impl Reader<'_> {
    /// The guests a clause is about: those it names, else those the talk is about. Asks or refuses where they
    /// may not be changed; then none are left.
    pub fn targets(&mut self, range: (usize, usize), loss: bool) -> Option<Vec<Target>> {
        let mentions = self.mentions(range);
        if mentions.is_empty() {
            let Focus::Guests(vmids) = self.focus.clone() else { return None };
            return Some(vec![Target { vmids, from: range.0, to: range.0 }]);
        }
        let mut targets: Vec<Target> = Vec::new();
        for mention in mentions {
            let vmids = self.resolved(&mention)?;
            self.use_up(mention.from, mention.to);
            let joined = targets.last().is_some_and(|t| {
                (t.to..mention.from).all(|at| {
                    self.mark(at, ",&/")
                        || self.is(at, &["and", "or", "the", "vm", "container", "machine", "both"])
                })
            });
            match targets.last_mut().filter(|_| joined) {
                Some(last) => {
                    last.vmids.extend(vmids);
                    last.to = mention.to;
                }
                None => targets.push(Target { vmids, from: mention.from, to: mention.to }),
            }
        }
        let all: Vec<Vmid> = targets.iter().flat_map(|t| t.vmids.clone()).collect();
        self.allowed(&all, (targets.first()?.from, targets.first()?.to), loss).then_some(targets)
    }

    pub(super) fn resolved(&mut self, mention: &Mention) -> Option<Vec<Vmid>> {
        let span = self.span(mention.from, mention.to);
        match &mention.meant {
            Meant::Guests(vmids) => Some(vmids.clone()),
            Meant::Several(vmids) => {
                let options = vmids.iter().filter_map(|id| self.guest(*id)).map(|g| g.name.clone()).collect();
                self.draft.ask(
                    QuestionAbout::WhichGuest,
                    "These words fit several guests. Which one is meant?",
                    options,
                    Some(span),
                );
                None
            }
            Meant::None => {
                self.unknown_guest(Some(span));
                None
            }
        }
    }

    pub fn unknown_guest(&mut self, span: Option<Span>) {
        let options: Vec<String> = self
            .facts
            .guests
            .values()
            .filter(|g| g.managed && !g.protected)
            .map(|g| g.name.clone())
            .take(4)
            .collect();
        let words = span.and_then(|s| s.of(self.text)).map(|w| crate::limits::cut(w, 60));
        let text = words.map_or_else(
            || "Which guest is meant?".to_owned(),
            |w| format!("No guest here fits \"{w}\". Which guest is meant?"),
        );
        self.draft.ask(QuestionAbout::WhichGuest, text, options, span);
    }

    /// Whether these guests may be changed. If not, the refusal or question is noted.
    pub fn allowed(&mut self, vmids: &[Vmid], (from, to): (usize, usize), loss: bool) -> bool {
        let span = Some(self.span(from, to));
        let guests: Vec<&Guest> = vmids.iter().filter_map(|id| self.guest(*id)).collect();
        if let Some(guest) = guests.iter().find(|g| g.protected) {
            self.draft.refuse(
                RefusalReason::ProtectedGuest,
                format!("{} is protected and is left alone.", guest.name),
                span,
            );
            return false;
        }
        if let Some(guest) = guests.iter().find(|g| !g.managed) {
            if loss {
                self.draft.refuse(
                    RefusalReason::UndeclaredGuest,
                    format!("{} is not managed here, so it is not destroyed. Adopt it first.", guest.name),
                    span,
                );
            } else if self.agreed(QuestionAbout::Adopt, &guest.name) == Some(true) {
                let guest = *guest;
                self.adopted(guest, span);
            } else if self.agreed(QuestionAbout::Adopt, &guest.name) == Some(false) {
                self.heard.extend(span);
                self.spared = true;
            } else {
                let options = vec![
                    format!("Yes, adopt {} first", guest.name),
                    format!("No, leave {} alone", guest.name),
                ];
                self.draft.ask(
                    QuestionAbout::Adopt,
                    format!("{} exists but is not managed here. May it be adopted first?", guest.name),
                    options,
                    span,
                );
            }
            return false;
        }
        true
    }

    /// The author agreed to adopt this guest. What else the text wants of it is for the next preview, when it is ours.
    pub(super) fn adopted(&mut self, guest: &Guest, span: Option<Span>) {
        let draft = self.draft.update(guest, span, guest_kind(&guest.kind));
        draft.wish = GuestWish::new(GuestChange::Adopt, guest_kind(&guest.kind), guest.name.clone());
        draft.wish.vmid = Some(guest.vmid);
        let label = Label::derived(format!("you agreed to adopt {}", guest.name), None);
        self.draft.update(guest, span, guest_kind(&guest.kind)).set("change", label);
        let text = format!(
            "{} is adopted first. Preview this declaration again afterwards for the rest of what it says.",
            guest.name
        );
        self.draft.refuse(RefusalReason::UndeclaredGuest, text, span);
    }

    pub(super) fn meant_by(&self, attribute: &Attribute, targets: &[Target], all: &[Vmid]) -> Vec<Vmid> {
        if targets.len() < 2 {
            return all.to_vec();
        }
        let behind = self.behind;
        let after = targets.iter().find(|t| t.from >= attribute.to);
        let before = targets.iter().rev().find(|t| t.to <= attribute.from);
        let chosen = if behind { after.or(before) } else { before.or(after) };
        chosen.map_or_else(|| all.to_vec(), |t| t.vmids.clone())
    }

    pub fn draft_of(&mut self, guest: &Guest, targets: &[Target]) -> &mut GuestDraft {
        let target = targets.iter().find(|t| t.vmids.contains(&guest.vmid) && t.to > t.from);
        let span = target.map(|t| self.span(t.from, t.to));
        self.draft.update(guest, span, guest_kind(&guest.kind))
    }
}
