//! The answer while it is being made: entries with their labels, and what is in the way.
//!
//! Labels are kept by field here; pointers are made from places in the lists at the very end.

use domain::interpretation::{
    BackupWish, GuestChange, GuestWish, KubernetesWish, Label, Mount, Move, Placement, PoolWish, Question,
    QuestionAbout, RefusalReason, SnapshotWish, Span, StorageWish, Warning, WarningAbout,
};
use std::collections::BTreeMap;

pub type Labels = BTreeMap<String, Label>;

pub struct Entry<T> {
    pub value: T,
    pub labels: Labels,
}

impl<T> Entry<T> {
    pub fn new(value: T) -> Self {
        Self { value, labels: Labels::new() }
    }

    pub fn label(mut self, field: &str, label: Label) -> Self {
        self.labels.insert(field.to_owned(), label);
        self
    }
}

/// A guest with what is known about how it came here.
pub struct GuestDraft {
    pub wish: GuestWish,
    pub labels: Labels,
    /// The name was made up: an earlier guest of the same declaration may take its place.
    pub made_up: bool,
    /// Becomes a Kubernetes node: other defaults hold.
    pub kubernetes: bool,
}

impl GuestDraft {
    pub fn new(wish: GuestWish) -> Self {
        Self { wish, labels: Labels::new(), made_up: false, kubernetes: false }
    }

    pub fn set(&mut self, field: &str, label: Label) {
        self.labels.insert(field.to_owned(), label);
    }

    pub fn is_new(&self) -> bool {
        self.wish.change == GuestChange::Create
    }
}

/// Why a part, or the whole, cannot be done.
pub struct Obstacle {
    pub reason: RefusalReason,
    pub text: String,
    pub span: Option<Span>,
    /// Nothing of the text is done, whatever else it says.
    pub whole: bool,
}

#[derive(Default)]
pub struct Draft {
    pub guests: Vec<GuestDraft>,
    pub placement: Vec<Entry<Placement>>,
    pub moves: Vec<Entry<Move>>,
    pub storages: Vec<Entry<StorageWish>>,
    pub mounts: Vec<Entry<Mount>>,
    pub kubernetes: Vec<Entry<KubernetesWish>>,
    pub snapshots: Vec<Entry<SnapshotWish>>,
    pub backups: Vec<Entry<BackupWish>>,
    pub pools: Vec<Entry<PoolWish>>,
    pub questions: Vec<Question>,
    pub obstacles: Vec<Obstacle>,
    pub warnings: Vec<Warning>,
}

impl Draft {
    pub fn ask(
        &mut self,
        about: QuestionAbout,
        text: impl Into<String>,
        options: Vec<String>,
        span: Option<Span>,
    ) {
        if self.questions.iter().any(|q| q.about == about) {
            return;
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut options: Vec<String> = options
            .into_iter()
            .filter(|option| {
                !option.is_empty() && option.chars().count() <= 160 && seen.insert(option.clone())
            })
            .take(crate::limits::OPTIONS_MAX)
            .collect();
        if options.len() == 1 {
            options.clear();
        }
        let text = crate::limits::cut(&text.into(), crate::limits::QUESTION_CHARS_MAX);
        self.questions.push(Question { about, text, options, span });
    }

    pub fn refuse(&mut self, reason: RefusalReason, text: impl Into<String>, span: Option<Span>) {
        self.obstacle(reason, text, span, false);
    }

    /// Refuses the whole text because of one part.
    pub fn refuse_all(&mut self, reason: RefusalReason, text: impl Into<String>, span: Option<Span>) {
        self.obstacle(reason, text, span, true);
    }

    fn obstacle(&mut self, reason: RefusalReason, text: impl Into<String>, span: Option<Span>, whole: bool) {
        let text = crate::limits::cut(&text.into(), crate::limits::REFUSAL_CHARS_MAX);
        self.obstacles.push(Obstacle { reason, text, span, whole });
    }

    pub fn warn(&mut self, about: WarningAbout, text: impl Into<String>, span: Option<Span>) {
        let text = crate::limits::cut(&text.into(), crate::limits::WARNING_CHARS_MAX);
        if !self.warnings.iter().any(|w| w.about == about && w.text.as_deref() == Some(text.as_str())) {
            self.warnings.push(Warning { about, text: Some(text), reason: None, span });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.guests.is_empty()
            && self.moves.is_empty()
            && self.storages.is_empty()
            && self.mounts.is_empty()
            && self.kubernetes.is_empty()
            && self.snapshots.is_empty()
            && self.backups.is_empty()
            && self.pools.is_empty()
    }

    /// The update entry of an existing guest, made if there is none yet.
    pub fn update(
        &mut self,
        guest: &domain::facts::Guest,
        name: Option<Span>,
        kind: domain::interpretation::GuestKind,
    ) -> &mut GuestDraft {
        let at = self.guests.iter().position(|g| g.wish.vmid == Some(guest.vmid));
        let at = at.unwrap_or_else(|| {
            let mut draft = GuestDraft::new(GuestWish::new(GuestChange::Update, kind, guest.name.clone()));
            draft.wish.vmid = Some(guest.vmid);
            draft.set("change", Label::derived("the guest exists", None));
            draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
            let label = match name {
                Some(span) => Label::derived(format!("guest {} is meant", guest.vmid), Some(span)),
                None => Label::Observed { fact: format!("/guests/{}/name", guest.vmid) },
            };
            draft.set("name", label);
            self.guests.push(draft);
            self.guests.len() - 1
        });
        // The index was found or made on the lines above.
        #[allow(clippy::indexing_slicing)]
        &mut self.guests[at]
    }
}
