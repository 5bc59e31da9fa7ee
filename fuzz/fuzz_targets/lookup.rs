//! Any bytes as a table of networks: CSV, the JSON of AWS, or a MaxMind database, which is then asked for addresses;
//! the first byte chooses.
#![no_main]

use dfp_fuzz::{derived, file, folder, texts};
use dfp_features::derive::Memory;
use dfp_features::feature_file::read;
use libfuzzer_sys::fuzz_target;

const ADDRESSES: [&str; 6] =
    ["1.2.3.4", "200.2.3.4", "2001:db8::1", "::ffff:10.1.2.3", "::", "name"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let ending = ["csv", "json", "mmdb"][usize::from(*first) % 3];
    file(&format!("t.{ending}"), bytes);
    let mut text = String::new();
    if ending != "mmdb" {
        text += &format!(
            "[[column]]\nname = 'c'\nop = 'address_class'\nof = 'a'\nnetworks = 't.{ending}'\n"
        );
    }
    if ending != "json" {
        for field in ["country", "city", "asn", "organization"] {
            text += &format!(
                "[[column]]\nname = '{field}'\nop = 'lookup'\nof = 'a'\nfile = 't.{ending}'\nfield = '{field}'\n"
            );
        }
    }
    // Where one column is refused, the others may still be made.
    for column in text.split_inclusive("[[column]]\n").skip(1) {
        let column = column.trim_end_matches("[[column]]\n");
        if let Ok(features) = read("fuzz.toml", &format!("[[column]]\n{column}"), folder()) {
            let table = texts([("a", ADDRESSES.map(Some).to_vec())]);
            derived(&features, table, &mut Memory::default());
        }
    }
});
