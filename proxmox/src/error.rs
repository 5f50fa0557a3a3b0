//! What can go wrong with a call, in three classes: never sent, sent but unanswered, answered with a refusal.
//!
//! The class decides what may be done next. [`CallError::kind`] says what a refusal means.

use crate::kind::{self, Kind};
use crate::limits::DETAIL_CHARS_MAX;
use crate::tls::Fingerprint;
use crate::wire::{Request, Verb};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum CallError {
    /// Nothing reached a node: the state is what it was.
    #[error("not sent: {cause}: {detail}")]
    NotSent { cause: NotSent, detail: String },
    /// Bytes were sent and no answer came. A write may have been done or not.
    #[error("no answer to a {verb}: {cause}: {detail}")]
    Unknown { verb: Verb, cause: Lost, detail: String },
    /// The server said no. Some refused writes were done in part; re-read before going on.
    #[error("refused with {status} {reason}{}{}", shown_message(.message), shown_errors(.errors))]
    Answered {
        status: u16,
        /// The raw reason phrase.
        reason: String,
        /// Text from the body, when there was one; trimmed.
        message: Option<String>,
        /// Text for each parameter.
        errors: BTreeMap<String, String>,
    },
}

/// Why a call was not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotSent {
    #[error("the connection was refused")]
    Refused,
    #[error("the name was not found")]
    NameUnknown,
    #[error("the connection could not be opened in time")]
    ConnectTimeout,
    #[error("the node cannot be reached")]
    Unreachable,
    /// The TLS handshake failed, but not because of the pin.
    #[error("no secure connection")]
    Tls,
    /// The certificate is not the pinned one. It may have been renewed, or somebody is in between.
    #[error("the certificate {presented} is not trusted")]
    CertificateUnknown { presented: Fingerprint },
    /// 595: the node that answered could not reach the node (or the daemon) that does the work.
    #[error("the node could not pass the call on")]
    NotPassedOn,
    #[error("the call cannot be written as a request")]
    Malformed,
    /// A guard in front of the transport held the call back.
    #[error("held back")]
    Withheld,
    /// The user has a second factor, which a program cannot give.
    #[error("the sign-in asks for a second factor")]
    SecondFactor,
    /// The server is not the release that this client knows.
    #[error("the server is another release")]
    OtherRelease,
    /// A replayed conversation has no such call (left).
    #[error("the recording has no such call")]
    NotRecorded,
}

/// How an answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    #[error("no answer in time")]
    Timeout,
    #[error("the connection was closed")]
    Closed,
    /// 596 to 599: the hop inside the cluster broke off.
    #[error("the node broke off with {status}")]
    Hop { status: u16 },
    /// An answer came but not in the shape of the API.
    #[error("the answer cannot be read")]
    Unreadable,
}

impl CallError {
    pub(crate) fn not_sent(cause: NotSent, detail: impl Into<String>) -> Self {
        Self::NotSent { cause, detail: shortened(detail.into()) }
    }

    pub(crate) fn unknown(verb: Verb, cause: Lost, detail: impl Into<String>) -> Self {
        Self::Unknown { verb, cause, detail: shortened(detail.into()) }
    }

    /// A call held back by a guard, such as a freeze switch: nothing was sent.
    pub fn withheld(why: impl Into<String>) -> Self {
        Self::not_sent(NotSent::Withheld, why)
    }

    /// May the same call succeed if it is sent again later, without looking first? A write with an unknown
    /// outcome is not transient: look first.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotSent { cause, .. } => matches!(
                cause,
                NotSent::Refused
                    | NotSent::NameUnknown
                    | NotSent::ConnectTimeout
                    | NotSent::Unreachable
                    | NotSent::Tls
                    | NotSent::NotPassedOn
            ),
            Self::Unknown { verb, cause, .. } => !verb.is_write() && *cause != Lost::Unreadable,
            Self::Answered { .. } => self.kind().is_transient(),
        }
    }

    /// Was this a write whose effect is not known?
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Unknown { verb, .. } if verb.is_write())
    }

    /// What the failure means, read from status and text.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotSent { cause, .. } => match cause {
                NotSent::Malformed
                | NotSent::Withheld
                | NotSent::NotRecorded
                | NotSent::SecondFactor
                | NotSent::OtherRelease => Kind::Other,
                _ => Kind::NodeUnreachable,
            },
            Self::Unknown { .. } => Kind::Other,
            Self::Answered { status, reason, message, errors } => {
                Kind::of(*status, message.as_deref().unwrap_or(reason), errors)
            }
        }
    }

    /// Did the server say that the guest is not on the node of the path? It may be on another one.
    pub fn is_guest_absent(&self) -> bool {
        matches!(self, Self::Answered { .. }) && kind::says_guest_absent(self.text())
    }

    /// The same failure without the secrets of its request: the server repeats values that it refuses.
    pub(crate) fn masked(mut self, request: &Request) -> Self {
        match &mut self {
            Self::NotSent { detail, .. } | Self::Unknown { detail, .. } => *detail = request.masked(detail),
            Self::Answered { reason, message, errors, .. } => {
                *reason = request.masked(reason);
                *message = message.as_ref().map(|text| request.masked(text));
                errors.values_mut().for_each(|text| *text = request.masked(text));
            }
        }
        self
    }

    /// The server's own text, when it gave one.
    pub fn text(&self) -> &str {
        match self {
            Self::NotSent { detail, .. } | Self::Unknown { detail, .. } => detail,
            Self::Answered { reason, message, .. } => message.as_deref().unwrap_or(reason),
        }
    }

    /// What the person can do next, without internals.
    pub fn advice(&self) -> String {
        match self {
            Self::NotSent { cause, detail } => match cause {
                NotSent::Refused | NotSent::Unreachable | NotSent::ConnectTimeout => {
                    "The node did not take the connection. Is it powered on and on the network?"
                }
                NotSent::NameUnknown => "The node's name was not found. Check the address in Settings.",
                NotSent::Tls => "No secure connection could be made. Check the address and port in Settings.",
                NotSent::CertificateUnknown { presented } => {
                    return format!(
                        "The node showed a certificate we do not know ({presented}). If it was renewed, \
                         compare the fingerprint on the node and accept it in Settings."
                    );
                }
                NotSent::NotPassedOn => {
                    "The node that does this work is not reachable in the cluster. Is it powered on?"
                }
                NotSent::Malformed => "This call cannot be sent. Ask for a new plan.",
                NotSent::Withheld => "The call was held back. Nothing was changed.",
                NotSent::SecondFactor => {
                    "This user has a second factor. Make an API token for MycoPod and use that instead."
                }
                NotSent::OtherRelease => {
                    return format!("MycoPod is made for Proxmox VE 8.4, and {detail}. Nothing was changed.");
                }
                NotSent::NotRecorded => "The recorded conversation does not hold this call.",
            }
            .into(),
            Self::Unknown { verb, .. } if verb.is_write() => {
                "No answer came, so it is not known whether the change was made. It is checked before \
                 anything else is done."
                    .into()
            }
            Self::Unknown { .. } => "The node did not answer in time. It may be busy; try again.".into(),
            Self::Answered { .. } => self.kind().advice(self.text()),
        }
    }

    /// Is it safe and sensible to try another node with the same bytes? `repeatable` says that doing the call
    /// twice does no harm; any other is tried elsewhere only when no byte of it was delivered.
    pub(crate) fn allows_another_node(&self, repeatable: bool) -> bool {
        match self {
            Self::NotSent { cause: NotSent::CertificateUnknown { .. }, .. } => true,
            Self::NotSent { cause: NotSent::NotPassedOn, .. } => repeatable,
            Self::NotSent { .. } => self.is_transient(),
            Self::Unknown { cause, .. } => repeatable && *cause != Lost::Unreadable,
            Self::Answered { .. } => false,
        }
    }

    /// Were the credentials refused? That is decided before anything is done.
    pub(crate) fn is_unauthorised(&self) -> bool {
        matches!(self, Self::Answered { status: 401, .. })
    }

    /// The same failure of another call that had to come first: the call itself was not sent.
    pub(crate) fn before_the_call(self) -> Self {
        match self {
            Self::Unknown { cause, detail, .. } => {
                Self::not_sent(NotSent::Unreachable, format!("while signing in: {cause}: {detail}"))
            }
            other => other,
        }
    }
}

fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(DETAIL_CHARS_MAX) {
        text.truncate(at);
    }
    text
}

fn shown_message(message: &Option<String>) -> String {
    message.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
}

fn shown_errors(errors: &BTreeMap<String, String>) -> String {
    errors.iter().map(|(name, text)| format!("; {name}: {}", text.trim())).collect()
}
