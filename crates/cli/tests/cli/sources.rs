//! Each source from its files to a written table, and the columns that are made of others.

use crate::place::{Ended, Place, column, numbers, shared};
use std::path::PathBuf;

const AFTER: &str = "preprocess inf-pytorch add-scores serialize to-file";

/// The recorded tables of Azure and Duo: `DFP_GOLDEN`, or the copy beside the code.
fn golden(name: &str) -> PathBuf {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/golden");
    let folder = std::env::var_os("DFP_GOLDEN").map_or_else(|| kept.into(), PathBuf::from);
    folder.join("derived").join(name)
}

fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// What a source writes of one user's rows, without a model.
fn dump(place: &Place, source: &str, user: &str, glob: &str) -> String {
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_filter={user} {source} --input_glob={glob} to-file --filename=out.csv --overwrite"
    ));
    assert!([0, 3].contains(&ended.code), "{}{}", ended.stdout, ended.stderr);
    place.read("out.csv")
}

#[test]
fn golden_derived_columns_of_azure_and_duo() {
    let place = Place::new();
    for (recorded, source, files) in [
        ("azure_file1", "from-azure", vec!["azure_1.json"]),
        ("azure_both", "from-azure", vec!["azure_1.json", "azure_2.json"]),
        ("duo", "from-duo", vec!["duo.json"]),
    ] {
        for file in &files {
            place.write(&format!("{recorded}/{file}"), std::fs::read(golden(file)).unwrap());
        }
        let plan = std::fs::read_to_string(golden("plan.json")).unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        for user in plan[recorded]["users"].as_array().unwrap() {
            let user = user.as_str().unwrap();
            let short = user.split('@').next().unwrap();
            let want = std::fs::read_to_string(golden(&format!("{recorded}.{short}.csv"))).unwrap();
            let want = without_1970(&want);
            let got = dump(&place, source, user, &format!("{recorded}/*.json"));
            assert_eq!(got, want, "{recorded} {user}");
        }
    }
}

/// What was recorded, with the rows that the reference dates 1970 behind the others, and of no day.
fn without_1970(recorded: &str) -> String {
    let (header, rows) = recorded.split_once('\n').unwrap();
    let columns: Vec<&str> = header.split(',').collect();
    let first = columns.iter().position(|name| *name == "time").unwrap();
    let rows = rows.lines().map(|row| row.split_once(',').unwrap().1);
    let (odd, dated): (Vec<&str>, Vec<&str>) = rows.partition(|row| row.contains(",1970-01-01,"));
    let odd = odd.iter().map(|row| {
        let kept = row.rsplitn(columns.len() - first + 1, ',').last().unwrap();
        kept.to_owned() + &",".repeat(columns.len() - first)
    });
    let rows = dated.into_iter().map(str::to_owned).chain(odd);
    let rows = rows.enumerate().map(|(at, row)| format!("{at},{row}\n"));
    format!("{header}\n{}", rows.collect::<String>())
}

/// One event of a user's day.
fn sign_in(number: usize) -> String {
    let (day, minute) = (1 + number % 4, number * 977 % 1440);
    format!(
        r#"{{"properties":{{"createdDateTime":"2022-08-{day:02}T{:02}:{:02}:00Z","userPrincipalName":"user{}@example.org","appDisplayName":"app {}","location":{{"city":"city {}","countryOrRegion":"NO"}},"status":{{"errorCode":{number}}}}}}}"#,
        minute / 60,
        minute % 60,
        number % 3,
        number * 5 % 7,
        number * 11 % 5,
    )
}

#[test]
fn counters_do_not_depend_on_how_rows_fall_into_files() {
    let rows: Vec<String> = (0..300).map(sign_in).collect();
    let mut seen: Option<Vec<Vec<String>>> = None;
    for files in [1, 7, 50] {
        let place = Place::new();
        for file in 0..files {
            // Rows arrive in any order.
            let of_file: Vec<&str> = (0..300)
                .map(|i| i * 173 % 300)
                .filter(|i| i % files == file)
                .map(|i| rows[i].as_str())
                .collect();
            place.write(&format!("in/{file}.json"), format!("[{}]", of_file.join(",")));
        }
        let text = dump(&place, "from-azure", "user1@example.org", "in/*.json");
        let columns = ["time", "locincrement", "appincrement", "logcount", "statuserrorCode"];
        let table: Vec<Vec<String>> = columns.iter().map(|name| column(&text, name)).collect();
        assert_eq!(table[0].len(), 100);
        assert_eq!(*seen.get_or_insert_with(|| table.clone()), table, "{files} files");
    }
}

#[test]
fn sign_ins_are_learnt_and_scored() {
    for (source, list, user) in [
        ("from-azure", "azure", "userPrincipalName"),
        ("from-duo", "duo", "username"),
        ("from-okta", "okta", "actor.alternateId"),
    ] {
        let place = Place::new();
        let event = |i: usize| match list {
            "azure" => sign_in(i),
            "duo" => format!(
                r#"{{"isotimestamp":"2022-08-{:02}T10:{:02}:00+00:00","user":{{"name":"ana"}},"result":"success","reason":"user_approved","access_device":{{"browser":"Chrome","os":"Linux","location":{{"city":"Oslo","state":"Oslo","country":"Norway"}}}},"auth_device":{{"name":"phone {}"}}}}"#,
                1 + i % 4,
                i % 60,
                i % 2
            ),
            _ => format!(
                r#"{{"published":"2022-08-{:02}T10:{:02}:00.000Z","eventType":"user.session.start","actor":{{"alternateId":"ana@example.org"}},"client":{{"userAgent":{{"browser":"CHROME","os":"Linux"}},"geographicalContext":{{"city":"Oslo","state":"Oslo","country":"Norway"}}}},"outcome":{{"result":"SUCCESS"}}}}"#,
                1 + i % 4,
                i % 60
            ),
        };
        let events = |count: usize| (0..count).map(event).collect::<Vec<_>>();
        let v2 = |events: Vec<String>| match list {
            "duo" => format!(r#"{{"response":{{"authlogs":[{}]}},"stat":"OK"}}"#, events.join(",")),
            _ => events.join("\n"),
        };
        place.write("train/a.json", v2(events(200)));
        place.write("in/a.json", v2(events(60)));
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name={user} --columns_file={list} {source} --input_glob=in/* \
             train-ae --train_data_glob=train/* --seed 1 --architecture compact --train_steps 20 {AFTER} --filename=out.csv"
        ));
        ok(&ended);
        let scores = numbers(&place.read("out.csv"), "ae_anomaly_score");
        assert_eq!(scores.len(), 60, "{source}");
        assert!(scores.iter().all(|score| score.is_finite()));
    }
}

#[test]
fn rows_without_a_readable_time_are_of_no_day_and_are_named() {
    let place = Place::new();
    place.write("in/a.json", sign_in(1).replace("2022-08-02T", "soon "));
    let ended =
        place.morpheus("run pipeline-ae from-azure --input_glob=in/* to-file --filename=out.csv");
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    let messages = ended.messages();
    assert_eq!(messages.lines().count(), 1, "{messages}");
    assert!(
        messages
            .contains(" is not a time: \"in/a.json\" row 0 field \"createdDateTime\"; expected"),
        "{messages}"
    );
    assert_eq!(column(&place.read("out.csv"), "day"), [""]);
}

#[test]
fn any_table_with_named_columns() {
    let Some(folder) = shared("data/detections") else { return };
    for (file, rows, features) in [
        (
            "dfp_detections_azure.csv",
            106,
            "appDisplayName\nclientAppUsed\nlogcount\nlocincrement\n",
        ),
        ("dfp_detections_duo.csv", 498, "accessdevicebrowser\nresult\nreason\nlogcount\n"),
    ] {
        let place = Place::new();
        place.write("features.txt", features);
        let path = folder.join(file);
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name=username --columns_file=features.txt from-file --input_glob={path} \
             train-ae --train_data_glob={path} --train_min_history=1 --seed 1 --architecture compact --train_steps 20 {AFTER} --filename=out.csv",
            path = path.display()
        ));
        ok(&ended);
        assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), rows, "{file}");
    }
}

#[test]
fn a_parquet_table_reads_as_the_same_table_in_csv() {
    let place = Place::new();
    place.write("in/a.json", (0..40).map(sign_in).collect::<Vec<_>>().join("\n"));
    for name in ["a.csv", "a.parquet"] {
        let ended = place.morpheus(&format!(
            "run pipeline-ae from-azure --input_glob=in/* to-file --filename={name}"
        ));
        ok(&ended);
    }
    place.write("features.txt", "appDisplayName\n");
    let read = |name: &str| {
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name=userPrincipalName --columns_file=features.txt --timestamp_column_name=time \
             from-file --input_glob={name} to-file --filename=out.csv --overwrite"
        ));
        ok(&ended);
        place.read("out.csv")
    };
    let (csv, parquet) = (read("a.csv"), read("a.parquet"));
    for name in [
        "createdDateTime",
        "userPrincipalName",
        "locationcity",
        "locincrement",
        "logcount",
        "event_dt",
    ] {
        assert_eq!(column(&csv, name), column(&parquet, name), "{name}");
    }
}

#[test]
fn a_table_has_no_columns_of_its_own_for_users_and_features() {
    let place = Place::new();
    place.write("a.csv", "who,what\nana,read\n");
    let ended =
        place.morpheus("run pipeline-ae from-file --input_glob=a.csv to-file --filename=out.csv");
    assert_eq!(ended.code, 2);
    assert_eq!(
        ended.messages(),
        "error: pipeline-ae: --columns_file is required with from-file: which columns are features, one a line (or --features, a feature file)\n\
         error: pipeline-ae: --userid_column_name is required with from-file: the column with the user\n\
         see morpheus run pipeline-ae --help\n"
    );
}

#[test]
fn the_actor_of_real_events_is_found_whatever_the_type_of_identity() {
    let Some(folder) = shared("data/cloudtrail-real") else { return };
    let place = Place::new();
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name=actor from-cloudtrail --input_glob={}/*.json to-file --filename=out.csv",
        folder.display()
    ));
    ok(&ended);
    let table = place.read("out.csv");
    let kinds = column(&table, "actor_kind");
    let count = |kind: &str| kinds.iter().filter(|k| *k == kind).count();
    // All 1,235 rows have an actor; what services did with somebody's credentials is theirs.
    assert_eq!(kinds.len(), 1235);
    let counts = ["user", "service", "role", "machine"].map(count);
    assert_eq!(counts, [1107, 87, 26, 15]);
    assert!(column(&table, "actor").iter().any(|actor| actor == "123837392027:bert-jan"));
}

#[test]
fn several_patterns_and_a_directory_name_each_file_once() {
    let place = Place::new();
    place.write("features.txt", "what\n");
    for (file, user) in
        [("a/1.csv", "ana"), ("a/b/2.csv", "bo"), ("c/3.csv", "cy"), ("c/4.txt", "di")]
    {
        place.write(file, format!("who,what\n{user},read\n"));
    }
    let users = |globs: &str| {
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name=who --columns_file=features.txt from-file {globs} \
             to-file --filename=out.csv --overwrite"
        ));
        ok(&ended);
        column(&place.read("out.csv"), "who").join(" ")
    };
    assert_eq!(users("--input_glob=a --input_glob=c"), "ana bo cy");
    assert_eq!(users("--input_glob=c/* --input_glob=a/*.csv --input_glob=**/1.csv"), "ana cy di");
    assert_eq!(users("--input_glob=a --input_glob=c --max_files=2"), "ana bo");
    assert_eq!(users("--input_glob=a --input_glob=gone/* --allow_no_files"), "ana bo");
}

#[test]
fn a_log_of_another_source_is_recognised() {
    let place = Place::generated("--users=1 --training_rows=20 --new_rows=5 --format=json");
    let csv = Place::generated("--users=1 --training_rows=20 --new_rows=5");
    for (place, source) in [(&place, "azure"), (&place, "okta"), (&csv, "azure"), (&csv, "duo")] {
        let line = format!(
            "run pipeline-ae from-{source} --input_glob=logs/training/* to-file --filename=out.csv"
        );
        let ended = place.morpheus(&line);
        assert_eq!(ended.code, 1, "{source}: {}", ended.stderr);
        let expected = "these look like AWS CloudTrail logs (from-cloudtrail, --source=cloudtrail)";
        assert!(ended.stderr.contains(expected), "{source}: {}", ended.stderr);
    }
    let okta = Place::generated("--source=okta --users=1 --training_rows=20 --new_rows=5");
    let ended = okta.morpheus("train --input=logs/training/* --store=store");
    assert!(ended.stderr.contains("these look like Okta logs (from-okta, --source=okta)"));
    // Whose events are below a member of their own.
    let azure = Place::generated("--source=azure --users=1 --training_rows=20 --new_rows=5");
    let ended =
        azure.morpheus("train --input=logs/training/* --store=store --userid_column_name=userName");
    assert!(ended.stderr.contains("these look like Azure AD logs (from-azure, --source=azure)"));
    // Nobody is corrected who has logs of the source with users in another column.
    let line = "run pipeline-ae --userid_column_name=nobody from-cloudtrail --input_glob=logs/training/* to-file --filename=out.csv";
    assert!(!csv.morpheus(line).stderr.contains("look like"));
    csv.write("table.csv", "usr,ts,value,rows,records\nana,2024-05-06T08:00:00Z,1,2,3\n");
    let line = "run pipeline-ae --userid_column_name=user from-cloudtrail --input_glob=table.csv to-file --filename=out.csv";
    let ended = csv.morpheus(line);
    assert!(ended.stderr.contains("the nearest columns are usr"), "{}", ended.stderr);
}

#[test]
fn events_that_are_not_at_the_top_are_pointed_at() {
    let place = Place::new();
    for (source, content, expected) in [
        (
            "cloudtrail",
            r#"{"preview": false, "result": {"eventTime": "2024-01-01T00:00:00Z", "eventName": "a", "userName": "bo"}}"#,
            "the events are below \"result\"",
        ),
        (
            "cloudtrail",
            r#"{"QueryStatus": "FINISHED", "QueryResultRows": [[{"eventTime": "2024-01-01"}, {"userName": "bo"}]]}"#,
            "\"QueryResultRows\" is the result of a query of CloudTrail Lake",
        ),
        (
            "azure",
            r#"{"tables": [{"columns": [{"name": "userPrincipalName"}], "rows": [["ana"]]}]}"#,
            "\"tables\" is the result of a query of Log Analytics",
        ),
    ] {
        place.write("in.json", content);
        let line = format!(
            "run pipeline-ae from-{source} --input_glob=in.json to-file --filename=out.csv"
        );
        let ended = place.morpheus(&line);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}
