"""Links that leave docs/: a page for every file of the project that a page links to, and the project's own Markdown as pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("ARCHITECTURE", "CONTRIBUTING", "ROADMAP", "CHANGELOG")
LINK = re.compile(r"\[([^\]\[]*)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")
TEST = re.compile(r"`(contract/|test_\w+\.py)`")
LEXERS = {".py": "python", ".json": "json", ".cpp": "cpp", ".h": "cpp", ".toml": "toml", ".js": "js"}


def write(folder: Path) -> None:
    """The project's own pages, their links turned."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        path, text = folder / f"{name.lower()}.md", turned((ROOT / f"{name}.md").read_text(), ROOT, folder)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def turned(text: str, at: Path, to: Path) -> str:
    """Markdown that stands in the folder `at`, with its links as the site has them for a page in `to`."""

    def turn(found: re.Match[str]) -> str:
        said, name, anchor = found[1], found[2], found[3] or ""
        target = (at / name).resolve()
        if not target.exists():
            return found[0]
        if target.parent == ROOT and target.stem in PAGES:
            return f"[{said}]({up(to)}generated/{target.stem.lower()}.md{anchor})"
        if target == ROOT / "README.md":
            return f"[{said}]({up(to)}index.md)"
        if target.is_relative_to(DOCS):
            return found[0] if at == to else f"[{said}]({up(to)}{target.relative_to(DOCS)}{anchor})"
        return file(said, target, to)

    parts = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    return "".join(part if part.startswith("```") else LINK.sub(turn, part) for part in parts)


def file(said: str, target: Path, to: Path) -> str:
    """A link to the page of a file. HTML, for it is no page that Sphinx knows while it reads."""
    return f'<a class="reference internal" href="{up(to)}files/{target.relative_to(ROOT)}.html">{said}</a>'


def up(folder: Path) -> str:
    return "../" * len(folder.relative_to(DOCS).parts)


def connect(app: Any) -> None:
    app.connect("source-read", read)
    app.connect("html-collect-pages", pages)


def read(app: Any, docname: str, source: list[str]) -> None:
    """Before a page is parsed."""
    page = DOCS / f"{docname}.md"
    if page.exists() and not docname.startswith("generated"):
        text = turned(source[0], page.parent, page.parent)
        if docname == "reliability":  # each promise leads to the test that holds it
            text = TEST.sub(lambda found: test(found, page.parent), text)
        source[0] = text


def test(found: re.Match[str], folder: Path) -> str:
    path = ROOT / "tests" / found[1]
    return file(found[0], path, folder) if path.exists() else found[0]


def pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The files that are linked to, with colours; of a folder its names."""
    for path in sorted(wanted()):
        if path.is_dir():
            body = "".join(
                f"<li>{escape(one.name)}</li>" for one in sorted(path.iterdir()) if not one.name.startswith((".", "_"))
            )
            body = f"<ul>{body}</ul>"
        else:
            body = app.builder.highlighter.highlight_block(path.read_text(), LEXERS.get(path.suffix, "text"))
        name = str(path.relative_to(ROOT))
        yield f"files/{name}", {"title": name, "body": f"<h1>{escape(name)}</h1>{body}"}, "page.html"


def wanted() -> set[Path]:
    """Files of the project outside of docs/ that some page leads to."""
    found = {ROOT / "tests" / name for name in TEST.findall((DOCS / "reliability.md").read_text())}
    for page in (DOCS / "generated" / "api").glob("*.rst"):
        found.update(ROOT / name for name in re.findall(r"<\.\./\.\./files/([^>\s]+)\.html>", page.read_text()))
    for page in [*DOCS.rglob("*.md"), *(ROOT / f"{name}.md" for name in PAGES)]:
        for _, target, _ in LINK.findall(page.read_text()):
            path = (page.parent / target).resolve()
            if path.is_relative_to(ROOT) and not path.is_relative_to(DOCS) and path.suffix != ".md":
                found.add(path)
    return {path for path in found if path.exists()}
