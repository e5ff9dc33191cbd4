"""A part of a network: a small module with a name, an input width and an output width, found by itself.

    x (batch, time, inputs)  ->  y (batch, time, outputs)

A new part is one file in this folder, or a class in one; its `name` and its `place` are all that has to be said. A part is
given to a Network as its name ("dense"), as a name with options ({"name": "dense", "units": 64}), or as a module.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, TypeAlias

from torch import Tensor, nn

from ...described import Described
from ...errors import TauflowError

PLACES = ("scale", "missing", "waves", "encoder", "core", "pool", "readout", "head")  # in the order of the data

Given: TypeAlias = str | Mapping[str, Any] | nn.Module | None
REGISTRY: dict[tuple[str, str], type[Part]] = {}  # (place, name)


class NetworkError(TauflowError, ValueError):
    """A network that can't be built so: a part that does not exist, an option that it does not have, widths that do not meet.

    >>> tauflow.Network(3, 1, encoder="dens")
    Traceback (most recent call last):
        ...
    tauflow.network.parts.part.NetworkError: no encoder is called 'dens'; did you mean 'dense'? there are ...
    """


class Part(Described, nn.Module):
    """One part; a subclass with a `name` is found by that name at its `place`.

    >>> class Squares(tauflow.network.Part):  # a part of your own, found by its name
    ...     name, place = "squares", "encoder"
    ...     def __init__(self, inputs):
    ...         super().__init__()
    ...         self.inputs, self.outputs = inputs, 2 * inputs
    ...     def forward(self, x):
    ...         return torch.cat([x, x * x], dim=-1)
    >>> tauflow.Network(3, 1, encoder="squares").core.inputs
    6
    """

    name: ClassVar[str] = ""
    place: ClassVar[str] = ""
    sees_input: ClassVar[bool] = False  # of a readout: whether it reads the encoded input beside the state

    takes_raw: ClassVar[bool] = (
        False  # of an encoder: whether it reads the readings as they are, with no scale before it
    )

    inputs: int
    outputs: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not vars(cls).get("name"):  # derived from a part, whose name it does not take
            return
        taken = names(cls.place)  # refuses a place that there is not
        known = REGISTRY.get((cls.place, cls.name), cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise NetworkError(
                f"{cls.__name__} is a {cls.place!r} called {cls.name!r}, expected a name of its own there: {', '.join(taken)} are taken"
            )
        REGISTRY[cls.place, cls.name] = cls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return nn.Module.__call__(self, *args, **kwargs)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.config().items())


def names(place: str) -> list[str]:
    """The names of the parts for `place`, in alphabetical order.

    >>> tauflow.network.names("head")
    ['actions', 'classes', 'normal', ...]
    """
    if place not in PLACES:
        raise NetworkError(f"place is {place!r}, expected one of {', '.join(PLACES)}")
    return sorted(name for where, name in REGISTRY if where == place)


def get(place: str, name: str) -> type[Part]:
    """The class of the part called `name` at `place`."""
    if (place, name) not in REGISTRY:
        near = get_close_matches(name, names(place), n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise NetworkError(
            f"no {place} is called {name!r};{hint} there are {', '.join(names(place))}; one of your own is known once the "
            "module that defines it is imported"
        )
    return REGISTRY[place, name]


def class_of(place: str, given: Given) -> type[Any]:
    """The class of the part that `given` stands for; its own type where it is none, which `build` refuses."""
    name = given.get("name") if isinstance(given, Mapping) else given
    return get(place, name) if isinstance(name, str) else type(given)


def build(place: str, given: Given, **sizes: Any) -> Any:
    """The part for `place`; `sizes` are the widths that its neighbours decide. None stays None, a module stays itself."""
    if isinstance(given, Part) and given.place != place and {given.place, place} != {"scale", "encoder"}:
        raise NetworkError(
            f"{place} is a {type(given).__name__}, a part for {given.place}; there are {', '.join(names(place))}"
        )
    if given is None or isinstance(given, nn.Module):
        return given
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise NetworkError(
            f"{place} is {given!r}, expected a name ({', '.join(names(place))}), a name with options "
            f"({{'name': {names(place)[0]!r}, ...}}) or a module"
        )
    options = {key: value for key, value in given.items() if key != "name"}
    part = get(place, given["name"])
    known = list(inspect.signature(part.__init__).parameters)[1:]
    unknown = [option for option in options if option not in known]
    if unknown:
        free = [option for option in known if option not in sizes]
        raise NetworkError(f"{place} {part.name!r} has no option {unknown[0]!r}; it has {', '.join(free) or 'none'}")
    return part(**{**{name: size for name, size in sizes.items() if name in known}, **options})


def check_count(name: str, value: Any, least: int = 1) -> int:
    """A whole number >= least, or a sentence."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise NetworkError(f"{name} is {value!r}, expected a whole number >= {least}")
    return int(value)


def check_width(part: str, inputs: int, before: str, outputs: int) -> None:
    """Refuse parts whose widths do not meet."""
    if inputs != outputs:
        raise NetworkError(f"the {part} takes {inputs} numbers, but {before} gives {outputs}")


def fit(place: str, part: Any, **widths: int) -> None:
    """Refuse a part, given as a module, that is left out where there must be one, or has other widths than its neighbours."""
    if part is None and place != "pool":
        raise NetworkError(f"{place} is None, but a network needs one: {', '.join(names(place))}")
    for name, width in widths.items():
        if getattr(part, name, width) != width:
            raise NetworkError(f"the {place} has {name}={getattr(part, name)}, but what is around it needs {width}")


def rows(x: Tensor) -> Tensor:
    """(batch, time, n) -> (batch * time, n)."""
    return x.flatten(0, 1)
