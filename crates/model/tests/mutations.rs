//! Model files that somebody or something has changed: an error or a model that can be used, no panic, and no
//! memory for what a file only says that it has.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use dfp_model::artifact::{Limits, read, read_one, write, write_one};
use dfp_model::config::Scorer;
use dfp_model::{ModelConfig, TrainingData, UserModel};
use peak_alloc::PeakAlloc;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MUTATIONS: u64 = 100_000;
const MOST_MEMORY: usize = 100_000_000;
/// Up to the digits of the checksum.
const BEFORE: &str = "{\"__metadata__\":{\"sha256\":\"";
const DIGITS: usize = 64;

/// A file to be changed.
struct Kept {
    bytes: Vec<u8>,
    models: Vec<UserModel>,
    /// Of a file of one model: the one that it leans on.
    peers: Option<Arc<UserModel>>,
    parts: Parts,
}

/// The tensors of a file by their names, with their types.
#[derive(Clone)]
struct Parts(BTreeMap<String, (String, Vec<u8>)>);

impl Kept {
    fn new(bytes: Vec<u8>, peers: Option<Arc<UserModel>>) -> Self {
        let models = read_as(&bytes, peers.as_ref()).unwrap();
        let parts = Parts::of(&bytes);
        Self { bytes, models, peers, parts }
    }
}

fn read_as(bytes: &[u8], peers: Option<&Arc<UserModel>>) -> Result<Vec<UserModel>, String> {
    let limits = Limits::default();
    let models = match peers {
        Some(peers) => {
            read_one(bytes, &limits, &mut |_| Ok(Arc::clone(peers))).map(|model| vec![model])
        }
        None => read(bytes, &limits),
    };
    models.map_err(|error| error.to_string())
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let front = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let tensors: Map<String, Value> = serde_json::from_slice(&bytes[8..front]).unwrap();
        let tensors = tensors.into_iter().filter(|(name, _)| name != "__metadata__");
        let part = |(name, tensor): (String, Value)| {
            let at = |i: usize| front + tensor["data_offsets"][i].as_u64().unwrap() as usize;
            let dtype = tensor["dtype"].as_str().unwrap().to_owned();
            (name, (dtype, bytes[at(0)..at(1)].to_vec()))
        };
        Self(tensors.map(part).collect())
    }

    /// As a file whose parts fit its list of tensors, with the right checksum.
    fn file(&self) -> Vec<u8> {
        let metadata = json!({
            "sha256": "0".repeat(DIGITS), "format": "dfp-model", "format_version": "4", "software": "",
        });
        let mut front = Map::from_iter([("__metadata__".to_owned(), metadata)]);
        let mut data = Vec::new();
        // Words before bytes, so that they stand at multiples of four.
        let (bytes, words): (Vec<_>, Vec<_>) = self.0.iter().partition(|(_, (d, _))| d == "U8");
        for (name, (dtype, part)) in words.into_iter().chain(bytes) {
            let offsets = [data.len(), data.len() + part.len()];
            let length = if dtype == "U8" { part.len() } else { part.len() / 4 };
            let tensor = json!({"dtype": dtype, "shape": [length], "data_offsets": offsets});
            front.insert(name.clone(), tensor);
            data.extend_from_slice(part);
        }
        let front = serde_json::to_vec(&front).unwrap();
        sealed([&(front.len() as u64).to_le_bytes(), front.as_slice(), &data].concat())
    }
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

/// A place, more often near the beginning, where a file says what it has.
fn place(length: usize, rng: &mut impl Rng) -> usize {
    let near = if rng.random_bool(0.3) { length.min(2000) } else { length };
    rng.random_range(0..near.max(1))
}

/// Bytes that are flipped, exchanged, cut off, repeated or overwritten.
fn change_bytes(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..4) {
        if bytes.is_empty() {
            return;
        }
        let (at, other) = (place(bytes.len(), rng), place(bytes.len(), rng));
        let end = (at + rng.random_range(1..16)).min(bytes.len());
        match rng.random_range(0..8) {
            0 | 1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes.swap(at, other),
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(other..other, bytes[at..end].to_vec())),
            5 => bytes[at..end].fill(0xff),
            6 => bytes[at] = b'0' + rng.random_range(0..10),
            _ => drop(bytes.drain(at..end)),
        }
    }
}

/// Numbers that files should not have.
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "2",
    "-1",
    "255",
    "65536",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "-1e-320",
    "1e999",
    "0.5",
];

/// A number in a text replaced by one of [`NUMBERS`].
fn change_number(text: &mut Vec<u8>, rng: &mut impl Rng) {
    let at = place(text.len(), rng);
    let Some(first) = (at..text.len()).find(|at| text[*at].is_ascii_digit()) else { return };
    let is_number = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'-');
    let length = text[first..].iter().take_while(is_number).count();
    let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
    text.splice(first..first + length, number.bytes());
}

/// The list of tensors with another number, of the same length, so that everything else is where it was.
fn change_front(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    let front = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut text = bytes[8..front].to_vec();
    change_number(&mut text, rng);
    if rng.random_bool(0.8) {
        bytes[..8].copy_from_slice(&(text.len() as u64).to_le_bytes());
    }
    bytes.splice(8..front, text);
}

/// Another node of the same tree in place of one, or something else.
fn change_tree(tree: &mut Value, depth: usize, rng: &mut impl Rng) {
    let inner = match tree {
        Value::Array(all) if !all.is_empty() && depth > 0 => {
            let at = rng.random_range(0..all.len());
            match rng.random_range(0..12) {
                0 => drop(all.remove(at)),
                1 => all.insert(at, all[at].clone()),
                2 => all.swap(0, at),
                3 => all.reverse(),
                _ => return change_tree(&mut all[at], depth - 1, rng),
            }
            return;
        }
        Value::Object(all) if !all.is_empty() && depth > 0 => {
            let at = rng.random_range(0..all.len());
            let Some(key) = all.keys().nth(at).cloned() else { return };
            if rng.random_bool(0.03) {
                all.remove(&key);
                return;
            }
            all.get_mut(&key)
        }
        _ => None,
    };
    match inner {
        Some(inner) => change_tree(inner, depth - 1, rng),
        None => *tree = other_value(rng),
    }
}

fn other_value(rng: &mut impl Rng) -> Value {
    match rng.random_range(0..10) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => json!(""),
        4 => json!(vec![7; rng.random_range(1..40)]),
        5 => json!("true"),
        _ => {
            let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
            serde_json::from_str(number).unwrap_or(Value::Null)
        }
    }
}

/// One of the parts changed, and all that is said of its length.
fn change_part(parts: &mut Parts, rng: &mut impl Rng) {
    let at = rng.random_range(0..parts.0.len());
    let Some((dtype, part)) = parts.0.values_mut().nth(at) else { return };
    let is_text = dtype == "U8";
    match rng.random_range(0..if is_text { 8 } else { 4 }) {
        0 => change_bytes(part, rng),
        1 if !part.is_empty() => {
            let word = [0, 1, 0x7fff_ffff, 0x7f80_0000, u32::MAX][rng.random_range(0..5)];
            let at = place(part.len(), rng) / 4 * 4;
            let word = &word.to_le_bytes()[..4.min(part.len() - at)];
            part[at..at + word.len()].copy_from_slice(word);
        }
        2 => part.truncate(place(part.len(), rng) / 4 * 4),
        3 if !is_text => part.extend(part.clone()),
        3..6 => change_number(part, rng),
        _ => {
            if let Ok(mut tree) = serde_json::from_slice(part) {
                let depth = rng.random_range(1..9);
                change_tree(&mut tree, depth, rng);
                *part = serde_json::to_vec(&tree).unwrap();
            }
        }
    }
}

/// A changed file, and whether its checksum was made right again.
fn changed(kept: &Kept, rng: &mut impl Rng) -> (Vec<u8>, bool) {
    if rng.random_bool(0.6) {
        let mut parts = kept.parts.clone();
        (0..rng.random_range(1..3)).for_each(|_| change_part(&mut parts, rng));
        return (parts.file(), true);
    }
    let mut bytes = kept.bytes.clone();
    match rng.random_range(0..4) {
        0 => bytes[..8]
            .copy_from_slice(&(rng.random::<u64>() >> rng.random_range(0..64)).to_le_bytes()),
        1 => change_front(&mut bytes, rng),
        _ => change_bytes(&mut bytes, rng),
    }
    let repaired = rng.random_bool(0.5);
    (if repaired { sealed(bytes) } else { bytes }, repaired)
}

/// Encodes, scores, explains, writes and reads what was read.
fn use_model(model: &UserModel, peers: Option<&Arc<UserModel>>) {
    assert!(model.bytes() < MOST_MEMORY, "{}", model.bytes());
    let columns = model.header().plan.names().enumerate().map(|(at, name)| {
        let column: ArrayRef = match at {
            0 => Arc::new(Float64Array::from(vec![Some(1.5), None])),
            _ => Arc::new(StringArray::from(vec![Some("Get"), None])),
        };
        (name.to_owned(), column)
    });
    let Ok(rows) = RecordBatch::try_from_iter(columns) else { return };
    if let Ok(encoded) = model.encode(&rows) {
        assert_eq!(model.score(&encoded).anomaly_score.len(), 2);
        assert_eq!(model.score_features(&encoded).zscore.len(), 2);
        let _ = model.sentences(&rows, &encoded, &[0, 1]).unwrap();
    }
    let mut again = Vec::new();
    write_one(model, &mut again).unwrap();
    let peers = peers.or(model.leans_on());
    assert_eq!(read_as(&again, peers).unwrap(), std::slice::from_ref(model));
}

fn recommended(user: &str, peers: Option<&Arc<UserModel>>) -> UserModel {
    let texts = |of: usize| {
        let rows = (0..70).map(|row| ["Get", "Put", "List", "Delete"][row * row % of]);
        Arc::new(StringArray::from_iter_values(rows)) as ArrayRef
    };
    let numbers = |of: usize| {
        let rows = (0..70).map(|row| (row * 7 % of) as f64);
        Arc::new(Float64Array::from_iter_values(rows)) as ArrayRef
    };
    let columns = [("x", numbers(23)), ("y", numbers(40)), ("a", texts(3)), ("b", texts(4))];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let config = ModelConfig {
        encoder_layers: vec![4],
        decoder_layers: vec![4],
        epochs: 2,
        scorer: Scorer::Recommended,
        ..ModelConfig::compact(70)
    };
    let times: Vec<i64> = (0..70).collect();
    let data = TrainingData { rows: &rows, validation: None, times: &times, peers };
    UserModel::fit_with(user, &data, &config, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The kept files of all versions, one whose model has neighbours, and one of a store.
fn kept_files() -> Vec<Kept> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models");
    let kept = (1..=4).map(|version| {
        let file = folder.join(format!("version{version}.dfp"));
        Kept::new(std::fs::read(file).unwrap(), None)
    });
    let everyone = Arc::new(recommended("*", None));
    let ann = recommended("ann", Some(&everyone));
    let (mut both, mut one) = (Vec::new(), Vec::new());
    write(&[&everyone, &ann], &mut both).unwrap();
    write_one(&ann, &mut one).unwrap();
    kept.chain([Kept::new(both, None), Kept::new(one, Some(everyone))]).collect()
}

/// The counts of memory are those of all tests.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn json_takes_at_most_twenty_times_its_size() {
    let _alone = ALONE.lock();
    let kept = kept_files().remove(5);
    for (part, pointer, element) in [
        ("00000000.header", "/config/encoder_layers", json!(1)),
        ("00000000.header", "/config/encoder_dropout", json!(0)),
        ("00000000.header", "/plan/dropped", json!(["", ""])),
        ("00000000.header", "/plan/categorical/0/vocabulary", json!("")),
        ("00000000.header", "/plan/categorical/0/counts", json!(1)),
        ("00000000.header", "/plan/numeric/0/scaler/gauss_rank", json!(0)),
        ("00000000.header", "/loss_scales", json!({"location": 0, "spread": 0})),
        ("00000000.header", "/epoch_losses", json!(0)),
        ("00000000.scorers", "/coding/0/bins/between", json!(0)),
        ("00000000.scorers", "/counts/columns/0/rows", json!(1)),
        ("00000000.scorers", "/counts/columns/0/last", json!(1)),
        ("00000000.scorers", "/counts/columns/0/parents", json!([1, 1])),
        ("00000000.scorers", "/peers/weights", json!(1)),
    ] {
        let mut parts = kept.parts.clone();
        let (_, json) = parts.0.get_mut(part).unwrap();
        let mut tree: Value = serde_json::from_slice(json).unwrap();
        *tree.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) =
            json!(vec![element; 100_000]);
        *json = serde_json::to_vec(&tree).unwrap();
        drop(tree);
        let file = parts.file();
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let _ = read_as(&file, kept.peers.as_ref());
        let times = (MEMORY.peak_usage() - before) as f64 / file.len() as f64;
        assert!(times < 20.0, "{pointer}: {times} times its size");
    }
}

#[test]
fn a_changed_file_is_an_error_or_a_model() {
    let _alone = ALONE.lock();
    let kept = kept_files();
    let (opened, equal) = (AtomicUsize::new(0), AtomicUsize::new(0));
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    (0..MUTATIONS).into_par_iter().for_each(|number| {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        let kept = &kept[rng.random_range(0..kept.len())];
        let (bytes, repaired) = changed(kept, &mut rng);
        let peers = kept.peers.as_ref();
        let result = catch_unwind(|| {
            let Ok(models) = read_as(&bytes, peers) else { return };
            opened.fetch_add(1, Ordering::Relaxed);
            if models == kept.models {
                equal.fetch_add(1, Ordering::Relaxed);
                return;
            }
            assert!(repaired, "a changed file with the wrong checksum was opened");
            models.iter().for_each(|model| use_model(model, peers));
            if peers.is_none() {
                let mut again = Vec::new();
                write(&models.iter().collect::<Vec<_>>(), &mut again).unwrap();
                assert!(read_as(&again, None).unwrap() == models);
            }
        });
        if result.is_err() {
            panic!("mutation {number}, from {} bytes to {}", kept.bytes.len(), bytes.len());
        }
    });
    let peak = MEMORY.peak_usage() - before;
    assert!(peak < MOST_MEMORY, "{peak} bytes");
    // Neither are all changes refused, nor is one never seen.
    let (opened, equal) = (opened.into_inner() as u64, equal.into_inner() as u64);
    assert!(opened > MUTATIONS / 50 && opened < MUTATIONS / 2, "{opened} were opened");
    assert!(equal < MUTATIONS / 5, "{equal} were equal");
}
