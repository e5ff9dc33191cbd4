"""docs/static-against-liquid.md from the rows alone, so that no figure on it can differ from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from .. import machine
from ..kernels.page import number, table
from ..paper import models as networks
from ..paper.table import spread
from . import adapt, rules, verdict
from .cuts import DISTURBANCES
from .job import Row
from .sets import LENGTH, SETS, UNITS, Set
from .verdict import NEVER, Model, Value

PAGE = machine.ROOT / "docs" / "static-against-liquid.md"
TITLES = {**networks.TITLES, **rules.TITLES}
SHORT = {
    **TITLES,
    "ltc": "LTC",
    "hybrid": "hybrid",
    "lstm+dt": "LSTM with dt",
    "gru_d": "GRU with decay",
    "ridge": "ridge",
    "season": "season",
    "random walk": "random walk",
}
HEAD = f"""# Static against liquid

`python -m benchmarks compare` trains and measures what stands here, keeps it in [benchmarks/results/versus](../benchmarks/results/versus)
and makes this page of it. Static means networks without a differential equation; the hybrid, a dense layer before a liquid core, counts
as liquid.

All models of a set are trained alike: windows of {LENGTH} rows, batches of 16, Adam, the learning rate falling along a cosine from one of
four, which is chosen on validation in a run of a quarter of the epochs from a seed that no row uses; gradients clipped at norm 1. Scores
are of the test after the last epoch: nothing at all was chosen by them. +- is the deviation over seeds. Networks have {UNITS} units unless
said otherwise, which gives them different numbers of parameters: the pictures of size show both.

- **us a step**: forward over one sequence of 256 steps, one thread, processor time over 256. Not streaming: see [streaming](streaming.md).
- **Robustness**: the trained network meets what it never saw. The area is the mean height of its curve, the score over all levels.
- **Lost, uneven, another rate**: rows are missing and dt is longer. Networks without dt (LSTM, GRU) can't know; those that get log(1 + dt)
  as an input saw only dt = 1 in training where the data are regular, and so do gates that are learned from it.
- **Shift**: from the middle of a window on; scored from there.
- **Learning on**: streams of up to {adapt.LONGEST} rows, at most four of a recording, that shift in the middle, read in chunks of
  {adapt.CHUNK}; each is predicted first and learned from afterwards, one step of Adam on the readout or on all weights; the step size
  is chosen on validation recordings.
- **Convergence**: epochs and seconds of processor time until validation is as good as half of the networks are at their end.

Training ran beside other work, in processor time of one thread: read seconds and microseconds as a rough guide."""


MARKS = {"leads": "+", "loses": "-", "no difference": "="}
COLUMNS = {
    "half_cheetah": "half-cheetah",
    "half_cheetah_uneven": "half-cheetah, learned unevenly",
    "traffic": "traffic",
    "gesture": "gesture",
    "rates": "exchange rates",
}
INTRO = f"""The best liquid model against the best other one, rules included, each picked by its test mean among several, so that a small
lead can be luck. In the table `+` says that liquid is better by more than the two deviations together, `-` that it is worse, `=` neither;
the best liquid model stands first; `GRU of 16` has 16 units, without a number it is {UNITS}. Learning on and shifts are in squared
errors, or per cent of wrong classes."""


def write(found: dict[str, list[Row]]) -> str:
    done = [(SETS[name], rows) for name, rows in found.items() if any(row.units for row in rows)]
    parts = [HEAD, short(done), *(section(of, rows) for of, rows in done)]
    machines = sorted({f"{row.machine}, commit {row.commit}" for _, rows in done for row in rows})
    return "\n\n".join([*parts, "## Where it was run", "\n".join(f"- {one}" for one in machines)]) + "\n"


def measures(of: Set) -> dict[str, tuple[Callable[[Row], float], bool]]:
    """What is measured of every model -> of a row, and whether more is better."""
    found: dict[str, tuple[Callable[[Row], float], bool]] = {"test score": (lambda row: row.test, of.metric.higher)}
    if of.shifted:
        for name, one in DISTURBANCES.items():
            found[f"area, {one.title.partition(',')[0].lower()}"] = (
                partial(verdict.area, disturbance=name),
                of.metric.higher,
            )
        for way in adapt.WAYS:
            what = {
                "frozen": "after a shift, frozen",
                "readout": "learning on, readout",
                "all": "learning on, all weights",
            }[way]
            found[what] = (partial(verdict.after_shift, way=way), False)
    return found


SMALL, FAST = 2_000, 2.0  # parameters, microseconds a step


def questions(of: Set, rows: list[Row]) -> Iterable[tuple[str, list[Model], Callable[[Row], float], bool]]:
    """(what is asked, whom, what of a row, whether more is better): every measure, and the score of what is small or fast."""
    for name, (what, higher) in measures(of).items():
        yield name, having(verdict.models(rows), what), what, higher
        if name == "test score" and of.sizes:
            every = verdict.models(rows, None)
            small = [one for one in every if one.parameters <= SMALL]
            fast = [one for one in every if one.of(cost)[0] <= FAST]
            yield f"test score, at most {SMALL:,} parameters", small, what, higher
            yield f"test score, at most {FAST:g} us a step", fast, what, higher


def called(one: Model) -> str:
    return SHORT[one.name] + (f" of {one.units}" if one.units not in (0, UNITS) else "")


def having(found: Iterable[Model], what: Callable[[Row], float]) -> list[Model]:
    """The models that were measured so."""
    kept = []
    for one in found:
        try:
            one.of(what)
        except KeyError:
            continue
        kept.append(one)
    return kept


def short(done: Sequence[tuple[Set, list[Row]]]) -> str:
    """Where liquid loses; then all of it as a table, a column a set."""
    lost, cells = list[str](), dict[str, dict[str, str]]()
    for of, rows in done:
        for name, whom, what, higher in questions(of, rows):
            found = verdict.lead(whom, what, higher)
            if found is None:
                continue
            ours, theirs = (f"{called(model)} {value(score)}" for model, score in (found.liquid, found.other))
            if found.word == "loses":
                lost.append(f"- {of.title}; {name}: {theirs}, the best liquid {ours}.")
            cells.setdefault(name, {})[of.name] = f"{MARKS[found.word]}: {ours}; {theirs}"
    said = (
        "**Liquid loses:**\n\n" + "\n".join(lost)
        if lost
        else "Liquid loses nowhere beyond the two deviations together."
    )
    lines = [[name, *(of.get(one.name, "") for one, _ in done)] for name, of in cells.items()]
    return "\n\n".join(["## In short", INTRO, said, table(("", *(COLUMNS[of.name] for of, _ in done)), lines)])


def section(of: Set, rows: list[Row]) -> str:
    found = verdict.models(rows)
    parts = [f"## {of.title}", of.about, scores(of, found)]
    if of.sizes:
        parts += [picture(of, "size", "Score against parameters and against microseconds a step"), sizes(of, rows)]
    parts += ["### Convergence", convergence(of, found)]
    if of.shifted:
        parts += [picture(of, "convergence", "Validation score against epochs and against seconds")]
        parts += ["### Robustness", f"The shift of size 1: {of.shifted}.", robustness(of, found)]
        parts += [picture(of, "robustness", "Score against the strength of each disturbance")]
        parts += ["### Learning on after a shift", adaptation(of, found)]
        parts += [picture(of, "adaptation", "Error along a stream that shifts in the middle")]
    ended = [f"{TITLES[row.model]}, {row.units} units, seed {row.seed}: {row.ended}" for row in rows if row.ended]
    return "\n\n".join(parts + (["Runs that ended early: " + "; ".join(ended) + "."] if ended else []))


def picture(of: Set, what: str, text: str) -> str:
    return f"![{text}](images/versus-{of.name}-{what}.png)"


def value(one: Value) -> str:
    return spread(one[0], one[1] or None)


def ranked(found: Iterable[Model], what: Callable[[Row], float], higher: bool) -> list[Model]:
    return sorted(found, key=lambda one: one.of(what)[0] * (-1 if higher else 1))


def scores(of: Set, found: list[Model]) -> str:
    unit = f", {of.metric.unit}" if of.metric.unit else ""
    header = ("", "kind", f"{of.metric.name}{unit}", "parameters", "seeds", "us a step", "training, s", "lr")
    lines = []
    for one in ranked(found, lambda row: row.test, of.metric.higher):
        line = [TITLES[one.name], one.kind, value(one.of(lambda row: row.test)), f"{one.parameters:,}"]
        lines.append([*line, *(effort(one) if one.units else [""] * 4)])
    return table(header, lines)


def effort(one: Model) -> list[str]:
    """Seeds, microseconds a step, seconds of training, learning rate."""
    return [str(len(one.rows)), number(one.of(cost)[0]), number(one.of(trained)[0]), f"{one.rows[0].lr:g}"]


def cost(row: Row) -> float:
    return row.us_per_step or 0.0


def trained(row: Row) -> float:
    return sum(row.curve["seconds"])


def sizes(of: Set, rows: list[Row]) -> str:
    """Score by size; in brackets parameters and microseconds a step."""
    found = {(one.name, one.units): one for one in verdict.models(rows, None) if one.name in of.sizes}
    units = sorted({size for _, size in found})
    lines = []
    for name in of.sizes:
        cells = [found.get((name, size)) for size in units]
        if any(cells):
            lines.append([TITLES[name], *(sized(one) if one else "" for one in cells)])
    return table(("units", *map(str, units)), lines) + "\n\nIn brackets parameters, and microseconds a step."


def sized(one: Model) -> str:
    return f"{value(one.of(lambda row: row.test))} ({one.parameters:,}; {number(one.of(cost)[0])})"


def convergence(of: Set, found: list[Model]) -> str:
    networks = [one for one in found if one.units]
    level = verdict.bar(networks, of.metric.higher)
    lines = []
    for one in networks:
        pairs = [verdict.reached(row, level, of.metric.higher) for row in one.rows]
        epochs, seconds = (sorted(side)[len(side) // 2] for side in zip(*pairs, strict=True))
        missed = sum(pair[0] == NEVER for pair in pairs)
        cells = ["never", "never"] if epochs == NEVER else [f"{epochs:g}", number(seconds)]
        lines.append((seconds, [TITLES[one.name], one.kind, *cells, f"{missed} of {len(pairs)}" if missed else ""]))
    told = f"Until validation reaches {spread(level, None)}: the median over seeds."
    header = ("", "kind", "epochs", "seconds", "seeds that never do")
    return f"{told}\n\n" + table(header, [line for _, line in sorted(lines, key=lambda pair: pair[0])])


def robustness(of: Set, found: list[Model]) -> str:
    """The areas; the first column is the score without any disturbance."""
    kept = [one for one in found if one.rows[0].robust]
    header = ("area", "kind", "undisturbed", *(one.title.split(",")[0].lower() for one in DISTURBANCES.values()))
    lines = [
        [TITLES[one.name], one.kind, value(one.of(lambda row: row.test))]
        + [value(one.of(partial(verdict.area, disturbance=name))) for name in DISTURBANCES]
        for one in ranked(kept, lambda row: row.test, of.metric.higher)
    ]
    return table(header, lines)


def adaptation(of: Set, found: list[Model]) -> str:
    """Errors after the shift; before it, weights frozen, for comparison."""
    kept = [one for one in found if one.rows[0].adapt]
    unit = "per cent wrong" if of.metric.higher else "squared error"
    header = (f"{unit}, mean after the shift", "kind", "before", "frozen", "readout learns", "all weights learn")
    lines = []
    for one in ranked(kept, lambda row: verdict.after_shift(row, "frozen"), False):
        before = value(
            one.of(lambda row: float(sum(c := row.adapt["frozen"][: len(row.adapt["frozen"]) // 2]) / len(c)))
        )
        ways = [
            value(one.of(partial(verdict.after_shift, way=way))) if way in one.rows[0].adapt else ""
            for way in adapt.WAYS
        ]
        lines.append([TITLES[one.name], one.kind, before, *ways])
    return table(header, lines)
