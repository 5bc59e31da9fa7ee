//! Networks and batches from the recorded files.
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

use crate::common::{Tensors, texts};
use dfp_model::EncodedRows;
use dfp_model::config::{Activation, ModelConfig};
use dfp_model::encode::FeatureShape;
use dfp_model::net::{Layout, Network};
use serde_json::Value;

/// The layers and the features of a recorded plan.
pub struct Plan {
    pub config: ModelConfig,
    pub shape: FeatureShape,
    pub categorical: Vec<String>,
}

impl Plan {
    /// From a plan with feature lists; layers and activation stand in `settings`.
    pub fn new(features: &Value, settings: &Value) -> Self {
        let widths = |key: &str| serde_json::from_value(settings[key].clone()).unwrap();
        let config = ModelConfig {
            encoder_layers: widths("encoder_layers"),
            decoder_layers: widths("decoder_layers"),
            activation: serde_json::from_value(settings["activation"].clone()).unwrap(),
            ..ModelConfig::default()
        };
        let categorical = features["categorical"].as_array().unwrap();
        let shape = FeatureShape {
            numeric: texts(&features["numeric"]).len(),
            binary: texts(&features["binary"]).len(),
            codes: categorical.iter().map(|f| f["n_codes"].as_u64().unwrap() as usize).collect(),
        };
        let categorical =
            categorical.iter().map(|f| f["feature"].as_str().unwrap().to_owned()).collect();
        Self { config, shape, categorical }
    }

    pub fn layout(&self) -> Layout {
        Layout::new(&self.shape, &self.config)
    }

    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.config.activation = activation;
        self
    }

    /// The weight buffer from tensors whose names begin with `prefix`. Tensors without elements
    /// are not recorded.
    pub fn weights(&self, tensors: &Tensors, prefix: &str) -> Vec<f32> {
        let layout = self.layout();
        let names: Vec<&str> = self.categorical.iter().map(String::as_str).collect();
        let mut weights = vec![f32::NAN; layout.len()];
        for parameter in layout.parameters(&names).iter().filter(|p| !p.range.is_empty()) {
            let (shape, values) = tensors.f32(&format!("{prefix}{}", parameter.name));
            assert_eq!(shape, parameter.shape, "{}", parameter.name);
            weights[parameter.range.clone()].copy_from_slice(&values);
        }
        assert!(weights.iter().all(|w| !w.is_nan()), "a weight was not recorded");
        weights
    }

    pub fn network(&self, tensors: &Tensors, prefix: &str) -> Network {
        Network::with_weights(self.layout(), self.weights(tensors, prefix)).unwrap()
    }

    /// Encoded rows from the tensors `<prefix>numeric`, `<prefix>binary` and `<prefix>codes`.
    pub fn rows(&self, tensors: &Tensors, prefix: &str) -> EncodedRows {
        let values = |kind: &str, width: usize| match width {
            0 => Vec::new(),
            _ => tensors.f32(&format!("{prefix}{kind}")).1,
        };
        let (shape, codes) = tensors.i64(&format!("{prefix}codes"));
        EncodedRows {
            rows: shape[0],
            numeric: values("numeric", self.shape.numeric),
            binary: values("binary", self.shape.binary),
            codes: codes.iter().map(|code| u32::try_from(*code).unwrap()).collect(),
            ..EncodedRows::default()
        }
    }
}

/// Fails unless the largest difference is within `tolerance` of the largest recorded value.
pub fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(1e-30_f32, |largest, w| largest.max(w.abs()));
    assert_within(what, got, want, tolerance * largest);
}

/// Fails unless every difference is within `tolerance`.
pub fn assert_within(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        // Not `>`, which a NaN would pass.
        assert!((g - w).abs() <= tolerance, "{what}[{i}]: {g} is not {w} within {tolerance}");
    }
}

/// Fails unless every difference is within `tolerance` of the recorded value, or of 1 if larger.
pub fn assert_relative(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let within = (g - w).abs() <= tolerance * w.abs().max(1.0);
        assert!(within, "{what}[{i}]: {g} is not {w} within {tolerance}, relatively");
    }
}
