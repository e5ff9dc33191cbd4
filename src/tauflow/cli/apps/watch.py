"""tauflow watch: alarm lines as a device sends its samples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ...cli.options import READING, Quiet, option
from ...cli.output import complain, tell, write


def watch(
    model: Annotated[Path, typer.Argument(metavar="ALARM.tau", help="An alarm, from tauflow alarm --save.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where lines are read from; default: standard input.")
    ] = None,
    rate: Annotated[
        float | None, option("Samples a second, of lines that hold the value alone.", READING, min=0.001, metavar="HZ")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Print an alarm the moment it begins: lines of seconds and millivolts in, lines of an alarm's time and probability out.

    A line is 12.345,0.182, or 0.182 alone with --rate. What can't be read is told about and left out. It ends with the input, or by Ctrl-C.

    Example: [bold]tauflow watch alarm.tau < /dev/ttyUSB0[/bold]
    """
    from ... import load
    from ...apps.ecg import Alarm, Heard
    from ...apps.ecg import watch as listen

    alarm, heard = Alarm(load(model)), Heard()
    tell(["listening; one line an alarm: its time in seconds, its probability"], quiet)
    lines = sys.stdin if file is None else file.open(encoding="utf-8", errors="replace")
    try:
        for told in listen(alarm, lines, complain, heard, rate):
            write(f"{told.time:.3f},{told.p:.3f}\n")
    except KeyboardInterrupt:
        pass
    finally:
        if file is not None:
            lines.close()
    tell([heard.sentence()], quiet)
