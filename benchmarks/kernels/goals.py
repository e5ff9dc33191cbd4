"""What the kernels are meant to reach, and whether a run's results reach it.

A speed is a ratio of CPU times of one training step on one thread; a memory a ratio of peaks of a fresh process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Results = dict[str, Any]


class Goal(NamedTuple):
    text: str
    goal: float
    unit: str  # "x": at least so many times; "us": at most so many microseconds
    measured: Callable[[Results], float]  # KeyError where a run did not measure it


class Outcome(NamedTuple):
    text: str
    goal: str
    measured: str
    reached: bool | None


def faster(shape: str, ours: str, than: str) -> Callable[[Results], float]:
    def ratio(results: Results) -> float:
        models = results["shapes"][shape]["models"]
        return float(models[than]["cpu_ms"] / models[ours]["cpu_ms"])

    return ratio


def smaller(shape: str, ours: str, than: str) -> Callable[[Results], float]:
    def ratio(results: Results) -> float:
        models = results["memory"][shape]
        return float(models[than]["process_mib"] / models[ours]["process_mib"])

    return ratio


def latency(stream: str) -> Callable[[Results], float]:
    return lambda results: float(results["streaming"]["streams"][stream]["p50_us"])


def on_two(shape: str, name: str, what: str, setting: str) -> Callable[[Results], float]:
    def ratio(results: Results) -> float:
        times = results["threads"][shape][name][what]
        return float(times["one"] / times[setting])

    return ratio


GOALS = (
    Goal("LTC A, drop-in against ncps", 25, "x", faster("A", "drop-in.ltc", "ncps.ltc")),
    Goal("LTC B, drop-in against ncps", 22, "x", faster("B", "drop-in.ltc", "ncps.ltc")),
    Goal("LTC A, exponential midpoint against ncps", 60, "x", faster("A", "kernel.ltc", "ncps.ltc")),
    Goal("LTC B, exponential midpoint against ncps", 50, "x", faster("B", "kernel.ltc", "ncps.ltc")),
    Goal("LTC C, wired, drop-in against ncps", 400, "x", faster("C", "drop-in.ltc", "ncps.ltc")),
    Goal("LTC C, wired, exponential midpoint against ncps", 400, "x", faster("C", "kernel.ltc", "ncps.ltc")),
    Goal("LTC C, wired, drop-in against nn.LSTM", 3, "x", faster("C", "drop-in.ltc", "torch.lstm")),
    Goal("LTC C, wired, exponential midpoint against nn.LSTM", 3, "x", faster("C", "kernel.ltc", "torch.lstm")),
    Goal("CfC A, drop-in against ncps", 10, "x", faster("A", "drop-in.cfc", "ncps.cfc")),
    Goal("CfC B, drop-in against ncps", 4.5, "x", faster("B", "drop-in.cfc", "ncps.cfc")),
    Goal("CfC H128, drop-in against ncps", 6, "x", faster("H128", "drop-in.cfc", "ncps.cfc")),
    Goal("wired CfC C, drop-in against ncps", 50, "x", faster("C", "drop-in.wired_cfc", "ncps.wired_cfc")),
    Goal("wired CfC C against nn.LSTM", 1, "x", faster("C", "kernel.wired_cfc", "torch.lstm")),
    Goal("CTRNN A against nn.RNN", 6, "x", faster("A", "kernel.ctrnn", "torch.rnn")),
    Goal("GatedLTC A against nn.RNN", 6, "x", faster("A", "kernel.gated_ltc", "torch.rnn")),
    Goal("GatedLTC A against nn.LSTM", 1, "x", faster("A", "kernel.gated_ltc", "torch.lstm")),
    *(
        Goal(f"memory of an LTC step {shape}, {against}", goal, "x", smaller(shape, "drop-in.ltc", than))
        for than, against, goal in (("ncps.ltc", "drop-in under ncps", 200), ("torch.lstm", "drop-in under nn.LSTM", 1))
        for shape in "ABC"
    ),
    Goal("streaming LTC 32, p50", 2.0, "us", latency("kernel LTC 32")),
    Goal("streaming LTC NCP 19, p50", 0.6, "us", latency("kernel LTC NCP 19")),
    Goal("streaming CfC 32, p50", 1.2, "us", latency("kernel CfC 32")),
    *(
        Goal(f"two threads {shape}, {name}, {text}", 1.8, "x", on_two(shape, f"kernel.{name}", what, setting))
        for name in ("ltc", "cfc", "gated_ltc")
        for shape in "AB"
        for text, what, setting in (
            ("step", "step", "two"),
            ("step, passive waiting", "step", "two_passive"),
        )
    ),
)


def outcomes(results: Results) -> list[Outcome]:
    """Every goal against the results of a run."""
    return [outcome(goal, results) for goal in GOALS]


def outcome(goal: Goal, results: Results) -> Outcome:
    wanted = f"{goal.goal:g}x" if goal.unit == "x" else f"{goal.goal:g} µs"
    try:
        measured = goal.measured(results)
    except KeyError:  # that part did not run, or what it needs is not installed
        return Outcome(goal.text, wanted, "not measured", None)
    reached = measured >= goal.goal if goal.unit == "x" else measured <= goal.goal
    shown = f"{measured:.3g}x" if goal.unit == "x" else f"{measured:.2f} µs"
    return Outcome(goal.text, wanted, shown, reached)
