//! Taking guests under management.

use super::draft::GuestDraft;
use super::mention::Meant;
use super::reader::{Focus, Reader, guest_kind};
use domain::interpretation::{GuestChange, GuestWish, Label, QuestionAbout, WarningAbout};

impl Reader<'_> {
    pub fn adopt(&mut self, range: (usize, usize)) -> bool {
        let words: &[&str] = &[
            "adopt",
            "under management",
            "take over",
            "start managing",
            "manage",
            "under control",
            "import",
            "under your control",
            "under our management",
            "under your management",
            "under its management",
            "under mycopod management",
            "under mycopod's management",
            "under mycopod control",
            "into management",
            "declare",
            "take charge of",
            "managed",
        ];
        let Some((at, n)) = self.find(range, words) else { return false };
        let mentions = self.mentions(range);
        if mentions.is_empty() {
            if self.is(at, &["adopt"]) {
                let span = self.span(range.0, range.1);
                let options =
                    self.facts.guests.values().filter(|g| !g.managed).map(|g| g.name.clone()).collect();
                self.draft.ask(
                    QuestionAbout::WhichGuest,
                    "Which guest shall be adopted?",
                    options,
                    Some(span),
                );
                return true;
            }
            return false;
        }
        for mention in mentions {
            let span = self.span(mention.from, mention.to);
            self.use_up(mention.from, mention.to);
            let vmids = match &mention.meant {
                Meant::Guests(ids) => ids.clone(),
                _ => {
                    self.unknown_guest(Some(span));
                    continue;
                }
            };
            self.focus = Focus::Guests(vmids.clone());
            for guest in vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                if guest.managed {
                    self.draft.warn(
                        WarningAbout::AlreadySo,
                        format!("{} is managed already.", guest.name),
                        Some(span),
                    );
                    let mut draft = GuestDraft::new(GuestWish::new(
                        GuestChange::Keep,
                        guest_kind(&guest.kind),
                        guest.name.clone(),
                    ));
                    draft.wish.vmid = Some(guest.vmid);
                    draft.set("change", self.said(at, at + n));
                    draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
                    draft.set("name", Label::derived(format!("guest {} is meant", guest.vmid), Some(span)));
                    self.draft.guests.push(draft);
                    continue;
                }
                let mut draft = GuestDraft::new(GuestWish::new(
                    GuestChange::Adopt,
                    guest_kind(&guest.kind),
                    guest.name.clone(),
                ));
                draft.wish.vmid = Some(guest.vmid);
                let start = (range.0..at)
                    .rev()
                    .take(3)
                    .find(|i| self.is(*i, &["take", "bring", "put"]))
                    .unwrap_or(at);
                draft.set("change", self.said(start.min(at), at + n));
                draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
                draft.set("name", Label::derived(format!("guest {} is meant", guest.vmid), Some(span)));
                self.draft.guests.push(draft);
            }
        }
        true
    }
}
