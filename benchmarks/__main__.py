"""`python -m benchmarks kernels [--shapes A C] [--repeats 9] [--out results.json]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import kernels


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=["kernels"])
    parser.add_argument("--shapes", nargs="+", choices=list(kernels.SHAPES), default=list(kernels.SHAPES))
    parser.add_argument("--repeats", type=int, default=9, help="how often each is timed; the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("kernels.json"))
    options = parser.parse_args()
    kernels.main(options.shapes, options.repeats, options.threads, options.out)


main()
