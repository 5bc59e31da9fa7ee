//! Unit and property tests.

use super::*;
use crate::skipped::Unit;
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

    fn leads_to_list(&self, path: &str) -> bool {
        matches!(path, "Records" | "response" | "response.logs")
    }

    fn is_inner(&self, path: &str) -> bool {
        path == "inner"
    }

    fn is_mark(&self, path: &str) -> bool {
        path == "user"
    }

    fn most_cells(&self) -> usize {
        usize::MAX
    }

    fn is_asked(&self, path: &str) -> bool {
        matches!(path, "user" | "asked.name")
    }

    fn leads_to_asked(&self, path: &str) -> bool {
        path == "asked"
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
    // A member `a.b` and a member `b` inside `a` are two columns until their values are known to agree.
    assert_eq!(names(&read), ["id", "owners", "l", "a.b", "a.b\0twin0"]);
    assert_eq!(texts(&read, 0), [Some("N-007"), Some("N-8"), Some("N-9")]);
    assert_eq!(texts(&read, 1), [Some("self"), None, Some("['x']")]);
    assert_eq!(texts(&read, 2), [Some("[1, {'x': None}]"), Some("plain"), None]);
    let numbers = read.columns[3].values.as_primitive::<arrow_array::types::Float64Type>();
    assert_eq!((numbers.value(0), numbers.value(1), numbers.is_null(2)), (1.0, 4.0, true));
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
fn a_document_of_which_nothing_can_be_read_is_an_error_with_its_place() {
    for (text, place) in [
        ("{\"Records\": [\n{\"a\" 2}]}", "line 2 column 6"),
        ("{\"Records\": [{\"a\": 1", "line 1 column 20"),
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

/// What was left out or changed: unit, count, and the first message up to its place.
fn reasons(table: &FileTable) -> Vec<(Unit, usize, String)> {
    let reasons = table.skipped.reasons().iter();
    let first = |message: &String| message.split(": \"log.json\"").next().unwrap().to_owned();
    reasons.map(|r| (r.unit, r.count, r.messages.first().map(first).unwrap_or_default())).collect()
}

#[test]
fn names_that_nobody_asked_for_are_left_out_beyond_the_limit() {
    let hostile: Vec<String> = (0..30_000).map(|i| format!("\"k{i}\": 1")).collect();
    let usual = r#"{"user": "ana", "asked": {"name": 2, "other": 3}}"#;
    let line = format!("{{{}}}", hostile.join(","));
    for text in [
        format!("[{line}, {usual}]"),
        format!("{line}\n{usual}\n{usual}"),
        format!("{{\"Records\": [{line}, {usual}]}}"),
    ] {
        let table = table(&text);
        let names = names(&table);
        assert_eq!(names.len(), 20_002, "{:?}", &names[19_998..]);
        assert_eq!(names[19_999..], ["k19999", "user", "asked.name"]);
        assert_eq!(table.positions.len(), 1 + text.matches("ana").count());
        let others = table.positions.len() - 1;
        let message = "\"k20000\" is left out, more than 20000 different member names".to_owned();
        assert_eq!(reasons(&table), [(Unit::Value, 10_000 + others, message)]);
    }
    // What was there before stays.
    let table = table(&format!("[{usual}, {line}]"));
    assert_eq!(names(&table)[..3], ["user", "asked.name", "asked.other"]);
    assert_eq!(table.positions, [0, 1]);
}

#[test]
fn one_string_costs_itself_only() {
    let wrong = r#"{"user": "bo", "t": "x\ud83dy", "n": 2}"#.to_owned();
    let (before, after) = (r#"{"user": "ana", "t": "1"}"#, r#"{"user": "cy", "t": "3"}"#);
    for (wrong, text) in [
        (wrong.into_bytes(), "x\u{fffd}y"),
        (b"{\"user\": \"bo\", \"t\": \"x\ty\", \"n\": 2}".to_vec(), "x\ty"),
        (b"{\"user\": \"bo\", \"t\": \"x\0y\", \"n\": 2}".to_vec(), "x\0y"),
        (b"{\"user\": \"bo\", \"t\": \"x\xffy\", \"n\": 2}".to_vec(), "x\u{fffd}y"),
        (b"{\"user\": \"bo\", \"t\": \"x\\qy\", \"n\": 2}".to_vec(), "x\\qy"),
    ] {
        for (open, between, close) in [
            ("[", ",", "]"),
            ("{\"Records\": [", ",\n", "]}"),
            ("", "\n", "\n"),
            ("", " ", ""),
            ("{\"next\": 1, \"Records\": [", ", ", "], \"page\": {\"a\": 1}}"),
        ] {
            let events = [before.as_bytes(), &wrong, after.as_bytes()];
            let events = events.join(between.as_bytes());
            let bytes = [open.as_bytes(), &events, close.as_bytes()].concat();
            let read = read(&bytes, Path::new("log.json"), &All, Nested::Flatten).unwrap();
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(texts(&read, 0), [Some("ana"), Some("bo"), Some("cy")], "{shown}");
            assert_eq!(texts(&read, 1), [Some("1"), Some(text), Some("3")], "{shown}");
            let found = reasons(&read);
            assert_eq!((found.len(), found[0].0, found[0].1), (1, Unit::Value, 1), "{found:?}");
            assert!(read.skipped.has_all_rows());
            assert!(read.skipped.reasons()[0].messages[0].contains("row 1;"));
        }
    }
}

#[test]
fn one_event_costs_itself_only() {
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(200), "]".repeat(200));
    for wrong in [r#"{"a" 2}"#, r#"{"a": 2, "b": nul}"#, r#"{"a": [1, 2}"#, &deep, r#"{"a": 2"#] {
        for text in [
            format!(r#"{{"Records": [{{"a": 1}}, {wrong}, {{"a": 3}}, 7]}}"#),
            format!(r#"[{{"a": 1}}, {wrong}, {{"a": 3}}, 7]"#),
        ] {
            let read = table(&text);
            assert_eq!(read.positions, [0, 2], "{text}");
            assert_eq!(read.skipped.rows(), 2, "{text}: {:?}", read.skipped);
        }
    }
    // The text ends inside the list.
    let read = table(r#"{"Records": [{"a": 1}, {"a": 2}, {"a": "#);
    assert_eq!((read.positions.len(), read.skipped.rows()), (2, 1));
    // Documents in a row.
    let read = table("{\"a\":\n 1}\n{\"a\":\n }\n{\"a\":\n 3}\n{\"a\": {\n");
    assert_eq!((read.positions.as_slice(), read.skipped.rows()), (&[0, 2][..], 2));
}

#[test]
fn events_among_lines_may_be_printed_over_several() {
    let pretty = "{\n  \"a\": 2,\n  \"l\": [\n    {\"x\": 1}\n  ]\n}";
    let mut text: Vec<String> = (0..80).map(|i| format!("{{\"a\": {i}}}")).collect();
    text.insert(70, pretty.to_owned());
    // Half an event costs its line only.
    text.insert(75, "{\"a\": {\"b\": 1".to_owned());
    text.push("{\"a\": [1,\n 2]}".to_owned());
    text.push("{\"a\":".to_owned());
    let text = text.join("\n");
    let read = table(&text);
    assert_eq!(read.positions.len(), 82, "{:?}", read.skipped);
    assert_eq!(read.skipped.rows(), 2);
    let messages = &read.skipped.reasons()[0].messages;
    assert!(messages[0].contains("line 81 "), "{messages:?}");
    assert!(in_pieces_as_whole(&text));
    assert_eq!(lines::open_event(text.as_bytes()), Some(text.rfind('\n').unwrap() + 1));
    assert_eq!(lines::open_event(b"{\"a\": 1}\n{\n\"a\": 2\n}\n"), None);
}

#[test]
fn nul_bytes_among_lines_are_counted_and_cost_nothing_else() {
    let read = table("{\"a\": 1}\n\0\0\0\0\n\0\0{\"a\": 2}\n{\"a\": 3}\n\0\0");
    assert_eq!(read.positions, [0, 3, 4]);
    assert_eq!(reasons(&read)[0].0, Unit::Row);
    assert_eq!(read.skipped.rows(), 3);
    let read = table("{\"Records\": [{\"a\": 1}]}\0\0\0");
    assert_eq!((read.positions.len(), read.skipped.rows()), (1, 1));
}

#[test]
fn an_event_may_have_a_member_that_is_called_like_the_list_of_an_answer() {
    for (text, rows) in [
        (r#"{"user": "ana", "Records": [{"k": 1}]}"#, 1),
        (r#"{"Records": [{"k": 1}, {"k": 2}], "user": "ana"}"#, 1),
        (r#"{"a": 1, "Records": ["x", "y"]}"#, 1),
        (r#"{"a": 1, "Records": "x"}"#, 1),
        (r#"{"user": "ana", "Records": []}"#, 1),
        (r#"{"a": 1, "Records": []}"#, 0),
        (r#"{"a": 1, "Records": [{"k": 1}, {"user": 2, "Records": [{"k": 1}]}], "next": 3}"#, 2),
        (r#"[{"Records": [{"a": 1}]}, {"Records": [{"a": 2}, {"a": 3}]}, {"a": 4}]"#, 4),
        ("{\"Records\": [{\"a\": 1}]}\n{\"Records\": []}\n{\"a\": 1}", 2),
        (r#"{"stat": "OK", "response": {"total": 1, "logs": [{"a": 1}, 7]}}"#, 1),
        (r#"{"stat": "OK", "response": {"logs": [7]}}"#, 1),
        (r#"{"user": "ana", "inner": {"a": 1}}"#, 1),
    ] {
        assert_eq!(table(text).positions.len(), rows, "{text}");
    }
    let (names, cells) = rows(r#"{"user": "ana", "inner": {"a": 1, "b": {"c": 2}}}"#);
    assert_eq!(names, ["user", "inner.a", "inner.b.c"]);
    assert_eq!(cells, ["ana 1 2"]);
    // An event of some length, whose mark comes late.
    let events = vec![r#"{"k": "some longer text"}"#; 4_000].join(",");
    let text = format!(r#"{{"Records": [{events}], "user": "ana"}}"#);
    assert!(text.len() > 1 << 16);
    assert_eq!(table(&text).positions.len(), 1);
    assert_eq!(table(&text.replace("user", "next")).positions.len(), 4_000);
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
    assert_eq!(pieces.notes, whole.notes);
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
        (r#"[{"a": 1}, {"a" 2}]"#, true),
        (r#"[{"a": 1}, {"a": 2},]"#, true),
        (r#"[{"a": 1}, {"a": [2}, {"a": 3}]"#, false),
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
        table.columns.iter().map(|c| crate::concat::print(&c.values).unwrap()).collect();
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
fn rare_columns_are_left_out_where_cells_are_far_more_than_bytes() {
    let wide: Vec<String> = (0..15_000).map(|i| format!("\"m{i}\":{i}")).collect();
    let rest = "{\"user\":1,\"m7\":1}\n".repeat(5_000);
    let text = format!("{{{}}}\n{rest}", wide.join(","));
    let table = table(&text);
    assert_eq!((table.positions.len(), table.skipped.rows()), (5_001, 0));
    let names = names(&table);
    assert!(names.len() < 10_000 && names.contains(&"user") && names.contains(&"m7"));
    let left_out = 15_001 - names.len();
    assert_eq!((reasons(&table)[0].0, reasons(&table)[0].1), (Unit::Value, left_out));
}

#[test]
fn a_number_beyond_a_double_costs_no_event() {
    for text in [
        "{\"n\": 1e999}\n{\"n\": 2}\n{\"n\": -1e999, \"t\": \"1e999\"}\n",
        "[{\"n\": 1e999}, {\"n\": 2}, {\"n\": -1e999, \"t\": \"1e999\"}]",
    ] {
        let read = table(text);
        let numbers = read.columns[0].values.as_primitive::<arrow_array::types::Float64Type>();
        assert_eq!(numbers.values()[..], [f64::MAX, 2.0, f64::MIN], "{text}");
        assert_eq!(texts(&read, 1), [None, None, Some("1e999")]);
        assert_eq!(read.skipped.rows(), 0, "{text}");
        assert!(!read.skipped.is_empty(), "{text}");
    }
}

#[test]
fn many_beginnings_without_an_end_are_walked_through_once() {
    // From each of them to the end of the text it would be 4 * 10^9 bytes.
    let text = format!("[{{\"a\": 1}}, {}", "{\"a\":[1, ".repeat(20_000));
    let read = table(&text);
    assert_eq!(read.positions, [0]);
    assert_eq!(read.skipped.rows(), 20_000);
}
