//! How well scores find rows that are labelled: what `evaluate` says of written outputs, and `backtest`
//! of the takeovers that it has put in.

mod judge;
mod judged;
mod labels;
mod outputs;
#[cfg(test)]
mod tests;

pub use judge::{BudgetOf, Budgets, Evaluation, KindFound, PartMeasures, Spent, evaluate};
pub use judged::{Judged, Row, Span, days};
pub use outputs::{EvaluateOptions, Evaluated, UsedColumns, evaluate_outputs};
