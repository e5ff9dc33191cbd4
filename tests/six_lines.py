"""The numbers under the README's six lines and how far they move: `python -m tests.six_lines` trains for some minutes.

Five seeds on torch and kernels as they are, held to AVX2, and held to the baseline. A processor that rounds otherwise is
as good as another seed: 960 steps of training make a large difference of a small one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
SEEDS = range(5)
PROCESSORS: tuple[dict[str, str], ...] = (
    {},
    {"ATEN_CPU_CAPABILITY": "avx2", "TAUFLOW_ISA": "x86-64-v3"},
    {"ATEN_CPU_CAPABILITY": "default", "TAUFLOW_ISA": "scalar"},
)


def six() -> str:
    """The README's first block of Python."""
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]


def main() -> None:
    code = six().replace("Forecaster(", "Forecaster(seed=int(sys.argv[1]), ")
    rows = []
    for variables in PROCESSORS:
        for seed in SEEDS:
            command = [sys.executable, "-c", f"import sys\n{code}", str(seed)]
            shown = subprocess.run(
                command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            rows.append([float(line.split()[3]) for line in shown.strip().splitlines()[1:]])
            print(f"seed {seed} {variables}\n{shown}", flush=True)
    for step, values in enumerate(zip(*rows, strict=True), 1):
        print(f"row {step}: {min(values):.0f} to {max(values):.0f} in {len(values)} runs")


if __name__ == "__main__":
    main()
