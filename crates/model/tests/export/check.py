"""Opens exported models as docs/export.md does, and compares them with what the models say themselves.

    python check.py FOLDER docs/export.md

FOLDER has a folder a model: the exported files, rows as they stand in a log, and their scores.
"""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5


def apart(got, want, spread=1.0):
    """Largest distance of any two numbers, as a part of the larger of 1 and the wanted one. Where a
    loss was divided by a small spread, its distance was too."""
    want = np.asarray(want, np.float32)
    assert got.shape == want.shape, (got.shape, want.shape)
    assert np.isfinite(got).all()
    got, want = got.astype(float), want.astype(float)
    unit = np.maximum(1, np.abs(want)) * np.maximum(1, 1 / np.asarray(spread, float))
    return (np.abs(got - want) / unit).max(initial=0)


def run(document):
    """What the document's Python makes of the files in this directory."""
    made = {}
    for block in re.findall(r"^```python\n(.*?)^```$", document, re.DOTALL | re.MULTILINE):
        exec(block, made)
    return made


def check_scores(folder, tables, documented):
    file = str(folder / "model.onnx")
    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert documented["tables"] == tables
    assert [i.name for i in session.get_inputs()] == [f["input"]["name"] for f in tables["features"]]
    assert [o.name for o in session.get_outputs()] == [o["name"] for o in tables["outputs"]]
    spreads = [f["loss_scale"]["spread"] for f in tables["features"]]
    worst = {}
    for scores in json.loads((folder / "scores.json").read_text()):
        names = scores["names"]
        assert [f["column"] for f in tables["features"]] == names
        given = documented["inputs"](tables, scores["rows"])
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
    for output in tables["outputs"]:
        # The last table is the document's rows; runs of one session are alike.
        name = output["name"]
        assert np.array_equal(documented[name], session.run([name], given)[0]), name
    return worst


def check_weights(folder, documented):
    weights = json.loads((folder / "weights.json").read_text())
    assert documented["header"] == json.loads((folder / "header.json").read_text())
    arrays = documented["weights"]
    assert sorted(arrays) == sorted(weights)
    initializers = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(folder / "model.onnx").graph.initializer
    }
    for name, weight in weights.items():
        want = np.array(weight["data"], np.float32).reshape(weight["shape"])
        assert np.array_equal(arrays[name], want) and arrays[name].dtype == np.float32, name
        assert want.size == 0 or np.array_equal(initializers[name], want), name


def main():
    failed = False
    document = Path(sys.argv[2]).read_text()
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        tables = json.loads((folder / "tables.json").read_text())
        os.chdir(folder)
        documented = run(document)
        check_weights(folder, documented)
        worst = check_scores(folder, tables, documented)
        agrees = all(distance < TOLERANCE for distance in worst.values())
        failed |= not agrees
        print(folder.name, "agrees" if agrees else "DIFFERS", {k: f"{d:.1e}" for k, d in worst.items()})
    sys.exit(failed)


main()
