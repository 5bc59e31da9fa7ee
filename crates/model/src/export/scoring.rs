//! A model as an ONNX graph, in the order of computation: inputs, network, losses, scores.

use super::graph::{Builder, Type, Value, float, int, ints};
use super::inputs::Inputs;
use super::proto::Graph;
use super::{Output, input_name};
use crate::config::Activation;
use crate::kernels::activation::{HARDSHRINK, LEAKY_SLOPE, RRELU_SLOPE, SELU_ALPHA, SELU_SCALE};
use crate::kernels::head::LOG_FLOOR;
use crate::score::{ScoreScale, Z_LIMIT};
use crate::user_model::UserModel;
use std::collections::HashMap;

/// The graph of all that a model computes of rows.
pub(super) fn graph(model: &UserModel) -> Graph {
    let plan = &model.header().plan;
    let name = format!("score of {}", model.header().user);
    let inputs = plan.names().map(input_name);
    let outputs = Output::ALL.map(|output| output.name().to_owned());
    let graph = Builder::new(&name, inputs.chain(outputs));
    let weights = Weights::new(&graph, model);
    let inputs = Inputs::new(&graph, plan);
    let last = hidden(&graph, model, &weights, &inputs);
    let losses = losses(&graph, &weights, &inputs, &last);
    scores(&graph, model, &losses);
    graph.finish()
}

/// The values that hold parameters, by the parameters' names.
struct Weights(HashMap<String, Value>);

impl Weights {
    fn new(graph: &Builder, model: &UserModel) -> Self {
        // Empty ones are of kinds that the model has no feature of.
        let parameters = model.parameters().into_iter().filter(|p| !p.range.is_empty());
        let values = parameters.map(|parameter| {
            let data = &model.weights()[parameter.range];
            let value = graph.tensor(&parameter.name, &parameter.shape, data);
            (parameter.name, value)
        });
        Self(values.collect())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// input · weightᵀ + bias; nothing without weights.
    fn dense(&self, graph: &Builder, input: &Value, layer: &str, name: &str) -> Option<Value> {
        let weight = self.get(&format!("{layer}.weight"))?;
        let bias = self.get(&format!("{layer}.bias"))?;
        Some(graph.node_with("Gemm", &[input, weight, bias], vec![int("transB", 1)], name))
    }
}

/// The last hidden layer's values.
fn hidden(graph: &Builder, model: &UserModel, weights: &Weights, inputs: &Inputs) -> Value {
    let layout = model.network().layout();
    let binary = inputs.binary.as_ref().map(|b| graph.cast(b, Type::Float, "binary.float32"));
    let mut read: Vec<Value> = inputs.numeric.iter().cloned().chain(binary).collect();
    let embeddings: Vec<Value> = inputs
        .codes
        .iter()
        .filter_map(|(column, code)| {
            let name = format!("{column} embedding");
            let table = weights.get(&format!("{name}.weight"))?;
            let vector = graph.node("Gather", &[table, code], &format!("{name}.gathered"));
            Some(graph.node_with("Flatten", &[&vector], vec![int("axis", 1)], &name))
        })
        .collect();
    let mut added = None;
    if layout.is_summed() && !embeddings.is_empty() {
        added = Some(graph.node("Sum", &embeddings.iter().collect::<Vec<_>>(), "embeddings"));
    } else {
        read.extend(embeddings);
    }
    let mut values = (!read.is_empty()).then(|| graph.concat(&read, "input"));
    for (name, activation) in layout.hidden_layers() {
        let layer = format!("{name}.linear_layer");
        let product = values.and_then(|values| weights.dense(graph, &values, &layer, &layer));
        let sums = match (product, added.take()) {
            (Some(product), None) => product,
            (Some(product), Some(added)) => {
                graph.node("Add", &[&product, &added], &format!("{name}.sums"))
            }
            // Nothing but embeddings, whose sums have no layer to take the bias from.
            (None, added) => {
                let parts = [added.as_ref(), weights.get(&format!("{layer}.bias"))];
                let parts: Vec<&Value> = parts.into_iter().flatten().collect();
                graph.node("Sum", &parts, &format!("{name}.sums"))
            }
        };
        values = Some(activate(graph, activation, &sums, &name));
    }
    values.unwrap_or_default()
}

fn activate(graph: &Builder, activation: Activation, x: &Value, name: &str) -> Value {
    let plain = |op| graph.node(op, &[x], name);
    let with = |op, attributes| graph.node_with(op, &[x], attributes, name);
    let clip = |low: f32, high: f32| {
        graph.node("Clip", &[x, &graph.constant(low), &graph.constant(high)], name)
    };
    match activation {
        Activation::Relu => plain("Relu"),
        Activation::Sigmoid => plain("Sigmoid"),
        Activation::Tanh => plain("Tanh"),
        Activation::Softsign => plain("Softsign"),
        Activation::LeakyRelu => with("LeakyRelu", vec![float("alpha", LEAKY_SLOPE)]),
        Activation::Rrelu => with("LeakyRelu", vec![float("alpha", RRELU_SLOPE)]),
        Activation::Elu => with("Elu", vec![float("alpha", 1.0)]),
        Activation::Celu => with("Celu", vec![float("alpha", 1.0)]),
        Activation::Selu => {
            with("Selu", vec![float("alpha", SELU_ALPHA), float("gamma", SELU_SCALE)])
        }
        Activation::Hardshrink => {
            with("Shrink", vec![float("lambd", HARDSHRINK), float("bias", 0.0)])
        }
        Activation::Hardtanh => clip(-1.0, 1.0),
        Activation::Relu6 => clip(0.0, 6.0),
        Activation::Tanhshrink => {
            let tanh = graph.node("Tanh", &[x], &format!("{name}.tanh"));
            graph.node("Sub", &[x, &tanh], name)
        }
    }
}

/// Each feature's loss, `[rows, features]`.
fn losses(graph: &Builder, weights: &Weights, inputs: &Inputs, last: &Value) -> Value {
    let numeric = inputs.numeric.as_ref().and_then(|numeric| {
        let predicted = weights.dense(graph, last, "numeric_output", "numeric_output")?;
        let difference = graph.node("Sub", &[&predicted, numeric], "numeric_loss.difference");
        let square = graph.node("Mul", &[&difference, &difference], "numeric_loss.of_network");
        let Some(beyond) = &inputs.beyond else { return Some(square) };
        let root = graph.node("Abs", &[&difference], "numeric_loss.root");
        let sum = graph.node("Add", &[&root, beyond], "numeric_loss.sum");
        Some(graph.node("Mul", &[&sum, &sum], "numeric_loss"))
    });
    let binary = inputs.binary.as_ref().and_then(|binary| {
        let logits = weights.dense(graph, last, "binary_output", "binary_output")?;
        Some(binary_cross_entropy(graph, &logits, binary))
    });
    let categorical = inputs.codes.iter().filter_map(|(column, code)| {
        let name = |part: &str| format!("{column} output{part}");
        let logits = weights.dense(graph, last, &name(""), &name(""))?;
        let axis = || vec![int("axis", 1)];
        let logs = graph.node_with("LogSoftmax", &[&logits], axis(), &name(".log_probabilities"));
        let log =
            graph.node_with("GatherElements", &[&logs, code], axis(), &name(".log_probability"));
        Some(graph.node("Neg", &[&log], &format!("{column}.loss")))
    });
    let all: Vec<Value> = numeric.into_iter().chain(binary).chain(categorical).collect();
    graph.concat(&all, "losses")
}

/// On the single precision probability, as in the model, where 1 and 0 cost 100. It is made step by
/// step: the runtime's `Sigmoid` never is quite 1.
fn binary_cross_entropy(graph: &Builder, logits: &Value, truths: &Value) -> Value {
    let name = |part: &str| format!("binary_loss.{part}");
    let minus = graph.node("Neg", &[logits], &name("minus_logits"));
    // Single precision has runtimes that stop at e^88.
    let minus = graph.cast(&minus, Type::Double, &name("minus_logits.float64"));
    let odds = graph.node("Exp", &[&minus], &name("odds.float64"));
    let odds = graph.cast(&odds, Type::Float, &name("odds"));
    let one = graph.constant(1_f32);
    let sum = graph.node("Add", &[&one, &odds], &name("one_and_odds"));
    let probability = graph.node("Div", &[&one, &sum], &name("probability"));
    let probability = graph.cast(&probability, Type::Double, &name("probability.float64"));
    let other = graph.node("Sub", &[&graph.constant(1_f64), &probability], &name("other"));
    let likelihood = graph.node("Where", &[truths, &probability, &other], &name("likelihood"));
    let log = graph.node("Log", &[&likelihood], &name("log"));
    let floor = graph.constant(f64::from(LOG_FLOOR));
    let log = graph.node("Max", &[&log, &floor], &name("log_from_floor"));
    graph.cast(&graph.node("Neg", &[&log], &name("float64")), Type::Float, "binary_loss")
}

/// The outputs.
fn scores(graph: &Builder, model: &UserModel, losses: &Value) {
    let header = model.header();
    let put = |output: Output, value: &Value| {
        let features = [header.loss_scales.len()];
        let widths = output.shape(&[][..], &features);
        graph.output(output.name(), Type::Float, widths, output.meaning(), value);
    };
    put(Output::Loss, losses);

    let locations: Vec<f32> = header.loss_scales.iter().map(|scale| scale.location).collect();
    let spreads: Vec<f32> = header.loss_scales.iter().map(|scale| scale.spread).collect();
    let locations = graph.tensor("loss_scale.location", &[locations.len()], &locations);
    let spreads = graph.tensor("loss_scale.spread", &[spreads.len()], &spreads);
    let centred = graph.node("Sub", &[losses, &locations], "z_loss.centred");
    put(Output::ZLoss, &graph.node("Div", &[&centred, &spreads], "z_loss.scaled"));

    let mean = vec![ints("axes", &[1]), int("keepdims", 0)];
    let score = graph.node_with("ReduceMean", &[losses], mean, "score");
    put(Output::AnomalyScore, &score);

    let ScoreScale { mean, std } = header.score_scale;
    let deviation = graph.scalar("score_scale.std", std);
    // Where all training rows scored the same, a rounding error would be the largest z value.
    let same = if std == 0.0 { SAME * mean.abs().max(0.1) } else { 0.0 };
    let same = graph.scalar("score_scale.same", same);
    let mean = graph.scalar("score_scale.mean", mean);
    let limit = graph.constant(Z_LIMIT);
    let distance = graph.node("Sub", &[&score, &mean], "z.difference");
    let distance = graph.node("Abs", &[&distance], "z.distance");
    let ratio = match std > 0.0 {
        true => graph.node("Div", &[&distance, &deviation], "z.ratio"),
        false => {
            let more = graph.node("Add", &[&distance, &graph.constant(1_f32)], "z.and_one");
            graph.node("Mul", &[&more, &limit], "z.ratio")
        }
    };
    let most = graph.constants("most", &[], &[f32::MAX]);
    let is_less = graph.node("Less", &[&ratio, &most], "z.is_less");
    // What is no number is not less.
    let z = graph.node("Where", &[&is_less, &ratio, &most], "z.bounded");
    let is_mean = graph.node("LessOrEqual", &[&distance, &same], "z.is_mean");
    put(Output::Zscore, &graph.node("Where", &[&is_mean, &graph.constant(0_f32), &z], "z"));
}

/// How far scores may be from the mean, as a part of it (or of 0.1), and count as equal to it.
const SAME: f32 = 1e-5;
