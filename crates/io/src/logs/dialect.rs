//! What is particular about the logs of one source. A new one is a file with a constant.

pub use super::json::Role;
use std::path::Path;

/// How the files of a source are read.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// A column's name as it is called from then on.
    pub clean: fn(&str) -> String,
    /// The column (cleaned) of event times, by which all rows are sorted and from which `event_dt`
    /// is made; `None` leaves rows in the order of the files.
    pub time: Option<&'static str>,
    /// Members of a JSON document, as dotted paths, whose list holds the events.
    pub lists: &'static [&'static str],
    /// The member of a JSON event whose object, or text of an object, is the event; what stands
    /// beside it is left out. An event without it is the event itself.
    pub inner: Option<&'static str>,
    /// Columns (cleaned) that are more than a value.
    pub roles: &'static [(&'static str, Role)],
    /// Rows without a value in this column, if it is there, are left out.
    pub required: Option<&'static str>,
    /// Parts of names of files that are delivered beside the logs and hold no events.
    pub other_files: &'static [&'static str],
}

impl Dialect {
    /// Whether this path or one below it may hold the list of events.
    pub(super) fn leads_to_list(&self, path: &str) -> bool {
        let below = |list: &&str| list.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.lists.iter().any(|list| *list == path || below(list))
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
        assert!(!duo.leads_to_list("resp") && !duo.leads_to_list("authlogs"));
    }
}
