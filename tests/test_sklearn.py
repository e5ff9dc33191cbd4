"""scikit-learn's contract: its own checks, and its tools around our estimators. No check is expected to fail."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from tauflow import Classifier, Regressor

SMALL: dict[str, Any] = {"units": 4, "members": 1, "epochs": 2}
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 8))
Y = (X[:, 2] > 0).astype(int)


def checks() -> list[Any]:
    """Each of scikit-learn's checks for each estimator; it warns that ours do not derive from its own base class, on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = [pair for one in (Classifier, Regressor) for pair in estimator_checks_generator(one(**SMALL))]
    return [
        pytest.param(*pair, id=f"{type(pair[0]).__name__}-{getattr(pair[1], 'func', pair[1]).__name__}")
        for pair in every
    ]


@pytest.mark.parametrize(("estimator", "check"), checks())
@pytest.mark.filterwarnings("ignore")
def test_every_check_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_its_tools_work() -> None:
    assert is_classifier(Classifier()) and is_regressor(Regressor())
    pipe = make_pipeline(StandardScaler(), Classifier(**SMALL)).set_output(transform="pandas")
    frame = pd.DataFrame(X, columns=[f"t{k}" for k in range(8)])
    assert pipe.fit(frame, Y).score(frame, Y) > 0.8
    assert pipe[-1].feature_names_in_.tolist() == [f"standardscaler__{k}" for k in frame] or list(
        pipe[-1].feature_names_in_
    ) == list(frame)
    search = GridSearchCV(Classifier(**SMALL), {"units": [2, 4], "beside": [None, "summaries"]}, cv=2).fit(X, Y)
    assert search.best_params_["beside"] == "summaries" and search.best_score_ > 0.7
    groups = np.arange(60) // 5
    assert cross_val_score(Regressor(**SMALL), X, X[:, 2], cv=GroupKFold(3), groups=groups).mean() > 0.8
    deep = DRAW.normal(size=(30, 12, 2)) + Y[:30, None, None]
    assert cross_val_score(Classifier(**SMALL), deep, Y[:30], cv=2).mean() > 0.8


def test_copies_and_pickles_say_the_same() -> None:
    model = Classifier(**SMALL).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    fresh = clone(model)
    assert fresh.get_params() == model.get_params() and not hasattr(fresh, "model_")
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    assert np.array_equal(fresh.fit(X, Y).predict_proba(X), model.predict_proba(X))


def test_the_package_does_not_need_it() -> None:
    """Nothing of scikit-learn is imported by learning and answering."""
    import subprocess
    import sys

    code = (
        "import sys, numpy as np; sys.modules['sklearn'] = None\n"
        "from tauflow import Classifier\n"
        "x = np.random.default_rng(0).normal(size=(20, 6)); y = (x[:, 0] > 0).astype(int)\n"
        "model = Classifier(units=2, members=1, epochs=1).fit(x, y); model.predict(x)\n"
        "try: Classifier().predict(x)\n"
        "except Exception as error: print(type(error).__module__, type(error).__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["tauflow.errors", "NotFittedError"]
