"""Are explanations right? A truth that was planted, found or not; deletion and insertion curves on three tasks.

    python -m benchmarks explain [--cells ctrnn,ltc,...] [--first 0] [--seeds 100] [--faithful]

Planted: noise in three inputs, uneven gaps, the answer is input 2 as it was seven samples ago and nothing else. A network of 16 neurons
learns it; over eight new rows the largest attribution, among all samples, inputs and gaps, must be that of input 2 at lag 7.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import tauflow
from tauflow.explain import faithfulness, integrated_gradients
from tauflow.training import ArraySource

# cell -> steps, rate: as short as each learns it in
TRAINED = {
    "ctrnn": (1500, 0.01),
    "ltc": (1500, 0.05),
    "gated_ltc": (900, 0.02),
    "cfc": (400, 0.005),
    "gruode": (900, 0.02),
    "lstm": (600, 0.02),
}
LAG, INPUT, SAMPLES = 7, 2, 10
STARTS, LEARNED, BASELINES = 4, 0.9, 6


def planted_data(rows: int, made: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """x (rows, samples, 3), dt, and the target: input 2 as it was seven samples ago."""
    x = torch.randn(rows, SAMPLES, 3, generator=made)
    dt = torch.empty(rows, SAMPLES).uniform_(0.8, 1.2, generator=made)
    return x, dt, torch.tanh(x[:, -1 - LAG, INPUT])


def planted(cell: str, seed: int) -> tuple[tauflow.Network, float, int]:
    """A small network that has learned it, how well its answers correlate with the truth on new data, and how many starts it took.

    A start that does not learn the truth has nothing that could be found; the next is longer.
    """
    best: tuple[tauflow.Network, float] | None = None
    for start in range(STARTS):
        net, correlation = trained(cell, seed + 1000 * start, 1 + start)
        if best is None or correlation > best[1]:
            best = net, correlation
        if correlation >= LEARNED:
            break
    assert best is not None
    return *best, start + 1


def trained(cell: str, seed: int, longer: int) -> tuple[tauflow.Network, float]:
    """One start."""
    torch.manual_seed(seed)
    made = torch.Generator().manual_seed(seed)
    tau = None if cell in ("cfc", "gruode", "lstm") else (0.5, 10.0)
    net = tauflow.Network(3, 1, cell, 16, scale=None, tau=tau)
    steps, rate = TRAINED[cell]
    steps *= longer
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - step / steps)
        x, dt, y = planted_data(64, made)
        loss = (net(x, dt)[0][:, -1, 0] - y).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    x, dt, y = planted_data(256, made)
    with torch.no_grad():
        answers = net(x, dt)[0][:, -1, 0]
    return net, float(torch.corrcoef(torch.stack([answers, y]))[0, 1])


def found_in(net: tauflow.Network, seed: int, baseline: Tensor, rows: int = 8) -> bool:
    """Whether the largest attribution, over some rows, the gaps among them, is that of input 2 at lag 7.

    baseline: (inputs,), or rows of data (n, samples, inputs).
    """
    x, dt, _ = planted_data(rows, torch.Generator().manual_seed(1000 + seed))
    sizes = np.zeros((SAMPLES, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in range(rows):
            found = integrated_gradients(net, x[row], dt[row], baseline=baseline)
            sizes += np.abs(np.column_stack([found.attribution, found.gap]))
    sample, which = np.unravel_index(sizes.argmax(), sizes.shape)
    return int(sample) == SAMPLES - 1 - LAG and int(which) == INPUT


def measured(cell: str, seed: int) -> dict[str, Any]:
    """One seed of a cell, from the mean and from rows of data as baselines."""
    began = time.process_time()
    net, correlation, starts = planted(cell, seed)
    rows, _, _ = planted_data(BASELINES, torch.Generator().manual_seed(5000 + seed))
    from_mean = found_in(net, seed, torch.zeros(3))
    from_rows = found_in(net, seed, rows)
    return {
        "cell": cell, "seed": seed, "mean": from_mean, "rows": from_rows, "correlation": round(correlation, 4), "starts": starts,
        "seconds": round(time.process_time() - began, 2),
    }  # fmt: skip


Task = tuple[
    tauflow.Network, Tensor, Tensor, int
]  # a trained network, rows that it has not seen, their gaps, the output


def delay(seed: int) -> Task:
    """The planted delay, by a CfC."""
    net, _, _ = planted("cfc", seed)
    x, dt, _ = planted_data(20, torch.Generator().manual_seed(seed + 5000))
    net.scale = tauflow.network.Scale(3)
    net.scale.measure(x.flatten(0, 1))
    net.measured.fill_(True)
    return net, x, dt, 0


def rhythm(seed: int, units: int = 24) -> Task:
    """Which of three rhythms, from uneven noisy samples of two sensors: a GatedLTC that answers once a record."""
    torch.manual_seed(seed)
    dt = 0.05 + 0.2 * torch.rand(320, 60)
    kind = torch.randint(3, (320,))
    waves = torch.sin(dt.cumsum(1) * torch.tensor([1.5, 3.0, 6.0])[kind][:, None] + 6 * torch.rand(320, 1))
    x = torch.stack([waves, waves.cumsum(1) / 9], dim=2) + 0.3 * torch.randn(320, 60, 2)
    net = tauflow.Network(
        ["probe", "level"], 3, "gated_ltc", units, pool="several", head="classes", period="auto", tau="auto"
    )
    tauflow.fit(net, ArraySource(x[:300], kind[:300], dt[:300], batch_size=16), epochs=20, progress=False)
    return net, x[300:], dt[300:], int(kind[300:].bincount().argmax())


def traffic(seed: int) -> Task:
    """The next hour of traffic from 48 uneven ones and the weather, by a CTRNN."""
    table = tauflow.datasets.load("traffic")
    columns = table[["volume", "temp_K", "rain", "clouds"]].to_numpy(dtype=np.float32).copy()
    columns[:, 2] = np.log1p(np.clip(columns[:, 2], 0, 50))
    hours = table.iloc[:, 0].to_numpy().astype("datetime64[s]").astype(np.int64) / 3600
    gaps = np.diff(hours, prepend=hours[0] - 1).clip(0.01, 48).astype(np.float32)
    starts = np.arange(10_000, 40_000, 37)
    x = torch.tensor(np.stack([columns[s : s + 48] for s in starts]))
    dt = torch.tensor(np.stack([gaps[s : s + 48] for s in starts]))
    y = torch.tensor(np.stack([columns[s + 1 : s + 49, :1] for s in starts]))
    torch.manual_seed(seed)
    net = tauflow.Network(["volume", "temp", "rain", "clouds"], ["next volume"], "ctrnn", 24, tau=(1.0, 24.0))
    tauflow.fit(net, ArraySource(x[:-100], y[:-100], dt[:-100], batch_size=32), epochs=8, progress=False)
    return net, x[-20:], dt[-20:], 0


TASKS: dict[str, Callable[[int], Task]] = {"delay": delay, "rhythm": rhythm, "traffic": traffic}


def faithful(seeds: int) -> None:
    print(
        "| task | order | area under deletion (small is good) | area under insertion (large is good) |\n| --- | --- | --- | --- |"
    )
    for name, task in TASKS.items():
        areas: dict[str, list[tuple[float, float]]] = {}
        for seed in range(seeds):
            net, x, dt, output = task(seed)
            for row in range(len(x)):
                for order, pair in faithfulness(net, x[row], dt[row], output=output).areas().items():
                    areas.setdefault(order, []).append(pair)
        for order, pairs in areas.items():
            deletion, insertion = np.median(pairs, axis=0)
            print(f"| {name} | {order} | {deletion:.3f} | {insertion:.3f} |", flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cells", default=",".join(TRAINED), help="which (all six)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--seeds", type=int, default=100, help="how many (100; three for --faithful)")
    parser.add_argument("--faithful", action="store_true", help="the curves on three tasks instead")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    if options.faithful:
        faithful(min(options.seeds, 3))
        return
    for cell in options.cells.split(","):
        rows = [measured(cell, seed) for seed in range(options.first, options.first + options.seeds)]
        least, most = (f(row["correlation"] for row in rows) for f in (min, max))
        from_mean, from_rows = (sum(row[kind] for row in rows) for kind in ("mean", "rows"))
        print(
            f"{cell}: of {len(rows)} seeds found in {from_mean} from the mean, {from_rows} from rows of data; correlation of the answers "
            f"{least:.3f} to {most:.3f}; {sum(row['seconds'] for row in rows):.0f} CPU s",
            flush=True,
        )
