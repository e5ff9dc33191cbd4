"""A forecaster behind a socket: a table of rows in, a row a time (and id) out. It answers whole tables, so it opens no sessions.

{"data": {"ds": [...], "volume": [...]}, "h": 24}        columns of equal length, by their names in the table of `fit`
{"data": {...}, "times": [...], "future": {...}}         at these times; columns that are known ahead
->  {"columns": ["ds", "volume"], "rows": [[...], ...], "notes": [...]}
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ...errors import TauflowError
from ...estimators import Forecaster
from ...files import strictjson
from ..errors import RefusedError, ServeError
from ..limits import STEPS

PLAIN = (str, int, float, bool, type(None))


class ServedForecaster:
    """A fitted Forecaster, as Served but for its sessions."""

    notes: tuple[str, ...] = ()
    why_no_sessions = "a forecaster answers whole tables: POST /v1/predict"

    def __init__(self, model: Forecaster, name: str) -> None:
        if model.encoder is None or model.predictor is None:
            raise ServeError("this forecaster is not fitted: fit it, or load one that was")
        self.forecaster, self.name = model, name
        schema = model.encoder.schema
        self.columns = [name for name in (schema.id, schema.time, *schema.values) if name is not None]
        self.kind = f"Forecaster of {model.settings.cell}, {model.settings.h} steps ahead"
        self.fingerprint = _fingerprint(model)

    def about(self) -> dict[str, Any]:
        """What a client has to know."""
        schema = self.forecaster.encoder.schema  # type: ignore[union-attr]
        return {
            "name": self.name,
            "kind": self.kind,
            "model": self.fingerprint,
            "columns": self.columns,
            "targets": list(schema.targets),
            "future": list(schema.future),
            "h": self.forecaster.settings.h,
            "context": self.forecaster.settings.context,
        }

    def schema(self) -> dict[str, Any]:
        """What `predict` reads, as OpenAPI says it."""
        columns = {"type": "object", "additionalProperties": {"type": "array"}}
        wanted = {
            "data": {**columns, "description": f"columns of the same length: {', '.join(self.columns)}"},
            "h": {"type": "integer", "description": "steps ahead"},
            "times": {"type": "array", "description": "time stamps instead of steps"},
            "future": {**columns, "description": "rows of the time to come, of the columns that are known ahead"},
        }
        return {"type": "object", "properties": wanted, "required": ["data"], "additionalProperties": False}

    def example(self) -> dict[str, Any]:
        return {"data": {name: ["..."] for name in self.columns}, "h": 1}

    def predict(self, message: dict[str, Any]) -> dict[str, Any]:
        """The forecast of a table."""
        h = message.get("h")
        if h is not None and (type(h) is not int or not 1 <= h <= STEPS):
            raise RefusedError(f"h is {h!r:.40}, expected a whole number from 1 to {STEPS:,}")
        times = message.get("times")
        if times is not None and not (type(times) is list and 0 < len(times) <= STEPS):
            raise RefusedError(f"times is {times!r:.40}, expected a list of 1 to {STEPS:,} time stamps")
        data = _frame(message.get("data"), "data")
        future = None if "future" not in message else _frame(message["future"], "future")
        try:
            made = self.forecaster.predict(data, h=h, times=times, future=future)
        except TauflowError as error:
            raise RefusedError(str(error)[:1000]) from None
        rows = [[_plain(value) for value in row] for row in made.itertuples(index=False)]
        return {"columns": list(made.columns), "rows": rows, "notes": list(made.attrs.get("notes", []))}


def _frame(columns: Any, name: str) -> Any:
    """A pandas frame of plain lists of the same length."""
    import pandas as pd

    if type(columns) is not dict or not columns:
        raise RefusedError(f'{name} is {columns!r:.40}, expected columns: {{"ds": [...], "y": [...]}}')
    lengths = set()
    for column, values in columns.items():
        if type(values) is not list or not all(isinstance(value, PLAIN) for value in values):
            raise RefusedError(f"{name}[{column[:40]!a}] is no list of plain values, one a row")
        lengths.add(len(values))
    if len(lengths) != 1 or lengths == {0}:
        raise RefusedError(
            f"the columns of {name} have {', '.join(map(str, sorted(lengths)))} rows, expected the same number, at least one"
        )
    try:
        return pd.DataFrame(columns)
    except (OverflowError, ValueError, TypeError) as error:
        raise RefusedError(f"{name} is no table: {error}"[:300]) from None


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _fingerprint(model: Forecaster) -> str:
    """Sixteen letters of its file's numbers and settings."""
    from ...estimators.storage import encode

    tensors, config = encode(model.settings, model.options, model.encoder, model.predictor)  # type: ignore[arg-type]
    digest = hashlib.sha256(strictjson.dumps(config).encode())
    for name, value in sorted(tensors.items()):
        digest.update(name.encode() + np.ascontiguousarray(value.numpy(force=True)).tobytes())
    return digest.hexdigest()[:16]
