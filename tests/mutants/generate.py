"""Edits made up from the syntax of the package: a comparison or a condition is its contrary, a sign or a number another, a call
or a refusal is left out.

What only looks or speaks is left alone: messages of errors, annotations, docstrings, the drawing of figures. So is what
seldom changes anything that could be seen: `<` for `<=`, the end of a slice, a flag that a call passes on.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.edit import SOURCES, Edit, sources, text

COSMETIC = ("canvas.py", "wiring.py", "figures.py", "demo.py", "progress.py", "__main__.py")
SWAPS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
WORDS = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Slice)
Change = tuple[str, int, int, bytes]  # the function around it, first and last byte, what stands there instead


def edits() -> Iterator[Edit]:
    """Every edit there is of the package, in the order of the text."""
    for path in sources():
        if path.suffix == ".py" and path.name not in COSMETIC:
            yield from _of(path)


def _of(path: Path) -> Iterator[Edit]:
    raw = text(path).encode()
    seen: Counter[str] = Counter()
    for where, start, end, new in Finder(raw).changes():
        name = f"{path.stem}.{where or 'module'}: {_short(raw[start:end])} -> {_short(new)}"
        seen[name] += 1
        name += f" #{seen[name]}" if seen[name] > 1 else ""
        file = path.relative_to(SOURCES[0]).as_posix()
        yield Edit(name, file, raw[start:end].decode(), new.decode(), start=len(raw[:start].decode()))


def _short(code: bytes) -> str:
    return " ".join(code.decode().split())[:60]


class Finder:
    """Walks the syntax of one file."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.lines = [0]
        for line in raw.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def changes(self) -> Iterator[Change]:
        for node in ast.parse(self.raw).body:
            yield from self.below(node, "")

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.lines[node.lineno - 1] + node.col_offset, self.lines[node.end_lineno - 1] + node.end_col_offset

    def below(self, node: ast.AST, where: str) -> Iterator[Change]:
        """The changes of a node and of all within it."""
        if isinstance(node, ast.Raise):
            yield where, *self.span(node), b"pass"
        if isinstance(node, WORDS) or _is_flag(node):
            return
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant):
                return
            if isinstance(node.value, ast.Call):
                yield where, *self.span(node), b"None"
        if isinstance(node, ast.expr):
            yield from self.instead(node, where)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            where = f"{where}.{node.name}" if where else node.name
            defaults = [*node.args.defaults, *node.args.kw_defaults] if isinstance(node, ast.FunctionDef) else []
            parts = [*node.body, *(one for one in defaults if one is not None)]
        elif isinstance(node, ast.AnnAssign):
            parts = [] if node.value is None else [node.value]
        else:
            parts = list(ast.iter_child_nodes(node))
        for part in parts:
            yield from self.below(part, where)

    def instead(self, node: ast.expr, where: str) -> Iterator[Change]:
        start, end = self.span(node)
        match node:
            case ast.Compare(left, [operator], [right]):
                yield from self.swapped(where, node, left, operator, right)
            case ast.BinOp(left, operator, right) if not (_is_text(left) or _is_text(right)):
                yield from self.swapped(where, node, left, operator, right)
            case ast.BoolOp(operator, [left, right]):
                yield from self.swapped(where, node, left, operator, right)
            case ast.UnaryOp(ast.Not() | ast.USub() as operator):
                yield where, start, end, self.raw[start + (3 if isinstance(operator, ast.Not) else 1) : end].lstrip()
            case ast.Constant(bool() as value):
                yield where, start, end, repr(not value).encode()
            case ast.Constant(int() | float() as value):
                yield where, start, end, repr(value + 1 if value in (0, 1) else value * 2).encode()

    def swapped(
        self, where: str, node: ast.expr, left: ast.expr, operator: ast.AST, right: ast.expr
    ) -> Iterator[Change]:
        if type(operator) not in SWAPS:
            return
        old, new = (word.encode() for word in SWAPS[type(operator)])
        start, end = self.span(node)
        place = self.raw.find(old, self.span(left)[1], self.span(right)[0])
        if place >= 0:
            yield where, start, end, self.raw[start:place] + new + self.raw[place + len(old) : end]


def _is_flag(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool)


def _is_text(node: ast.expr) -> bool:
    """Adding words, or types in an annotation, is no arithmetic."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes, type(None)))
    )
