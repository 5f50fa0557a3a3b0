//! `mycopod user`: people. The command line holds the database already, so no password is asked of it.

use crate::args::{RoleArg, UserCommand};
use crate::context::{Context, by, read_failed, refused};
use crate::failure::{Code, Failure, Outcome};
use crate::passwords;
use crate::{out, output};
use domain::account::{Account, Command, Role};
use domain::event::Category;
use domain::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use eventstore::{EventLog, Meta, StreamId};
use std::path::Path;
use uuid::Uuid;

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Admin => Self::Admin,
            RoleArg::User => Self::User,
        }
    }
}

pub async fn run(path: &Path, command: UserCommand, json: bool) -> Outcome {
    let context = Context::open(path).await?;
    match command {
        UserCommand::Add { name, role, generate } => add(&context, name, role.into(), generate).await,
        UserCommand::List => list(&context, json).await,
        UserCommand::Role { name, role } => {
            let role = role.into();
            change(&context, &name, |by, other_admins| Command::ChangeRole { role, by, other_admins }).await
        }
        UserCommand::Disable { name } => {
            change(&context, &name, |by, other_admins| Command::Disable { by, other_admins }).await
        }
        UserCommand::Password { name, generate } => {
            let (password, shown) = password(generate)?;
            let password_hash = passwords::hash(&password).await?;
            change(&context, &name, |by, _| Command::ChangePassword {
                password_hash: password_hash.clone(),
                by,
            })
            .await?;
            if shown {
                out!("password {password}");
            }
            Ok(())
        }
    }
}

/// From standard input, or made up; the latter is shown once.
fn password(generate: bool) -> Result<(String, bool), Failure> {
    if generate {
        return Ok((crate::demo::made_up_password(), true));
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    let length = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&length) {
        let what =
            format!("the password has {length} characters, not {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX}");
        return Err(Failure::new(Code::Usage, what, "pipe one in, or use --generate"));
    }
    Ok((password, false))
}

async fn add(context: &Context, name: String, role: Role, generate: bool) -> Outcome {
    if context.reader.account_by_name(&name).await.map_err(read_failed)?.is_some() {
        return Err(Failure::new(
            Code::Refused,
            format!("there is an account {name} already"),
            "choose another name",
        ));
    }
    let (password, shown) = password(generate)?;
    let command = Command::Register {
        name: name.clone(),
        role,
        password_hash: passwords::hash(&password).await?,
        by: None,
        demo: false,
    };
    let stream = StreamId::new(Category::Account, Uuid::now_v7());
    context.store.handle::<Account>(stream, command, Meta::default(), None).await.map_err(refused)?;
    out!("{name} can sign in as {}.", role.as_str());
    if shown {
        out!("password {password}");
    }
    Ok(())
}

async fn list(context: &Context, json: bool) -> Outcome {
    let accounts = context.reader.accounts().await.map_err(read_failed)?;
    if json {
        let shown: Vec<_> = accounts
            .iter()
            .map(|a| serde_json::json!({"id": a.id, "name": a.name, "role": a.role, "disabled": a.disabled, "last_sign_in": a.last_sign_in}))
            .collect();
        output::json(&shown);
        return Ok(());
    }
    let row = |a: &projections::model::Account| {
        let last = a.last_sign_in.map_or("never".to_owned(), |at| {
            at.with_timezone(&chrono::Local).format("%d %b %Y %H:%M").to_string()
        });
        vec![
            a.name.clone(),
            a.role.as_str().to_owned(),
            if a.disabled { "disabled" } else { "active" }.to_owned(),
            last,
        ]
    };
    output::table(&["NAME", "ROLE", "STATE", "LAST SIGN-IN"], &accounts.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

async fn change(
    context: &Context,
    name: &str,
    command: impl Fn(domain::account::Actor, usize) -> Command,
) -> Outcome {
    let account = context.reader.account_by_name(name).await.map_err(read_failed)?.ok_or_else(|| {
        Failure::new(Code::NotFound, format!("there is no account {name}"), "`mycopod user list` lists them")
    })?;
    let admins = context.reader.active_admins().await.map_err(read_failed)?;
    let other_admins = admins.iter().filter(|admin| admin.id != account.id).count();
    // Done in the name of the account itself: the command line is whoever may read the key ring.
    let actor = domain::account::Actor { id: account.id, role: Role::Admin };
    let stream = StreamId::new(Category::Account, account.id.0);
    context
        .store
        .handle::<Account>(stream, command(actor, other_admins), by(actor), None)
        .await
        .map_err(refused)?;
    out!("{name} is changed.");
    Ok(())
}
