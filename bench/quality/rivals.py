"""The rivals: each takes training rows and test rows as tables, and gives a score a test row."""
import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def split(table):
    """Names of the columns of numbers and of the others."""
    numeric = [name for name in table if pd.api.types.is_numeric_dtype(table[name])]
    return numeric, [name for name in table if name not in numeric]


def plain(training, test):
    """Without missing cells, which the rivals cannot read: the training median, or the word nan."""
    numeric, nominal = split(training)
    training, test = training.copy(), test.copy()
    if numeric:
        fill = SimpleImputer(strategy="median", keep_empty_features=True).fit(training[numeric].astype(float))
        for table in (training, test):
            table[numeric] = fill.transform(table[numeric].astype(float))
    for table in (training, test):
        for name in nominal:
            table[name] = table[name].astype(object).where(table[name].notna(), "nan").astype(str)
    return training, test, numeric, nominal


def one_hot(training, test):
    """Standardised numbers, and one column for each value of the others."""
    training, test, numeric, nominal = plain(training, test)
    parts = [], []
    if numeric:
        scaler = StandardScaler().fit(training[numeric])
        for part, table in zip(parts, (training, test)):
            part.append(np.clip(scaler.transform(table[numeric]), -12, 12))
    if nominal:
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(training[nominal])
        for part, table in zip(parts, (training, test)):
            part.append(encoder.transform(table[nominal]) * np.sqrt(0.5))
    return tuple(np.hstack(part) for part in parts)


def reference(training, test, seed):
    """The reference library with the settings of the peer's command line; as its stages, all that is no number is text."""
    import torch
    from dfencoder import AutoEncoder

    torch.manual_seed(seed)
    np.random.seed(seed)
    training, test, numeric, nominal = plain(training, test)
    # It divides by the standard deviation: one of 0 makes every score of the model no number.
    numeric = [name for name in numeric if training[name].nunique() > 1]
    training, test = training[numeric + nominal], test[numeric + nominal]
    model = AutoEncoder(
        encoder_layers=[512, 500], decoder_layers=[512], activation="relu", swap_p=0.2, lr=0.01, lr_decay=0.99,
        batch_size=512, logger="basic", verbose=False, optimizer="sgd", scaler="standard", min_cats=1,
        progress_bar=False, device="cpu",
    )
    model.fit(training, epochs=25)
    words = set(model.categorical_fts) | set(model.binary_fts)
    assert set(model.numeric_fts) == set(numeric) and words == set(nominal)
    return np.asarray(model.get_anomaly_score(test), dtype=float)


def isolation_forest(training, test, seed):
    training, test = one_hot(training, test)
    return -IsolationForest(random_state=seed).fit(training).score_samples(test)


def ecod(training, test, _seed):
    """Li et al. 2022, with the distributions of the training rows alone: pyod takes in what it scores, and where that
    is unusual by half nothing is in the tails any more."""
    training, test = one_hot(training, test)
    left, right = np.empty_like(test), np.empty_like(test)
    for column, (known, new) in enumerate(zip(np.sort(training, axis=0).T, test.T)):
        below = np.searchsorted(known, new, side="right")
        above = len(known) - np.searchsorted(known, new, side="left")
        left[:, column] = -np.log((below + 1) / (len(known) + 1))
        right[:, column] = -np.log((above + 1) / (len(known) + 1))
    deviations = training - training.mean(axis=0)
    skewed_left = (deviations**3).mean(axis=0) < 0
    auto = np.where(skewed_left, left, right)
    return np.max([part.sum(axis=1) for part in (left, right, auto)], axis=0)


def knn(training, test, _seed):
    training, test = one_hot(training, test)
    near = NearestNeighbors(n_neighbors=min(5, len(training))).fit(training)
    return near.kneighbors(test)[0].mean(axis=1)


RIVALS = {"dfencoder": reference, "isolation forest": isolation_forest, "ECOD": ecod, "kNN": knn}
