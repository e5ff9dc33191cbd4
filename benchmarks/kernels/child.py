"""A job in a fresh process, whose memory and threads nothing ran before: `call("benchmarks.kernels.memory:job", {...})`.

Arguments and result are JSON; the result is the last line that the process prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from .contestants import MissingError

ROOT = Path(__file__).parents[2]


def call(job: str, arguments: dict[str, Any], environment: dict[str, str] | None = None) -> Any:
    """What the job returns; MissingError with its reason where it can't run here."""
    command = [sys.executable, "-m", "benchmarks.kernels.child", job, json.dumps(arguments)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    done = subprocess.run(
        command, env={**inherited, **(environment or {})}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == -9:
        raise MissingError("killed, as a rule because the machine has too little memory")
    if done.returncode != 0:
        raise RuntimeError(f"{job}({arguments}) failed:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    if "missing" in result:
        raise MissingError(result["missing"])
    return result["result"]


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    job = getattr(import_module(module), name)
    try:
        result = {"result": job(**json.loads(sys.argv[2]))}
    except MissingError as why:
        result = {"missing": str(why)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
