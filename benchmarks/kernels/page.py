"""docs/performance.md from the results, so that no figure on it can differ from what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .contestants import twin
from .goals import outcomes
from .work import rate

Results = dict[str, Any]
KINDS = {
    "kernel": "tauflow",
    "reference": "reference",
    "drop-in": "drop-in for ncps",
    "ncps": "ncps",
    "torch": "torch",
}
MODELS = {
    "ctrnn": "CTRNN",
    "gated_ltc": "GatedLTC",
    "gruode": "GRUODE",
    "cfc": "CfC",
    "wired_cfc": "wired CfC",
    "ltc": "LTC",
    "ltc6": "LTC, six unfolds",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
}

MADE = (
    "`python -m benchmarks kernels` made this page and its figures; the numbers are in "
    "[kernels.json](../benchmarks/results/kernels.json). What it compares with comes with `pip install '.[bench]'`."
)
STEP = """Forward, the sum of the outputs, backward to all parameters, no optimiser; one thread. The drop-in is `tauflow.compat.ncps` with
the weights of the ncps model, as a script has it after changing its import. In brackets the least and the greatest CPU time; `x` is how
many times faster, in CPU time. `work` is what a step computes a second: forward evaluations of a synapse, a sigmoid each, for LTC; for
the others multiplications and additions of the matrix products, forward and backward."""


def write(results: Results) -> str:
    """The whole page, of the parts that the results hold."""
    parts = {
        "shapes": speed,
        "memory": memory,
        "streaming": streaming,
        "threads": threads,
        "scaling": scaling,
        "compile": compiled,
    }
    sections = [head(results), goals(results)]
    sections += [part(results) for name, part in parts.items() if name in results]
    return "\n\n".join([*sections, HOW]) + "\n"


def label(name: str) -> str:
    kind, _, model = name.partition(".")
    what = MODELS[model]
    if name in ("kernel.ltc", "reference.ltc"):
        what = "LTC, exponential midpoint"
    return f"{what}, {KINDS[kind]}" if kind != "torch" else f"nn.{what}"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three digits, all of those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times(value: float) -> str:
    return f"{number(value)}x"


def head(results: Results) -> str:
    machine, before, after = results["machine"], results["others"]["before"], results["others"]["after"]
    versions = ", ".join(f"{name} {found or 'missing'}" for name, found in machine["versions"].items())
    commit = f"{machine['commit']}{' with changes' if machine['changed'] else ''}"
    size = f"{machine['processors']} processors, {machine['memory_gib']} GiB"
    where = f"{machine['processor']}, {size}, {machine['system']}; kernels for {machine['isa']}"
    alone = busy(before, after) or "No other process used a processor before or after."
    return "\n\n".join(
        [
            "# Performance",
            MADE,
            f"{machine['date']}, commit {commit}. {where}. Python {machine['python']}, {versions}.",
            f"Load average {before['load']:.2f} before, {after['load']:.2f} after. {alone}",
            *(["**A quick look: smaller sizes and few repeats. Not for comparison.**"] if results["quick"] else []),
        ]
    )


def busy(*found: dict[str, Any]) -> str:
    names = sorted({one["name"] for at in found for one in at["busy"]})
    return f"**Other processes were running: {', '.join(names)}; times may be too high.**" if names else ""


def goals(results: Results) -> str:
    said = {True: "reached", False: "**not reached**", None: "–"}
    rows = ([f"{one.text}", one.goal, one.measured, said[one.reached]] for one in outcomes(results))
    return "## Goals\n\n" + table(("", "goal", "measured", ""), rows)


def speed(results: Results) -> str:
    sections = [f"## A training step\n\n![CPU time of a training step](images/speed.png)\n\n{STEP}"]
    for key, shape in results["shapes"].items():
        batch, steps, inputs, units, outputs = shape["sizes"]
        what = f"AutoNCP({units}, {outputs})" if outputs else f"{units} units"
        title = f"### {key}: batch {batch}, {steps} steps, {inputs} inputs, {what}"
        header = ("", "CPU ms", "", "wall ms", "x ncps", "x nn.LSTM", "x nn.RNN", "work")
        sections.append(f"{title}\n\n" + table(header, speed_rows(shape)))
    return "\n\n".join(sections)


def speed_rows(shape: dict[str, Any]) -> Iterable[list[str]]:
    """The fastest first; what is missing last."""
    models = shape["models"]
    measured = sorted((name for name in models if "cpu_ms" in models[name]), key=lambda name: models[name]["cpu_ms"])
    for name in measured:
        one = models[name]
        spread = f"({number(one['least_cpu_ms'])}–{number(one['greatest_cpu_ms'])})"
        than = [twin(name), "torch.lstm", "torch.rnn"]
        ratios = [
            times(models[other]["cpu_ms"] / one["cpu_ms"]) if other in measured and other != name else ""
            for other in than
        ]
        yield [label(name), number(one["cpu_ms"]), spread, number(one["wall_ms"]), *ratios, rate(name, shape)]
    for name, one in models.items():
        if name not in measured:
            yield [label(name), one["missing"], "", "", "", "", "", ""]


def memory(results: Results) -> str:
    keys = list(results["memory"])
    names = list(dict.fromkeys(name for key in keys for name in results["memory"][key]))
    header = ["", *(column for key in keys for column in (f"{key}, MiB", f"{key}, torch's part"))]
    rows = []
    for name in names:
        row = [label(name)]
        for key in keys:
            one = results["memory"][key].get(name, {})
            row += [number(one[k]) if k in one else one.get("missing", "") for k in ("process_mib", "torch_mib")]
        rows.append(row)
    said = (
        "What a training step holds at its peak beyond parameters and inputs, in a fresh process: the peak of its resident memory "
        "(VmHWM, reset before the step) less what it held before. That counts everybody's memory alike, the kernels' work memory "
        "too, which torch's profiler does not see; its figure, from a second step, stands beside it."
    )
    return f"## Memory\n\n{said}\n\n" + table(header, rows)


def streaming(results: Results) -> str:
    found = results["streaming"]
    rows = [
        [name, f"{one['p50_us']:.2f}", f"{one['p99_us']:.2f}", f"{one['calls']:,}"]
        if "p50_us" in one
        else [name, one["missing"], "", ""]
        for name, one in found["streams"].items()
    ]
    said = (
        "One sample in, one out: microseconds of a Python call, batch 1, 8 inputs, state carried along, one thread; what the "
        f"clock itself takes ({found['clock_us'] * 1e3:.0f} ns) is taken off."
    )
    return f"## Streaming\n\n{said}\n\n" + table(("", "p50 µs", "p99 µs", "calls"), rows)


def threads(results: Results) -> str:
    if "missing" in results["threads"]:
        return f"## Two threads\n\n{results['threads']['missing']}."
    said = (
        "How many times faster in wall time than one thread; each setting in fresh processes. `two processes`: twice the work of "
        "one, by two processes of one thread that run at once, which is what the machine can give. `alone`: the kernel's "
        "forward and backward with no other operation of torch between them.\n\n"
        "After each parallel operation of torch (a sum over more than 32,768 numbers is one) its OpenMP threads wait for the next "
        "one by spinning, for milliseconds. The kernels work on these threads, so they find them awake. `OMP_WAIT_POLICY=passive` "
        "in the environment, before Python starts, lets them sleep: *passive waiting*."
    )
    rows = []
    for key, models in results["threads"].items():
        for name, parts in models.items():
            ratios = [
                times(parts[what]["one"] / parts[what][setting]) if what in parts else ""
                for what in ("step", "alone")
                for setting in ("two", "two_passive")
            ]
            both = times(2 * parts["step"]["one"] / parts["step"]["processes"])
            rows.append([f"{key} {label(name)}", number(parts["step"]["one"]), *ratios, both])
    header = ("", "one, wall ms", "two", "two, passive waiting", "alone, two", "alone, passive", "two processes")
    return f"## Two threads\n\n{said}\n\n" + table(header, rows)


def scaling(results: Results) -> str:
    names = {"time": "steps", "units": "units H", "synapses": "synapses"}
    rows = [
        [
            label(series) if series.startswith(("kernel.", "torch.")) else series,
            what,
            f"{found['points'][0][0]:g}–{found['points'][-1][0]:g}",
            f"{number(found['points'][0][1])}–{number(found['points'][-1][1])}",
            f"{found['exponent']:.2f}",
            f"{found['last']:.2f}",
        ]
        for part, what in names.items()
        for series, found in results["scaling"][part].items()
    ]
    said = (
        "CPU time of a training step grows like a power of what grows: 1 is linear. `last` is the exponent through the two largest "
        "points alone, where what a call costs by itself counts least."
    )
    picture = "![Time against steps and synapses](images/scaling.png)"
    header = ("", "what grows", "from–to", "CPU ms", "exponent", "last")
    return f"## How the cost grows\n\n{picture}\n\n{said}\n\n" + table(header, rows)


def compiled(results: Results) -> str:
    found = results["compile"]
    rows = [
        [label(name), *(number(one[k]) for k in ("eager", "compiled", "kernel")), f"{one['compile_s']:.0f} s"]
        if "compiled" in one
        else [label(name), one["missing"], "", "", ""]
        for name, one in found["models"].items()
    ]
    said = (
        f"Shape A with {found['shape'][1]} steps, CPU ms of a training step: the cell's step compiled and called in a loop over "
        "time. A loop compiled as a whole takes minutes to compile."
    )
    header = ("", "eager", "compiled", "kernel", "to compile")
    return f"## torch.compile\n\n{said}\n\n" + table(header, rows)


HOW = """## How it is measured

Parity comes first: every kernel must equal the reference and every drop-in must equal ncps, outputs, states and gradients, to 1e-12
in float64, or nothing is timed. Then all models of a shape run in turn, so that a disturbance hits all of them, each timed step
right after one of the same model that is not timed, as in a training loop; a figure is the median.
CPU time is that of all threads of the process, which on a busy machine is steadier than wall time. Kernels get uneven gaps; ncps gets
none, as it can't take gaps per sample. `reference` is the same cell in plain torch.

What bounds each: an LTC evaluates a sigmoid for every synapse, sample and evaluation, and once more going backward, so it is bound by
exponentials and divisions, and its cost follows the number of synapses, as long as what a step notes of each, some hundred bytes, stays in
the cache. CfC, CTRNN, GatedLTC and GRUODE are bound by small matrix
products, one a step, each of which needs the state before; at 32 units what a call of torch costs counts as well. A stream is bound
by the Python call around it."""
