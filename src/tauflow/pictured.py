"""What can be looked at: a result draws itself by `plot()`, and a notebook shows it with its picture.

Pictures are drawn in `report/`, floors above the results. So that a result can be asked for its picture all the same, the room is
found by its name, when a picture is wanted and not before: numbers never load matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Pictured:
    """A result with a picture in `report/pictures`, found there by the name of its class."""

    def plot(self) -> Figure:
        """The picture, a matplotlib Figure: `result.plot().savefig("result.png")`."""
        return _pictures().figure(self)  # type: ignore[no-any-return]

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        return _pictures().html(self)  # type: ignore[no-any-return]


def _pictures() -> Any:
    return import_module(f"{__package__}.report.pictures")
