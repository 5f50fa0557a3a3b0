//! What the UI hands over: who ordered it is looked up in the log, then it is stored or removed.

use super::{KeepError, Keeper};
use domain::account::{Account, Actor};
use domain::event::Category;
use domain::ids::AccountId;
use domain::settings::credential;
use eventstore::EventLog;
use handover::{Done, Intake, Refused, Taking};
use secrets::Secret;
use uuid::Uuid;

/// Where orders arrive.
pub struct Desk(pub Keeper);

impl Desk {
    /// The UI says who ordered it; whether that account may is in the log, and the UI is not asked.
    async fn admin(&self, by: Uuid) -> Result<Actor, Refused> {
        let account: Account =
            self.0.log().load(Category::Account, by).await.map_err(|e| failed(&e.into()))?;
        let actor = account.role.map(|role| Actor { id: AccountId(by), role });
        match actor {
            Some(actor) if actor.is_admin() && !account.disabled => Ok(actor),
            _ => Err(refused("credentials are changed by Admins", "Ask an Admin.")),
        }
    }

    async fn done(&self) -> Result<Done, Refused> {
        match self.0.log().store.head().await {
            Ok(head) => Ok(Done { position: head.position }),
            Err(error) => Err(refused(&error.to_string(), "It was done. Load the page again.")),
        }
    }
}

impl Intake for Desk {
    fn store<'a>(&'a self, name: &'a str, by: Uuid, value: Secret<Vec<u8>>) -> Taking<'a> {
        Box::pin(async move {
            let by = self.admin(by).await?;
            known(name)?;
            self.0.store(name, by, value).await.map_err(|error| failed(&error))?;
            tracing::info!(name, by = %by.id, "a credential was stored");
            self.done().await
        })
    }

    fn remove<'a>(&'a self, name: &'a str, by: Uuid) -> Taking<'a> {
        Box::pin(async move {
            let by = self.admin(by).await?;
            known(name)?;
            self.0.remove(name, by).await.map_err(|error| failed(&error))?;
            tracing::info!(name, by = %by.id, "a credential was removed");
            self.done().await
        })
    }
}

/// Only what the Agent uses comes in this way; the command line may store other files.
fn known(name: &str) -> Result<(), Refused> {
    match credential(name) {
        Some(_) => Ok(()),
        None => Err(refused("there is no such credential", "Choose one of the page.")),
    }
}

fn refused(what: &str, next: &str) -> Refused {
    Refused { what: what.into(), next: next.into() }
}

fn failed(error: &KeepError) -> Refused {
    let next = match error {
        KeepError::File(error) => error.advice(),
        KeepError::Log(_) => {
            "If it was stored, it is recorded within seconds. Look again before you retry.".into()
        }
    };
    Refused { what: error.to_string(), next }
}
