"""Gesture: which of five phases a speaking hand is in, at every frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data import Files
from ..metrics import ACCURACY
from ..models import EVERY
from ..task import Published, Settings, Split, Task, from_rows, shuffled, standard

SOURCE = "archive.ics.uci.edu, Gesture Phase Segmentation (CC BY 4.0): the processed files *_va3.csv, into gesture/"
SHA256 = "3123e32a6399a3b6af0f258caefedddeb7d90e738a913828cd10d8a28ebc7a28"
RECORDINGS = ("a1", "a2", "a3", "b1", "b3", "c1", "c3")
PAPERS_ORDER = ("a3", "b1", "b3", "c1", "c3", "a2", "a1")
BY_FILE = (("a1", "b1", "c1"), ("a2",), ("a3", "b3", "c3"))
PHASES = "DPSHR"
LENGTH = 32


def load(files: Files) -> Iterator[Split]:
    frames = [
        pd.read_csv(path) for path in files.get([f"gesture/{name}_va3.csv" for name in RECORDINGS], SHA256, SOURCE)
    ]
    begins = np.cumsum([0, *(len(frame) for frame in frames)])
    index = {name: begin + halves(len(frame)) for name, begin, frame in zip(RECORDINGS, begins, frames, strict=False)}
    x = np.concatenate([frame.to_numpy()[:, :-1].astype(np.float32) for frame in frames])
    y = np.array([PHASES.index(phase) for frame in frames for phase in frame["Phase"]])
    every = np.concatenate([index[name] for name in PAPERS_ORDER])
    parts = tuple(every[chosen] for chosen in shuffled(len(every), 23489))
    leaks = "windows overlap by half and are shuffled, so nearly every frame of the test is in training too"
    yield from_rows("published", standard(x, every), y, parts, leaks)
    parts = tuple(np.concatenate([index[name] for name in names]) for names in BY_FILE)
    yield from_rows("by recording", standard(x, parts[0]), y, parts)


def halves(rows: int) -> NDArray[np.int64]:
    """The paper's windows of one recording: one every half window, those off the grid only between two on it; (windows, 32)."""
    whole = rows // LENGTH
    starts = np.arange(0, (whole - 1) * LENGTH + 1, LENGTH // 2)
    return starts[:, None] + np.arange(LENGTH)[None]


DATA = """Seven recordings of three people who tell a story, 9,873 frames of 32 velocities and accelerations, five phases."""
PROTOCOL = """Hasani et al. 2021 (gesture.py): windows of 32 frames every 16 from all recordings, shuffled; 10 % validation, 15 %
test; 32 units, batches of 16, 200 epochs of Adam; the test score at the epoch that is best on validation. By
recording: story 3 of each person is the test, a2 validation, a1, b1 and c1 training."""
CELLS = (*EVERY, "ltc_six_fanin", "cfc+skip", "ltc+skip", "gated_ltc+skip", "lstm+skip", "gru+skip")
TRAPS = """- The published split rewards memory: the class of the nearest training frame beats every published network there. By
  recording, where that rule knows nobody, no network does much better than logistic regression.
- The recipe `cosine, weight decay` was found on the published split, with CfC, see below; the others take it as it is.
- Inputs are scaled by mean and deviation of all windows, those of the test too; by recording, of the training
  recordings alone."""

TRIED = """| cosine, batches of 16, clipped at 1, seed 0 | epochs | accuracy |
| --- | ---: | ---: |
| four CfCs, averaged, 32 units each, rate 0.003 | 100 | 65.7 |
| four LTCs, 64 units, rate 0.01 | 100 | 58.7 |
| four GatedLTCs, 64 units, rate 0.01 | 200 | 60.4 |
| four LSTMs, 32 units, rate 0.01 | 200 | 65.6 |
| CfC in a skip network, 64 units, rate 0.003, weight decay 0.1 | 100 | 75.0 |"""

TASK = Task(
    name="gesture",
    title="Gesture: the phase of a gesture at every frame",
    data=DATA,
    protocol=PROTOCOL,
    metric=ACCURACY,
    outputs=5,
    settings=Settings(epochs=200),
    recipes={
        "cosine, weight decay": Settings(epochs=100, units=64, clip=1.0, schedule="cosine", weight_decay=0.1),
    },
    load=load,
    cells=CELLS,
    trivial=("majority", "logistic", "nearest"),
    published=(Published("ltc", 69.55), Published("CT-GRU", 68.31), Published("lstm", 64.57)),
    published_split="published",
    traps=TRAPS,
    tried=TRIED,
)
