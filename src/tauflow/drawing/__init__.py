"""Drawing: one canvas and one style for every figure, the picture of a wiring."""

from __future__ import annotations

from .canvas import Colours, Drawn, figure, page_svg, plain_numbers
from .wiring import draw_wiring

__all__ = ["Colours", "Drawn", "draw_wiring", "figure", "page_svg", "plain_numbers"]
