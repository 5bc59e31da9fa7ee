//! What an optimiser remembers between steps.

use crate::config::Optimizer;
use crate::kernels::update::Update;

/// An optimiser and its state for a whole weight buffer.
#[derive(Clone, Debug)]
pub(super) struct OptimizerState {
    rule: Optimizer,
    steps: i32,
    /// Buffers as [`Update`] wants them; empty where its rule has none.
    pub(super) states: [Vec<f32>; 3],
}

impl OptimizerState {
    pub(super) fn new(rule: Optimizer, weights: usize) -> Self {
        let buffers = match rule {
            Optimizer::Sgd { momentum, .. } => usize::from(momentum != 0.0),
            Optimizer::Adam { amsgrad, .. } => 2 + usize::from(amsgrad),
        };
        let state = |i: usize| vec![0.0; if i < buffers { weights } else { 0 }];
        Self { rule, steps: 0, states: [state(0), state(1), state(2)] }
    }

    /// Whether a weight without gradient stays as it is.
    pub(super) fn ignores_zero_gradients(&self) -> bool {
        matches!(self.rule, Optimizer::Sgd { momentum: 0.0, weight_decay: 0.0, .. })
    }

    /// The rule of the next step at this learning rate.
    pub(super) fn advance(&mut self, learning_rate: f64) -> Update {
        self.steps += 1;
        match self.rule {
            Optimizer::Sgd { momentum, dampening, nesterov, weight_decay } => {
                let (rate, decay) = (learning_rate as f32, weight_decay as f32);
                if momentum == 0.0 {
                    return Update::Sgd { rate, decay };
                }
                Update::Momentum {
                    rate,
                    decay,
                    momentum: momentum as f32,
                    fresh: (1.0 - dampening) as f32,
                    nesterov,
                    first: self.steps == 1,
                }
            }
            Optimizer::Adam { beta1, beta2, amsgrad, weight_decay } => Update::Adam {
                rate: (learning_rate / (1.0 - beta1.powi(self.steps))) as f32,
                decay: weight_decay as f32,
                fresh: (1.0 - beta1) as f32,
                keep: beta2 as f32,
                fresh_square: (1.0 - beta2) as f32,
                root: (1.0 - beta2.powi(self.steps)).sqrt() as f32,
                amsgrad,
            },
        }
    }
}
