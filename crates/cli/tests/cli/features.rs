//! Feature files, from the file to a written table.

use crate::place::{Ended, Place, column, numbers, shared};

const SCORE: &str =
    "preprocess inf-pytorch add-scores serialize to-file --filename=out.csv --overwrite";

fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// The fenced blocks of a page: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(done)) => blocks.push(done),
            (Some(info), None) => open = Some((info.to_owned(), String::new())),
            (None, Some((info, text))) => open = Some((info, text + line + "\n")),
            (None, None) => {}
        }
    }
    blocks
}

/// Every TOML example of the page makes the columns of the table behind it out of that table's others.
#[test]
fn the_examples_of_the_page_do_what_they_say() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/features.md");
    let page = std::fs::read_to_string(page).unwrap();
    let place = Place::new();
    let (mut toml, mut run) = (None, 0);
    for (info, text) in blocks(&page) {
        match info.split_once(' ') {
            _ if info == "toml" => assert_eq!(toml.replace(text), None, "no table behind it"),
            Some(("csv", file)) => place.write(file, text),
            _ => {
                let toml: String = toml.take().unwrap();
                let whole = toml.contains("features = ");
                let head = if whole { "" } else { "user = \"who\"\nfeatures = [\"who\"]\n" };
                place.write("features.toml", format!("{head}{toml}"));
                let made = dump(&place, &text, whole);
                let mut wanted = csv::Reader::from_reader(text.as_bytes());
                assert!(!whole || !made.lines().next().unwrap().contains("note"), "kept: {made}");
                for name in wanted.headers().unwrap().clone().iter().filter(|name| *name != "note")
                {
                    assert_eq!(column(&made, name), column(&text, name), "{toml}{name}\n{made}");
                }
                run += 1;
            }
        }
    }
    assert_eq!((toml, run), (None, 21));
}

/// What is written of a table with a user, and without the columns that are to be made.
fn dump(place: &Place, table: &str, whole: bool) -> String {
    let features = std::fs::read_to_string(place.path("features.toml")).unwrap();
    let made = |name: &str| {
        let base = name.trim_end_matches("_sin").trim_end_matches("_cos").trim_end_matches("_kind");
        features.contains(&format!("name = \"{base}\""))
    };
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let inputs: Vec<usize> = (0..header.len()).filter(|at| !made(&header[*at])).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let row = |record: &csv::StringRecord, who: &str| {
        let mut row: Vec<String> = inputs.iter().map(|at| record[*at].to_owned()).collect();
        row.extend((!whole).then(|| who.to_owned()));
        row
    };
    writer.write_record(row(&header, "who")).unwrap();
    for record in reader.records() {
        writer.write_record(row(&record.unwrap(), "ana")).unwrap();
    }
    place.write("in.csv", writer.into_inner().unwrap());
    let ended = place.morpheus(
        "run pipeline-ae --features=features.toml from-file --input_glob=in.csv to-file --filename=out.csv --overwrite",
    );
    ok(&ended);
    place.read("out.csv")
}

const LOG: &str = "\
id,who,when,what,from,size,zone
e01,ana,01/08/2022 10:00,read,10.0.0.1,5,eu
e02,bo,01/08/2022 10:01,read,10.0.0.2,6,eu
e03,ana,01/08/2022 10:02,write,10.0.0.1,7,eu
e04,bo,01/08/2022 10:03,ping,10.0.0.2,,eu
e05,ana,01/08/2022 10:04,read,8.8.8.8,9,eu
e06,bo,02/08/2022 10:05,write,10.0.0.2,x,eu
";

const FILE: &str = "\
source = 'from-file'
user = 'who'
time = { column = 'when', formats = ['%d/%m/%Y %H:%M'], zone = 'Europe/Oslo' }
rows = 'what != \"ping\"'
features = ['what', 'net', 'new_net', { column = 'size', kind = 'number', scaler = 'none' }, { column = 'count', kind = 'category' }]

[[column]]
name = 'net'
op = 'network'
of = 'from'

[[column]]
name = 'new_net'
op = 'first_seen'
of = 'net'

[[column]]
name = 'count'
op = 'increment'
";

fn place() -> Place {
    let place = Place::new();
    place.write("log.csv", LOG);
    place.write("f.toml", FILE);
    place
}

#[test]
fn rows_that_the_file_leaves_out_are_counted_and_the_others_derived() {
    let place = place();
    let ended = place.morpheus(
        "run pipeline-ae --features f.toml from-file --input_glob=log.csv to-file --filename=out.csv",
    );
    ok(&ended);
    assert_eq!(
        ended.messages(),
        "warning: input: feature \"size\": 1 cell is no number and counts as missing\n"
    );
    assert!(
        ended.stdout.contains("filtered   input: 1 row, as the feature file asks\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(
        place.read("out.csv"),
        "\
,_index_,id,who,when,what,from,size,zone,event_dt,net,new_net,count
0,0,e01,ana,01/08/2022 10:00,read,10.0.0.1,5.0,eu,2022-08-01 08:00:00+00:00,10.0.0.0/24,True,0
1,2,e03,ana,01/08/2022 10:02,write,10.0.0.1,7.0,eu,2022-08-01 08:02:00+00:00,10.0.0.0/24,False,1
2,4,e05,ana,01/08/2022 10:04,read,8.8.8.8,9.0,eu,2022-08-01 08:04:00+00:00,8.8.8.0/24,True,2
0,1,e02,bo,01/08/2022 10:01,read,10.0.0.2,6.0,eu,2022-08-01 08:01:00+00:00,10.0.0.0/24,True,0
1,5,e06,bo,02/08/2022 10:05,write,10.0.0.2,,eu,2022-08-02 08:05:00+00:00,10.0.0.0/24,False,0
"
    );
}

#[test]
fn kinds_and_scalers_reach_the_model_and_scoring_knows_what_training_has_seen() {
    let place = place();
    let rows: String = (0..40)
        .map(|i| format!("x{i},ana,0{}/07/2022 1{}:00,read,10.0.0.{i},{i},eu\n", 1 + i % 9, i % 10))
        .collect();
    place.write("train.csv", format!("id,who,when,what,from,size,zone\n{rows}"));
    let ended = place.morpheus(&format!(
        "run pipeline-ae --features=f.toml --userid_filter=ana from-file --input_glob=log.csv \
         train-ae --train_data_glob=train.csv --models_output_filename=m.safetensors --seed 1 --architecture compact --train_steps 20 {SCORE}"
    ));
    ok(&ended);
    let out = place.read("out.csv");
    assert_eq!(numbers(&out, "ae_anomaly_score").len(), 3);
    assert_eq!(column(&out, "new_net"), ["False", "False", "True"]);
    let bytes = std::fs::read(place.path("m.safetensors")).unwrap();
    let model = String::from_utf8_lossy(&bytes);
    // The scaler that was asked for, and a count that is a category.
    for part in
        [r#"scaler_overrides\":{\"size\":\"none\"}"#, r#"{\"column\":\"count\",\"vocabulary\""#]
    {
        assert!(model.replace('\\', "").contains(&part.replace('\\', "")), "{part}");
    }
}

#[test]
fn what_is_typed_goes_before_the_file() {
    let place = place();
    place.write("log.csv", LOG.replace("when", "at").replace("who", "person"));
    let ended = place.morpheus(
        "run pipeline-ae --features=f.toml --userid_column_name=person --timestamp_column_name=at from-file --input_glob=log.csv to-file --filename=out.csv",
    );
    ok(&ended);
    assert_eq!(column(&place.read("out.csv"), "count"), ["0", "1", "2", "0", "0"]);
}

#[test]
fn a_row_without_a_readable_time_is_named() {
    let place = place();
    place.write("log.csv", LOG.replace("01/08/2022 10:02", "soon"));
    let ended = place.morpheus(
        "run pipeline-ae --features=f.toml from-file --input_glob=log.csv to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains(
            "\"soon\" is not a time: \"log.csv\" row 2 field \"when\"; expected \"%d/%m/%Y %H:%M\""
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn counts_do_not_depend_on_how_rows_fall_into_files() {
    let rows: Vec<&str> = LOG.lines().skip(1).collect();
    let mut seen: Option<Vec<Vec<String>>> = None;
    for files in [1, 2, 6] {
        let place = place();
        for file in 0..files {
            let of_file: Vec<&str> = rows
                .iter()
                .rev()
                .enumerate()
                .filter(|(i, _)| i % files == file)
                .map(|(_, r)| *r)
                .collect();
            let head = LOG.lines().next().unwrap();
            place.write(&format!("in/{file}.csv"), format!("{head}\n{}\n", of_file.join("\n")));
        }
        let ended = place.morpheus(
            "run pipeline-ae --features=f.toml from-file --input_glob=in to-file --filename=out.csv",
        );
        ok(&ended);
        let out = place.read("out.csv");
        let table = ["id", "new_net", "count"].map(|name| column(&out, name)).to_vec();
        assert_eq!(*seen.get_or_insert_with(|| table.clone()), table, "{files} files");
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_with_their_lines() {
    let place = place();
    place.write(
        "f.toml",
        "source = 'from-fil'\nuser = 7\nlateness = 'long'\nrows = 'a b'\nfeatures = ['x', 'x', { column = 'y', kind = 'text' }]\nzone = 'UTC'\n\n\
         [[column]]\nname = 'net'\nop = 'netwrok'\nof = 'from'\n\n\
         [[column]]\nname = 'n'\nop = 'network'\nof = 'from'\nv5 = 1\n\n\
         [[column]]\nop = 'cast'\nof = 'later'\nname = 'n'\n\n\
         [[column]]\nname = 'later'\nop = 'rename'\nof = 'a'\n",
    );
    let ended = place.morpheus(
        "run pipeline-ae --features=f.toml from-file --input_glob=log.csv to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 2);
    let prefix = "error: pipeline-ae: --features: f.toml line";
    let want: Vec<String> = [
        "1: source: \"from-fil\" is not one of from-cloudtrail, from-azure, from-duo, from-okta, from-file; did you mean \"from-file\"",
        "2: user: \"7\" is not a text, such as \"name\"",
        "3: lateness: \"long\" is no length of time; expected a whole number and s, m, h, d or w, such as \"12h\"",
        "4: rows: character 3: found \"b\"; expected ==, !=, <, <=, >, >=, in, like, matches or is",
        "5: feature \"x\" is named twice",
        "5: feature \"y\": kind: \"text\" is not one of number, category, flag",
        "6: there is no key \"zone\"; expected source, user, time, event_id, lateness, column, rows, keep, features",
        "10: column \"net\": op: \"netwrok\" is not one of rename, cast, bool, datetime, part, join, concat, extract, lowercase, trim, network, address_class, lookup, agent, actor, increment, distinct_increment, first_seen, since_previous; did you mean \"network\"",
        "17: column \"n\": there is no key \"v5\"; did you mean \"v6\"",
        "19: column \"n\": key \"to\" is missing: text, integer, number or flag",
    ]
    .map(|mistake| format!("{prefix} {mistake}\n"))
    .to_vec();
    assert_eq!(ended.messages(), want.concat() + "see morpheus run pipeline-ae --help\n");

    for (text, mistake) in [
        ("user = \n", "f.toml line 1: \"user =\" is no TOML: string values must be quoted"),
        ("user = 'u'\nuser = 'v'\n", "f.toml line 2: \"user = 'v'\" is no TOML: duplicate key"),
        ("user = 'u'\nfeatures = []\n", "f.toml names no features"),
        (
            "user = 'n'\nfeatures = ['n']\n[[column]]\nname = 'n'\nop = 'increment'\n",
            "f.toml line 1: user: a column that is counted for each user cannot identify users",
        ),
        (
            "user = 'u'\nlateness = '2d'\nfeatures = ['u']\n",
            "f.toml line 2: lateness: no column counts events; leave it out",
        ),
        (
            "user = 'u'\nfeatures = ['u']\ntime = { column = 't', zone = '+01:00' }\n[[column]]\nname = 't'\nop = 'datetime'\nof = 'm'\n",
            "f.toml line 3: time: formats and zone are for a column of the log; give them to the derived one",
        ),
        (
            "user = 'u'\nfeatures = [{ column = 'u', kind = 'flag', scaler = 'none' }, 7]\ncolumn = ['a']\n",
            "f.toml line 2: feature \"u\": scaler: only numbers are scaled; leave it out\n\
             error: pipeline-ae: --features: f.toml line 2: features: \"7\" is not a table of keys\n\
             error: pipeline-ae: --features: f.toml line 3: column: \"a\" is not a table of keys",
        ),
        (
            "user = 'u'\nfeatures = ['n']\n[[column]]\nname = 'n'\nop = 'rename'\nof = 'm'\n[[column]]\nname = 'm'\nop = 'rename'\nof = 'u'\n",
            "f.toml line 3: column \"n\": it is made of \"m\", which is made further down; columns are made in the order of the file",
        ),
    ] {
        place.write("f.toml", text);
        let ended = place.morpheus(
            "run pipeline-ae --features=f.toml from-file --input_glob=log.csv to-file --filename=out.csv",
        );
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains(mistake), "{mistake}\n{}", ended.stderr);
    }
}

#[test]
fn a_file_for_other_logs_or_beside_a_list_is_refused() {
    let place = place();
    let ended = place.morpheus(
        "run pipeline-ae --features=f.toml --columns_file=duo from-azure --input_glob=log.csv to-file --filename=out.csv",
    );
    assert_eq!(
        ended.messages(),
        "error: pipeline-ae: --features and --columns_file both say which columns are features; leave one of the two out\n\
         error: pipeline-ae: --features: f.toml is made for the logs of from-file, and these are read by from-azure\n\
         see morpheus run pipeline-ae --help\n"
    );
    let ended = place.morpheus(
        "run pipeline-ae --features=clodtrail from-cloudtrail --input_glob=log.csv to-file --filename=out.csv",
    );
    assert_eq!(
        ended.messages(),
        "error: pipeline-ae: --features: there is no file \"clodtrail\"; built-in feature files are cloudtrail, azure, duo, okta; did you mean \"cloudtrail\"\n\
         see morpheus run pipeline-ae --help\n"
    );
}

#[test]
fn a_column_that_the_log_lacks_is_named_with_the_nearest() {
    let place = place();
    place.write("f.toml", FILE.replace("of = 'from'", "of = 'form'"));
    let ended = place.morpheus(
        "run pipeline-ae --features=f.toml from-file --input_glob=log.csv to-file --filename=out.csv",
    );
    ok(&ended);
    assert!(
        ended.stderr.contains(
            "warning: input: there is no column for column \"net\" of f.toml: \"form\"; the nearest columns are from; it counts as missing\n"
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_built_in_file_is_printed_and_does_what_the_source_does() {
    let place = Place::new();
    let event = |i: usize| {
        format!(
            r#"{{"createdDateTime":"2022-08-0{}T10:{i:02}:00Z","userPrincipalName":"ana","appDisplayName":"app {}"}}"#,
            1 + i % 3,
            i % 4
        )
    };
    place.write("in.json", (0..30).map(event).collect::<Vec<_>>().join("\n"));
    let printed = place.morpheus("tools features azure");
    ok(&printed);
    place.write("azure.toml", printed.stdout);
    let mut tables = Vec::new();
    for features in ["", "--features=azure", "--features=azure.toml"] {
        let ended = place.morpheus(&format!(
            "run pipeline-ae {features} from-azure --input_glob=in.json to-file --filename=out.csv --overwrite"
        ));
        ok(&ended);
        tables.push(place.read("out.csv"));
    }
    assert_eq!((&tables[0], &tables[0]), (&tables[1], &tables[2]));
}

#[test]
fn check_shows_what_each_feature_becomes() {
    let place = Place::new();
    let rows: String = (0..40)
        .map(|i| {
            let user = if i % 2 == 0 { "ana" } else { "bob" };
            let day = 1 + i / 10;
            format!(
                "e{i},{user},2022-08-0{day}T10:{i:02}:00Z,arn:user/{user},desk {user},{},{},eu\n",
                ["read", "write", "delete"][i % 3],
                if i % 8 == 0 { String::new() } else { (i % 4).to_string() },
            )
            .replace("desk ana", "left")
            .replace("desk bob", "right")
        })
        .collect();
    place.write("log.csv", format!("id,who,timestamp,arn,desk,what,size,zone\n{rows}"));
    place.write(
        "f.toml",
        "source = 'from-file'\nuser = 'who'\ntime = 'timestamp'\nrows = 'what != \"delete\"'\n\
         features = ['id', 'arn', 'desk', 'what', 'size', 'zone', 'sizes', 'event_dt', { column = 'count', kind = 'number' }]\n\
         [[column]]\nname = 'count'\nop = 'increment'\n",
    );
    let ended = place.morpheus("tools features --check f.toml log.csv");
    ok(&ended);
    assert_eq!(
        ended.stdout,
        "\
read       40 rows of 2 users
filtered   13 rows, as the feature file asks

feature   kind      values  missing  commonest
id        category      27    0.0 %  e0, e1, e10
arn       category       2    0.0 %  arn:user/bob, arn:user/ana
desk      category       2    0.0 %  right, left
what      category       2    0.0 %  read, write
size      number         4   11.1 %  1, 3, 2
zone      category       1    0.0 %  eu
sizes     none           0  100.0 %
event_dt  none          27    0.0 %  2022-08-01T10:00:00Z, 2022-08-01T10:01:00Z, 2022-08-01T10:03:00Z
count     number         4    0.0 %  0, 1, 2

warnings
  id has 27 different values in 27 rows: nearly every row looks new
  arn holds the name of its user in 100 % of the rows with a value: it says who it is, not what was done
  desk has values that a single user has in 100 % of the rows with one: it says who it is, not what was done
  zone is \"eu\" in all rows: it carries no information
  sizes is not there: there is no column \"sizes\"; the nearest columns are size
  event_dt is no feature: its type is Timestamp(µs, \"UTC\"); numbers, booleans and text are read
"
    );
}

#[test]
fn check_says_what_it_needs() {
    let place = place();
    for (words, mistakes) in [
        ("--check f.toml", "--check needs logs to read: files, directories or patterns"),
        (
            "azzure",
            "there is no built-in feature file: \"azzure\" is not one of cloudtrail, azure, duo, okta; did you mean \"azure\"",
        ),
        ("azure duo", "expected the name of one built-in feature file, or --check FILE LOGS..."),
    ] {
        let ended = place.morpheus(&format!("tools features {words}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{words}");
        let message = format!("error: features: {mistakes}\nsee morpheus tools features --help\n");
        assert_eq!(ended.stderr, message);
    }
    place.write("f.toml", FILE.replace("source = 'from-file'\n", ""));
    let ended = place.morpheus("tools features --check f.toml log.csv");
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains(
            "--source is required: f.toml does not say which source's logs it is made for"
        )
    );
    ok(&place.morpheus("tools features --check f.toml log.csv --source from-file"));
    place.write("f.toml", FILE.replace("source = 'from-file'", "").replace("time = {", "# {"));
    let ended = place.morpheus("tools features --check f.toml log.csv --source from-azure");
    assert_eq!(ended.code, 2);
    let mistake = "--check: f.toml counts events in the order of time, and names no column of times: time = \"...\"";
    assert!(ended.stderr.contains(mistake), "{}", ended.stderr);
    let ended = place.morpheus("tools features --check f.toml gone.csv --source from-file");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("no file matches \"gone.csv\""), "{}", ended.stderr);
}

#[test]
fn the_examples_fit_their_logs() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let place = Place::new();
    let ended = place.morpheus(&format!(
        "tools features --check {examples}/features/cloudtrail.toml {examples}/user123/validation/user123.csv"
    ));
    ok(&ended);
    assert!(ended.stdout.contains("\nprogram "), "{}", ended.stdout);
    for (name, file) in [("azure", "azure_1.json"), ("duo", "duo.json")] {
        let log = format!("{examples}/../testdata/golden/derived/{file}");
        let ended = place.morpheus(&format!(
            "tools features --check {examples}/features/production_{name}.toml {log}"
        ));
        // Their logs have rows whose time cannot be read.
        assert!([0, 3].contains(&ended.code), "{}{}", ended.stdout, ended.stderr);
        assert!(!ended.stdout.contains("is not there"), "{}", ended.stdout);
    }
    place.write(
        "log.csv",
        "when,account,address,action,status\n2022-08-01 09:00:00,ana,10.0.0.5,login,200\n2022-08-01 09:05:00,ana,203.0.113.9,read,403\n",
    );
    let ended =
        place.morpheus(&format!("tools features --check {examples}/features/table.toml log.csv"));
    ok(&ended);
    assert!(ended.stdout.contains("\nnew_network "), "{}", ended.stdout);
}

/// With networks, programs, times and first sightings for features, the small network tells the takeover
/// from everything else.
#[test]
fn the_example_file_finds_the_takeover() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let place = Place::new();
    let ended = place.morpheus(&format!(
        "run pipeline-ae --features={examples}/features/cloudtrail.toml from-cloudtrail --input_glob={examples}/user123/validation \
         train-ae --train_data_glob={examples}/user123/training/*.csv --seed 42 --architecture compact {SCORE}"
    ));
    ok(&ended);
    assert!(
        ended.stdout.contains("unusual    6 rows with z > 4; the highest:\n"),
        "{}",
        ended.stdout
    );
    let out = place.read("out.csv");
    let mut rows: Vec<(f64, String)> =
        numbers(&out, "ae_anomaly_score").into_iter().zip(column(&out, "_index_")).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut highest: Vec<&str> = rows[..6].iter().map(|row| row.1.as_str()).collect();
    highest.sort_unstable();
    let labels = std::fs::read_to_string(format!("{examples}/user123/labels.csv")).unwrap();
    assert_eq!(highest, column(&labels, "row"));
}

/// The tables that the peer's production pipelines wrote, with every one of their features.
#[test]
fn the_peers_detections_are_learnt_and_scored() {
    let Some(folder) = shared("data/detections") else { return };
    for (name, rows) in [("azure", 106), ("duo", 498)] {
        let place = Place::new();
        let built_in = place.morpheus(&format!("tools features {name}")).stdout;
        let list = built_in.split("features = ").nth(1).unwrap();
        let list = &list[..=list.find(']').unwrap()];
        // The counts are in the table: nothing is left to be derived.
        place.write(
            "f.toml",
            format!(
                "source = 'from-file'\nuser = 'username'\ntime = 'timestamp'\nfeatures = {list}\n"
            ),
        );
        let path = folder.join(format!("dfp_detections_{name}.csv"));
        let path = path.display();
        let ended = place.morpheus(&format!(
            "run pipeline-ae --features=f.toml from-file --input_glob={path} \
             train-ae --train_data_glob={path} --train_min_history=1 --seed 1 --architecture compact --train_steps 20 {SCORE}"
        ));
        ok(&ended);
        let scores = numbers(&place.read("out.csv"), "ae_anomaly_score");
        assert_eq!(scores.len(), rows, "{name}");
        assert!(scores.iter().all(|score| score.is_finite()));
    }
}
