"""One liquid core for several kinds of series, beside a network each; and whether what it learned helps where it never was."""

from __future__ import annotations

from .judged import Carried, Judged, Result
from .made import made_up
from .nets import QUICK, Settings
from .sets import Domain, read_folder
from .study import study

__all__ = ["QUICK", "Carried", "Domain", "Judged", "Result", "Settings", "made_up", "read_folder", "study"]
