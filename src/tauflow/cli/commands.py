"""The app behind `main`: its commands, one file each, and one line for whatever goes wrong in them."""

from __future__ import annotations

import inspect
import os
import shlex
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import tauflow

from ..cli.apps.activity import activity
from ..cli.apps.alarm import alarm
from ..cli.apps.arm import arm
from ..cli.apps.drive import drive
from ..cli.apps.ecg import ecg
from ..cli.apps.market import market
from ..cli.apps.rl import rl
from ..cli.apps.text import text
from ..cli.apps.together import together
from ..cli.apps.ward import ward
from ..cli.apps.watch import watch
from ..cli.doctor import doctor
from ..cli.networks.explain import explain
from ..cli.networks.export import export
from ..cli.networks.serve import serve
from ..cli.networks.stability import stability
from ..cli.output import TYPED, complain, write
from ..cli.speech import in_options
from ..cli.tables import classify
from ..cli.tables.anomalies import anomalies
from ..cli.tables.backtest import backtest
from ..cli.tables.check import check
from ..cli.tables.compare import compare
from ..cli.tables.demo import demo
from ..cli.tables.fit import fit
from ..cli.tables.predict import predict
from ..cli.tables.report import report
from ..cli.tables.tune import tune
from ..errors import TauflowError

NO, USAGE, BUG = 1, 2, 70
COMPLETES = "_TAUFLOW_COMPLETE"  # what a shell sets to ask


def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Liquid neural networks for time series with gaps: from a table to an honest forecast.

    Begin with [bold]tauflow demo[/bold], then [bold]tauflow check your.csv[/bold], which says what to type next.
    Each command explains itself: [bold]tauflow compare --help[/bold].

    Exit codes: 0 done, 1 the data or the model says no, 2 typed wrong, 70 a bug in tauflow, 130 interrupted.
    """
    if version:
        write(f"tauflow {tauflow.__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        help_ = context.get_help()  # prints itself when rich is there
        if help_:
            write(help_)


def _paragraphs(command: Callable[..., None]) -> str:
    """A docstring with every paragraph on one line, for the terminal to break where it is wide."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(command.__doc__ or "").split("\n\n"))


ROOMS: dict[str, tuple[Callable[..., None], ...]] = {
    "Tables": (demo, check, fit, predict, compare, backtest, report, anomalies, tune),
    "Networks": (stability, explain, export, serve),
    "Applications": (arm, drive, rl, ecg, alarm, watch, ward, activity, market, text, together),
    "This installation": (doctor,),
}
SEQUENCES = "classify"


def built(asked: str | None = None) -> typer.Typer:
    """The commands. asked: the one that will run; of the others names and help are enough then, since options take a while to make."""
    made = typer.Typer(
        name="tauflow",
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(invoke_without_command=True, help=_paragraphs(start))(start)
    for room, commands in ROOMS.items():
        for command in commands:
            whole = asked in (None, command.__name__)
            made.command(command.__name__, help=_paragraphs(command), rich_help_panel=room)(command if whole else _idle)
    sequences = typer.Typer(help=_paragraphs(classify.main), rich_markup_mode="rich", no_args_is_help=True)
    for command in (classify.fit, classify.predict, classify.compare) if asked in (None, SEQUENCES) else (_idle,):
        sequences.command(help=_paragraphs(command))(command)
    made.add_typer(sequences, name=SEQUENCES, rich_help_panel="Tables")
    return made


def _idle() -> None:
    """Stands for a command that was not asked for."""


app = built()


def completing() -> list[str]:
    """The words behind `tauflow` for which a shell asks what may come next: bash tells them in one variable, zsh and fish in another."""
    if COMPLETES not in os.environ:
        return []
    typed = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return typed.split()[1:]


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    debug = arguments[:1] == ["--debug"]  # before typer: its own errors count too
    if sys.stdout is None:
        complain("error: the standard output is closed: leave it open, or send it to /dev/null")
        return NO
    typed = TYPED.set(shlex.join(["tauflow", *arguments]))
    try:
        asked = next((word for word in [*arguments, *completing()] if not word.startswith("-")), "")
        code = built(asked)(args=arguments, prog_name="tauflow", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if debug:
            raise
        return _explain(error, arguments)
    finally:
        TYPED.reset(typed)
    return code if isinstance(code, int) else 0


def _explain(error: Exception, arguments: list[str]) -> int:
    """One line about any error, and the exit code that it means."""
    if _was_interrupted(error):
        raise KeyboardInterrupt from None
    if isinstance(error, TauflowError):
        complain(f"error: {in_options(str(error))}")
        return NO
    if isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        complain(f"error: {place}{error.strerror}")
        return NO
    if hasattr(error, "format_message"):  # typer's own: an option, a value or a command that does not exist
        complain(f"error: {error.format_message()}{_help_hint(error)}")
        return USAGE
    if isinstance(error, ModuleNotFoundError) and not (error.name or "tauflow").startswith("tauflow"):
        missing = str(error.name).partition(".")[0]
        complain(
            f"error: the package {missing} is not installed: python -m pip install {missing}, or install tauflow again"
        )
        return NO
    again = shlex.join(["tauflow", "--debug", *arguments])
    complain(f"error: a bug in tauflow, {type(error).__name__}: {error}; to see where: {again}")
    return BUG


def _was_interrupted(error: BaseException | None) -> bool:
    """Ctrl-C while a module loads comes out as whatever that module makes of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _help_hint(error: Exception) -> str:
    path = getattr(getattr(error, "ctx", None), "command_path", "tauflow")
    return f" (see {path} --help)"
