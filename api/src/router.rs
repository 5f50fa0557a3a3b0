//! Every route, once, with who may use it. A route cannot be added without saying so.

use crate::app::App;
use crate::security::gate;
use crate::{actions as a, error::HttpError, pages as p};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{self, MethodRouter};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No session is looked at: assets and health.
    Machine,
    /// Anybody; forms are proved by the visitor's cookie.
    Visitor,
    SignedIn,
    Admin,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

struct Table {
    app: Option<App>,
    router: Router<App>,
    routes: Vec<Route>,
}

impl Table {
    fn add<H, T>(&mut self, method: &'static str, path: &'static str, access: Access, handler: H)
    where
        H: Handler<T, App> + Clone,
        T: 'static,
    {
        self.routes.push(Route { method, path, access });
        if let Some(app) = &self.app {
            let methods: MethodRouter<App> =
                if method == "GET" { routing::get(handler) } else { routing::post(handler) };
            let guarded = methods.layer(middleware::from_fn_with_state((app.clone(), access), gate::gate));
            self.router = std::mem::take(&mut self.router).route(path, guarded);
        }
    }

    fn get<H: Handler<T, App> + Clone, T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: H,
    ) {
        self.add("GET", path, access, handler);
    }

    fn post<H: Handler<T, App> + Clone, T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: H,
    ) {
        self.add("POST", path, access, handler);
    }
}

fn table(app: Option<App>) -> Table {
    use Access::{Admin, Machine, SignedIn, Visitor};
    let mut t = Table { app, router: Router::new(), routes: Vec::new() };

    t.get("/healthz", Machine, p::health::healthz);
    t.get("/readyz", Machine, p::health::readyz);
    t.get("/assets/{name}", Machine, p::health::asset);

    t.get("/", SignedIn, p::start);
    t.get("/help", Visitor, p::help);
    t.get("/sign-in", Visitor, a::sign_in::page);
    t.post("/sign-in", Visitor, a::sign_in::sign_in);
    t.post("/sign-out", SignedIn, a::sign_in::sign_out);

    t.get("/overview", Admin, p::overview::overview);
    t.get("/overview/live", Admin, p::overview::live);
    t.get("/approvals", Admin, p::declarations::approvals);
    t.get("/approvals/live", Admin, p::declarations::approvals_live);

    t.get("/declarations", SignedIn, p::declarations::list);
    t.get("/declarations/live", SignedIn, p::declarations::list_live);
    t.post("/declarations", SignedIn, a::declarations::draft);
    t.get("/declarations/new", SignedIn, p::declarations::new);
    t.get("/declarations/{id}", SignedIn, p::declarations::one);
    t.post("/declarations/{id}", SignedIn, a::declarations::revise);
    t.get("/declarations/{id}/live", SignedIn, p::declarations::one_live);
    t.get("/declarations/{id}/edit", SignedIn, p::declarations::edit);
    t.get("/declarations/{id}/new-version", SignedIn, p::declarations::new_version);
    t.post("/declarations/{id}/preview", SignedIn, a::declarations::preview);
    t.post("/declarations/{id}/cancel", SignedIn, a::declarations::cancel);
    t.post("/declarations/{id}/answer", SignedIn, a::declarations::answer);
    t.post("/declarations/{id}/withdraw", SignedIn, a::declarations::withdraw);
    t.post("/declarations/{id}/comment", SignedIn, a::declarations::comment);

    t.get("/declarations/{id}/plans/{no}", SignedIn, p::declarations::plan);
    t.get("/declarations/{id}/plans/{no}/live", SignedIn, p::declarations::plan_live);
    t.post("/declarations/{id}/plans/{no}/ask", SignedIn, a::plans::ask);
    t.post("/declarations/{id}/plans/{no}/approve", Admin, a::plans::approve);
    t.post("/declarations/{id}/plans/{no}/send-back", Admin, a::plans::send_back);
    t.post("/declarations/{id}/plans/{no}/commit", Admin, a::plans::commit);

    t.get("/runs", SignedIn, p::runs::list);
    t.get("/runs/live", SignedIn, p::runs::list_live);
    t.get("/runs/{no}", SignedIn, p::runs::one);
    t.get("/runs/{no}/live", SignedIn, p::runs::one_live);
    t.post("/runs/{no}/resume", Admin, a::runs::resume);
    t.post("/runs/{no}/stop", Admin, a::runs::stop);
    t.post("/runs/{no}/skip", Admin, a::runs::skip);
    t.post("/runs/{no}/retry", Admin, a::runs::retry);
    t.get("/runs/{no}/undo", Admin, p::runs::undo);
    t.post("/runs/{no}/undo", Admin, a::runs::undo);

    t.get("/cluster", SignedIn, p::cluster::cluster);
    t.get("/cluster/live", SignedIn, p::cluster::live);
    t.get("/cluster/drift", SignedIn, p::cluster::drift);
    t.get("/cluster/drift/live", SignedIn, p::cluster::drift_live);
    t.post("/cluster/drift/leave", Admin, a::drift::leave);
    t.post("/cluster/drift/put-back", Admin, a::drift::put_back);
    t.get("/cluster/guests/{vmid}", SignedIn, p::cluster::guest);
    t.get("/history", SignedIn, p::history::list);
    t.get("/history/export.csv", SignedIn, p::export::csv);
    t.get("/history/export.json", SignedIn, p::export::json);
    t.get("/history/{position}", SignedIn, p::history::event);
    t.get("/history/at/{position}", SignedIn, p::past::start);
    t.get("/history/at/{position}/{*path}", SignedIn, p::past::page);

    t.get("/settings", Admin, p::settings::start);
    t.get("/settings/proxmox", Admin, p::connection::proxmox);
    t.get("/settings/proxmox/live", Admin, p::connection::proxmox_live);
    t.get("/settings/github", Admin, p::connection::github);
    t.get("/settings/github/live", Admin, p::connection::github_live);
    t.get("/settings/model", Admin, p::connection::model);
    t.get("/settings/model/live", Admin, p::connection::model_live);
    t.post("/settings/credentials/{name}", Admin, a::credentials::store);
    t.post("/settings/credentials/{name}/remove", Admin, a::credentials::remove);
    t.post("/settings/credentials/{name}/test", Admin, a::credentials::test);
    t.get("/settings/people", Admin, p::settings::people);
    t.post("/settings/people", Admin, a::people::add);
    t.post("/settings/people/{id}/role", Admin, a::people::role);
    t.post("/settings/people/{id}/disable", Admin, a::people::disable);
    t.post("/settings/people/{id}/enable", Admin, a::people::enable);
    t.get("/settings/rules", Admin, p::settings::rules);
    t.post("/settings/rules", Admin, a::settings::rules);
    t.post("/settings/freeze", Admin, a::settings::freeze);
    t.post("/settings/thaw", Admin, a::settings::thaw);
    t.post("/settings/refresh", Admin, a::settings::refresh);
    t.get("/settings/repository", Admin, p::repository::repository);
    t.post("/settings/repository/decide", Admin, a::repository::decide);
    t.get("/settings/system", Admin, p::settings::system);

    t.get("/account", SignedIn, p::account::account);
    t.post("/account/password", SignedIn, a::account::password);
    t.post("/account/sessions", SignedIn, a::account::end_others);
    t
}

/// Every route and who may use it.
pub fn routes() -> Vec<Route> {
    table(None).routes
}

pub(crate) fn build(app: App) -> Router {
    table(Some(app.clone()))
        .router
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(crate::limits::BODY_BYTES_MAX))
        .layer(middleware::from_fn(headers))
        .with_state(app)
}

/// An address that leads nowhere.
async fn unknown(State(app): State<App>, headers: HeaderMap) -> Response {
    let person = gate::person(&app, &headers).await.ok().flatten();
    let error = HttpError::not_found("There is no such page", "The address leads nowhere.");
    gate::error_page(&app, person.as_ref(), error).await
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer says to the browser.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
