"""Drawing: one canvas and one style for every figure; `drawing.wiring` draws networks. Nothing here loads matplotlib before it draws."""

from __future__ import annotations

from .canvas import Colours, Drawn, figure, page_svg, plain_numbers

__all__ = ["Colours", "Drawn", "figure", "page_svg", "plain_numbers"]
