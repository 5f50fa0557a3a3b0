//! Which release the server is, and whether this client knows it.
//!
//! Begin with [`Release::known`]. Contract, texts and behaviours here are those of 8.4; another release may
//! mean something else by the same call, so nothing is sent to one.

use std::fmt;
use std::str::FromStr;

/// A release of Proxmox VE, such as 8.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// Why a server is not talked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    #[error("the server does not say which release it is ('{0}')")]
    Unreadable(String),
    #[error("this is Proxmox VE {0}, which is older")]
    Older(Release),
    #[error("this is Proxmox VE {0}, which is newer")]
    Newer(Release),
}

impl Release {
    /// The release whose contract is built in; any patch of it will do.
    pub const KNOWN: (u32, u32) = (8, 4);

    /// Reads the `version` of `GET /version` and accepts 8.4 alone.
    pub fn known(version: &str) -> Result<Self, ReleaseError> {
        let release: Self = version.parse()?;
        match (release.major, release.minor).cmp(&Self::KNOWN) {
            std::cmp::Ordering::Equal => Ok(release),
            std::cmp::Ordering::Less => Err(ReleaseError::Older(release)),
            std::cmp::Ordering::Greater => Err(ReleaseError::Newer(release)),
        }
    }
}

impl FromStr for Release {
    type Err = ReleaseError;

    /// Reads `8.4.1`, `8.4` and what may follow a dash or a tilde, such as `8.4.0~11`.
    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let bad = || ReleaseError::Unreadable(text.chars().take(40).collect());
        let plain = text.trim().split(['-', '~', '+']).next().unwrap_or_default();
        let mut numbers = plain.split('.').map(|part| part.parse::<u32>().map_err(|_| bad()));
        let (major, minor) = (numbers.next().ok_or_else(bad)??, numbers.next().ok_or_else(bad)??);
        let patch = numbers.next().transpose()?.unwrap_or(0);
        if numbers.next().is_some() { Err(bad()) } else { Ok(Self { major, minor, patch }) }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl ReleaseError {
    /// What the owner can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Unreadable(_) => {
                "Is this the address of a Proxmox VE node (https://NAME:8006)? MycoPod is made for 8.4."
                    .into()
            }
            Self::Older(release) if release.major < 8 => format!(
                "MycoPod is made for Proxmox VE 8.4. Upgrade the nodes from {release} to 8.4 first, one major \
                 release at a time, with the checks that Proxmox gives (such as pve7to8)."
            ),
            Self::Older(release) => format!(
                "MycoPod is made for Proxmox VE 8.4. Update the nodes from {release} to 8.4: apt update, then \
                 apt dist-upgrade, one node after the other."
            ),
            Self::Newer(release) => format!(
                "MycoPod knows Proxmox VE 8.4, and {release} may mean something else by the same call (rights and \
                 options changed). Wait for a version of MycoPod that knows it; nothing is sent until then."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_8_4_is_known() {
        for good in ["8.4.1", "8.4", "8.4.0~11", "8.4.14-1"] {
            assert_eq!(Release::known(good).map(|r| (r.major, r.minor)), Ok((8, 4)), "{good}");
        }
        let older = Release::known("8.3.5");
        assert!(matches!(older, Err(ReleaseError::Older(_))), "{older:?}");
        let newer = Release::known("9.0.3");
        assert_eq!(newer, Err(ReleaseError::Newer(Release { major: 9, minor: 0, patch: 3 })));
        for bad in ["", "8", "eight.four", "8.4.1.2", "<html>"] {
            assert_eq!(Release::known(bad), Err(ReleaseError::Unreadable(bad.into())));
        }
    }

    #[test]
    fn each_advice_names_the_next_move() {
        let advice = |version| Release::known(version).map_err(|error| error.advice()).unwrap_err();
        assert!(advice("7.4.3").contains("pve7to8"));
        assert!(advice("8.2.4").contains("dist-upgrade"));
        assert!(advice("9.1.0").contains("Wait for a version"));
    }
}
