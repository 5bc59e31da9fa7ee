//! What somebody meant who typed a name that is not there.

/// The candidate most like `name`, if one is alike enough to be meant: one slip of the keyboard, or
/// a Jaro-Winkler likeness above 0.8.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (candidate.to_lowercase(), candidate))
        .map(|(lower, candidate)| match strsim::osa_distance(&name, &lower) {
            0 | 1 => (1.0, candidate),
            _ => (strsim::jaro_winkler(&name, &lower), candidate),
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_needs_likeness() {
        assert_eq!(nearest("--file_typ", ["--file_type", "--repeat"]), Some("--file_type"));
        assert_eq!(nearest("zzz", ["--file_type", "--repeat"]), None);
    }
}
