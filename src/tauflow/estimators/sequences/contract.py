"""What scikit-learn asks of an estimator, kept without scikit-learn: `clone`, `Pipeline`, `GridSearchCV`, `cross_val_score` work.

The constructor stores its arguments and does nothing else; `fit` checks them; what is learned ends in an underscore. Where scikit-learn
is loaded already, errors and warnings are also of its classes, which its tools look for. Source: scikit-learn, "Developing
scikit-learn estimators"; `sklearn.utils.estimator_checks.check_estimator` holds it.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, Self

from ...data.sequences import Sequences
from ...errors import DataError, NotFittedError
from ..settings import ArgumentError


class Contract:
    """Parameters by name, the state of being fitted, and the features seen in `fit`."""

    kind: ClassVar[str] = ""  # "classifier" or "regressor"
    n_features_in_: int
    feature_names_in_: Any

    @classmethod
    def _names(cls) -> list[str]:
        """The constructor's arguments."""
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments as they are now."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **given: Any) -> Self:
        """Change some of them; they count from the next `fit` on."""
        refuse_parameters(type(self).__name__, given, self._names())
        for name, value in given.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        told = [
            f"{name}={value!r}"
            for name, value in ((name, getattr(self, name)) for name in defaults if name != "self")
            if value is not defaults[name].default and value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(told)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        return tags(self.kind)

    def _check_is_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted()(f"this {type(self).__name__} is not fitted: call fit(X, y) first")

    def _see_features(self, found: Sequences) -> None:
        """Remember how many features `fit` saw, and their names."""
        self.n_features_in_ = features(found)
        if found.names is not None:
            import numpy as np

            self.feature_names_in_ = np.array(found.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_features(self, found: Sequences) -> None:
        """Refuse other features than `fit` saw."""
        mine, theirs = getattr(self, "feature_names_in_", None), found.names
        if mine is not None and theirs is not None and list(mine) != list(theirs):
            unseen = [f"- {name}" for name in theirs if name not in mine]
            missing = [f"- {name}" for name in mine if name not in theirs]
            told = ["The feature names should match those that were passed during fit."]
            told += ["Feature names unseen at fit time:", *unseen[:5]] if unseen else []
            told += ["Feature names seen at fit time, yet now missing:", *missing[:5]] if missing else []
            told += [] if unseen or missing else ["Feature names must be in the same order as they were in fit."]
            raise DataError("\n".join(told) + "\n")
        if features(found) != self.n_features_in_:
            raise DataError(
                f"X has {features(found)} features, but {type(self).__name__} is expecting {self.n_features_in_} features as input: "
                "a feature is a column of a rectangle (n, time), a channel of sequences"
            )
        if mine is None and theirs is not None:
            warnings.warn(
                f"X has feature names, but {type(self).__name__} was fitted without feature names", stacklevel=4
            )
        if mine is not None and theirs is None and found.kind == "rectangle":
            warnings.warn(
                f"X does not have valid feature names, but {type(self).__name__} was fitted with feature names",
                stacklevel=4,
            )


class ParameterError(ArgumentError, ValueError):
    """A parameter that the estimator does not have."""


def refuse_parameters(name: str, given: Iterable[str], known: Iterable[str]) -> None:
    """ParameterError for a parameter that there is not."""
    known = sorted(known)
    for one in given:
        if one not in known:
            near = get_close_matches(one, known, n=1)
            hint = f" did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"{name} has no parameter {one!r};{hint} it has {', '.join(known)}")


def tags(kind: str) -> Any:
    """What scikit-learn wants to know of a "classifier", a "regressor", or a "forecaster", which takes tables; it alone asks."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

    arrays = kind in ("classifier", "regressor")
    return Tags(
        estimator_type=kind if arrays else None,
        target_tags=TargetTags(required=arrays, multi_output=kind == "regressor"),
        classifier_tags=ClassifierTags() if kind == "classifier" else None,
        regressor_tags=RegressorTags() if kind == "regressor" else None,
        transformer_tags=None,
        input_tags=InputTags(two_d_array=arrays, three_d_array=arrays, allow_nan=True),
        no_validation=not arrays,
    )


def features(found: Sequences) -> int:
    """How many features there are: columns of a rectangle, channels of sequences."""
    return len(found.values[0]) if found.kind == "rectangle" else found.channels


def not_fitted() -> type[NotFittedError]:
    """The error of a model that was not fitted: tauflow's, and scikit-learn's where that is loaded."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
    return NotFittedError if theirs is None else _both(theirs)


@cache
def _both(theirs: type[Exception]) -> type[NotFittedError]:
    return type("NotFittedError", (NotFittedError, theirs), {"__doc__": NotFittedError.__doc__})


def conversion_warning() -> type[Warning]:
    """Of a y that was given in another shape."""
    theirs: type[Warning] = getattr(sys.modules.get("sklearn.exceptions"), "DataConversionWarning", UserWarning)
    return theirs


def parameters_of(estimator: Contract) -> Mapping[str, Any]:
    """The arguments that differ from the constructor's defaults."""
    defaults = inspect.signature(type(estimator).__init__).parameters
    return {name: value for name, value in estimator.get_params().items() if value != defaults[name].default}
