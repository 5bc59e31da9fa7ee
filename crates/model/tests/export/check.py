"""Opens exported models as a notebook would, and compares them with what the models say themselves.

    python check.py FOLDER

FOLDER has a folder a model: the exported files, rows as they stand in a log, and their scores.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

TOLERANCE = 1e-5


def inputs(tables, rows):
    """What the graph reads, made of the log's columns by the tables alone."""
    made = {}
    for feature in tables["features"]:
        cells = rows[feature["column"]]
        if feature["kind"] == "numeric":
            values = [np.nan if cell is None else float(cell) for cell in cells]
        elif feature["kind"] == "binary":
            values = [cell is not None and cell == feature["one"] for cell in cells]
        else:
            code = {text: n for n, text in enumerate(feature["categories"])}
            values = [code.get(cell, -1) for cell in cells]
        column = feature["input"]
        made[column["name"]] = np.array(values, column["type"]).reshape(-1, 1)
    return made


def apart(got, want, spread=1.0):
    """Largest distance of any two numbers, as a part of the larger of 1 and the wanted one. Where a
    loss was divided by a small spread, its distance was too."""
    want = np.asarray(want, np.float32)
    assert got.shape == want.shape, (got.shape, want.shape)
    assert np.isfinite(got).all()
    got, want = got.astype(float), want.astype(float)
    unit = np.maximum(1, np.abs(want)) * np.maximum(1, 1 / np.asarray(spread, float))
    return (np.abs(got - want) / unit).max(initial=0)


def check_scores(folder, tables):
    file = str(folder / "model.onnx")
    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["tables"]) == tables
    assert [i.name for i in session.get_inputs()] == [f["input"]["name"] for f in tables["features"]]
    assert [o.name for o in session.get_outputs()] == [o["name"] for o in tables["outputs"]]
    spreads = [f["loss_scale"]["spread"] for f in tables["features"]]
    worst = {}
    for scores in json.loads((folder / "scores.json").read_text()):
        names = scores["names"]
        assert [f["column"] for f in tables["features"]] == names
        given = inputs(tables, scores["rows"])
        loss, z_loss, anomaly_score, zscore = session.run(None, given)
        of_cells = (-1, len(names))
        for name, distance in {
            "loss": apart(loss, np.reshape(scores["loss"], of_cells)),
            "z_loss": apart(z_loss, np.reshape(scores["z_loss"], of_cells), spreads),
            "anomaly_score": apart(anomaly_score, scores["anomaly_score"]),
            "zscore": apart(zscore, scores["zscore"], tables["score_scale"]["std"] or 1),
        }.items():
            worst[name] = max(worst.get(name, 0), distance)
        # One row, and none.
        for rows in [1, 0]:
            part = {name: column[:rows] for name, column in given.items()}
            assert apart(session.run(["anomaly_score"], part)[0], scores["anomaly_score"][:rows]) < TOLERANCE
        # Every number that is no code means an unknown text.
        other = {
            f["input"]["name"]: np.where(given[f["input"]["name"]] < 0, 1 << 40, given[f["input"]["name"]])
            for f in tables["features"]
            if f["kind"] == "categorical"
        }
        assert np.array_equal(session.run(["loss"], given | other)[0], loss)
    return worst


def check_weights(folder):
    weights = json.loads((folder / "weights.json").read_text())
    header = json.loads((folder / "header.json").read_text())
    with np.load(folder / "model.npz", allow_pickle=False) as npz:
        assert sorted(npz.files) == sorted([*weights, "header"]), npz.files
        assert json.loads(bytes(npz["header"])) == header
        arrays = {name: npz[name] for name in weights}
    with safe_open(folder / "model.safetensors", framework="np") as file:
        assert sorted(file.keys()) == sorted(weights), file.keys()
        assert json.loads(file.metadata()["header"]) == header
        tensors = {name: file.get_tensor(name) for name in weights}
    initializers = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(folder / "model.onnx").graph.initializer
    }
    for name, weight in weights.items():
        want = np.array(weight["data"], np.float32).reshape(weight["shape"])
        assert np.array_equal(arrays[name], want) and arrays[name].dtype == np.float32, name
        assert np.array_equal(tensors[name], want), name
        assert want.size == 0 or np.array_equal(initializers[name], want), name


def main():
    failed = False
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        tables = json.loads((folder / "tables.json").read_text())
        check_weights(folder)
        worst = check_scores(folder, tables)
        agrees = all(distance < TOLERANCE for distance in worst.values())
        failed |= not agrees
        print(folder.name, "agrees" if agrees else "DIFFERS", {k: f"{d:.1e}" for k, d in worst.items()})
    sys.exit(failed)


main()
