//! What is particular about the logs of one source. A new one is a file with a constant.

pub use super::json::Role;
use std::path::Path;

/// The list of an answer of Elasticsearch.
pub(super) const SEARCH: &str = "hits.hits";
/// What was found, in an element of that list and in dumps of an index.
pub(super) const FOUND: &str = "_source";
/// The event in a line of Splunk's export.
pub(super) const SPLUNK: &str = "result._raw";

/// How the files of a source are read.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// A column's name as it is called from then on.
    pub clean: fn(&str) -> String,
    /// The column (cleaned) of event times, by which all rows are sorted and from which `event_dt`
    /// is made; `None` leaves rows in the order of the files.
    pub time: Option<&'static str>,
    /// Members of a JSON document, as dotted paths, whose list holds the events. A document without
    /// one of them is an event, and so is one with a member of `marks`.
    pub lists: &'static [&'static str],
    /// Members of a JSON event, as dotted paths, whose object, or text of an object, is the event; what
    /// is around it is left out. An event without any, or with a member of `marks`, is the event itself.
    pub inner: &'static [&'static str],
    /// Members that only events have: no answer with a list of events, nor what is around an event.
    pub marks: &'static [&'static str],
    /// Columns (cleaned) of seconds since 1970, each with the column that has the same time as ISO 8601:
    /// where a row lacks the latter it is made of the former.
    pub epochs: &'static [(&'static str, &'static str)],
    /// Columns (cleaned) that are more than a value.
    pub roles: &'static [(&'static str, Role)],
    /// Parts of names of files that are delivered beside the logs and hold no events.
    pub other_files: &'static [&'static str],
}

impl Dialect {
    /// Whether this path or one below it may hold the list of events.
    pub(super) fn leads_to_list(&self, path: &str) -> bool {
        self.lists.iter().any(|list| *list == path || is_above(path, list))
    }

    /// Whether what is below this path may be the event.
    pub(super) fn leads_to_inner(&self, path: &str) -> bool {
        self.inner.iter().any(|inner| is_above(path, inner))
    }

    /// Whether a file stands beside the logs, by its name.
    pub(super) fn is_other_file(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.other_files.iter().any(|part| name.contains(part))
    }

    pub(super) fn role(&self, clean: &str) -> Option<Role> {
        self.roles.iter().find(|(name, _)| *name == clean).map(|(_, role)| *role)
    }
}

fn is_above(path: &str, member: &str) -> bool {
    member.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

/// The name itself.
pub(super) fn unchanged(name: &str) -> String {
    name.to_owned()
}

/// Without the characters `_ . , { } :` and blanks around, as the peer names the columns of
/// sign-in logs.
pub(super) fn without_signs(name: &str) -> String {
    let kept: String =
        name.chars().filter(|c| !matches!(c, '_' | '.' | ',' | '{' | '}' | ':')).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_signs_and_blanks() {
        assert_eq!(without_signs(" access_device.location.city "), "accessdevicelocationcity");
        assert_eq!(unchanged("a.b"), "a.b");
    }

    #[test]
    fn a_list_of_events_may_be_nested() {
        let duo = super::super::duo::DIALECT;
        assert!(duo.leads_to_list("response") && duo.leads_to_list("response.authlogs"));
        assert!(!duo.leads_to_list("resp") && !duo.leads_to_list("authlog"));
    }
}
