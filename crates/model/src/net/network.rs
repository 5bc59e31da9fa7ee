//! A layout with weights.

use super::init;
use super::layout::Layout;
use crate::memory_size::Heap;
use rand::Rng;

/// An autoencoder: what its layers are, and their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    pub(super) layout: Layout,
    pub(super) weights: Vec<f32>,
}

impl Heap for Network {
    fn heap(&self) -> usize {
        self.layout.heap() + self.weights.heap()
    }
}

impl Network {
    /// Random weights from PyTorch's distributions.
    pub fn new(layout: Layout, rng: &mut impl Rng) -> Self {
        let weights = init::weights(&layout, rng);
        Self { layout, weights }
    }

    /// Given weights, or `None` if their number is not the layout's.
    pub fn with_weights(layout: Layout, weights: Vec<f32>) -> Option<Self> {
        (weights.len() == layout.len()).then_some(Self { layout, weights })
    }

    /// The places of the weights.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All weights in the order of [`Layout`].
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }
}
