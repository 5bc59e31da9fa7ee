use super::*;
use crate::config::{ModelConfig, Optimizer, Scorer};
use crate::header::SOFTWARE;
use crate::times::Window;
use crate::user_model::{TrainingData, UserModel};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

fn rows() -> RecordBatch {
    let columns: [(&str, ArrayRef); 3] = [
        ("n", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(7.25), Some(3.0)]))),
        ("b", Arc::new(BooleanArray::from(vec![true, false, true, true]))),
        ("c \"sha256\":\"", Arc::new(StringArray::from(vec!["a", "b", "a", "ü"]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn model(user: &str) -> UserModel {
    let config = ModelConfig {
        encoder_layers: vec![3],
        min_cats: 1,
        optimizer: Optimizer::Sgd {
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        },
        ..ModelConfig::default()
    };
    UserModel::fit(user, &rows(), None, &config, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn written(models: &[&UserModel]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(models, &mut bytes).unwrap();
    bytes
}

static FILE: LazyLock<Vec<u8>> =
    LazyLock::new(|| written(&[&model("zoe"), &model("adam"), &model("")]));

fn refusal(bytes: &[u8]) -> String {
    read(bytes, &Limits::default()).unwrap_err().to_string()
}

/// The file with its checksum made right again after a change.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let start = LENGTH + BEFORE_DIGITS.len();
    bytes[start..start + DIGITS].fill(b'0');
    let digits = hexadecimal(Sha256::new().chain_update(&bytes));
    bytes[start..start + DIGITS].copy_from_slice(digits.as_bytes());
    bytes
}

/// The file with the first `from` replaced by `to`, of the same length.
fn replaced(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = FILE.clone();
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).expect(from);
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn models_come_back_as_they_were_and_in_order() {
    let models = [model("zoe"), model("adam")];
    let bytes = written(&models.iter().collect::<Vec<_>>());
    let back = read(&bytes, &Limits::default()).unwrap();
    assert_eq!(back, models);
    let encoded = back[0].encode(&rows()).unwrap();
    assert_eq!(back[0].score(&encoded).anomaly_score, models[0].score(&encoded).anomaly_score);
    assert!(read(&written(&[]), &Limits::default()).unwrap().is_empty());
}

#[test]
fn the_same_models_give_the_same_bytes() {
    let models = read(&FILE, &Limits::default()).unwrap();
    assert_eq!(written(&models.iter().collect::<Vec<_>>()), *FILE);
}

#[test]
fn other_tools_find_aligned_tensors() {
    let file = SafeTensors::deserialize(&FILE).unwrap();
    assert_eq!(file.len(), 6);
    assert_eq!(file.tensor("00000001.weights").unwrap().dtype(), Dtype::F32);
    let (length, front) = SafeTensors::read_metadata(&FILE).unwrap();
    assert_eq!(length % 8, 0);
    assert_eq!(front.metadata().as_ref().unwrap()["format"], "dfp-model");
}

#[test]
fn a_user_has_one_model() {
    let twins = [model("ann"), model("ann")];
    let error = write(&[&twins[0], &twins[1]], &mut Vec::new()).unwrap_err().to_string();
    assert_eq!(error, "user \"ann\" has two models; a file holds one each");
    let error = refusal(&resealed(replaced("\"user\":\"adam\"", "\"user\":\"zoe\" ")));
    assert_eq!(error, "user \"zoe\" has two models; a file holds one each");
}

/// A model of all scorers, which leans on others if there are any, and rows for it.
fn recommended(user: &str, peers: Option<&Arc<UserModel>>) -> (UserModel, RecordBatch) {
    let first = user.len();
    let texts = |of: usize| {
        let rows = (first..first + 70).map(|row| format!("{user}{}", row * row % of));
        Arc::new(StringArray::from_iter_values(rows)) as ArrayRef
    };
    let numbers = |of: usize| {
        let rows = (first..first + 70).map(|row| (row * 7 % of) as f64);
        Arc::new(Float64Array::from_iter_values(rows)) as ArrayRef
    };
    let columns = [("a", texts(5)), ("b", texts(11)), ("x", numbers(23)), ("y", numbers(40))];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let config = ModelConfig {
        encoder_layers: vec![3],
        scorer: Scorer::Recommended,
        ..ModelConfig::compact(8)
    };
    let times: Vec<i64> = (0..70).collect();
    let data = TrainingData { rows: &rows, validation: None, times: &times, peers };
    let model =
        UserModel::fit_with(user, &data, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    (model, rows)
}

static EVERYONE: LazyLock<Arc<UserModel>> = LazyLock::new(|| Arc::new(recommended("*", None).0));

fn written_one(model: &UserModel) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_one(model, &mut bytes).unwrap();
    bytes
}

fn no_peers(name: &PeersName) -> Result<Arc<UserModel>, ModelError> {
    panic!("nobody leans on {name:?}")
}

#[test]
fn one_model_comes_back_leaning_on_the_shared_one() {
    let (ann, rows) = recommended("ann", Some(&EVERYONE));
    let bytes = written_one(&ann);
    let mut asked = Vec::new();
    let back = read_one(&bytes, &Limits::default(), &mut |name| {
        asked.push(name.clone());
        Ok(Arc::clone(&EVERYONE))
    });
    let back = back.unwrap();
    let fingerprint = fingerprint(&EVERYONE).unwrap();
    assert_eq!(asked, [PeersName { user: "*".into(), fingerprint }]);
    assert!(Arc::ptr_eq(back.leans_on().unwrap(), &EVERYONE));
    assert_eq!(back, ann);
    assert_eq!(written_one(&back), bytes);
    let bits = |model: &UserModel| {
        let scores = model.score(&model.encode(&rows).unwrap());
        let combined = scores.combined.iter().map(|row| {
            (row.score.to_bits(), row.p_value.to_bits(), row.counts.to_bits(), row.peers.to_bits())
        });
        combined.collect::<Vec<_>>()
    };
    assert_eq!(bits(&back), bits(&ann));
    assert!(ann.score(&ann.encode(&rows).unwrap()).combined.iter().any(|row| row.peers > 0.0));
    // Those that lean on nobody are not asked for anybody; networks alone neither.
    for alone in [EVERYONE.as_ref(), &model("zoe")] {
        let back = read_one(&written_one(alone), &Limits::default(), &mut no_peers).unwrap();
        assert_eq!(back, *alone);
        assert_eq!(
            read(&written_one(alone), &Limits::default()).unwrap(),
            std::slice::from_ref(alone)
        );
    }
}

#[test]
fn a_model_is_given_the_one_that_it_leans_on_and_no_other() {
    let (ann, _) = recommended("ann", Some(&EVERYONE));
    let (bytes, limits) = (written_one(&ann), Limits::default());
    let message = refusal(&bytes);
    assert!(message.contains("leans on that of \"*\" (fingerprint \""), "{message}");
    assert!(message.contains("it is one model of a store"), "{message}");
    let other = Arc::new(model("*"));
    let error = read_one(&bytes, &limits, &mut |_| Ok(Arc::clone(&other))).unwrap_err();
    assert!(error.to_string().contains("; found was that of \"*\" with fingerprint"), "{error}");
    let error = read_one(&bytes, &limits, &mut |_| Err(refused("no such file".into())));
    assert_eq!(error.unwrap_err().to_string(), "no such file");
    let both = written(&[&EVERYONE, &ann]);
    assert_eq!(read(&both, &limits).unwrap(), [EVERYONE.as_ref().clone(), ann.clone()]);
    let error = read_one(&both, &limits, &mut no_peers).unwrap_err().to_string();
    assert_eq!(error, "the model file has 2 users; a file of one is expected");
    // One file of all users has the very model that is leant on.
    let error = write(&[&other, &ann], &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("another model of that user is to be written"), "{error}");
    let error = write(&[&ann], &mut Vec::new()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the model of user \"ann\" leans on that of \"*\", which is not to be written"
    );
}

#[test]
fn fingerprints_tell_scorers_and_peers_apart() {
    let (ann, _) = recommended("ann", Some(&EVERYONE));
    let (alone, _) = recommended("ann", None);
    assert_eq!((ann.header(), ann.weights()), (alone.header(), alone.weights()));
    let prints = [&ann, &alone, &EVERYONE, &model("ann")].map(|model| fingerprint(model).unwrap());
    for (at, print) in prints.iter().enumerate() {
        assert!(print.len() == 12 && !prints[..at].contains(print), "{prints:?}");
    }
    let back = read(&written_one(&alone), &Limits::default()).unwrap();
    assert_eq!(fingerprint(&back[0]).unwrap(), prints[1]);
}

#[test]
fn pickles_are_refused_with_the_reason() {
    for pickle in [
        b"\x80\x02}q\0X\x04\0\0\0".as_slice(),
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0}",
        b"PK\x03\x04\0\0\x08\x08\0\0archive/data.pklFB",
        // What Python writes by protocol 0 of {}, [], {"a": 1}, (1, []), an OrderedDict and, Python 2, of
        // objects of old classes; and by protocol 1.
        b"(dp0\n.",
        b"(lp0\n.",
        b"(dp1\nS'a'\np2\nI1\ns.",
        b"((dp0\nI1\ntp1\n.",
        b"ccollections\nOrderedDict\np0\n(tp1\nRp2\n.",
        b"ccopy_reg\n_reconstructor\np0\n(c__main__\nM\np1\n",
        b"c__builtin__\nset\n(lp1\ntp2\nRp3\n.",
        b"(i__main__\nM\np0\n(dp1\nb.",
        b"(dp0\nVmodel\np1\n",
        b"}q\0.",
        b"]q\x01(K\x01K\x02e.",
        b"ccopy_reg\n_reconstructor\nq\0(c__main__\nM\nq\x01",
    ] {
        let message = refusal(pickle);
        assert!(message.contains("pickle runs whatever code"), "{message}");
        assert!(message.contains("train a new model file"), "{message}");
    }
    for text in [
        "country\nGermany\nFrance\n",
        "(lap)\n",
        "config\nname\np\n",
        "{\"a\": 1}\n",
        "user,score\nann,0.5\n",
        "]]}}",
    ] {
        assert!(!refusal(text.as_bytes()).contains("pickle"), "{text}");
    }
    // A header of 640 bytes starts with 0x80 0x02.
    let mut file = 640_u64.to_le_bytes().to_vec();
    file.extend(b"{}");
    file.resize(648, b' ');
    assert!(refusal(&file).contains("another program"), "{}", refusal(&file));
}

#[test]
fn each_damage_has_its_own_message() {
    let end = FILE.len();
    let mut flipped = FILE.clone();
    flipped[end - 900] ^= 1;
    for (bytes, said) in [
        (vec![], "is cut short: it has 0 bytes"),
        (FILE[..20].to_vec(), "is cut short: its header has"),
        (FILE[..end - 1].to_vec(), "was cut short or added to"),
        ([FILE.as_slice(), b"x"].concat(), "was cut short or added to"),
        (flipped, "its checksum is not that of its content"),
        (replaced("\"U8\"", "\"U9\""), "is damaged"),
        (b"user,score\nann,0.5\n".to_vec(), "is not a model file"),
        (
            replaced("format_version\":\"4", "format_version\":\"9"),
            "has format version \"9\", written by \"dfp-model",
        ),
        (
            replaced("format\":\"dfp-model", "format\":\"dfp-mooel"),
            "of another program: its format is \"dfp-mooel\"",
        ),
        (replaced("\"sha256\"", "\"sha255\""), "has no checksum where it should stand"),
        (
            resealed(replaced("00000001.header", "00000009.header")),
            "tensor \"00000001.header\" is missing",
        ),
        (resealed(replaced("\"encoder_layers\":[3]", "\"encoder_layers\":[9]")), "header says"),
    ] {
        let message = refusal(&bytes);
        assert!(message.contains(said), "{message:?} should say {said:?}");
    }
}

#[test]
fn other_files_are_called_what_they_are() {
    for (bytes, said) in [
        (b"\x89HDF\r\n\x1a\n\0\0".as_slice(), "an HDF5 file, as Keras"),
        (b"\x08\x07\x12\x07pytorch\x1a", "an ONNX model"),
        (b"PK\x03\x04\0\0\x08\x08\0\0config.json", "a ZIP archive"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed with gzip"),
        (b"\x78\x9c\x01\0\0\0\0\0", "as joblib writes pickles"),
    ] {
        let message = refusal(bytes);
        assert!(message.contains(said), "{message:?} should say {said:?}");
        assert!(message.ends_with("that this program wrote is expected"), "{message}");
    }
}

#[test]
fn a_long_list_of_tensors_is_not_parsed_for_few_users() {
    let mut bytes = 9_000_u64.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    bytes.resize(9_008, b' ');
    let few = Limits { max_users: 1, ..Limits::default() };
    let message = read(&bytes, &few).unwrap_err().to_string();
    assert!(message.contains("header has 9000 bytes; at most 5120 are read"), "{message}");
    assert!(refusal(&bytes).contains("another program"), "{}", refusal(&bytes));
}

/// What a header has besides, and files of older versions have not.
#[test]
fn headers_say_when_rows_happened_who_trained_and_how_often_categories_were_seen() {
    let (ann, _) = recommended("ann", None);
    let header = read(&written_one(&ann), &Limits::default()).unwrap()[0].header().clone();
    assert_eq!(header.window, Some(Window { first: 0, last: 69 }));
    assert_eq!(header.software.as_deref(), Some(SOFTWARE));
    let categories: Vec<_> = header.plan.categories("a").unwrap().collect();
    // Squares of 3 to 72, by 5.
    assert_eq!(categories, [("ann4", Some(28)), ("ann1", Some(28)), ("ann0", Some(14))]);
    assert!(header.plan.categories("x").is_none());
    let old = |change: &dyn Fn(&mut Value)| {
        let mut old = serde_json::to_value(model("u").header()).unwrap();
        change(&mut old);
        let header = serde_json::from_value::<ModelHeader>(old).unwrap();
        UserModel::from_parts(header, model("u").weights().to_vec())
    };
    let back = old(&|old| {
        old.as_object_mut().unwrap().remove("software");
        old["plan"]["categorical"][0].as_object_mut().unwrap().remove("counts");
    });
    let header = back.unwrap().header().clone();
    assert_eq!((header.window, header.software), (None, None));
    let categories: Vec<_> = header.plan.categories("c \"sha256\":\"").unwrap().collect();
    assert_eq!(categories, [("a", None), ("b", None), ("ü", None)]);
    for (change, said) in
        [(json!([2, 1]), "counts of categories"), (json!([2, 1, 2]), "says 4 training rows")]
    {
        let error = old(&|old| old["plan"]["categorical"][0]["counts"] = change.clone());
        assert!(error.unwrap_err().to_string().contains(said), "{said}");
    }
    let error = old(&|old| old["window"] = json!({"first": 2, "last": 1})).unwrap_err();
    assert_eq!(error.to_string(), "the model's training rows end before they begin");
}

#[test]
fn limits_are_kept() {
    let normal = Limits::default();
    for (limits, said) in [
        (Limits { max_bytes: 100, ..normal }, "at most 100 are read"),
        (Limits { max_users: 2, ..normal }, "has 3 users; at most 2 are read"),
        (Limits { max_weights: 10, ..normal }, "weights; at most 10 are read"),
        (Limits { max_json: 100, ..normal }, " bytes; at most 100 are read"),
    ] {
        let message = read(&FILE, &limits).unwrap_err().to_string();
        assert!(message.contains(said), "{message:?} should say {said:?}");
    }
}

#[test]
fn widths_that_overflow_are_refused() {
    let mut header = serde_json::to_value(model("u").header()).unwrap();
    header["config"]["decoder_layers"] = json!([usize::MAX, usize::MAX]);
    let header: ModelHeader = serde_json::from_value(header).unwrap();
    assert_eq!(read::hidden_weights(&header), usize::MAX);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes, &Limits::default()).is_err());
    }

    #[test]
    fn changed_files_are_refused(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = FILE.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(read(&bytes, &Limits::default()).is_err());
        prop_assert!(read(&FILE[..at], &Limits::default()).is_err());
    }

    #[test]
    fn changed_files_with_a_right_checksum_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        digits: bool,
    ) {
        let mut bytes = FILE.clone();
        for (at, byte) in changes {
            // Digits instead of any byte keep more of the JSON well-formed.
            let at = at.index(bytes.len());
            bytes[at] = if digits { b'0' + byte % 10 } else { byte };
        }
        let _ = read(&resealed(bytes), &Limits::default());
    }
}
