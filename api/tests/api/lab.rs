//! A service with two accounts, and browsers that keep cookies and fill in forms.

use api::{Config, Cost};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use chrono::Utc;
use domain::account::{Account, Command, Role};
use domain::ids::{AccountId, DeclarationId};
use domain::{decider::Decider, declaration};
use eventstore::embedded::Cluster;
use eventstore::{Category, EventLog, Meta, Store, StoreConfig, StreamId};
use http_body_util::BodyExt;
use projections::{Projector, Reader};
use secrets::{KeyRing, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;
use uuid::Uuid;

pub const ADA: Uuid = Uuid::from_u128(1);
pub const BO: Uuid = Uuid::from_u128(2);
pub const CY: Uuid = Uuid::from_u128(3);
pub const PASSWORD: &str = "correct horse battery";
/// Cheap enough for tests; the real cost has its own test.
const COST: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

pub struct Lab {
    pub router: Router,
    pub store: Store,
    pub projector: Arc<Projector>,
    pub postgres: Cluster,
}

impl Lab {
    pub async fn start() -> Self {
        let postgres = Cluster::start(None).await.unwrap();
        let ring = KeyRing::ephemeral().unwrap();
        let store = Store::connect(StoreConfig::new(postgres.url(), ring.clone())).await.unwrap();
        let reader = Reader::connect(&postgres.url(), ring.clone()).await.unwrap();
        let projector = Arc::new(Projector::start(store.clone(), reader.pool().clone(), ring).await.unwrap());
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            store: store.clone(),
            reader,
            projector: projector.clone(),
            public_origin: None,
            cost: COST,
            clock: Utc::now,
            intake: None,
        };
        let (router, _) = api::service(config).unwrap();
        let lab = Self { router, store, projector, postgres };
        let password_hash =
            api::Passwords::new(COST).unwrap().hash(Secret::new(PASSWORD.to_owned())).await.unwrap();
        for (id, name, role) in [(ADA, "ada", Role::Admin), (BO, "bo", Role::User), (CY, "cy", Role::Admin)] {
            let command = Command::Register {
                name: name.into(),
                role,
                password_hash: password_hash.clone(),
                by: None,
                demo: false,
            };
            lab.command::<Account>(Category::Account, id, command).await;
        }
        lab
    }

    pub async fn command<D: Decider>(&self, category: Category, id: Uuid, command: D::Command)
    where
        D::Command: Clone + Send + Sync,
        D::Refusal: Send + std::fmt::Debug,
    {
        let handled = self
            .store
            .handle::<D>(StreamId::new(category, id), command, Meta::default(), None)
            .await
            .unwrap();
        self.shown(handled.position).await;
    }

    /// Waits until the pages show this position.
    pub async fn shown(&self, position: i64) {
        self.projector.reached().wait_for(|reached| *reached >= position).await.unwrap();
    }

    pub async fn declaration(&self, id: DeclarationId) -> declaration::Declaration {
        let events = self.store.read_stream(StreamId::new(Category::Declaration, id.0), 1).await.unwrap();
        events.iter().fold(declaration::Declaration::default(), |state, recorded| {
            state.evolve(&eventstore::decode(recorded).unwrap())
        })
    }

    pub async fn events(&self) -> i64 {
        self.store.head().await.unwrap().position
    }

    /// Events after a position that are not signing in or out.
    pub async fn store_events_but_sign_in(&self, after: i64) -> usize {
        let events = self.store.read_from(after, 1_000).await.unwrap();
        events.iter().filter(|event| !event.type_name.starts_with("account.signed_")).count()
    }

    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookies: BTreeMap::new() }
    }

    pub async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.html);
        browser
    }
}

pub fn actor(id: Uuid, role: Role) -> domain::account::Actor {
    domain::account::Actor { id: AccountId(id), role }
}

#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
}

pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub set_cookies: Vec<String>,
    pub headers: axum::http::HeaderMap,
    pub html: String,
}

impl Answer {
    /// The value of a hidden field in the form that goes to `action`.
    pub fn hidden(&self, action: &str, name: &str) -> String {
        let form = self.html.split("<form").find(|form| form.contains(&format!("action=\"{action}\"")));
        let form = form.unwrap_or_else(|| panic!("no form goes to {action} in {}", self.html));
        let field = form.split("<input").find(|input| input.contains(&format!("name=\"{name}\""))).unwrap();
        field.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
    }
}

impl Browser {
    async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        request.headers_mut().entry(header::HOST).or_insert("pod.lan".parse().unwrap());
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let set_cookies: Vec<String> = parts
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        for cookie in &set_cookies {
            let (pair, rest) = cookie.split_once(';').unwrap();
            let (key, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(key);
            } else {
                self.cookies.insert(key.to_owned(), value.to_owned());
            }
        }
        let location = parts.headers.get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        let html = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer {
            status: parts.status,
            location: location.unwrap_or_default(),
            set_cookies,
            headers: parts.headers,
            html,
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Opens a live stream.
    pub async fn open(&mut self, path: &str) -> Body {
        let cookies: Vec<String> = self.cookies.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let request =
            Request::get(path).header(header::COOKIE, cookies.join("; ")).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), "text/event-stream");
        response.into_body()
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, fields, &[("origin", "https://pod.lan")]).await
    }

    pub async fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let mut request = Request::post(path);
        if headers.iter().all(|(key, _)| *key != "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Fills in the form of a page that goes to `action` and sends it.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let (csrf, key) = (page.hidden(action, "csrf"), page.hidden(action, "key"));
        let mut all = vec![("csrf", csrf.as_str()), ("key", key.as_str())];
        all.extend(fields);
        self.post(action, &all).await
    }

    /// This session's token, from any page that has a form.
    pub async fn csrf(&mut self) -> String {
        self.get("/account").await.hidden("/account/password", "csrf")
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let page = self.get("/sign-in").await;
        let csrf = page.hidden("/sign-in", "csrf");
        self.post(
            "/sign-in",
            &[("csrf", &csrf), ("name", name), ("password", password), ("next", "/declarations")],
        )
        .await
    }

    /// Follows a redirect after a form.
    pub async fn follow(&mut self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.html);
        let path = answer.location.clone();
        self.get(&path).await
    }
}
