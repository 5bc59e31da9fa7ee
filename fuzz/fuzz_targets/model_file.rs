//! Any bytes as a model file, sealed with the right checksum: models that score and can be written, or an error.
//! The first byte chooses between a whole file and the parts of one model: header, a zero, weights.
#![no_main]

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use dfp_model::UserModel;
use dfp_model::artifact::{Limits, PeersName, read, read_one, write, write_one};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Up to the digits of the checksum.
const BEFORE: &str = "{\"__metadata__\":{\"sha256\":\"";
const DIGITS: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let file = if first & 1 == 0 { bytes.to_vec() } else { file_of(bytes) };
    // What is large on purpose is no news.
    let limits = Limits { max_weights: 1 << 20, ..Limits::default() };
    let Ok(models) = read(&sealed(file), &limits) else { return };
    models.iter().for_each(score);
    models.iter().for_each(|model| alone(model, &limits));
    let mut again = Vec::new();
    write(&models.iter().collect::<Vec<_>>(), &mut again).expect("a file of what was read");
    assert_eq!(read(&again, &limits).expect("what was written"), models);
});

/// A model comes back from a file of its own.
fn alone(model: &UserModel, limits: &Limits) {
    let mut file = Vec::new();
    write_one(model, &mut file).expect("a file of one model");
    let mut peers = |_: &PeersName| Ok(Arc::clone(model.leans_on().expect("peers")));
    assert_eq!(&read_one(&file, limits, &mut peers).expect("what was written"), model);
}

/// A file of one model.
fn file_of(parts: &[u8]) -> Vec<u8> {
    let mut halves = parts.splitn(2, |byte| *byte == 0);
    let header = halves.next().unwrap_or_default();
    let weights = halves.next().unwrap_or_default().as_chunks::<4>().0.as_flattened();
    let (middle, end) = (weights.len(), weights.len() + header.len());
    let zeros = "0".repeat(DIGITS);
    let mut front = format!(
        "{BEFORE}{zeros}\",\"format\":\"dfp-model\",\"format_version\":\"1\",\"software\":\"\"}},\
         \"00000000.weights\":{{\"dtype\":\"F32\",\"shape\":[{}],\"data_offsets\":[0,{middle}]}},\
         \"00000000.header\":{{\"dtype\":\"U8\",\"shape\":[{}],\"data_offsets\":[{middle},{end}]}}}}",
        middle / 4,
        header.len(),
    );
    while front.len() % 8 != 0 {
        front.push(' ');
    }
    [&(front.len() as u64).to_le_bytes(), front.as_bytes(), weights, header].concat()
}

/// With the checksum of its content, if there is a place for one.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let digits = 8 + BEFORE.len()..8 + BEFORE.len() + DIGITS;
    if file.len() >= digits.end {
        file[digits.clone()].fill(b'0');
        let sum: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        file[digits].copy_from_slice(sum.as_bytes());
    }
    file
}

fn score(model: &UserModel) {
    let columns = model.header().plan.names().enumerate().map(|(at, name)| {
        let numbers = || Arc::new(Float64Array::from(vec![Some(1.5), None]));
        let texts = || Arc::new(StringArray::from(vec![Some("a"), None]));
        let column: ArrayRef = if at % 2 == 0 { numbers() } else { texts() };
        (name.to_owned(), column)
    });
    let Ok(rows) = RecordBatch::try_from_iter(columns) else { return };
    if let Ok(encoded) = model.encode(&rows) {
        assert_eq!(model.score(&encoded).anomaly_score.len(), 2);
        assert_eq!(model.score_features(&encoded).zscore.len(), 2);
    }
}
