//! The closed vocabularies of an interpretation: what a question is about, why a text is refused, what the
//! approver must see. Meanings are those of the interpretation schema, version 1.

use serde::{Deserialize, Serialize};

/// What a question to the author is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionAbout {
    WhichGuest,
    WhichNode,
    WhichStorage,
    WhichImage,
    WhichNetwork,
    WhichShare,
    WhichDevice,
    WhichCluster,
    WhichSnapshot,
    HowMany,
    WhatSize,
    WhatAddress,
    WhatName,
    WhatPath,
    WhatGoal,
    WhatSchedule,
    Adopt,
    Contradiction,
    ConfirmLoss,
    Software,
    Language,
}

impl QuestionAbout {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WhichGuest => "which-guest",
            Self::WhichNode => "which-node",
            Self::WhichStorage => "which-storage",
            Self::WhichImage => "which-image",
            Self::WhichNetwork => "which-network",
            Self::WhichShare => "which-share",
            Self::WhichDevice => "which-device",
            Self::WhichCluster => "which-cluster",
            Self::WhichSnapshot => "which-snapshot",
            Self::HowMany => "how-many",
            Self::WhatSize => "what-size",
            Self::WhatAddress => "what-address",
            Self::WhatName => "what-name",
            Self::WhatPath => "what-path",
            Self::WhatGoal => "what-goal",
            Self::WhatSchedule => "what-schedule",
            Self::Adopt => "adopt",
            Self::Contradiction => "contradiction",
            Self::ConfirmLoss => "confirm-loss",
            Self::Software => "software",
            Self::Language => "language",
        }
    }
}

/// Why nothing is planned, or why a part is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    NotADeclaration,
    TooLarge,
    Capacity,
    OverThreads,
    ShrinkDisk,
    NoSharedDisk,
    ProtectedGuest,
    UndeclaredGuest,
    MassDestroy,
    Ceph,
    NodeShell,
    GuestShell,
    NodeChange,
    Secrets,
    Accounts,
    Approval,
    RootOnly,
    UnknownName,
    InvalidValue,
    Contradiction,
    Unsupported,
    InstructionOverride,
}

impl RefusalReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotADeclaration => "not-a-declaration",
            Self::TooLarge => "too-large",
            Self::Capacity => "capacity",
            Self::OverThreads => "over-threads",
            Self::ShrinkDisk => "shrink-disk",
            Self::NoSharedDisk => "no-shared-disk",
            Self::ProtectedGuest => "protected-guest",
            Self::UndeclaredGuest => "undeclared-guest",
            Self::MassDestroy => "mass-destroy",
            Self::Ceph => "ceph",
            Self::NodeShell => "node-shell",
            Self::GuestShell => "guest-shell",
            Self::NodeChange => "node-change",
            Self::Secrets => "secrets",
            Self::Accounts => "accounts",
            Self::Approval => "approval",
            Self::RootOnly => "root-only",
            Self::UnknownName => "unknown-name",
            Self::InvalidValue => "invalid-value",
            Self::Contradiction => "contradiction",
            Self::Unsupported => "unsupported",
            Self::InstructionOverride => "instruction-override",
        }
    }
}

/// What somebody who approves must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningAbout {
    Destroys,
    DataLoss,
    Interrupts,
    RestartNeeded,
    MemoryHeadroom,
    CpuHeadroom,
    StorageSpace,
    SlowDisk,
    DiskCopy,
    SoftwareNotInstalled,
    ReadAsInstall,
    SingleControlPlane,
    EvenControlPlanes,
    InstructionIgnored,
    SecretInText,
    PartRefused,
    AlreadySo,
    NameAdjusted,
    TypoRead,
    Language,
    AddressRange,
    /// Two interpreters read counts, numbers or losses differently. Written by MycoPod, never by a model: the schema
    /// that models answer in does not know it.
    InterpretersDisagree,
}

impl WarningAbout {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Destroys => "destroys",
            Self::DataLoss => "data-loss",
            Self::Interrupts => "interrupts",
            Self::RestartNeeded => "restart-needed",
            Self::MemoryHeadroom => "memory-headroom",
            Self::CpuHeadroom => "cpu-headroom",
            Self::StorageSpace => "storage-space",
            Self::SlowDisk => "slow-disk",
            Self::DiskCopy => "disk-copy",
            Self::SoftwareNotInstalled => "software-not-installed",
            Self::ReadAsInstall => "read-as-install",
            Self::SingleControlPlane => "single-control-plane",
            Self::EvenControlPlanes => "even-control-planes",
            Self::InstructionIgnored => "instruction-ignored",
            Self::SecretInText => "secret-in-text",
            Self::PartRefused => "part-refused",
            Self::AlreadySo => "already-so",
            Self::NameAdjusted => "name-adjusted",
            Self::TypoRead => "typo-read",
            Self::Language => "language",
            Self::AddressRange => "address-range",
            Self::InterpretersDisagree => "interpreters-disagree",
        }
    }
}
