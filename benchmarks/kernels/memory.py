"""How much memory a training step needs beyond parameters and inputs: the growth of a fresh process at its peak.

    process  VmHWM (the peak, reset right before the step) less VmRSS before it: all that is held at once, whoever took it
    torch    the greatest sum of what torch's own allocator holds, from its profiler, in a second step

The first counts: our kernels' work memory and oneDNN's are not torch's, so the profiler does not see them. Both hold
outputs, what backward needs and the gradients of the parameters. A short sequence runs before, so that code, threads and
the libraries' tables are there. The counter of the kernel is exact to about a quarter of a MiB.
"""

from __future__ import annotations

import ctypes
import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from . import child
from .contestants import MissingError, build, names, step
from .progress import Progress
from .shapes import Settings, Shape, data

MIB = 2.0**20


def measure(settings: Settings) -> dict[str, Any]:
    """shape -> model -> {process_mib, torch_mib}."""
    wanted = [
        (key, name)
        for key in settings.memory_shapes
        for name in names(settings.shapes[key], key)
        if name in settings.memory_models or not (settings.memory_models or name.startswith("reference."))
    ]
    progress = Progress("peak memory of a step", len(wanted))

    def one(place: tuple[str, str]) -> dict[str, Any]:
        key, name = place
        progress.at(f"{key} {name}")
        try:
            arguments = {"name": name, "shape": settings.shapes[key]}
            found: dict[str, Any] = child.call("benchmarks.kernels.memory:job", arguments, {"MALLOC_ARENA_MAX": "1"})
        except MissingError as why:
            found = {"missing": str(why)}
        return found

    found: dict[str, Any] = {key: {} for key in settings.memory_shapes}
    # Two at a time: time is not measured here.
    with ThreadPoolExecutor(2) as pool:
        for (key, name), result in zip(wanted, pool.map(one, wanted), strict=True):
            found[key][name] = result
    progress.end()
    return found


def job(name: str, shape: list[int]) -> dict[str, float]:
    """In a fresh process: the peak of one step, and of another one as torch's profiler sees it."""
    torch.set_num_threads(1)
    sizes = Shape(*shape)
    module = build(name, sizes)
    x, dt = data(sizes)
    step(name, module, *data(sizes._replace(batch=1, time=2)))()
    run = step(name, module, x, dt)
    for parameter in module.parameters():
        parameter.grad = None
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = reset_peak()
    run()
    process = status("VmHWM") - before
    return {"process_mib": process / MIB, "torch_mib": seen_by_torch(run) / MIB}


def reset_peak() -> int:
    """Bytes in use now, from which on the peak counts."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        raise MissingError(f"this system keeps no peak that can be reset: {error.strerror}") from error
    return status("VmRSS")


def status(field: str) -> int:
    """Bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise MissingError(f"/proc/self/status has no {field}")


def seen_by_torch(run: Any) -> int:
    """The greatest sum of torch's allocations during a call, in bytes."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        run()
    held = most = 0
    results = found.profiler.kineto_results
    for event in sorted((e for e in results.events() if e.name() == "[memory]"), key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most
