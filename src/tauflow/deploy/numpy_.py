"""A network as one Python file that needs NumPy alone: `write(plan, "walker")` is its text.

The file holds the functions of numpy_steps.py that the network needs, a line a step, and the weights as an .npz in base64. Its class
is used as a stream is: `y = net(x, dt)`, `net.reset()`, `net.state`.
"""

from __future__ import annotations

import base64
import inspect
import io
import re
from textwrap import indent

import numpy as np

from . import numpy_steps
from .plan import CELLS, Array, Plan, Step

FUNCTIONS = {
    name: one for name, one in vars(numpy_steps).items() if getattr(one, "__module__", None) == numpy_steps.__name__
}
TIMED = {"carry", "waves", *CELLS}  # steps that read the gap
SIZED = {"add", "average"}  # and those that are told how much they make

FILE = '''"""{name}: a liquid network, made by tauflow. It needs NumPy alone.

    net = {title}({given_argument})
    y = net(x, dt)       # x: {inputs} numbers, dt: the time since the previous sample, y: {outputs} numbers

A call that raises ValueError leaves the state as it was. {missing}
"""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np

Array = np.ndarray


{functions}


class {title}:
    """The network and its state; make as many as you like."""

    inputs, outputs, state_size = {inputs}, {outputs}, {state}

    def __init__(self{given_parameter}) -> None:
        self._weights = WEIGHTS
{keep_given}        self.reset()

    def reset(self) -> None:
        """Back to the state before the first sample."""
        self._state = FIRST

    @property
    def state(self) -> Array:
        """A copy of the state; set it to go on from there."""
        return self._state.copy()

    @state.setter
    def state(self, state: Any) -> None:
        state = np.array(state, "{dtype}")
        if state.shape != ({state},) or not np.isfinite(state).all():
            raise ValueError("state is not a vector of {state} finite numbers")
        self._state = state

    def __call__(self, x: Any, dt: float = 1.0) -> Array:
        """The answer ({outputs},) after the sample x ({inputs},), dt after the previous one."""
        x = np.asarray(x).astype("{dtype}")
        if x.shape != ({inputs},):
            raise ValueError(f"x has shape {{x.shape}}, expected ({inputs},)")
        if not ({finite}).all():
            raise ValueError("x holds {unknown}infinity or numbers beyond {largest:g}")
        if not 0 <= dt < math.inf:
            raise ValueError(f"dt is {{dt}}, expected a finite time >= 0")
        w, h, new, t = self._weights, self._state, self._state.copy(), {gap}
        v0 = x
        with np.errstate(all="ignore"):  # what overflows is refused below
{steps}
        if not (np.isfinite(new).all() and np.isfinite(v{last}).all()):
            raise ValueError("the state would leave the range of {dtype}")
        self._state = new
        return np.array(v{last})


def unpack(text: str, count: int) -> list[dict[str, Array]]:
    """The weights of every step by their names; an .npz in base64."""
    file = np.load(io.BytesIO(base64.b64decode(text)))
    steps: list[dict[str, Array]] = [{{}} for _ in range(count)]
    for key in file.files:
        number, name = key.split("/")
        steps[int(number)][name] = file[key]
    return steps


WEIGHTS = unpack("""
{weights}
""", {count})
FIRST = WEIGHTS[0].pop("first")
'''


def write(plan: Plan, name: str) -> str:
    """The whole file."""
    steps = [_line(plan, number) for number in range(1, len(plan.steps))]
    body = "\n".join(line for line in steps if line)
    static = plan.static > 0
    number = "float" if plan.dtype == np.float64 else "np.float32"
    return FILE.format(
        name=name,
        title=title(name),
        inputs=plan.inputs,
        outputs=plan.outputs,
        state=len(plan.first),
        dtype=plan.dtype.name,
        given_argument="given" if static else "",
        given_parameter=", given: Any" if static else "",
        keep_given=_KEEP.format(n=plan.static, dtype=plan.dtype.name) if static else "",
        missing="NaN in x: not measured." if plan.knows_missing else "NaN in x is an error.",
        finite=f"(abs(x) <= {_largest(plan):g})" + (" | np.isnan(x)" if plan.knows_missing else ""),
        unknown="" if plan.knows_missing else "NaN, ",
        largest=_largest(plan),
        gap=f"float({number}(dt) / {number}({plan.period!r}))",
        functions="\n\n\n".join(_functions(body)),
        steps=indent(body, " " * 12),
        last=len(plan.steps) - 1,
        count=len(plan.steps),
        weights=_weights(plan),
    )


_KEEP = """        self._given = np.array(given, "{dtype}")
        if self._given.shape != ({n},) or not np.isfinite(self._given).all():
            raise ValueError("given is not a vector of {n} finite numbers")
"""


def title(name: str) -> str:
    """The name of the class."""
    return "".join(part.capitalize() for part in name.split("_")) or "Network"


def _largest(plan: Plan) -> float:
    return 1e30 if plan.dtype == np.float32 else 1e300  # as validate.LARGEST


def _line(plan: Plan, number: int) -> str:
    """`v3 = dense(v2, **w[3], sigma="silu")`"""
    step = plan.steps[number]
    if step.kind == "static":
        return f"v{number} = self._given"
    values = [f"v{source}" for source in step.sources]
    read = values[0] if len(values) == 1 else f"np.concatenate([{', '.join(values)}])"
    remembers = len(step.place) > 0
    place = _place(step, number) if remembers else ""
    arguments = [read, *(["t"] if step.kind in TIMED else []), *([f"h[{place}]"] if remembers else [])]
    arguments += [f"outputs={step.outputs}"] if step.kind in SIZED else []
    arguments += [f"{name}={_literal(value)}" for name, value in step.options.items()]
    arguments += [f"**w[{number}]"] if _arrays(step) else []
    call = f"{step.kind}({', '.join(arguments)})"
    if step.kind in CELLS:
        held = f" if t > 0 else h[{place}]" if step.holds else ""
        return f"v{number} = new[{place}] = {call}{held}"
    return f"v{number}, new[{place}] = {call}" if remembers else f"v{number} = {call}"


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _place(step: Step, number: int) -> str:
    """A slice, where the numbers stand side by side."""
    first, last = int(step.place[0]), int(step.place[-1])
    if (np.diff(step.place) == 1).all():
        return f"{first}:{last + 1}"
    return str(step.place.tolist())


def _arrays(step: Step) -> dict[str, Array]:
    """The weights, places among other numbers as small as they may be."""
    return {
        name: array.astype(np.min_scalar_type(int(array.max(initial=0)))) if array.dtype.kind == "i" else array
        for name, array in step.arrays.items()
    }


def _weights(plan: Plan) -> str:
    arrays = {f"{k}/{name}": array for k, step in enumerate(plan.steps) for name, array in _arrays(step).items()}
    return packed({"0/first": plan.first, **arrays})


def packed(arrays: dict[str, Array]) -> str:
    """An .npz in base64, for `unpack` of the file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # without allow_pickle=, which NumPy 1.26 takes for one more array
    return "\n".join(re.findall(".{1,120}", base64.b64encode(file.getvalue()).decode()))


def _functions(body: str) -> list[str]:
    """The source of the functions that these lines call, and of those that these call, in the order of numpy_steps.py."""
    needed, looked = set[str](), [body]
    while looked:
        called = set(re.findall(r"\b([a-z_]+)\(", looked.pop())) & FUNCTIONS.keys()
        looked += [inspect.getsource(FUNCTIONS[name]) for name in called - needed]
        needed |= called
    return [inspect.getsource(one).rstrip() for name, one in FUNCTIONS.items() if name in needed]
