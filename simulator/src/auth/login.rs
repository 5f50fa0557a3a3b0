//! Who calls: tokens, tickets with their CSRF token, and signing in.
//!
//! Begin with [`identify`]. A ticket wins over a token; open methods are not checked at all.

use super::{AccessDb, ROOT, hashed};
use crate::api::{Call, Fail, Reply, words};
use crate::auth::Access;
use crate::engine::Engine;
use crate::http::decode::unescape;
use crate::limits::{CLOCK_GRACE_S, TICKET_LIFE_S};
use crate::state::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub user: String,
    /// Name of the token; empty with a ticket or without credentials.
    pub token: String,
}

impl Who {
    /// `user@realm!name`, `user@realm`, or empty for an open method without credentials.
    pub fn full(&self) -> String {
        if self.token.is_empty() { self.user.clone() } else { format!("{}!{}", self.user, self.token) }
    }
}

/// The headers that say who calls.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub authorization: Option<String>,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
}

/// The key that signs tickets, new in each process.
pub struct Signer(hmac::Key);

impl Signer {
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn sign(&self, text: &str) -> String {
        STANDARD_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()))
    }

    fn ticket(&self, user: &str, at: i64) -> String {
        let plain = format!("PVE:{user}:{at:08X}");
        format!("{plain}::{}", self.sign(&plain))
    }

    fn csrf(&self, user: &str, at: i64) -> String {
        format!("{at:08X}:{}", self.sign(&format!("{at:08X}:{user}")))
    }

    /// The user of a ticket that is genuine and not too old.
    pub fn ticket_user(&self, ticket: &str, now: i64) -> Option<String> {
        let (plain, signature) = ticket.split_once("::")?;
        let rest = plain.strip_prefix("PVE:")?;
        let (user, time) = rest.rsplit_once(':')?;
        (self.sign(plain) == signature && fresh(time, now)).then(|| user.to_owned())
    }

    fn csrf_good(&self, user: &str, given: &str, now: i64) -> bool {
        given.split_once(':').is_some_and(|(time, signature)| {
            fresh(time, now) && self.sign(&format!("{time}:{user}")) == signature
        })
    }
}

fn fresh(hex_time: &str, now: i64) -> bool {
    i64::from_str_radix(hex_time, 16).is_ok_and(|at| (-CLOCK_GRACE_S..=TICKET_LIFE_S).contains(&(now - at)))
}

/// The value that a header carries for `key`: after `key=` or `key `, up to a semicolon.
fn carried(header: Option<&str>, key: &str) -> Option<String> {
    let header = header?;
    let (at, _) = header.match_indices(key).find(|(at, _)| {
        let free = *at == 0 || header[..*at].ends_with(char::is_whitespace);
        free && header[at + key.len()..].starts_with(['=', ' '])
    })?;
    let value = header[at + key.len() + 1..].split(';').next().unwrap_or_default();
    Some(unescape(value)).filter(|v| !v.is_empty())
}

/// May this be called by anybody, without looking at credentials?
pub fn is_open(verb: &str, path: &str) -> bool {
    matches!(
        (verb, path),
        ("GET", "/access/domains")
            | ("GET" | "POST", "/access/ticket")
            | ("POST", "/access/openid/auth-url" | "/access/openid/login")
    )
}

/// The caller named by the headers; the error is the reason phrase of the 401.
pub fn identify(engine: &Engine, given: &Credentials, verb: &str, path: &str) -> Result<Who, String> {
    let cookie = carried(given.cookie.as_deref(), "PVEAuthCookie");
    let ticket = cookie.or_else(|| carried(given.authorization.as_deref(), "PVEAuthCookie"));
    let token = match &ticket {
        None => carried(given.authorization.as_deref(), "PVEAPIToken"),
        Some(_) => None,
    };
    if is_open(verb, path) {
        // The method itself refuses tokens where only a ticket will do.
        return Ok(token.and_then(|t| split_token(&t).ok()).map(|(who, _)| who).unwrap_or_default());
    }
    let world = engine.world();
    if let Some(token) = token {
        let (who, secret) = split_token(&token)?;
        known_token(&world.access, &who, &secret, engine.now())?;
        return Ok(who);
    }
    let ticket = ticket.ok_or("No ticket")?;
    let user =
        engine.signer.ticket_user(&ticket, engine.now()).ok_or("permission denied - invalid PVE ticket")?;
    world.access.enabled(&user, engine.now())?;
    let upload = verb == "POST" && path.starts_with("/nodes/") && path.ends_with("/upload");
    if verb != "GET"
        && !upload
        && !given.csrf.as_deref().is_some_and(|c| engine.signer.csrf_good(&user, c, engine.now()))
    {
        return Err("Permission denied - invalid csrf token".into());
    }
    Ok(Who { user, token: String::new() })
}

fn split_token(value: &str) -> Result<(Who, String), String> {
    let (id, secret) = value.rsplit_once('=').ok_or("no tokenid specified")?;
    let parts = id.split_once('!').filter(|(user, token)| {
        user.contains('@')
            && token.len() >= 2
            && token.starts_with(|c: char| c.is_ascii_alphabetic())
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    });
    match parts {
        Some((user, token)) => Ok((Who { user: user.into(), token: token.into() }, secret.to_owned())),
        None => Err(format!("'{id}' is not a valid token ID - not able to split into user and token parts")),
    }
}

fn known_token(db: &AccessDb, who: &Who, secret: &str, now: i64) -> Result<(), String> {
    db.enabled(&who.user, now)?;
    let token = db.token(&who.user, &who.token)?;
    if token.expire != 0 && token.expire < now {
        return Err(format!("token '{}' access expired", who.token));
    }
    match token.secret == hashed(&who.full(), secret) {
        true => Ok(()),
        false => Err("invalid token value!".into()),
    }
}

fn failure() -> Fail {
    Fail { status: 401, message: "authentication failure\n".into(), errors: BTreeMap::new() }
}

fn password_fits(world: &World, user: &str, password: &str) -> bool {
    world
        .access
        .enabled(user, crate::state::now())
        .is_ok_and(|u| u.password.as_ref() == Some(&hashed(user, password)))
}

/// `POST /access/ticket`.
pub fn ticket(call: &Call) -> Result<Reply, Fail> {
    let mut user = call.text("username").unwrap_or_default().to_owned();
    if let Some(realm) = call.text("realm") {
        user = format!("{user}@{realm}");
    }
    let password = call.text("password").unwrap_or_default();
    let world = call.engine.world();
    let signer = &call.engine.signer;
    // A ticket of root@pam, or one's own, is as good as a password.
    let by_ticket =
        signer.ticket_user(password, call.engine.now()).is_some_and(|who| who == user || who == ROOT);
    if world.access.enabled(&user, call.engine.now()).is_err()
        || !(by_ticket || password_fits(&world, &user, password))
    {
        return Err(failure());
    }
    let access = Access::of_id(&user);
    if let (Some(path), false) = (call.text("path"), words(call, "privs").is_empty()) {
        let path = super::rights::normalized(path).ok_or_else(failure)?;
        return match words(call, "privs").iter().all(|p| access.allows(&world, &path, p)) {
            true => Ok(Reply::data(json!({"username": user, "cap": capabilities(&world, &access)}))),
            false => Err(failure()),
        };
    }
    let at = call.engine.now();
    let mut out = json!({
        "username": user, "ticket": signer.ticket(&user, at), "CSRFPreventionToken": signer.csrf(&user, at),
        "cap": capabilities(&world, &access),
    });
    if let Some(cluster) = world.cluster.as_ref().filter(|_| access.allows(&world, "/", "Sys.Audit")) {
        out["clustername"] = json!(cluster);
    }
    Ok(Reply::data(out))
}

/// What the pages of the real server offer to a user, by area.
fn capabilities(world: &World, access: &Access) -> Value {
    let mut out = json!({});
    let areas = [
        ("vms", "/vms", "VM."),
        ("storage", "/storage", "Datastore."),
        ("access", "/access", "User."),
        ("nodes", "/nodes", "Sys."),
        ("sdn", "/sdn", "SDN."),
        ("mapping", "/mapping", "Mapping."),
        ("dc", "/", "Sys."),
    ];
    for (name, path, prefix) in areas {
        let held: BTreeMap<&str, u8> = super::PRIVILEGES
            .iter()
            .filter(|p| p.starts_with(prefix) || **p == "Permissions.Modify")
            .filter(|p| access.allows(world, path, p))
            .map(|p| (*p, 1))
            .collect();
        out[name] = json!(held);
    }
    out
}

/// `PUT /access/password`.
pub fn password(call: &Call) -> Result<Reply, Fail> {
    let id = call.text("userid").unwrap_or_default();
    let (_, realm) = super::user_parts(id)?;
    let mut world = call.engine.world();
    let own = call.who.user.clone();
    if !call.access().is_root()
        && let Some(confirmation) = call.text("confirmation-password")
        && !password_fits(&world, &own, confirmation)
    {
        return Err(failure());
    }
    if id == ROOT && !call.access().is_root() && own != ROOT {
        return Err(Fail::forbidden("only root can change the password of root"));
    }
    if !world.access.realms.contains_key(realm) {
        return Err(Fail::text(format!("auth domain '{realm}' does not exist")));
    }
    let user = world.access.users.get_mut(id).ok_or_else(|| Fail::text(format!("no such user ('{id}')")))?;
    user.password = Some(hashed(id, call.text("password").unwrap_or_default()));
    Ok(Reply::null())
}
