//! From cells of a log to what the network reads, in ONNX. Scaling is double precision, as in the
//! model: where values repeat, one unit in the last place moves a rank by a whole step.

use super::graph::{Builder, Type, Value, int};
use super::{input_name, tables};
use crate::encode::FeaturePlan;
use crate::encode::normal::{CENTRE_DOWN, CENTRE_UP, HIGHEST, LOWEST, SIDE_DOWN, SIDE_UP, TAIL};
use crate::encode::view::{EDGE, Ends, Feature, Kind, LARGE_STEP, LARGEST, Scaling};

/// Rows as the network reads them.
pub(super) struct Inputs {
    /// Scaled numbers, `[rows, numeric features]`.
    pub(super) numeric: Option<Value>,
    /// How far numbers are beyond the learnt range, `[rows, numeric features]`; nothing if no feature has one.
    pub(super) beyond: Option<Value>,
    /// Truth values, `[rows, binary features]`.
    pub(super) binary: Option<Value>,
    /// Of each categorical feature the column and the codes, `[rows, 1]`.
    pub(super) codes: Vec<(String, Value)>,
}

impl Inputs {
    /// Adds an input for each feature, and what makes of it what the network reads.
    pub(super) fn new(graph: &Builder, plan: &FeaturePlan) -> Self {
        let (mut numbers, mut truths, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut distances, mut ranged) = (Vec::new(), false);
        for Feature { column, kind } in plan.features() {
            let (input_type, holds) = tables::input(&kind);
            let input = graph.input(input_name(column), input_type, holds);
            match kind {
                Kind::Numeric { fill, scaling, range } => {
                    let x = finite(graph, column, &input, fill);
                    let (x, beyond) = within(graph, column, x, range);
                    ranged |= range.is_some();
                    distances.push(beyond);
                    numbers.push(number(graph, column, x, &scaling));
                }
                Kind::Binary { .. } => truths.push(input),
                Kind::Categorical { texts } => {
                    codes.push((column.to_owned(), code(graph, column, &input, texts.len())));
                }
            }
        }
        Self {
            numeric: (!numbers.is_empty()).then(|| scaled(graph, &numbers)),
            beyond: ranged.then(|| {
                let all = graph.concat(&distances, "beyond.float64");
                graph.cast(&all, Type::Float, "beyond")
            }),
            binary: (!truths.is_empty()).then(|| graph.concat(&truths, "binary")),
            codes,
        }
    }
}

/// A code, with that of `_other` for all that is none.
fn code(graph: &Builder, column: &str, input: &Value, other: usize) -> Value {
    let name = |part: &str| format!("{column}.{part}");
    let other = graph.scalar(&name("other"), other as i64);
    let below = graph.node("Less", &[input, &graph.constant(0_i64)], &name("below"));
    let above = graph.node("Greater", &[input, &other], &name("above"));
    let unknown = graph.node("Or", &[&below, &above], &name("unknown"));
    graph.node("Where", &[&unknown, &other, input], &name("code"))
}

/// A number on its way, `[rows, 1]`.
enum Number {
    Scaled(Value),
    /// From 0 to 1; all of them become normal scores together.
    Rank {
        column: String,
        rank: Value,
    },
}

/// The largest number.
fn most(graph: &Builder) -> Value {
    graph.constants("most", &[], &[f64::MAX])
}

/// A number with `fill` for what is missing, and the largest one for what is infinite.
fn finite(graph: &Builder, column: &str, input: &Value, fill: f64) -> Value {
    let name = |part: &str| format!("{column}.{part}");
    let fill = graph.scalar(&name("fill"), fill);
    let missing = graph.node("IsNaN", &[input], &name("missing"));
    let x = graph.node("Where", &[&missing, &fill, input], &name("filled"));
    let ends = [graph.constants("least", &[], &[f64::MIN]), most(graph)];
    graph.node("Clip", &[&x, &ends[0], &ends[1]], &name("finite"))
}

/// The nearest number within the range, and how far `x` is beyond it.
fn within(graph: &Builder, column: &str, x: Value, range: Option<Ends>) -> (Value, Value) {
    let name = |part: &str| format!("{column}.{part}");
    let Some(Ends { low, high, width }) = range else {
        let none = graph.node("Mul", &[&x, &graph.constant(0_f64)], &name("beyond"));
        return (x, none);
    };
    let (low, high) = (graph.scalar(&name("low"), low), graph.scalar(&name("high"), high));
    let nearest = graph.node("Clip", &[&x, &low, &high], &name("nearest"));
    let apart = graph.node("Sub", &[&x, &nearest], &name("apart"));
    let apart = graph.node("Abs", &[&apart], &name("distance"));
    let widths =
        graph.node("Div", &[&apart, &graph.scalar(&name("width"), width)], &name("widths"));
    let widths = graph.node("Min", &[&widths, &most(graph)], &name("widths.finite"));
    let more = graph.node("Add", &[&widths, &graph.constant(1_f64)], &name("widths.and_one"));
    (nearest, graph.node("Log", &[&more], &name("beyond")))
}

fn number(graph: &Builder, column: &str, x: Value, scaling: &Scaling<'_>) -> Number {
    let name = |part: &str| format!("{column}.{part}");
    match scaling {
        Scaling::None => Number::Scaled(x),
        Scaling::Linear { centre, scale } => {
            let centre = graph.scalar(&name("centre"), *centre);
            let scale = graph.scalar(&name("scale"), *scale);
            let centred = graph.node("Sub", &[&x, &centre], &name("centred"));
            Number::Scaled(graph.node("Div", &[&centred, &scale], &name("scaled")))
        }
        Scaling::GaussRank { quantiles, ranks, slopes } => {
            let rank = rank(graph, column, &x, [quantiles, ranks, slopes]);
            Number::Rank { column: column.to_owned(), rank }
        }
    }
}

/// The rank of each number among quantiles. Memory: 5 bytes a row and quantile.
fn rank(
    graph: &Builder,
    column: &str,
    x: &Value,
    [quantiles, ranks, slopes]: [&[f64]; 3],
) -> Value {
    let name = |part: &str| format!("{column}.rank.{part}");
    let count = quantiles.len();
    let (first, last) = (quantiles[0], quantiles[count - 1]);
    let quantiles = graph.tensor(&name("quantiles"), &[count], quantiles);
    let ranks = graph.tensor(&name("of_quantiles"), &[count], ranks);
    let slopes = graph.tensor(&name("slopes"), &[count], slopes);
    let (one, axis) = (graph.constant(1_i32), graph.constants("axis_1", &[1], &[1_i64]));
    let count_where = |op: &str, part: &str| {
        let which = graph.node(op, &[&quantiles, x], &name(&format!("which_{part}")));
        let ones = graph.cast(&which, Type::Int32, &name(&format!("ones_{part}")));
        graph.node("ReduceSum", &[&ones, &axis], &name(&format!("count_{part}")))
    };
    let line = |part: &str, at: &Value, slope_at: &Value| {
        let name = |what: &str| name(&format!("{what}_{part}"));
        let distance = graph.node("Gather", &[&quantiles, at], &name("quantile"));
        let distance = graph.node("Sub", &[x, &distance], &name("distance"));
        let slope = graph.node("Gather", &[&slopes, slope_at], &name("slope"));
        let rise = graph.node("Mul", &[&slope, &distance], &name("rise"));
        let from = graph.node("Gather", &[&ranks, at], &name("from"));
        graph.node("Add", &[&from, &rise], &name("line"))
    };
    // The place before the first quantile, -1, is the last one to ONNX. A number has it only below
    // the first quantile, where its rank is 0 anyway; a slope there is 0, as it should be.
    let at = graph.node("Sub", &[&count_where("LessOrEqual", "up_to"), &one], &name("at_or_below"));
    let from_below = line("from_below", &at, &at);
    let largest = graph.scalar(&name("largest"), count as i32 - 1);
    let at = graph.node("Min", &[&count_where("Less", "below"), &largest], &name("at_or_above"));
    let before = graph.node("Sub", &[&at, &one], &name("before"));
    let from_above = line("from_above", &at, &before);
    let sum = graph.node("Add", &[&from_below, &from_above], &name("sum"));
    let mean = graph.node("Mul", &[&sum, &graph.constant(0.5_f64)], &name("mean"));

    let edge = graph.constant(EDGE);
    let (first, last) = (graph.scalar(&name("first"), first), graph.scalar(&name("last"), last));
    let shifted = graph.node("Sub", &[x, &edge], &name("less"));
    let lowest = graph.node("Less", &[&shifted, &first], &name("is_lowest"));
    let shifted = graph.node("Add", &[x, &edge], &name("more"));
    let highest = graph.node("Greater", &[&shifted, &last], &name("is_highest"));
    let (zero, one) = (graph.constant(0_f64), graph.constant(1_f64));
    let rank = graph.node("Where", &[&highest, &one, &mean], &name("up_to_1"));
    graph.node("Where", &[&lowest, &zero, &rank], &format!("{column}.rank"))
}

/// All numbers side by side, in single precision.
fn scaled(graph: &Builder, numbers: &[Number]) -> Value {
    let ranks = numbers.iter().filter_map(|number| match number {
        Number::Rank { rank, .. } => Some(rank.clone()),
        Number::Scaled(_) => None,
    });
    let ranks: Vec<Value> = ranks.collect();
    let scores = (!ranks.is_empty()).then(|| normal_scores(graph, &ranks));
    let mut place = 0..;
    let columns = numbers.iter().filter_map(|number| match number {
        Number::Scaled(column) => Some(column.clone()),
        Number::Rank { column, .. } => {
            let place: i64 = place.next()?;
            let place = graph.constants(&format!("place_{place}"), &[1], &[place]);
            let axis = vec![int("axis", 1)];
            let name = format!("{column}.scaled");
            Some(graph.node_with("Gather", &[scores.as_ref()?, &place], axis, &name))
        }
    });
    let numeric = graph.concat(&columns.collect::<Vec<_>>(), "numeric.undamped");
    let largest = graph.constant(LARGEST);
    let size = graph.node("Abs", &[&numeric], "numeric.size");
    let over = graph.node("Clip", &[&size, &largest, &most(graph)], "numeric.over");
    let over = graph.node(
        "Log",
        &[&graph.node("Div", &[&over, &largest], "numeric.ratio")],
        "numeric.log",
    );
    let over = graph.node("Mul", &[&over, &graph.constant(LARGE_STEP)], "numeric.more");
    let size = graph.node("Min", &[&size, &largest], "numeric.up_to_largest");
    let size = graph.node("Add", &[&size, &over], "numeric.damped");
    let sign = graph.node("Sign", &[&numeric], "numeric.sign");
    let numeric = graph.node("Mul", &[&size, &sign], "numeric.float64");
    graph.cast(&numeric, Type::Float, "numeric")
}

/// Normal scores of ranks, `[rows, ranks]`: algorithm AS 241, as in `encode::normal`.
fn normal_scores(graph: &Builder, ranks: &[Value]) -> Value {
    let name = |part: &str| format!("normal_score.{part}");
    let minus = |a: &Value, b: &Value, part: &str| graph.node("Sub", &[a, b], &name(part));
    let (half, one) = (graph.constant(0.5_f64), graph.constant(1_f64));
    let ranks = graph.concat(ranks, &name("ranks"));
    let tails = [graph.constant(TAIL), graph.constant(1.0 - TAIL)];
    let ranks = graph.node("Clip", &[&ranks, &tails[0], &tails[1]], &name("bounded"));
    let from_half = minus(&ranks, &half, "from_half");

    let square = graph.node("Mul", &[&from_half, &from_half], &name("square"));
    let of_centre = minus(&graph.constant(0.180625_f64), &square, "of_centre");
    let centre = ratio_of_polynomials(graph, &of_centre, [&CENTRE_UP, &CENTRE_DOWN], "centre");
    let centre = graph.node("Mul", &[&from_half, &centre], &name("in_centre"));

    let tail = graph.node("Min", &[&ranks, &minus(&one, &ranks, "above")], &name("tail"));
    let log = graph.node("Abs", &[&graph.node("Log", &[&tail], &name("log"))], &name("abs_log"));
    let root = graph.node("Sqrt", &[&log], &name("root"));
    let of_side = minus(&root, &graph.constant(1.6_f64), "of_side");
    let side = ratio_of_polynomials(graph, &of_side, [&SIDE_UP, &SIDE_DOWN], "side");
    let sign = graph.node("Sign", &[&from_half], &name("sign"));
    let side = graph.node("Mul", &[&sign, &side], &name("at_side"));

    let distance = graph.node("Abs", &[&from_half], &name("distance"));
    let is_centre =
        graph.node("LessOrEqual", &[&distance, &graph.constant(0.425_f64)], &name("is_centre"));
    let score = graph.node("Where", &[&is_centre, &centre, &side], &name("unbounded"));
    let bounds = [graph.constant(LOWEST), graph.constant(HIGHEST)];
    graph.node("Clip", &[&score, &bounds[0], &bounds[1]], "normal_score")
}

/// One polynomial by another of the same `[rows, n]` numbers, by a product of their powers
/// `[rows, n, 8]` with the coefficients `[8, 2]`.
fn ratio_of_polynomials(
    graph: &Builder,
    x: &Value,
    [up, down]: [&[f64; 8]; 2],
    part: &str,
) -> Value {
    let name = |what: &str| format!("normal_score.{part}.{what}");
    let exponents: [f64; 8] = std::array::from_fn(|i| (7 - i) as f64);
    let coefficients: Vec<f64> = up.iter().zip(down).flat_map(|(up, down)| [*up, *down]).collect();
    let exponents = graph.constants("exponents", &[8], &exponents);
    let coefficients = graph.constants(&format!("{part}_coefficients"), &[8, 2], &coefficients);
    let axis = graph.constants("axis_2", &[1], &[2_i64]);
    let x = graph.node("Unsqueeze", &[x, &axis], &name("unsqueezed"));
    let powers = graph.node("Pow", &[&x, &exponents], &name("powers"));
    let both = graph.node("MatMul", &[&powers, &coefficients], &name("up_and_down"));
    let pick = |which: i64, what: &str| {
        let axis = vec![int("axis", 2)];
        graph.node_with("Gather", &[&both, &graph.constant(which)], axis, &name(what))
    };
    graph.node("Div", &[&pick(0, "up"), &pick(1, "down")], &name("ratio"))
}
