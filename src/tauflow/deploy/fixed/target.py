"""C in whole numbers as two targets, weights of 16 and of 8 bits: the files, a check in floats, and how to build and call it."""

from __future__ import annotations

from functools import partial

from ..c99 import host
from ..c99.target import check, described
from ..plan import Plan
from ..record import Record
from ..target import Files, Measured, Target
from . import measure as measure_ranges
from . import write

README = """# {name}

A liquid network as C99 in whole numbers, made by tauflow: {inputs} numbers in, {outputs} out, weights of {bits} bits, no floating point,
no malloc, no library, no globals that change, the same answers to the bit on every processor.

- Build: `cc -std=c99 -O2 -c {name}.c`.
- Call: `{name}_state s; {name}_reset(&s{and_given}); status = {name}_step(&s, x, dt, y);`, all in the units that {name}.h names.
- With floats at hand include `{name}_float.h` and call `{name}_reset_float` and `{name}_step_float`: readings and answers as they are.
- dt is the time since the previous sample; every step may have another. A gap > 0 lasts at least one unit.
- A status other than `{NAME}_OK` leaves `s` and `y` as they were; {name}.h lists them. A state for each instance.
- Readings beyond what calibration saw are held at the ends of their range.
- Test: `cc -std=c99 -O2 {name}.c {name}_check.c -o check && ./check` replays recorded samples; it exits with 0 when they agree.
"""

WORST = {16: 1e-2, 8: 1e-1}  # of the range: beyond, an export is no copy of the network


def files(bits: int, plan: Plan, name: str, record: Record) -> dict[str, str]:
    """NAME.h, NAME.c, NAME_float.h, NAME_check.c and README.md."""
    x, dt = record.seen or record[:2]
    seen = measure_ranges(plan, x, dt, record.given)
    fields = {**described(plan, name, record, WORST[bits], whole=True), "bits": bits}
    made = write(plan, name, bits, seen)
    return {**made, f"{name}_check.c": check(fields, record), "README.md": README.format(**fields)}


def measure(plan: Plan, name: str, files: Files, record: Record) -> Measured:
    """Built by the C compiler of this machine, if there is one; the time is that of a call in floats."""
    code = {file: str(files[file]) for file in (f"{name}.h", f"{name}.c", f"{name}_float.h")}
    if host.compiler() is None:
        return Measured(len(files[f"{name}.c"]), None, None)
    ran = host.run(code, name, record.x, record.dt, plan.outputs, record.given, timed=20_000)
    return Measured(host.size(code, name), record.worst(ran.y), ran.nanoseconds)


def _target(bits: int) -> Target:
    advice = "export it as float, or calibrate it with samples such as it will see (calibrate=)"
    return Target(f"C99, {bits}-bit weights, no floating point", partial(files, bits), measure, WORST[bits], advice)


INT16, INT8 = _target(16), _target(8)
