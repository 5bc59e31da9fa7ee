//! Kinds of account takeovers.

/// How an account is abused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rights that last: users, keys, passwords.
    PrivilegeEscalation,
    /// Data: secrets, buckets, snapshots.
    DataExfiltration,
    /// Not being seen: trails, detectors.
    DefenseEvasion,
    /// Signs in from a country and with a device that the user never had.
    NewCountryAndDevice,
    /// Is turned away again and again, in quick succession, and then let in.
    FailuresThenSuccess,
    /// From the user's own place and device, at night, all over what there is.
    UnusualHours,
    /// From the user's own place and device, but does what administrators do.
    PrivilegeActions,
    /// From a strange place and device, one row a day.
    SlowDrip,
}

impl Kind {
    /// The kinds in CloudTrail's logs; those of [`Kind::CLOUDTRAIL_DEFAULT`] come first.
    pub const CLOUDTRAIL: [Self; 6] = [
        Self::PrivilegeEscalation,
        Self::DataExfiltration,
        Self::DefenseEvasion,
        Self::FailuresThenSuccess,
        Self::UnusualHours,
        Self::SlowDrip,
    ];

    /// Those that CloudTrail's takeovers are of unless others are asked for.
    pub const CLOUDTRAIL_DEFAULT: [Self; 3] =
        [Self::PrivilegeEscalation, Self::DataExfiltration, Self::DefenseEvasion];

    /// The kinds in logs of sign-ins, all of them unless others are asked for.
    pub const SIGN_IN: [Self; 5] = [
        Self::NewCountryAndDevice,
        Self::FailuresThenSuccess,
        Self::UnusualHours,
        Self::PrivilegeActions,
        Self::SlowDrip,
    ];

    /// The label in `labels.csv`, and the word of the option.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PrivilegeEscalation => "privilege_escalation",
            Self::DataExfiltration => "data_exfiltration",
            Self::DefenseEvasion => "defense_evasion",
            Self::NewCountryAndDevice => "new_country_and_device",
            Self::FailuresThenSuccess => "failures_then_success",
            Self::UnusualHours => "unusual_hours",
            Self::PrivilegeActions => "privilege_actions",
            Self::SlowDrip => "slow_drip",
        }
    }

    /// The kind of this label.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        Self::CLOUDTRAIL.into_iter().chain(Self::SIGN_IN).find(|kind| kind.label() == label)
    }
}
