//! Any bytes as a model file: models or an error, within the limits.
#![no_main]

use dfp_model::artifact::{Limits, read, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(models) = read(bytes, &Limits::default()) {
        let mut again = Vec::new();
        let models: Vec<_> = models.iter().collect();
        assert!(write(&models, &mut again).is_ok());
    }
});
