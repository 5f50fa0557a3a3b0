//! What most commands need: the configuration, the log, the read models, and who acts.

use crate::args::{DeclarationRef, Person};
use crate::config::Config;
use crate::failure::{Code, Failure};
use domain::account::Actor;
use domain::decider::Decider;
use domain::event::Category;
use domain::ids::DeclarationId;
use eventstore::{EventLog, HandleError, Meta, Store, StoreConfig, StoreError, StreamId};
use projections::Reader;
use projections::model::DeclarationRow;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// How long a command waits for the read models to reach what it wrote.
pub const READ_OWN_WRITE: Duration = Duration::from_secs(10);

pub struct Context {
    pub config: Config,
    pub store: Store,
    pub reader: Reader,
}

impl Context {
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        let config = Config::read(path)?;
        let (store, ring, url) = open_store(&config, "mycopod command line").await?;
        let reader = Reader::connect(&url, ring)
            .await
            .map_err(|error| Failure::new(Code::Unavailable, &error, "check that the database runs"))?;
        Ok(Self { config, store, reader })
    }

    /// The account a command acts as: the one named, or the only Admin.
    pub async fn person(&self, person: &Person) -> Result<(Actor, String), Failure> {
        let accounts = self.reader.accounts().await.map_err(read_failed)?;
        let mut active = accounts.into_iter().filter(|account| !account.disabled);
        let found = match &person.name {
            Some(name) => active.find(|account| account.name == *name).ok_or_else(|| {
                Failure::new(
                    Code::NotFound,
                    format!("there is no active account {name}"),
                    "`mycopod user list` lists them",
                )
            })?,
            None => {
                let mut admins = active.filter(|account| account.role == domain::account::Role::Admin);
                match (admins.next(), admins.next()) {
                    (Some(only), None) => only,
                    _ => {
                        return Err(Failure::new(
                            Code::Usage,
                            "it is not clear who acts",
                            "name the account with --as NAME",
                        ));
                    }
                }
            }
        };
        Ok((Actor { id: found.id, role: found.role }, found.name))
    }

    pub async fn declaration(&self, named: &str) -> Result<DeclarationRow, Failure> {
        let reference: DeclarationRef = named
            .parse()
            .map_err(|why: String| Failure::new(Code::Usage, why, "`mycopod declare` prints it"))?;
        let found = match reference {
            DeclarationRef::Id(id) => {
                self.reader.declaration(DeclarationId(id)).await.map_err(read_failed)?
            }
            DeclarationRef::No(no) => self.reader.declaration_no(no).await.map_err(read_failed)?,
        };
        found.ok_or_else(|| {
            Failure::new(
                Code::NotFound,
                format!("there is no declaration {named}"),
                "open the list in the pages",
            )
        })
    }
}

pub async fn open_store(
    config: &Config,
    application: &str,
) -> Result<(Store, secrets::KeyRing, secrets::Secret<String>), Failure> {
    let ring = config.open_key_ring()?;
    let url = config.database_url(&ring)?;
    let store_config =
        StoreConfig { application: application.to_owned(), ..StoreConfig::new(url.clone(), ring.clone()) };
    let store = Store::connect(store_config).await.map_err(store_failed)?;
    Ok((store, ring, url))
}

pub fn store_failed(error: StoreError) -> Failure {
    let code = if error.is_transient() { Code::Unavailable } else { Code::Failed };
    let (what, next) = (error.to_string(), error.advice());
    Failure::new(code, what, next)
}

pub fn read_failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Unavailable, error, "check that the database runs, then try again")
}

pub fn refused<R: std::fmt::Display>(error: HandleError<R>) -> Failure {
    match error {
        HandleError::Refused(refusal) => Failure::new(Code::Refused, refusal, ""),
        error => {
            let code = if error.is_transient() { Code::Unavailable } else { Code::Failed };
            let next = error.advice();
            Failure::new(code, error, next)
        }
    }
}

/// Who did it, for the log.
pub fn by(actor: Actor) -> Meta {
    Meta { actor: Some(actor.id.0), ..Meta::default() }
}

/// An aggregate as it is now, folded from its stream, with the position it was read at.
pub async fn load<D: Decider>(store: &Store, category: Category, id: Uuid) -> Result<(D, i64), Failure> {
    let (mut state, mut position) = (D::default(), 0);
    for recorded in store.read_stream(StreamId::new(category, id), 1).await.map_err(store_failed)? {
        state = state.evolve(&eventstore::decode(&recorded).map_err(store_failed)?);
        position = recorded.position;
    }
    Ok((state, position))
}

/// Waits until an aggregate is as wanted; none if that takes longer than `limit`.
pub async fn until<D: Decider>(
    store: &Store,
    category: Category,
    id: Uuid,
    limit: Duration,
    wanted: impl Fn(&D) -> bool,
) -> Result<Option<D>, Failure> {
    let watching = async {
        loop {
            let head = store.head().await.map_err(store_failed)?;
            let (state, _) = load::<D>(store, category, id).await?;
            if wanted(&state) {
                return Ok(state);
            }
            store.wait_beyond(head.position).await;
        }
    };
    match tokio::time::timeout(limit, watching).await {
        Ok(state) => state.map(Some),
        Err(_) => Ok(None),
    }
}
