//! AWS CloudTrail: delivery files as AWS writes them, and CSV made from them.
//!
//! What is done beyond the format (names without dots, account identifiers, event times, order of
//! rows) follows the peer's 22.06 pipeline; where it deviates, this is said at the place.

use super::dialect::{Dialect, FOUND, Role, SEARCH, SPLUNK};

/// CloudTrail events.
pub const DIALECT: Dialect = Dialect {
    clean: without_dots,
    time: Some("eventTime"),
    // Of files, of `aws cloudtrail lookup-events`, of a subscription to CloudWatch Logs.
    lists: &["Records", "Events", "logEvents", SEARCH],
    // Of an element of the last two, and of what EventBridge delivers.
    inner: &["CloudTrailEvent", "message", "detail", FOUND, SPLUNK],
    marks: &["eventTime", "eventName", "eventSource", "userIdentity"],
    epochs: &[],
    roles: &[
        ("userIdentityaccountId", Role::Identifier { prefix: "Account-" }),
        ("requestParametersownersSetitems", Role::FirstOfFirst),
    ],
    // `123456789012_CloudTrail-Digest_us-east-1_…`: checksums of delivered files, and what Insights found.
    other_files: &["_CloudTrail-Digest_", "_CloudTrail-Insight_"],
};

fn without_dots(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    clean.extend(name.split('.'));
    clean
}
