"""A tutorial's script: `python docs/generate/twins.py` writes examples/NAME.py of every docs/tutorials/NAME.md.

The script is the page's cells in their order; cells that only draw (tagged hide-input) are left out.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CELL = re.compile(r"```\{code-cell\} python\n(.*?)```", re.DOTALL)


def pages() -> list[Path]:
    return [path for path in sorted((ROOT / "docs" / "tutorials").glob("*.md")) if path.stem != "index"]


def script(page: Path) -> str:
    """The code of a page, under a line that says which."""
    text = page.read_text()
    title = re.search(r"^# (.*)$", text, re.MULTILINE)
    cells = [cell for cell in CELL.findall(text) if not cell.startswith(":tags:")]
    return f'"""{title[1] if title else page.stem}: the code of docs/tutorials/{page.name}."""\n\n' + "\n\n".join(cells)


def place(page: Path) -> Path:
    return ROOT / "examples" / (page.stem.replace("-", "_") + ".py")


if __name__ == "__main__":
    for page in pages():
        place(page).write_text(script(page))
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(ROOT / "examples")], check=True)
