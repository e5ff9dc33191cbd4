"""scikit-learn's contract: its own checks, and its tools around our estimators. No check is expected to fail."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from tauflow import Classifier, Forecaster, Regressor

SMALL: dict[str, Any] = {"units": 4, "members": 1, "epochs": 2}
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 8))
Y = (X[:, 2] > 0).astype(int)


def checks() -> list[Any]:
    """Each of scikit-learn's checks for each estimator; it warns that ours do not derive from its own base class, on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = [
            pair
            for one in (Classifier, Regressor)
            for pair in estimator_checks.estimator_checks_generator(one(**SMALL))
        ]
    return [
        pytest.param(*pair, id=f"{type(pair[0]).__name__}-{getattr(pair[1], 'func', pair[1]).__name__}")
        for pair in every
    ]


@pytest.mark.parametrize(("estimator", "check"), checks())
@pytest.mark.filterwarnings("ignore")
def test_every_check_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


APPLY = (
    "check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types", "check_estimator_repr",
    "check_get_params_invariance", "check_set_params", "check_parameters_default_constructible",
)  # fmt: skip
# Those of scikit-learn's checks that a Forecaster can be asked. All others call fit(X, y) with arrays, while it takes a table and the
# name of its target: scikit-learn leaves them out by itself, by the tag two_d_array=False. Two that need no data do not apply either,
# because a Forecaster checks its settings in the constructor: check_no_attributes_set_in_init and
# check_do_not_raise_errors_in_init_or_set_param.


@pytest.mark.parametrize("name", APPLY)
@pytest.mark.filterwarnings("ignore")
def test_the_checks_that_a_forecaster_can_be_asked(name: str) -> None:
    check = getattr(estimator_checks, name)
    model = Forecaster(h=3, season=[24], options={"solver": "exponential"}, cell="ctrnn")
    check("Forecaster", model)


def test_a_forecaster_is_copied_with_its_settings() -> None:
    model = Forecaster(h=3, season=[24], options={"solver": "exponential"}, cell="ctrnn")
    assert clone(model).settings == model.settings and clone(model).options == model.options
    assert model.set_params(h=5).settings.h == 5 and model.settings.season == (24.0,)
    with pytest.raises(NotFittedError):
        model.predict()
    with pytest.raises(ValueError, match="no parameter 'horizon'"):
        model.set_params(horizon=5)
    with pytest.warns(SkipTestWarning, match="Can't test estimator Forecaster"):
        asked = list(estimator_checks.estimator_checks_generator(model))
    assert len(asked) == 1, "scikit-learn asks more of a Forecaster now: name it in APPLY or say why not"


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
