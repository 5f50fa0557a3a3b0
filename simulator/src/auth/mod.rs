//! Who calls, and what they may do.
//!
//! Begin with [`login`] (who is it), then [`rights`] (what may they do). The users, groups, roles, tokens
//! and access lists are part of the world, so that a reset brings back the first ones; the calls that
//! change them are in [`users`], [`tokens`], [`groups`], [`acl`] and [`realms`].
//!
//! Never here: secrets in clear. Tokens and passwords are kept as hashes.

pub mod acl;
pub mod groups;
pub mod login;
pub mod realms;
pub mod rights;
pub mod roles;
pub mod tokens;
pub mod users;

pub use login::Who;
pub use rights::{Access, permitted};
pub use roles::PRIVILEGES;

use crate::SimConfig;
use crate::api::{Call, Fail, Reply};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The one user who may do anything; tokens are never this user.
pub const ROOT: &str = "root@pam";

/// Privileges of a token on a path and below it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// `user@realm!name`. A token without any grant is an administrator.
    pub token: String,
    pub path: String,
    pub privileges: Vec<String>,
}

/// Everything that decides about rights.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccessDb {
    pub users: BTreeMap<String, User>,
    pub groups: BTreeMap<String, Group>,
    /// Roles that were made here; the built-in ones are in [`roles`].
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// Entries by path.
    pub acl: BTreeMap<String, Vec<AclEntry>>,
    pub realms: BTreeMap<String, BTreeMap<String, String>>,
}

/// A user of the cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    pub enable: bool,
    /// Unix seconds; 0 is never.
    pub expire: i64,
    /// `firstname`, `lastname`, `email`, `comment`, `keys`.
    pub texts: BTreeMap<String, String>,
    pub tokens: BTreeMap<String, Token>,
    /// Hash of the password; none: nobody can sign in with one.
    pub password: Option<String>,
}

/// An API token of a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Token {
    /// True: its own access list counts, within the rights of its user.
    pub privsep: bool,
    /// Unix seconds; 0 is never.
    pub expire: i64,
    pub comment: Option<String>,
    /// Hash of the secret.
    pub secret: String,
}

/// A group of users.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Group {
    pub comment: Option<String>,
    pub users: BTreeSet<String>,
}

/// Whom an entry of an access list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Principal {
    User,
    Group,
    Token,
}

/// One entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    pub kind: Principal,
    /// User, group or full token id.
    pub id: String,
    pub role: String,
    pub propagate: bool,
}

/// SHA-256 of a secret, with its owner as salt.
pub fn hashed(owner: &str, secret: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(format!("{owner}\0{secret}").as_bytes()))
}

impl AccessDb {
    /// The realms and the user every cluster has.
    pub fn fresh() -> Self {
        let realm = |kind: &str, comment: &str| {
            BTreeMap::from([("type".to_owned(), kind.to_owned()), ("comment".to_owned(), comment.to_owned())])
        };
        let root = User { enable: true, ..User::default() };
        Self {
            users: BTreeMap::from([(ROOT.to_owned(), root)]),
            realms: BTreeMap::from([
                ("pam".to_owned(), realm("pam", "Linux PAM standard authentication")),
                ("pve".to_owned(), realm("pve", "Proxmox VE authentication server")),
            ]),
            ..Self::default()
        }
    }

    /// Adds the tokens, passwords and grants of a configuration; users are made where they are missing.
    pub fn configure(&mut self, config: &SimConfig) {
        for (user, password) in &config.passwords {
            self.user_entry(user).password = Some(hashed(user, password));
        }
        for (id, secret) in &config.tokens {
            let Some((user, name)) = id.split_once('!') else { continue };
            let limited = config.grants.iter().any(|g| &g.token == id);
            let token = Token { privsep: limited, secret: hashed(id, secret), ..Token::default() };
            self.user_entry(user).tokens.insert(name.to_owned(), token);
            if !limited && user != ROOT {
                self.add_acl("/", Principal::User, user, "Administrator");
            }
        }
        for (number, grant) in config.grants.iter().enumerate() {
            let role = format!("Granted{number}");
            self.roles.insert(role.clone(), grant.privileges.iter().cloned().collect());
            let path = rights::normalized(&grant.path).unwrap_or_else(|| "/".into());
            self.add_acl(&path, Principal::Token, &grant.token, &role);
            if let Some((user, _)) = grant.token.split_once('!').filter(|(user, _)| *user != ROOT) {
                self.add_acl("/", Principal::User, user, "Administrator");
            }
        }
    }

    fn user_entry(&mut self, user: &str) -> &mut User {
        self.users.entry(user.to_owned()).or_insert_with(|| User { enable: true, ..User::default() })
    }

    /// Adds an entry with propagation unless it is there.
    pub fn add_acl(&mut self, path: &str, kind: Principal, id: &str, role: &str) {
        let entry = AclEntry { kind, id: id.to_owned(), role: role.to_owned(), propagate: true };
        let list = self.acl.entry(path.to_owned()).or_default();
        if !list.contains(&entry) {
            list.push(entry);
        }
    }

    /// The token, or the server's text for its absence.
    pub fn token(&self, user: &str, name: &str) -> Result<&Token, String> {
        self.users
            .get(user)
            .and_then(|u| u.tokens.get(name))
            .ok_or_else(|| format!("no such token '{name}' for user '{user}'"))
    }

    /// The user, enabled and not expired, or the server's text.
    pub fn enabled(&self, user: &str, now: i64) -> Result<&User, String> {
        let entry = self.users.get(user).ok_or_else(|| format!("no such user ('{user}')"))?;
        if !entry.enable {
            return Err(format!("user '{user}' is disabled"));
        }
        if entry.expire != 0 && entry.expire < now {
            return Err(format!("user '{user}' access expired"));
        }
        Ok(entry)
    }

    /// Forgets every entry about a user, group or token.
    pub fn drop_acl(&mut self, gone: impl Fn(&AclEntry) -> bool) {
        self.acl.values_mut().for_each(|list| list.retain(|entry| !gone(entry)));
        self.acl.retain(|_, list| !list.is_empty());
    }
}

/// User and realm of a user id; the error is the server's.
pub fn user_parts(id: &str) -> Result<(&str, &str), String> {
    let parts = id.rsplit_once('@').filter(|(name, realm)| {
        !name.is_empty()
            && !name.chars().any(|c| c.is_whitespace() || c == ':' || c == '/')
            && realm.len() > 1
            && realm.starts_with(|c: char| c.is_ascii_alphabetic())
            && realm.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    });
    match parts {
        Some(_) if id.len() < 3 || id.len() > 64 => {
            Err(format!("user name '{id}' is too long ({} > 64)", id.len()))
        }
        Some(parts) => Ok(parts),
        None => Err(format!("value '{id}' does not look like a valid user name")),
    }
}

/// Sends a call on `/access` to its handler; none when there is none.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    let rest = call.template.strip_prefix("/access")?;
    Some(match (call.verb.as_str(), rest) {
        ("GET", "") => Ok(Reply::data(serde_json::json!(
            ["users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password"]
                .map(|name| serde_json::json!({"subdir": name}))
        ))),
        ("GET", "/permissions") => users::permissions(call),
        ("GET", "/ticket") => Ok(Reply::null()),
        ("POST", "/ticket") => login::ticket(call),
        ("PUT", "/password") => login::password(call),
        ("GET", "/users") => users::list(call),
        ("POST", "/users") => users::create(call),
        ("GET", "/users/{userid}") => users::one(call),
        ("PUT", "/users/{userid}") => users::update(call),
        ("DELETE", "/users/{userid}") => users::delete(call),
        ("GET", "/users/{userid}/token") => tokens::list(call),
        ("GET", "/users/{userid}/token/{tokenid}") => tokens::one(call),
        ("POST", "/users/{userid}/token/{tokenid}") => tokens::create(call),
        ("PUT", "/users/{userid}/token/{tokenid}") => tokens::update(call),
        ("DELETE", "/users/{userid}/token/{tokenid}") => tokens::delete(call),
        ("GET", "/groups") => groups::list(call),
        ("POST", "/groups") => groups::create(call),
        ("GET", "/groups/{groupid}") => groups::one(call),
        ("PUT", "/groups/{groupid}") => groups::update(call),
        ("DELETE", "/groups/{groupid}") => groups::delete(call),
        ("GET", "/roles") => roles::list(call),
        ("POST", "/roles") => roles::create(call),
        ("GET", "/roles/{roleid}") => roles::one(call),
        ("PUT", "/roles/{roleid}") => roles::update(call),
        ("DELETE", "/roles/{roleid}") => roles::delete(call),
        ("GET", "/acl") => acl::list(call),
        ("PUT", "/acl") => acl::update(call),
        ("GET", "/domains") => realms::list(call),
        ("POST", "/domains") => realms::create(call),
        ("GET", "/domains/{realm}") => realms::one(call),
        ("PUT", "/domains/{realm}") => realms::update(call),
        ("DELETE", "/domains/{realm}") => realms::delete(call),
        _ => return None,
    })
}
