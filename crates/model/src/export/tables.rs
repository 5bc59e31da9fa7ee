//! What a reader of the other files has to know, as JSON.

use super::graph::Type;
use super::{FORMAT_VERSION, Output, PROGRAM, VERSION, input_name};
use crate::config::Scorer;
use crate::encode::OTHER;
use crate::encode::view::{EDGE, Ends, Feature, Kind, LARGE_STEP, LARGEST, Scaling};
use crate::score::{LossScale, Z_LIMIT};
use crate::user_model::UserModel;
use serde_json::{Map, Value, json};

/// What no exported file holds of a model with more scorers than the network.
const SCORE: &str = "anomaly_score and zscore are the network's";
const SCORE_ALONE: &str = "anomaly_score and zscore are the network's alone; this model's own score also takes counts \
     of values, distances to training rows and p-values, which are not exported";

pub(super) fn tables(model: &UserModel) -> Value {
    let header = model.header();
    let features = header.plan.features().zip(&header.loss_scales);
    let outputs = Output::ALL.map(|output| {
        json!({
            "name": output.name(),
            "type": Type::Float.label(),
            "shape": output.shape(json!(["rows"]), json!(["rows", "features"])),
            "meaning": output.meaning(),
        })
    });
    json!({
        "format": "dfp-tables",
        "format_version": FORMAT_VERSION,
        "software": format!("{PROGRAM} {VERSION}"),
        "user": header.user,
        "scorer": header.config.scorer,
        "score": match header.config.scorer {
            Scorer::Network => SCORE,
            Scorer::Recommended => SCORE_ALONE,
        },
        "training_rows": header.training_rows,
        "features": features.map(|(feature, scale)| describe(&feature, *scale)).collect::<Vec<_>>(),
        "outputs": outputs,
        "score_scale": header.score_scale,
        "z_limit": Z_LIMIT,
    })
}

/// The type of a feature's input, and what to put into it.
pub(super) fn input(kind: &Kind<'_>) -> (Type, &'static str) {
    match kind {
        Kind::Numeric { .. } => {
            (Type::Double, "the number as in the log, unscaled; NaN where there is none")
        }
        Kind::Binary { texts: None } => (Type::Bool, "true for true, 1, True and TRUE; else false"),
        Kind::Binary { texts: Some(_) } => (Type::Bool, "whether the text is that of `one`"),
        Kind::Categorical { .. } => (
            Type::Int64,
            "the text's place in `categories`, from 0; any other number, such as -1, for missing and unseen texts",
        ),
    }
}

fn describe(feature: &Feature<'_>, loss_scale: LossScale) -> Value {
    let (kind, more) = match &feature.kind {
        Kind::Numeric { fill, scaling, range } => {
            let mut more = json!({
                "fill": fill,
                "largest": LARGEST,
                "large_step": LARGE_STEP,
                "scaler": scaler(scaling),
            });
            if let Some(Ends { low, high, width }) = range {
                more["range"] = json!({"low": low, "high": high, "width": width});
            }
            ("numeric", more)
        }
        Kind::Binary { texts: None } => ("binary", json!({"zero": false, "one": true})),
        Kind::Binary { texts: Some([zero, one]) } => ("binary", json!({"zero": zero, "one": one})),
        Kind::Categorical { texts } => (
            "categorical",
            json!({"categories": texts, "other": {"code": texts.len(), "text": OTHER}}),
        ),
    };
    let (input_type, holds) = input(&feature.kind);
    let mut all = Map::new();
    all.insert("column".into(), json!(feature.column));
    all.insert("kind".into(), json!(kind));
    all.insert(
        "input".into(),
        json!({
            "name": input_name(feature.column),
            "type": input_type.label(),
            "shape": ["rows", 1],
            "holds": holds,
        }),
    );
    if let Value::Object(more) = more {
        all.extend(more);
    }
    all.insert("loss_scale".into(), json!(loss_scale));
    Value::Object(all)
}

fn scaler(scaling: &Scaling<'_>) -> Value {
    match scaling {
        Scaling::Linear { centre, scale } => {
            json!({"kind": "linear", "centre": centre, "scale": scale})
        }
        Scaling::GaussRank { quantiles, .. } => {
            json!({"kind": "gauss_rank", "quantiles": quantiles, "edge": EDGE})
        }
        Scaling::None => json!({"kind": "none"}),
    }
}
