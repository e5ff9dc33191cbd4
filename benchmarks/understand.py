"""Is what `analysis` and `explain` say right, tight and fast? Every proof that the page on understanding quotes, measured and kept.

    python -m benchmarks understand [--parts planted,sums,curves,exponents,bounds,speed] [--seconds 600] [--results FILE]

What is in the results already is not measured again, so a run may be stopped and go on; the tables are of all that is there.

    planted     the truth of `benchmarks explain`, found or not: 100 seeds a cell, from the mean and from rows of data as baselines
    sums        what integrated gradients miss of the change that they share out
    curves      areas under deletion and insertion on three tasks, three seeds each
    exponents   Lyapunov spectra against closed forms, two trajectories, log |det|
    bounds      rates of contraction that are proved, and the worst Jacobian that was found
    speed       CPU seconds of one thread
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import tauflow
from tauflow.analysis import Motion, spectrum, worst_found
from tauflow.estimators.explaining.understanding import understand
from tauflow.explain import faithfulness, integrated_gradients, prune
from tauflow.files import write_bytes_atomically
from tauflow.report.understanding import understanding_page

from .explain import TASKS, TRAINED, measured, planted, planted_data, rhythm

KEPT = Path(__file__).parent / "results" / "understand.json"
SEEDS, CURVES = 100, 3

Row = dict[str, Any]
Work = Iterator[tuple[str, Callable[[], Row]]]  # (what it is called, how it is measured)


def planted_work() -> Work:
    for seed in range(SEEDS):
        for cell in TRAINED:
            yield f"{cell} {seed}", partial(measured, cell, seed)


def curves_work() -> Work:
    for seed in range(CURVES):
        for name in TASKS:
            yield f"{name} {seed}", partial(_curves, name, seed)


def _curves(name: str, seed: int) -> Row:
    net, x, dt, output = TASKS[name](seed)
    areas: dict[str, list[tuple[float, float]]] = {}
    for row in range(len(x)):
        for order, pair in faithfulness(net, x[row], dt[row], output=output).areas().items():
            areas.setdefault(order, []).append(pair)
    return {
        "task": name,
        "seed": seed,
        "areas": {order: np.median(pairs, axis=0).tolist() for order, pairs in areas.items()},
    }


def sums_work() -> Work:
    for cell in TRAINED:
        yield cell, partial(_sums, cell)


def _sums(cell: str, rows: int = 50) -> Row:
    """Of a trained network: how far attributions are from the change that they add up to, and how many rows took 16 nodes."""
    net, _, _ = planted(cell, 0)
    x, dt, _ = planted_data(rows, torch.Generator().manual_seed(7))
    found = [integrated_gradients(net, x[row], dt[row], baseline=torch.zeros(3)) for row in range(rows)]
    worst = max(abs(one.error / one.change) for one in found)
    return {"error": float(f"{worst:.2g}"), "at_once": sum(one.nodes == 16 for one in found), "rows": rows}


def drive(samples: int, inputs: int) -> tuple[Tensor, Tensor]:
    """Noise and very uneven gaps."""
    made = torch.Generator().manual_seed(0)
    x = torch.randn(samples, inputs, generator=made, dtype=torch.float64)
    return x, torch.empty(samples, dtype=torch.float64).exponential_(generator=made) + 0.05


def exponents_work() -> Work:
    yield "a linear leak, -1/tau", _leak
    for gain in (1.2, 1.6, 2.0):
        yield f"driven tanh, gain {gain}, against two trajectories", partial(_tanh, gain)
    yield "the sum of all against log abs(det J)", _log_det


def _leak() -> Row:
    torch.manual_seed(0)
    cell: Any = tauflow.cells.build("ctrnn", 2, 6, activation="identity", tau=(1.0, 10.0)).double()
    torch.nn.init.zeros_(cell.W)
    x, dt = drive(1500, 2)
    found = spectrum(cell, x, dt, warm_up=30)
    true = -1 / np.sort(cell.tau.detach().numpy())[::-1]
    return {"off": float(np.abs(found.exponents / true - 1).max()), "kind": "relative"}


def _tanh(gain: float) -> Row:
    torch.manual_seed(3)
    cell: Any = tauflow.cells.build("ctrnn", 2, 32, tau=(1.0, 5.0)).double()
    with torch.no_grad():
        cell.W.normal_().mul_(gain / 32**0.5 / cell.tau)
    x, dt = drive(2500, 2)
    found = spectrum(cell, x, dt, count=2, warm_up=60)
    return {
        "off": abs(float(found.exponents[0]) - two_trajectories(Motion(cell), x, dt, found.warm_up)),
        "kind": "absolute",
    }


def two_trajectories(motion: Motion, x: Tensor, dt: Tensor, warm_up: float) -> float:
    """The largest exponent by Benettin's first method: a neighbour, pulled back to 1e-7 at every step."""
    row = motion.read(x, dt)
    h = motion.initial_state()
    apart = torch.randn(len(h), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    apart *= 1e-7 / apart.norm()
    growth, passed = 0.0, 0.0
    for u, t, gap in zip(row.u, row.dt, row.gaps, strict=True):
        both = motion.step(u.expand(2, -1), t.expand(2), torch.stack([h, h + apart]))
        passed += float(gap)
        apart, h = both[1] - both[0], both[0]
        if passed > warm_up + 1e-9:
            growth += float(torch.log(apart.norm() / 1e-7))
        apart *= 1e-7 / apart.norm()
    return growth / (passed - warm_up)


def _log_det() -> Row:
    torch.manual_seed(0)
    x, dt = drive(1500, 3)
    worst = 0.0
    for cell in ("ctrnn", "ltc", "gated_ltc", "cfc", "gruode", "lstm"):
        found = spectrum(tauflow.Network(3, 1, cell, 8), x.float(), 0.3 * dt)
        worst = max(worst, abs(float(found.exponents.sum()) / found.log_det - 1))
    return {"off": worst, "kind": "relative, six cells"}


def bounds_work() -> Work:
    for name in ("ctrnn", "gated_ltc", "ltc", "gruode"):
        for gain in (0.5, 1.0, 3.0):
            yield f"{name}, gain {gain:g}", partial(_bound, name, gain)


def _bound(name: str, gain: float) -> Row:
    torch.manual_seed(0)
    cell: Any = tauflow.cells.build(name, 2, 32).double()
    with torch.no_grad():
        if name == "ltc":
            cell.sigma.mul_(gain)
        else:
            cell.W.mul_(gain)
    proved, found = worst_found(cell)
    return {"proved": proved, "found": found}


def speed_work() -> Work:
    for name in ("gated_ltc", "ltc", "ctrnn"):
        yield f"spectrum, {name}, 64 units, 10,000 samples", partial(_spectrum_speed, name, 64, 10_000)
    yield "spectrum, gated_ltc, 24 units, 800 samples", partial(_spectrum_speed, "gated_ltc", 24, 800)
    yield "record, gated_ltc, 24 units, 800 samples", _record_speed
    yield "integrated gradients, gated_ltc, 32 units, 1,000 samples", _gradients_speed
    for name in ("gated_ltc", "ltc"):
        yield f"page, {name}, 32 units, 1,000 samples", partial(_page_speed, name)
    yield "streaming, pruned", _pruned_speed


def _timed(function: Callable[[], Any], repeats: int = 3) -> Row:
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        seconds.append(time.process_time() - began)
    return {"seconds": round(min(seconds), 4)}


def _measured_network(name: str, units: int, samples: int) -> tuple[tauflow.Network, Tensor, Tensor]:
    torch.manual_seed(0)
    x, dt = drive(samples, 3)
    net = tauflow.Network(["flow", "heat", "load"], ["level"], name, units, period=1.0)
    net.scale.measure(x.float())
    net.measured.fill_(True)
    return net, x.float(), dt.float()


def _spectrum_speed(name: str, units: int, samples: int) -> Row:
    net, x, dt = _measured_network(name, units, samples)
    return _timed(lambda: spectrum(net, x, dt), 1)


def _record_speed() -> Row:
    net, x, dt = _measured_network("gated_ltc", 24, 800)
    return _timed(lambda: net.trace(x[None], dt[None]))


def _gradients_speed() -> Row:
    net, x, dt = _measured_network("gated_ltc", 32, 1000)
    return _timed(lambda: integrated_gradients(net, x, dt))


def _page_speed(name: str) -> Row:
    """All numbers of the page and the page itself, from a table in memory."""
    import pandas as pd

    net, x, dt = _measured_network(name, 32, 1000)
    table = pd.DataFrame(x.numpy(), columns=list(net.input_names))
    table.insert(0, "t", dt.double().cumsum(dim=0).numpy())
    return _timed(lambda: understanding_page(understand(net, table, {"time": "t", "time_unit": "number"})))


def _pruned_speed() -> Row:
    """A trained network before and after: loss, neurons, microseconds a sample."""
    net, x, dt, _ = rhythm(0, 64)
    with torch.no_grad():
        answers = net(x, dt)[0].argmax(dim=1)
    less = prune(net, x, answers, dt, worse=1.0)
    found: Row = {
        "neurons": [less.of, len(less.kept)],
        "loss": [less.before, less.after],
        "parameters": list(less.parameters),
    }
    rows, gaps = x[0].numpy(), dt[0].tolist()
    micro: dict[str, list[float]] = {"before": [], "after": []}
    for _ in range(7):  # A B A B: the machine's mood is shared
        for name, one in (("before", net), ("after", less.network)):
            stream = one.stream()
            began = time.process_time()
            for _ in range(40):
                for row, gap in zip(rows, gaps, strict=True):
                    stream(row, gap)
            micro[name].append((time.process_time() - began) / 40 / len(rows) * 1e6)
    return found | {"microseconds": [round(min(micro["before"]), 3), round(min(micro["after"]), 3)]}


WORK: dict[str, Callable[[], Work]] = {
    "speed": speed_work,
    "exponents": exponents_work,
    "bounds": bounds_work,
    "curves": curves_work,
    "sums": sums_work,
    "planted": planted_work,
}


def tables(kept: dict[str, dict[str, Row]]) -> str:
    """All that was measured, as Markdown."""
    said = {
        "planted": _planted,
        "sums": _sum_table,
        "curves": _curve_table,
        "exponents": _exponents,
        "bounds": _bounds,
        "speed": _speed,
    }
    return "\n\n".join(said[part](kept[part]) for part in said if kept.get(part))


def _planted(rows: dict[str, Row]) -> str:
    lines = [
        "| cell | seeds | found from the mean | found from rows of data | answers' correlation with the truth |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for cell in TRAINED:
        of = [row for row in rows.values() if row["cell"] == cell]
        if of:
            least, most = (f(row["correlation"] for row in of) for f in (min, max))
            from_mean, from_rows = (sum(row[kind] for row in of) for kind in ("mean", "rows"))
            lines.append(f"| {cell} | {len(of)} | {from_mean} | {from_rows} | {least:.3f} to {most:.3f} |")
    return "\n".join(lines)


def _sum_table(rows: dict[str, Row]) -> str:
    lines = ["| cell | rows | right with 16 nodes | the largest error, of the change |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {cell} | {row['rows']} | {row['at_once']} | {row['error']:.1e} |" for cell, row in rows.items()]
    return "\n".join(lines)


def _curve_table(rows: dict[str, Row]) -> str:
    lines = [
        "| task | order | area under deletion (small is good) | area under insertion (large is good) |",
        "| --- | --- | ---: | ---: |",
    ]
    for task in TASKS:
        of = [row["areas"] for row in rows.values() if row["task"] == task]
        for order in of[0] if of else ():
            mean = np.mean([areas[order] for areas in of], axis=0)
            spread = np.std([areas[order] for areas in of], axis=0, ddof=1) if len(of) > 1 else np.zeros(2)
            lines.append(f"| {task} | {order} | {mean[0]:.3f} +- {spread[0]:.3f} | {mean[1]:.3f} +- {spread[1]:.3f} |")
    return "\n".join(lines)


def _exponents(rows: dict[str, Row]) -> str:
    lines = ["| held to | off by | |", "| --- | ---: | --- |"]
    return "\n".join([*lines, *(f"| {name} | {row['off']:.1e} | {row['kind']} |" for name, row in rows.items())])


def _bounds(rows: dict[str, Row]) -> str:
    lines = ["| cell, gain | proved | found |", "| --- | ---: | ---: |"]
    return "\n".join(
        [*lines, *(f"| {name} | {row['proved']:.4g} | {row['found']:.4g} |" for name, row in rows.items())]
    )


def _speed(rows: dict[str, Row]) -> str:
    lines = ["| what | CPU s, one thread |", "| --- | ---: |"]
    lines += [f"| {name} | {row['seconds']:.3g} |" for name, row in rows.items() if "seconds" in row]
    for row in (row for row in rows.values() if "microseconds" in row):
        (old, new), (was, is_) = row["neurons"], row["microseconds"]
        before, after = row["loss"]
        lines.append(
            f"\nPruned: {old} neurons to {new}, loss {before:.3g} to {after:.3g}, {was} to {is_} us a sample in a stream."
        )
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", default=",".join(WORK), help="which (all six)")
    parser.add_argument(
        "--seconds", type=float, default=600, help="stop measuring after so long (600); 0 prints what is kept"
    )
    parser.add_argument("--results", type=Path, default=KEPT, help="the file that is kept")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    kept: dict[str, dict[str, Row]] = json.loads(options.results.read_text()) if options.results.exists() else {}
    until = time.monotonic() + options.seconds
    for part in options.parts.split(","):
        for name, measure in WORK[part]():
            if name in kept.setdefault(part, {}):
                continue
            if time.monotonic() >= until:
                break
            kept[part][name] = measure()
            write_bytes_atomically(options.results, (json.dumps(kept, indent=0) + "\n").encode())
    print(tables(kept))
