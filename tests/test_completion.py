"""The Tab key of a real shell: `tauflow --install-completion` writes what bash reads, and it names commands and options."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(
    BASH is None or not (BIN / "tauflow").exists(), reason="needs bash and the command tauflow"
)


def bash(script: str, home: Path) -> list[str]:
    known = {"HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    told = subprocess.run(
        [str(BASH), "-c", script], capture_output=True, text=True, env={**os.environ, **known}, timeout=60
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where completion was installed, as a user would."""
    home = tmp_path_factory.mktemp("home")
    assert "bash completion installed" in bash("tauflow --install-completion; true", home)[0]
    return home


def offered(home: Path, *words: str) -> list[str]:
    line = " ".join(f"'{word}'" for word in ("tauflow", *words))
    return bash(
        f'source ~/.bashrc; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _tauflow_completion tauflow; printf "%s\\n" "${{COMPREPLY[@]}}"',
        home,
    )


def test_commands_are_offered(home):
    assert offered(home, "wa") == ["watch", "ward"]
    assert {"fit", "predict", "compare"} <= set(offered(home, "classify", ""))


def test_options_of_the_command_are_offered(home):
    assert "--models" in offered(home, "ward", "--") and "--cells" in offered(home, "arm", "--c")
    assert "--time" in offered(home, "classify", "fit", "--")


def test_where_a_file_is_asked_for_bash_completes_it(home):
    assert offered(home, "check", "da") == [""]
    assert "-o default" in (home / ".bash_completions" / "tauflow.sh").read_text()
