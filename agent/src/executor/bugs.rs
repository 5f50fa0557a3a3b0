//! Errors planted on purpose, to see that the simulation finds them. Built only with the feature `lab`, off unless a test
//! switches one on; owners' builds contain no such thing.

/// What may be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// A call is sent without its intent being recorded first.
    SkipIntent = 1,
    /// The lease is not asked before a call is sent.
    IgnoreLease,
    IgnoreFreeze,
    SkipGuards,
    /// An unknown outcome is taken for "not done" without looking.
    BlindRetry,
    /// No answer is taken for a refusal.
    SilenceIsRefusal,
    NoBackoff,
    EndlessAttempts,
    /// An answer is taken for the effect.
    TrustAnswer,
    /// A task that cannot be asked is taken for done.
    SilenceIsDone,
    /// Any task on the guest is taken for ours.
    ForeignTask,
    /// A guest that was made is not claimed.
    LoseClaim,
}

impl Bug {
    pub const ALL: [Self; 12] = [
        Self::SkipIntent,
        Self::IgnoreLease,
        Self::IgnoreFreeze,
        Self::SkipGuards,
        Self::BlindRetry,
        Self::SilenceIsRefusal,
        Self::NoBackoff,
        Self::EndlessAttempts,
        Self::TrustAnswer,
        Self::SilenceIsDone,
        Self::ForeignTask,
        Self::LoseClaim,
    ];
}

#[cfg(not(feature = "lab"))]
pub(super) const fn is_planted(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "lab")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Switches one on, or all off.
#[cfg(feature = "lab")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8), std::sync::atomic::Ordering::SeqCst);
}

#[cfg(feature = "lab")]
pub(super) fn is_planted(bug: Bug) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::SeqCst) == bug as u8
}
