//! What a person is told when something does not work. A mistake of theirs is never a 500.
//!
//! An [`HttpError`] travels inside the response; the gate draws it as a page with header and navigation.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{account, cluster, declaration, repository, run, settings};
use eventstore::{AppendError, HandleError, StoreError};
use projections::ReadError;

#[derive(Clone, Debug)]
pub struct HttpError {
    pub status: StatusCode,
    pub title: String,
    pub text: String,
    pub advice: String,
    pub link: Option<(String, String)>,
    /// What the person typed, handed back to them.
    pub typed: Option<String>,
    /// For the log only.
    pub cause: Option<String>,
}

impl HttpError {
    pub fn new(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            status,
            title: title.into(),
            text: text.into(),
            advice: String::new(),
            link: None,
            typed: None,
            cause: None,
        }
    }

    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    pub fn link(self, href: impl Into<String>, word: impl Into<String>) -> Self {
        Self { link: Some((href.into(), word.into())), ..self }
    }

    pub fn typed(self, typed: impl Into<String>) -> Self {
        Self { typed: Some(typed.into()).filter(|typed: &String| !typed.trim().is_empty()), ..self }
    }

    pub fn not_found(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, title, text)
    }

    pub fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "You are signed out", "Nothing was changed.")
            .advice("Sign in and send it again.")
            .link("/sign-in", "Sign in")
    }

    pub fn admins_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "This is for Admins", "Nothing was changed.")
    }

    pub fn not_our_form() -> Self {
        let text = "The request did not come from a page of this session. Nothing was changed.";
        Self::new(StatusCode::FORBIDDEN, "Not sent from here", text)
            .advice("Open the page again and repeat it there.")
    }

    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "That cannot be done", sentence(&text.into()))
            .advice("Nothing was changed. Go back, correct it and send it again.")
    }

    pub fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "It changed meanwhile", sentence(&text.into()))
            .advice("Nothing was done. Look at it again before you decide.")
    }

    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "You may not do this", sentence(&text.into()))
    }

    /// Something needed does not answer.
    pub fn unavailable(cause: impl ToString, advice: impl Into<String>) -> Self {
        let text = "Something that is needed does not answer. Nothing was lost.";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not available now", text)
        }
        .advice(advice)
    }

    /// Our fault. The reference stands in the page and in the log.
    pub fn internal(cause: impl ToString) -> Self {
        let reference: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let cause = format!("reference {reference}: {}", cause.to_string());
        let text = format!("This is our fault. Reference {reference}; the same reference is in the log.");
        Self { cause: Some(cause), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something broke", text) }
    }

    pub fn from_handle<R: Explain>(error: HandleError<R>) -> Self {
        match error {
            HandleError::Refused(refusal) => refusal.explain(),
            HandleError::Append(AppendError::Conflict { .. }) => Self::conflict("Someone was faster."),
            HandleError::Append(AppendError::Invalid(why)) => Self::invalid(why),
            error if error.is_transient() => Self::unavailable(&error, error.advice()),
            error => Self::internal(error),
        }
    }

    /// An error that axum itself made, in our words.
    pub fn of_status(status: StatusCode) -> Option<Self> {
        Some(match status {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
                Self::not_found("There is no such page", "The address leads nowhere.")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "This page takes no such request", "Nothing was changed.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            status if status.is_client_error() => {
                Self::new(status, "The request cannot be read", "Nothing was changed.")
            }
            _ => return None,
        })
    }

    pub fn too_large() -> Self {
        let max = domain::limits::TEXT_BYTES_MAX / 1024;
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is too long",
            format!("A declaration may have up to {max} KiB."),
        )
        .advice("Nothing was saved. Go back, shorten it and send it again.")
    }
}

/// A sentence with a capital and a full stop, from an error's words.
fn sentence(text: &str) -> String {
    let text = web::words::sentence(text);
    if text.ends_with(['.', '?']) { text } else { format!("{text}.") }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::unavailable(&error, error.advice()) } else { Self::internal(error) }
    }
}

impl From<ReadError> for HttpError {
    fn from(error: ReadError) -> Self {
        if error.is_transient() { Self::unavailable(&error, error.advice()) } else { Self::internal(error) }
    }
}

impl From<sqlx::Error> for HttpError {
    fn from(error: sqlx::Error) -> Self {
        Self::unavailable(error, "Check that the database runs; it is tried again by itself.")
    }
}

impl From<web::Error> for HttpError {
    fn from(error: web::Error) -> Self {
        Self::internal(error)
    }
}

/// A refusal of a decider, as a page.
pub trait Explain: std::fmt::Display {
    fn explain(&self) -> HttpError;
}

impl Explain for declaration::Refusal {
    fn explain(&self) -> HttpError {
        use declaration::Refusal as R;
        match self {
            R::Unknown => HttpError::not_found("There is no such declaration", "")
                .link("/declarations", "All declarations"),
            refusal if refusal.is_forbidden() => HttpError::forbidden(refusal.to_string()),
            R::TextTooLong(_) => HttpError { text: sentence(&self.to_string()), ..HttpError::too_large() },
            R::PlanChanged
            | R::NoPlan
            | R::PlanTooOld(_)
            | R::RightsMissing(_)
            | R::NotApproved
            | R::AlreadyCommitted
            | R::Busy
            | R::NoQuestion
            | R::ForeignPlan => HttpError::conflict(self.to_string()),
            R::EmptyText
            | R::WordsMissing
            | R::TooLong
            | R::EmptyPlan
            | R::ConfirmName(_)
            | R::AnswerEach(_)
            | R::NotYours
            | R::AdminOnly
            | R::OwnPlan => HttpError::invalid(self.to_string()),
        }
    }
}

impl Explain for run::Refusal {
    fn explain(&self) -> HttpError {
        use run::Refusal as R;
        match self {
            R::Unknown => HttpError::not_found("There is no such run", "").link("/runs", "All runs"),
            R::AdminOnly => HttpError::forbidden(self.to_string()),
            R::ReasonNeeded | R::NameNeeded(_) => HttpError::invalid(self.to_string()),
            R::PlanChanged
            | R::NotPaused
            | R::Over
            | R::NotWaiting
            | R::NothingToUndo
            | R::UnderWay
            | R::OutOfOrder(_) => HttpError::conflict(self.to_string()),
        }
    }
}

impl Explain for cluster::Refusal {
    fn explain(&self) -> HttpError {
        match self {
            cluster::Refusal::AdminOnly | cluster::Refusal::DriftAdminOnly => {
                HttpError::forbidden(self.to_string())
            }
            cluster::Refusal::NoDrift(_) | cluster::Refusal::PutBackChanged => {
                HttpError::conflict(self.to_string()).link("/cluster/drift", "Look again")
            }
            _ => HttpError::invalid(self.to_string()),
        }
    }
}

impl Explain for account::Refusal {
    fn explain(&self) -> HttpError {
        match self {
            account::Refusal::AdminOnly => HttpError::forbidden(self.to_string()),
            account::Refusal::Unknown => HttpError::not_found("There is no such account", ""),
            account::Refusal::Exists | account::Refusal::LastAdmin => HttpError::conflict(self.to_string()),
            _ => HttpError::invalid(self.to_string()),
        }
    }
}

impl Explain for settings::Refusal {
    fn explain(&self) -> HttpError {
        match self {
            settings::Refusal::AdminOnly => HttpError::forbidden(self.to_string()),
            _ => HttpError::invalid(self.to_string()),
        }
    }
}

impl Explain for repository::Refusal {
    fn explain(&self) -> HttpError {
        use repository::Refusal as R;
        match self {
            R::AdminOnly => HttpError::forbidden(self.to_string()),
            R::NotSetAside => {
                HttpError::conflict(self.to_string()).link("/settings/repository", "Look again")
            }
            R::NotPossible(_) => HttpError::invalid(self.to_string()),
        }
    }
}
