//! Unit and property tests.

use super::*;
use crate::texts::TextCells;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use proptest::prelude::*;

struct All;

impl Schema for All {
    fn role(&self, path: &str) -> Role {
        match path {
            "id" => Role::Identifier { prefix: "N-" },
            "owners" => Role::FirstOfFirst,
            _ => Role::Value,
        }
    }

    fn descend(&self, _: &str) -> bool {
        true
    }

    fn is_list(&self, path: &str) -> bool {
        matches!(path, "Records" | "response.logs")
    }

    fn is_inner(&self, path: &str) -> bool {
        path == "inner"
    }
}

fn table(text: &str) -> FileTable {
    read(text.as_bytes(), Path::new("log.json"), &All, Nested::Flatten).unwrap()
}

fn names(table: &FileTable) -> Vec<&str> {
    table.columns.iter().map(|c| c.name.as_str()).collect()
}

fn texts(table: &FileTable, column: usize) -> Vec<Option<&str>> {
    TextCells::of(&table.columns[column].values).unwrap().iter().collect()
}

#[test]
fn all_forms_give_the_same_rows() {
    let events =
        [r#"{"a": "1", "o": {"p": {"q": "x"}, "r": "y"}, "b": "2"}"#, r#"{"b": "3", "e": {}}"#];
    let whole = format!("[{}]", events.join(","));
    let pretty = format!("{{\n \"Records\": [\n{}\n ]\n}}", events.join(",\n"));
    for text in [
        whole.clone(),
        format!("{{\"Records\": {whole}}}"),
        pretty.clone(),
        events.join("\n"),
        events.join(" "),
        events.map(|e| format!("{{\"Records\": [{e}], \"next\": 1}}")).join("\n"),
        format!("\u{feff}{}\r\n\r\n{}\r\n", events[0], events[1]),
    ] {
        let read = table(&text);
        assert_eq!(names(&read), ["a", "b", "o.p.q", "o.r"], "{text}");
        assert_eq!(texts(&read, 1), [Some("2"), Some("3")], "{text}");
        assert_eq!(texts(&read, 2), [Some("x"), None], "{text}");
        assert_eq!(read.positions, [0, 1]);
        assert!(read.skipped.is_empty());
    }
    assert!(table("{\"Records\": []}").positions.is_empty());
}

#[test]
fn lists_identifiers_and_repeated_members() {
    let read = table(
        "{\"id\": \"007\", \"owners\": [{\"o\": \"self\"}], \"l\": [1, {\"x\": null}], \"a.b\": 1, \"a\": {\"b\": 2}}\n\
         {\"id\": 8, \"owners\": [], \"l\": \"plain\", \"a.b\": 3, \"a.b\": 4}\n\
         {\"id\": \"N-9\", \"owners\": [\"x\"]}",
    );
    assert_eq!(names(&read), ["id", "owners", "l", "a.b"]);
    assert_eq!(texts(&read, 0), [Some("N-007"), Some("N-8"), Some("N-9")]);
    assert_eq!(texts(&read, 1), [Some("self"), None, Some("['x']")]);
    assert_eq!(texts(&read, 2), [Some("[1, {'x': None}]"), Some("plain"), None]);
    let numbers = read.columns[3].values.as_primitive::<arrow_array::types::Float64Type>();
    assert_eq!((numbers.value(0), numbers.value(1), numbers.is_null(2)), (2.0, 4.0, true));
    assert_eq!(texts(&table("[{\"id\": \"007\"}, {\"id\": 8}]"), 0), [Some("007"), Some("N-8")]);
}

#[test]
fn a_broken_line_costs_itself_only() {
    let read = table("{\"a\": 1}\n{\"a\": 2, \"b\": }\n{\"a\": 3}\n");
    assert_eq!(names(&read), ["a"]);
    assert_eq!(read.positions, [0, 2]);
    assert_eq!(
        read.skipped.reasons()[0].messages,
        [
            "expected value: \"log.json\" line 2 column 15; expected {\"Records\": [...]}, a list of events or one event a line"
        ]
    );
}

#[test]
fn a_broken_document_is_an_error_with_its_place() {
    for (text, place) in [
        ("{\"Records\": [\n{\"a\": 1},\n{\"a\" 2}]}", "line 3 column 6"),
        ("{\"Records\": [{\"a\": 1}", "line 1 column 21"),
        ("3", "line 1 column 1"),
    ] {
        let message = read(text.as_bytes(), Path::new("log.json"), &All, Nested::Flatten)
            .unwrap_err()
            .to_string();
        assert!(message.contains(place), "{message}");
    }
    assert_eq!(table("[{\"a\": 1}, 7, [1], null]").skipped.rows(), 3);
}

#[test]
fn deep_nesting_is_a_clean_error() {
    for open in ["[", "{\"a\":"] {
        let text = open.repeat(100_000);
        assert!(read(text.as_bytes(), Path::new("log.json"), &All, Nested::Flatten).is_err());
        let inside = format!("{{\"Records\": [{{\"x\": {}", open.repeat(1_000));
        assert!(read(inside.as_bytes(), Path::new("log.json"), &All, Nested::Flatten).is_err());
    }
}

#[test]
fn an_endless_number_of_columns_is_refused() {
    let members: Vec<String> = (0..30_000).map(|i| format!("\"k{i}\": 1")).collect();
    let text = format!("[{{{}}}]", members.join(","));
    let message = read(text.as_bytes(), Path::new("log.json"), &All, Nested::Flatten)
        .unwrap_err()
        .to_string();
    assert!(message.contains("more than 20000 different members"), "{message}");
}

/// Every form read by one reader and in the smallest pieces; false if pieces were not possible.
fn in_pieces_as_whole(text: &str) -> bool {
    let path = Path::new("log.json");
    let bytes = text.as_bytes();
    let pieces = in_pieces(bytes, path, &All, Nested::Flatten, 1).unwrap();
    let Some(pieces) = pieces else { return false };
    let whole = one_reader(bytes, path, &All, Nested::Flatten).unwrap();
    let columns = |whole: &Whole| -> Vec<(String, ArrayRef)> {
        whole.columns.iter().map(|c| (c.name.clone(), c.values.clone().finish().unwrap())).collect()
    };
    assert_eq!(columns(&pieces), columns(&whole), "{text}");
    assert_eq!(pieces.positions, whole.positions);
    assert_eq!(pieces.not_objects, whole.not_objects);
    assert_eq!(pieces.skipped, whole.skipped);
    true
}

#[test]
fn a_cut_in_the_wrong_place_is_noticed() {
    for (text, possible) in [
        (r#"{"Records": [{"a": 1}, {"a": 2}]}"#, true),
        (r#"[{"a": 1}, {"a": 2, "b": "x"}, 7, {"a": "y"}]"#, true),
        // Inside a list, a text, another member, another document.
        (r#"[{"a": 1, "l": [1, {"a": 2}]}, {"a": 3}]"#, false),
        (r#"[{"a": ",{\"a"}, {"a": 3}]"#, true),
        (r#"{"Records": [{"a": 1}], "o": [{"a": 2}, {"a": 3}]}"#, false),
        (r#"[{"a": 1}] [{"a": 2}, {"a": 3}]"#, false),
        (r#"[{"a": 1}, {"a" 2}]"#, false),
        (r#"[{"a": 1}, {"a": 2},]"#, false),
    ] {
        assert_eq!(in_pieces_as_whole(text), possible, "{text}");
    }
}

proptest! {
    #[test]
    fn pieces_make_the_same_table(
        events in proptest::collection::vec(
            "\\{\"a\": (1|-2|0\\.5|true|null|\"x\"|18446744073709551615|\\[\\]|\\{\"b\": 1\\})(, \"[b-d]\": (1|false|\"é\"))?\\}",
            1..20,
        ),
        broken in any::<bool>(),
    ) {
        let list = format!("[{}]", events.join(", "));
        prop_assert!(in_pieces_as_whole(&list));
        let wrapped = format!("{{\"Records\": {list}}}");
        prop_assert!(in_pieces_as_whole(&wrapped));
        let mut lines = events.join("\n");
        if broken {
            lines.push_str("\n\n{\"a\": }\n{\"z\": 1}\n");
        }
        if is_lines(lines.as_bytes()) {
            prop_assert!(in_pieces_as_whole(&lines));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, Path::new("log.json"), &All, Nested::Keep);
    }

    #[test]
    fn json_like_text_gives_columns_of_equal_length(text in "[\\[\\]{}\",:a1\n .e-]{0,120}") {
        if let Ok(read) = read(text.as_bytes(), Path::new("log.json"), &All, Nested::Flatten) {
            for column in &read.columns {
                prop_assert_eq!(column.values.len(), read.positions.len());
            }
        }
    }
}

/// The names of the columns, and each row's texts.
fn rows(text: &str) -> (Vec<String>, Vec<String>) {
    let table = table(text);
    let printed: Vec<_> =
        table.columns.iter().map(|c| crate::logs::union::print(&c.values).unwrap()).collect();
    let row = |row: usize| {
        let cells = printed.iter().map(|c| TextCells::of(c).unwrap().get(row).unwrap_or("-"));
        cells.collect::<Vec<_>>().join(" ")
    };
    let rows = (0..table.positions.len()).map(row).collect();
    (table.columns.into_iter().map(|c| c.name).collect(), rows)
}

#[test]
fn an_inner_object_is_the_event_and_what_stands_beside_it_is_left_out() {
    let (names, cells) = rows(
        r#"[{"a": 1, "inner": {"x": {"y": 2}, "a": 3, "inner": 4}, "z": 5},
            {"inner": "{\"a\": \"t\", \"x\": {\"y\": 6}}", "z": 7},
            {"a": 8, "z": 9},
            {"inner": "no object", "a": 1}]"#,
    );
    assert_eq!(names, ["a", "inner", "x.y", "z"]);
    assert_eq!(cells, ["3 4 2.0 -", "t - 6.0 -", "8 - - 9.0", "1 no object - -"]);
}

#[test]
fn a_list_of_events_may_stand_inside_an_answer() {
    let (names, cells) =
        rows(r#"{"stat": "OK", "response": {"total": 2, "logs": [{"a": 1}, {"a": 2}]}}"#);
    assert_eq!((names, cells), (vec!["a".to_owned()], vec!["1".to_owned(), "2".to_owned()]));
    let (names, cells) = rows(r#"{"response": {"logs": 5}}"#);
    assert_eq!((names, cells), (vec!["response.logs".to_owned()], vec!["5".to_owned()]));
}

#[test]
fn rows_times_columns_are_bounded_by_the_file() {
    let wide: Vec<String> = (0..15_000).map(|i| format!("\"m{i}\":{i}")).collect();
    let text = format!("{{{}}}\n{}", wide.join(","), "{}\n".repeat(5_000));
    let table = table(&text);
    // The rows beyond are counted, not kept.
    let kept = most_cells(text.as_bytes()) / 15_000;
    assert_eq!((table.columns.len(), table.positions.len()), (15_000, kept));
    assert_eq!(table.skipped.rows(), 5_001 - kept);
}
