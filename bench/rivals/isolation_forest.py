"""scikit-learn's isolation forest, one for each user, on one-hot columns: read, train, score.

usage: isolation_forest.py TRAINING_DIR NEW_DIR
A user is a file, of the same name in both folders. Prints the seconds as JSON.
"""
import json
import sys
import time
from pathlib import Path

start = time.perf_counter()
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import OneHotEncoder

from features import FEATURES

imported = time.perf_counter()
users = rows = 0
for path in sorted(Path(sys.argv[1]).glob("*.csv")):
    training = pd.read_csv(path, dtype=str)
    columns = [name for name in training.columns if name in FEATURES]
    encoder = OneHotEncoder(handle_unknown="ignore")
    forest = IsolationForest(random_state=42)
    forest.fit(encoder.fit_transform(training[columns].fillna("nan")))
    new = pd.read_csv(Path(sys.argv[2]) / path.name, dtype=str).reindex(columns=columns)
    forest.score_samples(encoder.transform(new.fillna("nan")))
    users, rows = users + 1, rows + len(training)
end = time.perf_counter()
print(json.dumps({"import": imported - start, "all": end - imported, "users": users, "rows": rows}))
