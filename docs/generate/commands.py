"""The command-line reference, made of the commands themselves: what each does, its arguments, options and defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from tauflow.cli.commands import app


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / "commands.md", page()
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def page() -> str:
    group: Any = typer.main.get_command(app)
    lines = ["# Commands", "", said(group.help), ""]
    panel = ""
    for name, command in sorted(group.commands.items(), key=lambda one: order(group, one[1])):
        if command.rich_help_panel != panel:
            panel = command.rich_help_panel
            lines += [f"## {panel}", ""]
        if hasattr(command, "commands"):
            lines += [f"### tauflow {name}", "", said(command.help), ""]
            for second, one in command.commands.items():
                lines += section(f"{name} {second}", one, "####")
        else:
            lines += section(name, command, "###")
    return "\n".join(lines) + "\n"


def order(group: Any, command: Any) -> int:
    """By panels, as they come first."""
    panels = list(dict.fromkeys(one.rich_help_panel for one in group.commands.values()))
    return panels.index(command.rich_help_panel)


def section(name: str, command: Any, level: str) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    usage = " ".join([f"tauflow {name}", *(meta(one) for one in arguments), "[OPTIONS]" * bool(options)])
    lines = [f"{level} tauflow {name}", "", said(command.help), "", "```text", usage.strip(), "```", ""]
    if arguments or options:
        lines += ["| | default | |", "| --- | --- | --- |", *(row(one) for one in [*arguments, *options]), ""]
    return lines


def meta(argument: Any) -> str:
    name = argument.name.upper() + "..." * (argument.nargs != 1)
    return name if argument.required else f"[{name}]"


def row(one: Any) -> str:
    if one.param_type_name == "argument":
        shown = f"`{one.name.upper()}`"
    else:
        shown = ", ".join(f"`{name}`" for name in [*reversed(one.opts), *one.secondary_opts])
    default = one.default
    plain = (
        "" if default is None or default is False or callable(default) or default in ((), [], "") else f"`{default}`"
    )
    if getattr(default, "value", None) is not None:
        plain = f"`{default.value}`"
    return f"| {shown} | {cell(plain)} | {cell(said(one.help or ''))} |"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def said(text: str | None) -> str:
    """Help without the terminal's markup: [bold]x[/bold] is code, what Markdown would read as its own stands as it is."""
    text = re.sub(r"\[bold\](.*?)\[/bold\]", r"`\1`", text or "")
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_<>$#\[\]\\])", r"\\\1", part)
        for part in re.split(r"(`[^`]*`)", text)
    )
