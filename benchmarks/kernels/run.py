"""Speed, memory and latency of the kernels beside ncps, torch and ONNX Runtime.

    python -m benchmarks kernels              all of it, some minutes; writes results, figures and docs/performance.md
    python -m benchmarks kernels --quick      a look at smaller sizes, into kernels.json
    python -m benchmarks kernels --only streaming memory
    python -m benchmarks kernels --page       figures and page again from the results that are kept

Nothing is timed before its numbers are right. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .. import machine
from . import compiled, contestants, figure, goals, latency, memory, page, parity, scaling, threads
from .shapes import FULL, QUICK, Settings, data
from .timing import interleaved

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "benchmarks" / "results" / "kernels.json"
Results = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="a look in half a minute: smaller sizes, few repeats")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--shapes", nargs="+", choices=list(FULL.shapes), help="only these, in the part `shapes`")
    parser.add_argument("--repeats", type=int, help=f"timed steps of a model, {FULL.repeats} by default")
    parser.add_argument("--compile", action="store_true", help="also torch.compile: takes minutes")
    parser.add_argument("--out", type=Path, help="results; the whole run's are kept in benchmarks/results by default")
    parser.add_argument(
        "--page", action="store_true", help="measure nothing, draw page and figures of the kept results"
    )


def run(options: argparse.Namespace) -> None:
    if options.page:
        publish(read(KEPT))
        return
    settings = QUICK if options.quick else FULL
    if options.shapes:
        kept = {key: settings.shapes[key] for key in options.shapes if key in settings.shapes}
        settings = dataclasses.replace(settings, shapes=kept)
    if options.repeats:
        settings = dataclasses.replace(settings, repeats=options.repeats)
    parts = options.only or [part for part in PARTS if part != "compile"]
    parts = [*parts, *(["compile"] if options.compile and "compile" not in parts else [])]
    whole = not (options.quick or options.only or options.shapes or options.repeats)
    out = options.out or (KEPT if whole else Path("kernels.json"))
    results = measure(settings, parts)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")
    print(report(results))
    print(f"\nwritten: {out}")
    if out.resolve() == KEPT:
        publish(read(KEPT))


def measure(settings: Settings, parts: list[str]) -> Results:
    """Everything that was asked for, and what it depends on."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    results: Results = {"machine": machine.describe(), "quick": settings.quick, "others": {"before": machine.others()}}
    if warning := page.busy(results["others"]["before"]):
        print(warning.strip("*"))
    for part in parts:
        results[part] = PARTS[part](settings)
    results["others"]["after"] = machine.others()
    if warning := page.busy(results["others"]["after"]):
        print(warning.strip("*"))
    whole: Results = rounded(results)
    return whole


def shapes(settings: Settings) -> Results:
    """shape -> sizes, parity and times of all contestants."""
    found: Results = {}
    for key, shape in settings.shapes.items():
        checked = parity.check(shape, key)
        torch.manual_seed(0)
        x, dt = data(shape)
        steps, missing = {}, {}
        for name in contestants.names(shape, key):
            try:
                steps[name] = contestants.step(name, contestants.build(name, shape), x, dt)
            except contestants.MissingError as why:
                missing[name] = {"missing": str(why)}
        times = interleaved(steps, settings.repeats, f"shape {key}")
        found[key] = {"sizes": list(shape), "parity": checked, "models": {**times, **missing}}
    return found


PARTS: dict[str, Callable[[Settings], Results]] = {
    "shapes": shapes,
    "threads": threads.measure,
    "memory": memory.measure,
    "scaling": scaling.measure,
    "streaming": latency.measure,
    "compile": compiled.measure,
}


def report(results: Results) -> str:
    """For the terminal: the page's tables without its prose would be too wide, so times and goals alone."""
    lines = []
    for key, shape in results.get("shapes", {}).items():
        lines.append(
            f"\n{key} {tuple(shape['sizes'])}{'':10}{'CPU ms':>10}{'wall ms':>10}{'x ncps':>8}{'x LSTM':>8}{'x RNN':>8}"
        )
        columns = "{0:36}{1:>10}{3:>10}{4:>8}{5:>8}{6:>8}"
        lines += [columns.format(*row) for row in page.speed_rows(shape)]
    lines.append(f"\n{'goals':60}{'goal':>8}{'measured':>14}")
    for one in goals.outcomes(results):
        said = {True: "reached", False: "not reached", None: ""}[one.reached]
        lines.append(f"{one.text:60}{one.goal:>8}{one.measured:>14}  {said}")
    return "\n".join(lines)


def publish(results: Results) -> None:
    """Figures and page of the documentation."""
    images = ROOT / "docs" / "images"
    figure.speed(results, images / "speed.png")
    figure.scaling(results, images / "scaling.png")
    (ROOT / "docs" / "performance.md").write_text(page.write(results))
    print(f"written: {images}/speed.png, scaling.png, docs/performance.md")


def read(path: Path) -> Results:
    results: Results = json.loads(path.read_text())
    return results


def rounded(value: Any) -> Any:
    """Four significant digits: the rest is noise."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    if isinstance(value, float) and value != 0 and math.isfinite(value):
        return round(value, 3 - math.floor(math.log10(abs(value))))
    return value
