//! Where a cluster is, how its nodes prove who they are, and how we do.

use crate::limits::{
    BASE_URLS_MAX, CONNECT_MS_MAX, READ_MS_MAX, SIGN_IN_MS_MAX, TICKET_RENEW_S, UPLOAD_MS_MAX, WRITE_MS_MAX,
};
use crate::secret::Secret;
use crate::tls::Fingerprint;
use crate::wire::Request;
use std::time::Duration;

/// One cluster.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// One address for each node we may talk to, such as `https://pve1.lan:8006`. Tried in this order.
    pub base_urls: Vec<String>,
    pub trust: Trust,
    pub token: ApiToken,
}

/// How a node proves who it is. There is no third way.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The node's own certificate is one of these. Each node of a cluster has its own.
    Fingerprints(Vec<Fingerprint>),
    /// The certificate was issued by this authority (PEM), for the name in the address.
    Ca(String),
}

impl Trust {
    /// A single pinned certificate.
    pub fn fingerprint(fingerprint: Fingerprint) -> Self {
        Self::Fingerprints(vec![fingerprint])
    }
}

/// An API token.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// `USER@REALM!NAME`.
    pub id: String,
    /// The UUID shown when the token was made.
    pub secret: Secret,
}

impl ApiToken {
    /// The value of the Authorization header.
    pub(crate) fn header(&self) -> Secret {
        Secret::new(format!("PVEAPIToken={}={}", self.id, self.secret.expose()))
    }
}

/// A user with a password, for owners who do not want a token: a ticket is fetched and renewed.
#[derive(Clone, Debug)]
pub struct Login {
    /// `USER@REALM`.
    pub user: String,
    pub password: Secret,
}

/// How long to wait, by the class of the call. The default is in [`crate::limits`].
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Opening a connection to one node.
    pub connect: Duration,
    /// One read at one node, sending and reading. Over all nodes it may take twice as long.
    pub read: Duration,
    /// One change.
    pub write: Duration,
    /// One upload.
    pub upload: Duration,
    /// Fetching a ticket at one node.
    pub sign_in: Duration,
    /// Age at which a ticket is renewed.
    pub renew_ticket: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(CONNECT_MS_MAX),
            read: Duration::from_millis(READ_MS_MAX),
            write: Duration::from_millis(WRITE_MS_MAX),
            upload: Duration::from_millis(UPLOAD_MS_MAX),
            sign_in: Duration::from_millis(SIGN_IN_MS_MAX),
            renew_ticket: Duration::from_secs(TICKET_RENEW_S),
        }
    }
}

impl Timeouts {
    /// For one attempt of this call at one node.
    pub(crate) fn of(&self, request: &Request) -> Duration {
        if request.file.is_some() {
            self.upload
        } else if request.verb.is_write() {
            self.write
        } else {
            self.read
        }
    }
}

/// Why an endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("no address, or more than {BASE_URLS_MAX}")]
    Count,
    #[error("'{0}' is not an address like https://pve1.lan:8006")]
    Address(String),
    #[error("no certificate to trust")]
    NothingTrusted,
    #[error("the certificate authority cannot be read")]
    CaUnreadable,
    #[error("'{0}' is not a certificate fingerprint of 32 hex pairs")]
    Fingerprint(String),
    #[error("the token is not of the form USER@REALM!NAME with its secret")]
    Token,
    #[error("the user is not of the form USER@REALM with a password")]
    Login,
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl EndpointError {
    pub fn advice(&self) -> String {
        match self {
            Self::Count => "Give one address for each node, at most 32.".into(),
            Self::Address(_) => "Write each address as https://NAME:8006 without anything after it.".into(),
            Self::NothingTrusted | Self::Fingerprint(_) => {
                "Give the SHA-256 fingerprint of the node's certificate (node > System > Certificates)."
                    .into()
            }
            Self::CaUnreadable => "Give the cluster's certificate authority as PEM text.".into(),
            Self::Token => "Give the token id as shown by Proxmox (user@realm!name) and its secret.".into(),
            Self::Login => "Give the user as USER@REALM (such as mycopod@pve) and the password.".into(),
            Self::Tls(_) => "The secure connection cannot be set up on this machine.".into(),
        }
    }
}

impl Endpoint {
    /// Checks addresses and token; gives the addresses without a trailing slash.
    pub(crate) fn checked(&self) -> Result<Vec<String>, EndpointError> {
        let (user, name) = self.token.id.split_once('!').ok_or(EndpointError::Token)?;
        let secret = self.token.secret.expose();
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !user.contains('@') || !plain(name) || !plain(user) || !plain(secret) || name.contains('=') {
            return Err(EndpointError::Token);
        }
        addresses(&self.base_urls)
    }
}

impl Login {
    pub(crate) fn check(&self) -> Result<(), EndpointError> {
        let named =
            self.user.split_once('@').is_some_and(|(name, realm)| !name.is_empty() && !realm.is_empty());
        let plain = self.user.bytes().all(|b| b.is_ascii_graphic()) && !self.user.contains('!');
        if named && plain && !self.password.expose().is_empty() { Ok(()) } else { Err(EndpointError::Login) }
    }
}

/// The addresses without a trailing slash.
pub(crate) fn addresses(base_urls: &[String]) -> Result<Vec<String>, EndpointError> {
    if base_urls.is_empty() || base_urls.len() > BASE_URLS_MAX {
        return Err(EndpointError::Count);
    }
    base_urls.iter().map(|url| base(url)).collect()
}

fn base(text: &str) -> Result<String, EndpointError> {
    let bad = || EndpointError::Address(text.to_owned());
    let url = reqwest::Url::parse(text).map_err(|_| bad())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if url.scheme() != "https" || url.host_str().is_none() || !bare {
        return Err(bad());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Address("(address with a password)".into()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, id: &str) -> Result<Vec<String>, EndpointError> {
        let token = ApiToken { id: id.into(), secret: Secret::new("canary") };
        Endpoint { base_urls: vec![url.into()], trust: Trust::Ca(String::new()), token }.checked()
    }

    #[test]
    fn only_plain_https_addresses_are_taken() {
        assert_eq!(endpoint("https://pve1.lan:8006/", "a@pve!t"), Ok(vec!["https://pve1.lan:8006".into()]));
        for url in ["http://pve1:8006", "pve1:8006", "https://pve1/api2", "https://pve1/?a=1", ""] {
            assert_eq!(endpoint(url, "a@pve!t"), Err(EndpointError::Address(url.into())));
        }
        let error = endpoint("https://u:canary@pve1:8006", "a@pve!t");
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn a_token_id_names_user_realm_and_token() {
        for id in ["root@pam", "root!t", "a@pve!", "a@pve!t\r\nX: y", "a@pve!t=1"] {
            assert_eq!(endpoint("https://pve1:8006", id), Err(EndpointError::Token), "{id}");
        }
    }

    #[test]
    fn debug_hides_the_token() {
        let token = ApiToken { id: "a@pve!t".into(), secret: Secret::new("canary") };
        let endpoint = Endpoint { base_urls: vec![], trust: Trust::Ca(String::new()), token };
        assert!(!format!("{endpoint:?}").contains("canary"));
    }
}
