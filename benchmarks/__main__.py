"""`python -m benchmarks COMMAND`: a command is a module with `add_arguments(parser)` and `run(options)`."""

from __future__ import annotations

import argparse

from . import explain, solvers, streaming, understand
from .apps import run as apps
from .classify import run as classify
from .deploy import run as deploy
from .forecast import run as forecast
from .kernels import run as kernels
from .online import run as online
from .paper import run as paper
from .paper import table
from .serve import run as serve
from .tau import run as tau
from .versus import run as compare

COMMANDS = {
    "kernels": kernels,
    "streaming": streaming,
    "solvers": solvers,
    "explain": explain,
    "understand": understand,
    "paper": paper,
    "table": table,
    "compare": compare,
    "forecast": forecast,
    "online": online,
    "tau": tau,
    "serve": serve,
    "classify": classify,
    "deploy": deploy,
    "apps": apps,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measurements of tauflow and its peers.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        help_ = (module.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(name, help=help_, description=help_)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main()
