"""What remembers how it was made: the constructor's arguments as JSON, enough to build its like.

Dense(24, 32).config() == {"inputs": 24, "units": 32, "activation": "silu"}      Dense(**config) makes another
"""

from __future__ import annotations

import inspect
from typing import Any, Self


class Described:
    """Keeps the arguments of the constructor in `arguments`; `config` gives them as JSON values."""

    arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Remember the constructor's arguments, so that no class has to."""
        made = super().__new__(cls)
        bound = inspect.signature(cls.__init__).bind_partial(made, *args, **kwargs)
        bound.apply_defaults()
        made.arguments = dict(list(bound.arguments.items())[1:])
        return made

    def config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON values."""
        return {name: plain(value) for name, value in self.arguments.items()}


def plain(value: Any) -> Any:
    """`value` as JSON has it: a tuple as a list, what can say itself as a dict by its `to_dict`."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return [plain(part) for part in value] if isinstance(value, (tuple, list)) else value
