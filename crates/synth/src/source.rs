//! Whose logs there are, and in which forms.

use super::kind::Kind;

/// Whose logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// AWS CloudTrail.
    CloudTrail(LogFormat),
    /// Azure AD (Entra ID) sign-ins, as diagnostic settings export them.
    Azure,
    /// Duo authentications, as version 2 of the Admin API lists them.
    Duo,
    /// Okta's System Log.
    Okta,
}

impl LogSource {
    /// The word of the option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CloudTrail(_) => "cloudtrail",
            Self::Azure => "azure",
            Self::Duo => "duo",
            Self::Okta => "okta",
        }
    }

    /// The kinds of takeovers that its logs can show.
    #[must_use]
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::CloudTrail(_) => &Kind::CLOUDTRAIL,
            Self::Azure | Self::Duo | Self::Okta => &Kind::SIGN_IN,
        }
    }

    pub(super) fn usual_kinds(self) -> &'static [Kind] {
        match self {
            Self::CloudTrail(_) => &Kind::CLOUDTRAIL_DEFAULT,
            _ => self.kinds(),
        }
    }
}

/// Form of CloudTrail's files; the other sources have one form, JSON arrays, one file a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One flat CSV file a user, sorted by time, the first column (without a name) the row number.
    /// A call that succeeded has the `errorCode` "success".
    Csv,
    /// CloudTrail's own files, `{"Records": [...]}`, all users together, split by time and named as
    /// CloudTrail names them.
    Json,
}
