"""A network in words: the names of its columns, a line a part."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from torch import nn

from .learning import count
from .parts.part import NetworkError, Part, check_count

if TYPE_CHECKING:
    from .network import Network


def names(what: str, given: int | Sequence[str]) -> tuple[list[str], int]:
    """The names of inputs or outputs and their number; x0, x1, ... or y0, y1, ... where only the number is given."""
    if isinstance(given, str):
        raise NetworkError(f"{what} is {given!r}, expected a number or a list of names: [{given!r}]")
    if isinstance(given, Sequence):
        named = [str(name) for name in given]
        if not named or len(set(named)) < len(named):
            raise NetworkError(f"{what} is {named}, expected different names, at least one")
        return named, len(named)
    number = check_count(what, given)
    return [f"{'x' if what == 'inputs' else 'y'}{i}" for i in range(number)], number


def rows(network: Network) -> list[tuple[str, str, str, str]]:
    """(place, what stands there, how wide it is behind it, parameters) of every part."""
    found = [
        (place, called(part), f"{part.outputs:,}" if hasattr(part, "outputs") else "", f"{count(part):,}")
        for place, part in network.parts().items()
    ]
    return [*found, ("in all", "", "", f"{count(network):,}")]


def text(network: Network) -> str:
    """As a table."""
    table = [("part", "what", "width", "parameters"), *rows(network)]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = [
        f"{place:<{widths[0]}}  {what:<{widths[1]}}  {width:>{widths[2]}}  {parameters:>{widths[3]}}"
        for place, what, width, parameters in table
    ]
    return "\n".join([*lines, remark(network)])


def html(network: Network) -> str:
    """As a notebook shows it."""
    cells = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:{side}'>{escape(value)}</td>" for value, side in zip(row, SIDES, strict=True))
        + "</tr>"
        for row in rows(network)
    )
    head = "".join(f"<th style='text-align:{side}'>{name}</th>" for name, side in zip(HEAD, SIDES, strict=True))
    return f"<table><tr>{head}</tr>{cells}</table><p>{escape(remark(network))}</p>"


HEAD, SIDES = ("part", "what", "width", "parameters"), ("left", "left", "right", "right")


def remark(network: Network) -> str:
    """What no row says."""
    measured = "measured" if bool(network.measured) else "not measured yet (fit does it, or network.measure(batch))"
    return f"period {float(network.period):g}; state of {network.state_size} numbers; scales {measured}"


def called(part: nn.Module) -> str:
    """What to call a part."""
    if isinstance(part, Part):
        return part.name
    cells = [str(cell.name) for cell in part.modules() if getattr(cell, "name", "")]
    return f"{type(part).__name__} of {', '.join(cells)}" if cells else type(part).__name__
