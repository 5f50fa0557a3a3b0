//! Small things that stand in many pages. Each is a template of its own: in a page, `{{ thing }}` draws it.
//!
//! [`HtmlSafe`] is given only to types whose template escapes what it is given.

use crate::words;
use askama::{Template, filters::HtmlSafe};
use chrono::{DateTime, Utc};
use domain::plan::{Origin, StepVerb};
use uuid::Uuid;

/// Meaning of a status: a colour, an icon and a word together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Good,
    Active,
    Waiting,
    Bad,
    Calm,
    Drift,
    Unknown,
}

impl Kind {
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
            Self::Calm => "calm",
            Self::Drift => "drift",
            Self::Unknown => "unknown",
        }
    }

    pub fn icon(self) -> Icon {
        Icon(match self {
            Self::Good => "check",
            Self::Active => "play",
            Self::Waiting => "clock",
            Self::Bad => "cross",
            Self::Calm => "ring",
            Self::Drift => "differs",
            Self::Unknown => "question",
        })
    }
}

/// A symbol of the sprite at the top of the page. Decoration: a word always stands beside it.
#[derive(Clone, Copy, Debug, Template)]
#[template(
    ext = "html",
    source = r##"<svg class="icon" aria-hidden="true"><use href="#i-{{ self.0 }}"/></svg>"##
)]
pub struct Icon(pub &'static str);
impl HtmlSafe for Icon {}

#[derive(Clone, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<span class="badge {{ kind.class() }}">{{ kind.icon() }}{{ word }}</span>"#
)]
pub struct Badge {
    pub kind: Kind,
    pub word: String,
}
impl HtmlSafe for Badge {}

impl Badge {
    pub fn new(kind: Kind, word: impl Into<String>) -> Self {
        Self { kind, word: word.into() }
    }

    /// The badge of a plan's step: a verb with its own sign.
    pub fn verb(verb: StepVerb) -> Verb {
        let (class, icon) = match verb {
            StepVerb::Create => ("good", "plus"),
            StepVerb::Change => ("waiting", "tilde"),
            StepVerb::Destroy => ("bad", "minus"),
            StepVerb::AlreadySo => ("calm", "equal"),
        };
        Verb { class, icon: Icon(icon), word: verb.word().to_owned() }
    }
}

#[derive(Clone, Debug, Template)]
#[template(ext = "html", source = r#"<span class="badge {{ class }}">{{ icon }}{{ word }}</span>"#)]
pub struct Verb {
    pub class: &'static str,
    pub icon: Icon,
    pub word: String,
}
impl HtmlSafe for Verb {}

/// A moment in relative words, the absolute one in its title and for screen readers.
#[derive(Clone, Copy, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ at.to_rfc3339() }}" title="{{ words::moment(*at) }}" data-ago>{{ words::ago(*at, *now) }}<span class="sr"> ({{ words::moment(*at) }})</span></time>"#
)]
pub struct Ago {
    pub at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}
impl HtmlSafe for Ago {}

/// A moment in full.
#[derive(Clone, Copy, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ self.0.to_rfc3339() }}">{{ words::moment(*self.0) }}</time>"#
)]
pub struct Moment(pub DateTime<Utc>);
impl HtmlSafe for Moment {}

/// How long something has been going on; the script lets it grow.
#[derive(Clone, Copy, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<time class="num" datetime="{{ at.to_rfc3339() }}" data-since>{{ words::lasted(now.signed_duration_since(at)) }}</time>"#
)]
pub struct Since {
    pub at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}
impl HtmlSafe for Since {}

/// The hidden fields of every form that changes something: proof that our page made it, and the key under
/// which its command is done once.
#[derive(Clone, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<input type="hidden" name="csrf" value="{{ csrf }}"><input type="hidden" name="key" value="{{ key }}">"#
)]
pub struct Guard {
    pub csrf: String,
    pub key: Uuid,
}
impl HtmlSafe for Guard {}

/// Copies a text that is shown short.
#[derive(Clone, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<button type="button" class="button plain copy js-only" data-do="copy" data-copy="{{ text }}">{{ Icon("copy") }}<span data-word>{{ label }}</span></button>"#
)]
pub struct Copy {
    pub text: String,
    pub label: &'static str,
}
impl HtmlSafe for Copy {}

/// Where a value comes from: said, default, worked out or seen.
#[derive(Clone, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<span class="origin{% if self.is_said() %} said{% endif %}">{{ word }}</span>{% if !why.is_empty() %} <span class="small muted">{{ why }}</span>{% endif %}"#
)]
pub struct From {
    pub word: &'static str,
    pub why: String,
}
impl HtmlSafe for From {}

impl From {
    fn is_said(&self) -> bool {
        self.word == "said"
    }

    pub fn of(origin: &Origin) -> Self {
        let word = match origin.word() {
            "derived" => "worked out",
            "observed" => "seen",
            other => other,
        };
        Self { word, why: origin.why() }
    }
}

/// A share as a bar; the number stands beside it in words.
#[derive(Clone, Copy, Debug, Template)]
#[template(
    ext = "html",
    source = r#"<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="fill {{ class }}" width="{{ percent }}" height="4"/></svg>"#
)]
pub struct Bar {
    pub percent: u8,
    pub class: &'static str,
}
impl HtmlSafe for Bar {}

impl Bar {
    pub fn of(part: u64, whole: u64, class: &'static str) -> Self {
        let percent = (part * 100).checked_div(whole).unwrap_or(0).min(100);
        Self { percent: u8::try_from(percent).unwrap_or(100), class }
    }
}

/// A message that stays: what happened, what it means, what to do next.
#[derive(Clone, Debug, Template)]
#[template(
    ext = "html",
    source = r##"<div class="message {{ kind.class() }}"{% if focus %} data-focus role="alert"{% endif %}>{{ kind.icon() }}<div><p class="strong">{{ title }}</p>{% if !text.is_empty() %}<p>{{ text }}</p>{% endif %}{% if let Some((href, word)) = link %}<p><a href="{{ href }}">{{ word }}</a></p>{% endif %}</div></div>"##
)]
pub struct Message {
    pub kind: Kind,
    pub title: String,
    pub text: String,
    pub link: Option<(String, String)>,
    /// Focus goes here when the page opens.
    pub focus: bool,
}
impl HtmlSafe for Message {}

impl Message {
    pub fn new(kind: Kind, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind, title: title.into(), text: text.into(), link: None, focus: true }
    }

    /// A message that is part of the page rather than an answer to an action.
    pub fn quiet(self) -> Self {
        Self { focus: false, ..self }
    }

    pub fn with_link(self, href: impl Into<String>, word: impl Into<String>) -> Self {
        Self { link: Some((href.into(), word.into())), ..self }
    }
}
