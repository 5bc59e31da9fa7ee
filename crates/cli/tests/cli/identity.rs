//! The same is the same and the different is different, whatever kind of file it comes from.

use crate::place::{Ended, Place, column, numbers};
use std::fmt::Write as _;

/// Runs a line of any source over `input`, without models, into `out.csv`.
fn copied(place: &Place, options: &str, source: &str, input: &str) -> (Ended, String) {
    place.write("cols.txt", "action\n");
    let ended = place.morpheus(&format!(
        "run pipeline-ae {options} {source} --input_glob={input} to-file --filename=out.csv --overwrite"
    ));
    let out = if place.path("out.csv").exists() { place.read("out.csv") } else { String::new() };
    (ended, out)
}

fn table(place: &Place, input: &str) -> (Ended, String) {
    copied(place, "--userid_column_name=uid --columns_file=cols.txt", "from-file", input)
}

/// The users of a written table, without repetitions.
fn users(csv: &str, name: &str) -> Vec<String> {
    let mut users = column(csv, name);
    users.sort();
    users.dedup();
    users
}

/// Trains on one input and scores another.
fn scored(place: &Place, options: &str, source: &str, old: &str, new: &str) -> (Ended, String) {
    let ended = place.morpheus(&format!(
        "run pipeline-ae {options} {source} --input_glob={new} train-ae --train_data_glob={old} --seed=1 \
         --architecture=compact preprocess inf-ae add-scores --label=ae_anomaly_score --label=zscore \
         --details=z_loss serialize to-file --filename=out.csv --overwrite"
    ));
    let out = if place.path("out.csv").exists() { place.read("out.csv") } else { String::new() };
    (ended, out)
}

fn highest(csv: &str, name: &str) -> f64 {
    numbers(csv, name).into_iter().fold(0.0, |highest, z| z.abs().max(highest))
}

#[test]
fn identifiers_beyond_64_bits_and_with_gaps_are_exact() {
    let place = Place::new();
    let ids = [
        "72057594038135102",
        "72057594038135103",
        "18446744073709551617",
        "18446744073709551618",
        "3",
    ];
    let lines: Vec<String> =
        ids.iter().map(|id| format!(r#"{{"uid": {id}, "action": "a", "ref": {id}}}"#)).collect();
    place
        .write("in.jsonl", format!("{}\n{{\"uid\": null, \"action\": \"a\"}}\n", lines.join("\n")));
    let (ended, out) = table(&place, "in.jsonl");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("1 row without a user"), "{}", ended.stderr);
    let mut expected = ids.map(str::to_owned);
    expected.sort();
    assert_eq!(users(&out, "uid"), expected);
    // Digits of a column that nobody calls an identifier survive too.
    assert_eq!(users(&out, "ref"), expected);
}

#[test]
fn integers_with_gaps_keep_their_digits_in_json_csv_and_parquet() {
    let place = Place::new();
    place.write(
        "in.jsonl",
        "{\"uid\": \"ana\", \"action\": \"a\", \"id\": 72057594038135103}\n\
         {\"uid\": \"ana\", \"action\": \"a\", \"id\": 72057594038135102}\n\
         {\"uid\": \"ana\", \"action\": \"a\"}\n",
    );
    place.write(
        "in.csv",
        "uid,action,id\nana,a,72057594038135103\nana,a,72057594038135102\nana,a,\n",
    );
    place.write("cols.txt", "action\n");
    for input in ["in.jsonl", "in.csv", "in.parquet"] {
        if input == "in.parquet" {
            let ended = place.morpheus(
                "run pipeline-ae --userid_column_name=uid --columns_file=cols.txt from-file \
                 --input_glob=in.jsonl to-file --filename=in.parquet",
            );
            assert_eq!(ended.code, 0, "{}", ended.stderr);
        }
        let (ended, out) = table(&place, input);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(column(&out, "id"), ["72057594038135103", "72057594038135102", ""], "{input}");
        let users_by_id =
            copied(&place, "--userid_column_name=id --columns_file=cols.txt", "from-file", input);
        assert_eq!(users_by_id.0.code, 3, "{}", users_by_id.0.stderr);
        assert_eq!(
            users(&users_by_id.1, "id"),
            ["72057594038135102", "72057594038135103"],
            "{input}"
        );
    }
}

#[test]
fn five_and_five_point_nought_are_one_user() {
    let place = Place::new();
    place.write("in/a.csv", "uid,action\n5,a\n123456789012,a\n");
    place.write("in/b.csv", "uid,action\n5.0,a\n123456789012.0,a\n");
    place.write("in/c.jsonl", "{\"uid\": 5, \"action\": \"a\"}\n{\"uid\": 5.0, \"action\": \"a\"}\n{\"uid\": \"5\", \"action\": \"a\"}\n");
    let (ended, out) = table(&place, "in/*");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(column(&out, "uid").len(), 7);
    assert_eq!(users(&out, "uid"), ["123456789012", "5"]);
    assert!(ended.stdout.contains("7 rows of 2 users"), "{}", ended.stderr);
}

#[test]
fn numbers_that_begin_with_a_nought_stay_as_they_are() {
    let place = Place::new();
    place.write(
        "in.csv",
        "eventTime,u,recipientAccountId,x\n2024-05-06T08:00:00Z,ana,012345678901,1.10\n2024-05-06T08:00:01Z,ana,000000000001,1.20\n",
    );
    let (ended, out) = copied(&place, "--userid_column_name=u", "from-cloudtrail", "in.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(column(&out, "recipientAccountId"), ["012345678901", "000000000001"]);
}

/// Duo's records of administrators call the user `username`, those of authentications `user.name`.
fn duo(administrators_first: bool, both: bool) -> String {
    let admin = |user: &str, second: u32| {
        format!(
            r#"{{"action": "user_update", "isotimestamp": "2024-05-06T07:59:0{second}+00:00", "username": "{user}"}}"#
        )
    };
    let authentication = |user: &str, second: u32| {
        format!(
            r#"{{"access_device": {{"browser": "Chrome"}}, "isotimestamp": "2024-05-06T08:00:0{second}+00:00", "user": {{"key": "K", "name": "{user}"}}}}"#
        )
    };
    let mut records = vec![
        admin("Root Admin", 1),
        admin("Root Admin", 2),
        authentication("ana", 3),
        authentication("ana", 4),
        authentication("bo", 5),
    ];
    if both {
        records.push(
            r#"{"isotimestamp": "2024-05-06T08:00:06+00:00", "username": "eve", "user": {"name": "mallory"}}"#.to_owned(),
        );
    }
    if !administrators_first {
        records.reverse();
    }
    format!("[{}]", records.join(", "))
}

#[test]
fn columns_whose_names_become_one_are_one_column() {
    for first in [true, false] {
        let place = Place::new();
        place.write("in/a.json", duo(first, false));
        let (ended, out) = copied(&place, "", "from-duo", "in/*");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let mut rows = column(&out, "username");
        rows.sort();
        assert_eq!(rows, ["Root Admin", "Root Admin", "ana", "ana", "bo"]);
        assert!(!out.lines().next().unwrap().contains("username1"), "{out}");
        // The same in CSV.
        place.write("csv/a.csv", "isotimestamp,username,user.name\n2024-05-06T08:00:00Z,ana,\n2024-05-06T08:00:00Z,,bo\n");
        let (ended, out) = copied(&place, "", "from-duo", "csv/*");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(users(&out, "username"), ["ana", "bo"]);
    }
}

#[test]
fn different_values_of_such_columns_are_kept_apart_and_noted() {
    let mut outputs = Vec::new();
    for first in [true, false] {
        let place = Place::new();
        place.write("in/a.json", duo(first, true));
        let (ended, out) = copied(&place, "", "from-duo", "in/*");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let note = "1 row: different values in \"username\" and \"user.name\", which are one column \"username\"; the further ones are in username1";
        assert_eq!(ended.messages().matches(note).count(), 1, "{}", ended.stderr);
        let mut rows: Vec<(String, String)> =
            column(&out, "username").into_iter().zip(column(&out, "username1")).collect();
        rows.sort();
        outputs.push(rows);
    }
    assert_eq!(outputs[0], outputs[1]);
    assert!(outputs[0].contains(&("eve".to_owned(), "mallory".to_owned())), "{:?}", outputs[0]);
    assert_eq!(outputs[0].iter().filter(|(user, _)| user == "ana").count(), 2);
}

#[test]
fn a_dotted_member_and_a_nested_one_are_one_column() {
    let place = Place::new();
    place.write(
        "in.jsonl",
        "{\"uid\": \"u1\", \"action\": \"a\", \"a.b\": \"v1\"}\n\
         {\"uid\": \"u1\", \"action\": \"a\", \"a\": {\"b\": \"v2\"}}\n\
         {\"uid\": \"u1\", \"action\": \"a\", \"a.b\": \"v3\", \"a\": {\"b\": null}}\n\
         {\"uid\": \"u1\", \"action\": \"a\", \"a\": {\"b\": \"v5\"}, \"a.b\": \"v4\"}\n\
         {\"uid\": \"u1\", \"action\": \"a\", \"a.b\": \"v6\", \"a\": {\"b\": \"v7\"}}\n",
    );
    let (ended, out) = table(&place, "in.jsonl");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(column(&out, "a.b"), ["v1", "v2", "v3", "v4", "v6"]);
    assert_eq!(column(&out, "a.b1"), ["", "", "", "v5", "v7"]);
}

#[test]
fn a_blank_user_is_a_row_without_a_user() {
    let place = Place::new();
    place.write("in.csv", "uid,action\nana,a\0b\nbo,x\n\0\0\0\0,w\n\" \u{a0}\",y\ncy,z\n");
    let (ended, out) = table(&place, "in.csv");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("2 rows without a user"), "{}", ended.stderr);
    assert_eq!(users(&out, "uid"), ["ana", "bo", "cy"]);
    assert!(out.contains("a\0b"), "what is inside of a value is kept");
}

/// Sign-ins of people and of service principals, which have an empty name.
fn sign_ins() -> String {
    let mut log = String::new();
    for i in 0..120 {
        let (user, name) = match i % 3 {
            0 => ("", format!("robot-{}", i % 2)),
            _ => ("ana@example.org", "ana".to_owned()),
        };
        let _ = writeln!(
            log,
            r#"{{"category": "SignInLogs", "properties": {{"createdDateTime": "2024-05-{:02}T10:{:02}:01Z", "servicePrincipalName": "{name}", "userPrincipalName": "{user}", "appDisplayName": "app{}", "location": {{"city": "Oslo"}}}}}}"#,
            1 + i / 12,
            i % 60,
            i % 4
        );
    }
    log
}

#[test]
fn nobody_gets_no_model_in_run_train_or_score() {
    let place = Place::new();
    place.write("in/a.jsonl", sign_ins());
    let ended = place.morpheus(
        "run pipeline-ae from-azure --input_glob=in/* train-ae --seed=1 --architecture=compact preprocess inf-ae \
         add-scores serialize to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("40 rows without a user"), "{}", ended.stderr);
    assert_eq!(users(&place.read("out.csv"), "userPrincipalName"), ["ana@example.org"]);
    let ended = place.morpheus(
        "train --source=azure --input=in/* --store=models --min_history=20 --history_dir=h",
    );
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("40 rows without a user"), "{}", ended.stderr);
    let listed = place.morpheus("models list --store=models");
    assert!(listed.stdout.contains("ana@example.org"), "{}", listed.stdout);
    let ended =
        place.morpheus("score --source=azure --input=in/* --store=models --output=scored.csv");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let versions = users(&place.read("scored.csv"), "model_version");
    assert!(versions.iter().all(|version| !version.starts_with(':')), "{versions:?}");
    assert_eq!(users(&place.read("scored.csv"), "userPrincipalName"), ["ana@example.org"]);
}

/// Calls of one user.
fn calls(rows: usize) -> Vec<String> {
    (0..rows)
        .map(|i| {
            format!(
                r#"{{"eventTime": "2024-05-{:02}T08:{:02}:00Z", "eventName": "E{}", "readOnly": {}, "recipientAccountId": "{}", "userIdentity": {{"userName": "ana", "accountId": "0{}1122223333", "sessionContext": {{"attributes": {{"mfaAuthenticated": "{}"}}}}}}, "requestParameters": {{"ownersSet": {{"items": [{{"owner": "self"}}]}}, "groups": [{}]}}}}"#,
                1 + i / 24,
                i % 60,
                i % 5,
                i % 2 == 0,
                if i % 3 == 0 { "012345678901" } else { "111122223333" },
                i % 3,
                i % 2 == 0,
                ["", "\"admins\"", "\"admins\", \"ops\""][i % 3],
            )
        })
        .collect()
}

#[test]
fn json_lines_score_as_records_do() {
    let place = Place::new();
    place.write("old/a.json", format!("{{\"Records\": [{}]}}", calls(120).join(", ")));
    place.write("new/a.jsonl", calls(30).join("\n"));
    let options = "--userid_column_name=userIdentityuserName";
    let (ended, out) = scored(&place, options, "from-cloudtrail", "old/*", "new/*");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(highest(&out, "zscore") < 4.0, "{}", highest(&out, "zscore"));
    // What is written is what NVIDIA Morpheus writes.
    assert!(column(&out, "userIdentityaccountId").iter().all(|id| id.starts_with("Account-0")));
}

#[test]
fn flags_lists_and_accounts_of_csv_score_as_those_of_json_do() {
    let place = Place::new();
    place.write("old.json", format!("{{\"Records\": [{}]}}", calls(120).join(", ")));
    let cols = "eventName\nreadOnly\nrecipientAccountId\nuserIdentityaccountId\nuserIdentitysessionContextattributesmfaAuthenticated\nrequestParametersgroups\nrequestParametersownersSetitems\n";
    place.write("cols.txt", cols);
    let header = "eventTime,eventName,readOnly,recipientAccountId,userIdentity.userName,userIdentity.accountId,userIdentity.sessionContext.attributes.mfaAuthenticated,requestParameters.groups,requestParameters.ownersSet.items\n";
    for [yes, no, list, item] in [["True", "False", "'", ", "], ["true", "false", "\"\"", ","]] {
        let mut csv = header.to_owned();
        for i in 0..30 {
            let flag = if i % 2 == 0 { yes } else { no };
            let items = ["", "admins", "admins ops"][i % 3].split_whitespace();
            let items: Vec<String> = items.map(|name| format!("{list}{name}{list}")).collect();
            let account = if i % 3 == 0 { "012345678901" } else { "111122223333" };
            let _ = writeln!(
                csv,
                "2024-05-01T08:{i:02}:00Z,E{},{flag},{account},ana,0{}1122223333,{flag},\"[{}]\",\"[{{{list}owner{list}: {list}self{list}}}]\"",
                i % 5,
                i % 3,
                items.join(item)
            );
        }
        place.write("new.csv", csv);
        let options = "--userid_column_name=userIdentityuserName --columns_file=cols.txt";
        let (ended, out) = scored(&place, options, "from-cloudtrail", "old.json", "new.csv");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(highest(&out, "zscore") < 4.0, "{yes}: {}", highest(&out, "zscore"));
        place.write("new.jsonl", calls(30).join("\n"));
        let (ended, lines) = scored(&place, options, "from-cloudtrail", "old.json", "new.jsonl");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        for name in ["ae_anomaly_score", "zscore"] {
            for (csv, json) in numbers(&out, name).into_iter().zip(numbers(&lines, name)) {
                assert!((csv - json).abs() < 1e-6, "{yes} {name}: {csv} and {json}");
            }
        }
    }
}

#[test]
fn a_column_learnt_as_text_is_read_as_text() {
    let place = Place::new();
    place.write("cols.txt", "version\ncode\n");
    let line = |i: usize| {
        let version = ["1.10", "1.1", "2.0"][i % 3];
        (version, ["007", "7"][i % 2])
    };
    let mut json = String::new();
    let mut csv = "uid,version,code\n".to_owned();
    for i in 0..60 {
        let (version, code) = line(i);
        let _ = writeln!(json, r#"{{"uid": "ana", "version": "{version}", "code": "{code}"}}"#);
        let _ = writeln!(csv, "ana,{version},{code}");
    }
    place.write("old.jsonl", &json);
    place.write("new.csv", csv);
    let options = "--userid_column_name=uid --columns_file=cols.txt";
    let (ended, out) = scored(&place, options, "from-file", "old.jsonl", "new.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let (_, same) = scored(&place, options, "from-file", "old.jsonl", "old.jsonl");
    for (csv, json) in numbers(&out, "zscore").into_iter().zip(numbers(&same, "zscore")) {
        assert!((csv - json).abs() < 1e-6, "{csv} and {json}");
    }
    assert_eq!(column(&out, "version")[..3], ["1.10", "1.1", "2.0"]);
}

#[test]
fn columns_of_ours_give_way_to_those_of_the_log() {
    let place = Place::new();
    place.write("cols.txt", "action\n");
    let mut log = "user,timestamp,action,ts_anomaly,_index_\n".to_owned();
    for i in 0..60 {
        let _ = writeln!(
            log,
            "ana,2024-05-06T{:02}:{:02}:00Z,a{},True,{}",
            8 + i / 60,
            i % 60,
            i % 3,
            900 + i
        );
    }
    place.write("in.csv", log);
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=user --columns_file=cols.txt --timestamp_column_name=timestamp from-file \
         --input_glob=in.csv train-ae --seed=1 --train_epochs=2 preprocess inf-ae add-scores timeseries serialize \
         to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let out = place.read("out.csv");
    assert!(column(&out, "ts_anomaly").iter().all(|cell| cell == "True"), "the log's own");
    assert!(column(&out, "dfp_ts_anomaly").iter().all(|cell| cell == "False"), "ours");
    assert_eq!(column(&out, "_index_")[0], "900");
    assert_eq!(column(&out, "dfp__index_")[0], "0");
    let warning = "the log has columns of its own named ts_anomaly; the columns of timeseries are named dfp_ts_anomaly";
    assert_eq!(ended.messages().matches(warning).count(), 1, "{}", ended.stderr);
}

#[test]
fn a_reason_of_the_log_is_none_of_ours() {
    let place = Place::new();
    let mut records = Vec::new();
    for i in 0..80 {
        let reason = if i == 79 { "deny_unenrolled_user" } else { "user_approved" };
        records.push(format!(
            r#"{{"access_device": {{"browser": "Chrome"}}, "isotimestamp": "2024-05-06T08:{:02}:{:02}+00:00", "user": {{"name": "ana"}}, "reason": "{reason}", "result": "success"}}"#,
            i % 60,
            i / 60
        ));
    }
    place.write("in/a.json", format!("[{}]", records.join(",")));
    let ended = place.morpheus(
        "run pipeline-ae from-duo --input_glob=in/* train-ae --seed=1 preprocess inf-ae \
         --scorer=recommended add-scores --reasons=1 serialize to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let out = place.read("out.csv");
    assert_eq!(users(&out, "reason"), ["deny_unenrolled_user", "user_approved"]);
    let written = column(&out, "dfp_reason");
    assert!(written.iter().all(|cell| !cell.starts_with("user_approved")), "{written:?}");
    let alerts = place.morpheus("alerts --p_value=1 --userid_column_name=username out.csv");
    assert!([0, 3].contains(&alerts.code), "{}", alerts.stderr);
    assert!(!alerts.stdout.contains("  user_approved"), "{}", alerts.stdout);
    let page = place.morpheus("report --html=page.html out.csv");
    assert_eq!(page.code, 0, "{}", page.stderr);
}
