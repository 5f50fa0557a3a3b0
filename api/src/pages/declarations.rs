//! Declarations, their plans, and the queue of approvals.

use super::{Asked, draw, parsed, refreshing};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::{Admin, SignedIn};
use crate::{limits, live};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::ids::DeclarationId;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use projections::DeclarationFilter;
use projections::model::{DeclarationRow, DeclarationStatus, PlanRow};
use serde::Deserialize;
use uuid::Uuid;
use web::frame::Section;
use web::pages::{self, Live, Pager};
use web::views;

/// The filter as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    #[serde(default)]
    status: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    page: i64,
    at: Option<i64>,
}

impl Filter {
    /// Without what the person just did, which a look into the past does not wait for.
    pub(super) fn of_the_past(self) -> Self {
        Self { at: None, ..self }
    }

    fn address(&self, path: &str, page: i64) -> String {
        let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (status, author, words) = (part(&self.status), part(&self.author), part(&self.words));
        format!("{path}?status={status}&author={author}&words={words}&page={page}")
    }
}

pub(super) async fn list_page(
    app: &App,
    me: &SignedIn,
    asked: &Filter,
) -> Result<pages::declarations::DeclarationsPage, HttpError> {
    let mut f = app.frame(me, "Declarations", Section::Declarations, asked.at).await?;
    f.live = Some(asked.address("/declarations/live", asked.page));
    let viewer = app.viewer(me).await?;
    let author = match asked.author.as_str() {
        "" => None,
        // A name nobody has matches nothing.
        name => Some(
            app.reader
                .account_by_name(name)
                .await?
                .map_or(domain::ids::AccountId(Uuid::nil()), |found| found.id),
        ),
    };
    let filter = DeclarationFilter {
        status: DeclarationStatus::ALL.into_iter().find(|status| status.slug() == asked.status),
        author,
        word: Some(asked.words.chars().take(limits::QUERY_CHARS_MAX).collect()),
    };
    let (page, per_page) = (asked.page.clamp(0, 1_000_000), limits::PAGE_ROWS as i64);
    let (rows, total) = app.reader.declarations(&filter, page, per_page).await?;
    let pager = Pager {
        newer: (page > 0).then(|| asked.address("/declarations", page - 1)),
        older: ((page + 1) * per_page < total).then(|| asked.address("/declarations", page + 1)),
    };
    let shown = pages::declarations::Filter {
        status: asked.status.clone(),
        author: asked.author.clone(),
        words: asked.words.clone(),
    };
    Ok(views::declaration::list_page(f, &viewer, shown, &rows, pager))
}

/// `GET /declarations`
pub async fn list(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Filter>,
) -> Result<Response, HttpError> {
    draw(&list_page(&app, &me, &asked).await?)
}

/// `GET /declarations/live`
pub async fn list_live(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Filter>,
) -> Result<Response, HttpError> {
    let asked = Filter { at: None, ..asked };
    live::stream(app, me, move |app, me| {
        let asked = asked.clone();
        async move { Ok(list_page(&app, &me, &asked).await?.regions()?) }
    })
}

/// The declaration of an address.
pub async fn found(app: &App, id: &str) -> Result<DeclarationRow, HttpError> {
    let id: DeclarationId = parsed(id, "declaration")?;
    app.reader.declaration(id).await?.ok_or_else(|| {
        HttpError::not_found(
            "There is no such declaration",
            "It may be in another installation, or the address was cut.",
        )
        .link("/declarations", "All declarations")
    })
}

pub(super) async fn one_page(
    app: &App,
    me: &SignedIn,
    id: &str,
    asked: &Asked,
) -> Result<pages::declaration::DeclarationPage, HttpError> {
    let mut f = app.frame(me, "Declaration", Section::Declarations, asked.at).await?;
    let row = found(app, id).await?;
    let path = format!("/declarations/{}", row.id);
    let badge = pages::declaration::badge(&views::declaration::status(&row));
    f.title = format!("{}: {}", web::words::cut(&row.title, 60), badge.word);
    f.live = Some(format!("{path}/live"));
    let going = matches!(row.status, DeclarationStatus::Previewing | DeclarationStatus::Committing);
    refreshing(&mut f, asked, &path, going);
    let mut plans = app.reader.plans_of(row.id).await?;
    plans.sort_by_key(|plan| plan.no);
    let run = match row.runs.last() {
        Some(no) => app.reader.run(*no).await?,
        None => None,
    };
    Ok(views::declaration::page(f, &app.viewer(me).await?, &row, &plans, run.as_ref()))
}

/// `GET /declarations/{id}`
pub async fn one(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&one_page(&app, &me, &id, &asked).await?)
}

/// `GET /declarations/{id}/live`
pub async fn one_live(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    found(&app, &id).await?;
    live::stream(app, me, move |app, me| {
        let id = id.clone();
        async move { Ok(one_page(&app, &me, &id, &Asked::default()).await?.regions()?) }
    })
}

/// What a form for a new draft begins with. Its id is the draft's, so a form sent twice is one draft.
pub struct Blank {
    pub id: Uuid,
    /// The declaration that it is a new version of: id and number.
    pub follows: Option<(DeclarationId, i64)>,
    pub title: String,
    pub text: String,
    pub error: Option<String>,
}

pub async fn new_page(app: &App, me: &SignedIn, blank: Blank) -> Result<pages::edit::EditPage, HttpError> {
    let heading = if blank.follows.is_some() { "New version" } else { "New declaration" };
    let f = app.frame(me, heading, Section::Declarations, None).await?;
    Ok(pages::edit::EditPage {
        guard: f.guard(&format!("draft {}", blank.id), 0),
        id: blank.id.to_string(),
        existing: false,
        follows: blank.follows.map(|(id, no)| (id.to_string(), no)),
        title: blank.title,
        text: blank.text,
        error: blank.error,
        examples: pages::edit::EXAMPLES.to_vec(),
        f,
    })
}

/// `GET /declarations/new`
pub async fn new(State(app): State<App>, me: SignedIn) -> Result<Response, HttpError> {
    let (title, text) = (String::new(), String::new());
    let blank = Blank { id: Uuid::now_v7(), follows: None, title, text, error: None };
    draw(&new_page(&app, &me, blank).await?)
}

/// `GET /declarations/{id}/new-version`: its text, to be changed.
pub async fn new_version(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let row = found(&app, &id).await?;
    let blank = Blank {
        id: Uuid::now_v7(),
        follows: Some((row.id, row.no)),
        title: row.title,
        text: row.text,
        error: None,
    };
    draw(&new_page(&app, &me, blank).await?)
}

/// The form of a declaration that exists; `typed` after an error.
pub async fn edit_page(
    app: &App,
    me: &SignedIn,
    row: &DeclarationRow,
    typed: Option<(String, String, String)>,
) -> Result<pages::edit::EditPage, HttpError> {
    let f = app.frame(me, "Edit text", Section::Declarations, None).await?;
    let (title, text, error) = match typed {
        Some((title, text, error)) => (title, text, Some(error)),
        None => (row.title.clone(), row.text.clone(), None),
    };
    Ok(pages::edit::EditPage {
        guard: f.guard(&format!("revise {}", row.id), row.position),
        id: row.id.to_string(),
        existing: true,
        follows: None,
        title,
        text,
        error,
        examples: pages::edit::EXAMPLES.to_vec(),
        f,
    })
}

/// `GET /declarations/{id}/edit`
pub async fn edit(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let row = found(&app, &id).await?;
    if !app.viewer(&me).await?.may_change(row.author) {
        return Err(HttpError::forbidden("only its author or an Admin may change this declaration"));
    }
    draw(&edit_page(&app, &me, &row, None).await?)
}

/// The plan of an address.
pub async fn found_plan(app: &App, id: &str, no: &str) -> Result<(DeclarationRow, PlanRow), HttpError> {
    let row = found(app, id).await?;
    let no: u32 = parsed(no, "plan")?;
    match app.reader.plan(row.id, no).await? {
        Some(plan) => Ok((row, plan)),
        None => {
            let newest = app.reader.plans_of(row.id).await?.iter().map(|plan| plan.no).max();
            let text = newest
                .map_or_else(|| "It has no plan yet.".into(), |newest| format!("The newest is {newest}."));
            Err(HttpError::not_found(format!("There is no plan {no}"), text)
                .link(format!("/declarations/{}", row.id), "The declaration"))
        }
    }
}

pub(super) async fn plan_page(
    app: &App,
    me: &SignedIn,
    id: &str,
    no: &str,
    at: Option<i64>,
) -> Result<pages::plan::PlanPage, HttpError> {
    let mut f = app.frame(me, "Plan", Section::Declarations, at).await?;
    let (row, plan) = found_plan(app, id, no).await?;
    let badge = pages::declaration::badge(&views::declaration::status(&row));
    let words = if row.status == DeclarationStatus::AwaitingApproval {
        "waits for approval"
    } else {
        badge.word.as_str()
    };
    f.title = format!("Plan {} {words}", plan.no);
    f.live = Some(format!("/declarations/{}/plans/{}/live", row.id, plan.no));
    let settings = app.reader.settings().await?;
    Ok(views::plan::page(f, &app.viewer(me).await?, &row, &plan, &settings.scores))
}

/// `GET /declarations/{id}/plans/{no}`
pub async fn plan(
    State(app): State<App>,
    me: SignedIn,
    Path((id, no)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&plan_page(&app, &me, &id, &no, asked.at).await?)
}

/// `GET /declarations/{id}/plans/{no}/live`
pub async fn plan_live(
    State(app): State<App>,
    me: SignedIn,
    Path((id, no)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    found_plan(&app, &id, &no).await?;
    live::stream(app, me, move |app, me| {
        let (id, no) = (id.clone(), no.clone());
        async move { Ok(plan_page(&app, &me, &id, &no, None).await?.regions()?) }
    })
}

pub(super) async fn queue_page(
    app: &App,
    me: &SignedIn,
    at: Option<i64>,
) -> Result<pages::approvals::ApprovalsPage, HttpError> {
    let mut f = app.frame(me, "Approvals", Section::Approvals, at).await?;
    f.live = Some("/approvals/live".into());
    let mut waiting = Vec::new();
    for row in app.reader.approvals_waiting().await? {
        if let Some(no) = row.plan_no
            && let Some(plan) = app.reader.plan(row.id, no).await?
        {
            waiting.push((row, plan));
        }
    }
    Ok(views::declaration::approvals_page(f, &app.viewer(me).await?, &waiting))
}

/// `GET /approvals`
pub async fn approvals(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&queue_page(&app, &me, asked.at).await?)
}

/// `GET /approvals/live`
pub async fn approvals_live(State(app): State<App>, me: Admin) -> Result<Response, HttpError> {
    live::stream(
        app,
        (*me).clone(),
        |app, me| async move { Ok(queue_page(&app, &me, None).await?.regions()?) },
    )
}
