"""Killed at any moment and resumed, a run ends bit for bit like one that was never interrupted.

The runs are children of one warm process, which has imported torch and done nothing else with it: this file, run as a
script. It forks a run, kills it with SIGKILL, forks the next one, and writes what the runs ended with as JSON.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tauflow import files
from tauflow.errors import ModelFileError
from tauflow.losses import mse
from tauflow.training import ArraySource, Batch, Callback, Epoch, History, SettingsError, Step, fit, supervised

EPOCHS, STEPS = 6, 5
Ask = Callable[[str], dict[str, Any]]


class Dropping(nn.Module):
    """A recurrence with dropout and a buffer that is learned by running: all that makes resuming hard."""

    def __init__(self, units: int = 6) -> None:
        super().__init__()
        self.cell = nn.RNNCell(1, units)
        self.log_tau = nn.Parameter(torch.zeros(units))
        self.norm = nn.BatchNorm1d(units)
        self.dropout = nn.Dropout(0.3)
        self.readout = nn.Linear(units, 1)

    def forward(
        self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(len(x), len(self.log_tau)) if state is None else state
        outputs = []
        for k in range(x.shape[1]):
            h = torch.lerp(self.cell(x[:, k], h), h, torch.sigmoid(self.log_tau))
            outputs.append(self.readout(self.dropout(self.norm(h))))
        return torch.stack(outputs, dim=1), h


def source(seed: int = 0, samples: int = 19, batch_size: int = 4) -> ArraySource:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, 6, 1, generator=generator)
    return ArraySource(x, x.cumsum(1) / 3, batch_size=batch_size, seed=seed)


SETTINGS: dict[str, dict[str, Any]] = {
    "adamw, cosine": {"optimizer": "adamw", "schedule": "cosine", "weight_decay": 0.01},
    "stopped early": {"patience": 2, "lr": 0.3},
    "one cycle, truncated": {"schedule": "one_cycle", "truncate": 2},
    "own sgd": {"optimizer": "momentum"},
}


def train(
    checkpoint: Path | None, initial: int = 0, **options: Any
) -> tuple[nn.Module, torch.optim.Optimizer, History]:
    """The run of these tests; `initial` seeds the weights that a resumed run must not start from."""
    torch.manual_seed(initial)
    model = Dropping()
    if options.get("optimizer") == "momentum":
        options["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    given = {"epochs": EPOCHS, "validation": source(1), "progress": False, "checkpoint_every": 1, **options}
    own = given.get("optimizer")
    history = fit(model, source(), objective=supervised("mse"), checkpoint=checkpoint, **given)
    return model, own, history


def digest(tensors: dict[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(f"{name}{tensors[name].dtype}{tuple(tensors[name].shape)}".encode())
        sha.update(tensors[name].detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def outcome(checkpoint: Path, **options: Any) -> dict[str, Any]:
    """Run to the end; what the model, the optimiser, the generator and the history hold then.

    A run that goes on starts from other weights than the first did: all must come from the file.
    """
    model, _, history = train(checkpoint, initial=99 if checkpoint.exists() else 0, **options)
    file = files.read(checkpoint, kind="checkpoint")
    parts = sorted({name.partition(".")[0] for name in file.tensors})
    sums = {part: digest({n: t for n, t in file.tensors.items() if n.startswith(f"{part}.")}) for part in parts}
    run = {key: value for key, value in file.config["run"].items() if key != "seconds"}
    return {"model": digest(model.state_dict()), **sums, "run": run, "message": history.message}


# The warm process


class Pulse(Callback):
    """Writes a byte a step to a pipe; after the run's last step it waits for the kill, which may come late on a quick machine."""

    def __init__(self, pipe: int, last: int) -> None:
        self.pipe, self.last = pipe, last

    def on_step(self, step: Step) -> None:
        os.write(self.pipe, b".")
        if (step.epoch - 1) * STEPS + step.step == self.last:
            os.close(self.pipe)  # who waits for more steps than there are reads the end
            signal.pause()


def forked(work: Callable[[int], object]) -> tuple[int, int]:
    """Do `work` in a child; its number and the end of the pipe that it writes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            work(writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    return child, reading


def answer(work: Callable[[], object]) -> Any:
    """What `work` returns in a child that lives to its end."""
    child, reading = forked(lambda pipe: os.write(pipe, json.dumps(work()).encode()))
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("a run that nobody killed did not end well")
    return json.loads(text)


def killed_after(steps: int, delay: float, last: int, checkpoint: Path, **options: Any) -> bool:
    """Start a run whose last step is `last`, kill it `delay` seconds after `steps` of its steps; whether it was still alive."""
    child, reading = forked(lambda pipe: train(checkpoint, callbacks=[Pulse(pipe, last)], **options))
    for _ in range(steps):
        os.read(reading, 1)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.close(reading)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def killed_at(function: str, count: int, checkpoint: Path) -> bool:
    """A run that dies by SIGKILL on its `count`-th call of os.<function>, before or halfway through its work."""

    def work(pipe: int) -> None:
        real, calls = getattr(os, function), iter(range(1, 10**9))

        def deadly(*args: Any, **rest: Any) -> Any:
            if next(calls) == count and os.getpid() != parent:
                if function == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **rest)

        setattr(os, function, deadly)
        train(checkpoint)

    parent = os.getpid()
    child, reading = forked(work)
    os.close(reading)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def random_kills(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """One kill a run, at a random step and moment of it, in each of the settings in turn."""
    draw = random.Random(seed)
    never = {
        name: answer(lambda o=o, n=n: outcome(folder / f"never{n}", **o))
        for n, (name, o) in enumerate(SETTINGS.items())
    }
    names = [list(SETTINGS)[i % len(SETTINGS)] for i in range(kills)]
    results = []
    for i, name in enumerate(names):
        last = never[name]["run"]["steps"]
        steps = draw.randrange(last)
        died = killed_after(steps, draw.random() * 0.01, last, folder / f"{i}", **SETTINGS[name])
        end = answer(lambda i=i, name=name: outcome(folder / f"{i}", **SETTINGS[name]))
        results.append([name, steps, died, end])
    return {"never": never, "results": results}


def many_kills(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """One run that is killed again and again."""
    draw, name = random.Random(seed), "adamw, cosine"
    never = answer(lambda: outcome(folder / "never", **SETTINGS[name]))
    last = never["run"]["steps"]
    died = sum(
        killed_after(draw.randrange(1, 5), draw.random() * 0.01, last, folder / "run", **SETTINGS[name])
        for _ in range(kills)
    )
    return {"never": never, "end": answer(lambda: outcome(folder / "run", **SETTINGS[name])), "died": died}


def kills_while_writing(folder: Path) -> dict[str, Any]:
    """Killed at half of a write, before the fsync, before the rename: the file of before is whole, and resumes."""
    never = answer(lambda: outcome(folder / "never"))
    results = []
    for function in ("write", "fsync", "replace"):
        for count in (2, 9):
            path = folder / f"{function}{count}"
            died = killed_at(function, count, path)
            results.append([died, answer(lambda path=path: outcome(path))])
    left = [name.name for name in folder.iterdir() if name.name.endswith(".tmp")]
    return {"never": never, "results": results, "left": left}


class Full(Callback):
    """From epoch 3 on, no file may grow past some bytes: to the writer it looks like a full disk."""

    def on_epoch(self, epoch: Epoch) -> None:
        if epoch.epoch == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))


def full_disk(folder: Path) -> dict[str, Any]:
    def work() -> int:
        try:
            train(folder / "run", callbacks=[Full()])
        except OSError as error:
            return error.errno or 0
        return 0

    never = answer(lambda: outcome(folder / "never"))
    failed = answer(work)
    stood = files.read(folder / "run").config["run"]
    return {
        "never": never,
        "failed": failed,
        "stood": stood,
        "end": answer(lambda: outcome(folder / "run")),
    }


def serve() -> None:
    """Answer one question a line: the name of a scenario and its numbers. In a folder of memory where there is one: a
    kill, unlike a power cut, can't tell it from a disk, and the many fsyncs cost nothing.
    """
    scenarios = {f.__name__: f for f in (random_kills, many_kills, kills_while_writing, full_disk)}
    memory = Path("/dev/shm")
    for line in sys.stdin:
        name, *numbers = line.split()
        with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
            print(json.dumps(scenarios[name](Path(folder), *map(int, numbers))), flush=True)


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Questions to one warm process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, __file__], env=environment, **pipes) as process:
        assert process.stdin
        assert process.stdout

        def question(line: str) -> dict[str, Any]:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            text = process.stdout.readline()
            assert text, "the warm process ended: its error stands above"
            found: dict[str, Any] = json.loads(text)
            return found

        yield question
        process.stdin.close()


# The tests


def check_random_kills(found: dict[str, Any], kills: int) -> None:
    assert len(found["results"]) == kills
    assert found["never"]["stopped early"]["run"]["stopped"] == "early"
    for name, steps, died, end in found["results"]:
        assert died, f"{name}: the run had ended before it was killed after step {steps}"
        assert end == found["never"][name], (name, steps)


def test_a_killed_run_ends_like_one_never_interrupted(ask: Ask) -> None:
    check_random_kills(ask("random_kills 12 1"), 12)


@pytest.mark.slow
def test_twenty_more_kills(ask: Ask) -> None:
    check_random_kills(ask("random_kills 20 2"), 20)


def test_killed_again_and_again(ask: Ask) -> None:
    found = ask("many_kills 8 3")
    assert found["died"] == 8
    assert found["end"] == found["never"]


def test_killed_while_writing(ask: Ask) -> None:
    found = ask("kills_while_writing")
    for died, end in found["results"]:
        assert died
        assert end == found["never"]
    assert found["left"] == []


def test_a_full_disk_leaves_the_old_checkpoint(ask: Ask) -> None:
    found = ask("full_disk")
    assert found["failed"] == errno.EFBIG
    assert (found["stood"]["epoch"], found["stood"]["step"]) == (2, STEPS)
    assert found["end"] == found["never"]


class Crash(Callback):
    """Ends the process, as far as fit can tell, after one step."""

    def __init__(self, epoch: int, step: int) -> None:
        self.at = epoch, step

    def on_step(self, step: Step) -> None:
        if (step.epoch, step.step) == self.at:
            raise ConnectionError


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("every", [None, 3])
def test_checkpoints_far_apart_resume_too(tmp_path: Path, name: str, every: int | None) -> None:
    options = {**SETTINGS[name], "checkpoint_every": every}
    never = outcome(tmp_path / "never", **options)
    with pytest.raises(ConnectionError):
        train(tmp_path / "run", callbacks=[Crash(3, 2)], **options)
    stood = files.read(tmp_path / "run").config["run"]
    assert (stood["epoch"], stood["step"]) == ((2, 0) if every is None else (1, 4))
    assert outcome(tmp_path / "run", **options) == never


def test_a_checkpoint_changes_nothing(tmp_path: Path) -> None:
    with_one, without = train(tmp_path / "run"), train(None)
    assert digest(with_one[0].state_dict()) == digest(without[0].state_dict())
    assert with_one[2].train == without[2].train


def test_resuming_needs_the_optimisers_memory_and_the_generator(tmp_path: Path) -> None:
    """The comparison can fail: weights alone, or the right weights with other random numbers, end elsewhere."""
    never = outcome(tmp_path / "never")
    for part in ("optimizer", "rng"):
        path = tmp_path / part
        with pytest.raises(ConnectionError):
            train(path, callbacks=[Crash(3, 2)])
        file = files.read(path)
        other = {"rng.cpu": torch.Generator().manual_seed(99).get_state()} if part == "rng" else {}
        for name, tensor in file.tensors.items():
            if part == "optimizer" and name.startswith("optimizer.") and not name.endswith(".step"):
                other[name] = torch.zeros_like(tensor)
        files.write(path, {**file.tensors, **other}, file.config, kind="checkpoint")
        assert outcome(path)["weights"] != never["weights"]
        rest = {name: t for name, t in file.tensors.items() if not name.startswith(f"{part}.")}
        files.write(path, rest, file.config, kind="checkpoint")
        with pytest.raises(ModelFileError, match=f"{part}.*resume=False"):
            outcome(path)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    model, _, history = train(tmp_path / "run", patience=2, lr=0.3)
    before = (tmp_path / "run").read_bytes()

    class Nothing(Callback):
        def on_step(self, step: Step) -> None:
            raise AssertionError

    again, _, same = train(tmp_path / "run", initial=99, patience=2, lr=0.3, callbacks=[Nothing()])
    assert digest(again.state_dict()) == digest(model.state_dict())
    assert same == history
    assert (tmp_path / "run").read_bytes() == before


def test_a_run_stopped_by_a_time_budget_goes_on(tmp_path: Path) -> None:
    never = outcome(tmp_path / "never", checkpoint_every=None)
    _, _, short = train(tmp_path / "run", time_budget=1e-9, checkpoint_every=None)
    assert (short.stopped, short.epochs) == ("time", 1)
    stood = files.read(tmp_path / "run").config["run"]
    assert (stood["epoch"], stood["step"]) == (0, 1)
    assert outcome(tmp_path / "run", checkpoint_every=None) == never


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    class Interrupt(Callback):
        def on_step(self, step: Step) -> None:
            if (step.epoch, step.step) == (3, 2):
                raise KeyboardInterrupt

    never = outcome(tmp_path / "never")
    _, _, history = train(tmp_path / "run", callbacks=[Interrupt()])
    assert history.stopped == "interrupted"
    assert outcome(tmp_path / "run") == never


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.02}, "lr of group 0 was 0.01, now 0.02"),
        ({"epochs": 7}, "epochs was 6, now 7"),
        ({"seed": 1}, "seed was 0, now 1"),
        ({"clip": None}, "clip was 1.0, now None"),
        ({"schedule": "cosine"}, "schedule was None, now cosine"),
        ({"optimizer": "sgd"}, "optimizer was Adam, now SGD"),
        ({"patience": 3}, "patience was None, now 3"),
        ({"truncate": 3}, "truncate was None, now 3"),
        ({"validation": None}, "validation data: source was ArraySource, now None"),
        ({"validation": source(5)}, "validation data: x was"),
        ({"validate": lambda m, b: mse(m(b.x)[0], b.y)}, r"validate was supervised\(mse\), now"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectionError):
        train(tmp_path / "run", callbacks=[Crash(2, 1)])
    with pytest.raises(SettingsError, match=rf"other settings: .*{message}.*resume=False"):
        train(tmp_path / "run", **change)
    assert train(tmp_path / "run", resume=False, **change)[2].epochs in (6, 7)


def test_another_model_or_other_data_are_refused(tmp_path: Path) -> None:
    path, options = tmp_path / "run", {"objective": supervised("mse"), "epochs": 1, "progress": False}
    fit(Dropping(), source(), checkpoint=path, **options)
    with pytest.raises(
        SettingsError, match=r"model.cell.weight_ih was torch.float32 \(6, 1\), now torch.float32 \(7, 1\)"
    ):
        fit(Dropping(7), source(), checkpoint=path, **options)
    for other in (source(5), source(batch_size=5), ArraySource(source().data.x + 1, source().data.y, batch_size=4)):
        with pytest.raises(SettingsError, match=r"data: (x|batch_size) was"):
            fit(Dropping(), other, checkpoint=path, **options)


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "model"
    files.write(path, {"w": torch.ones(2)}, {}, kind="model")
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match="holds a model, expected a checkpoint"):
        train(path)
    assert path.read_bytes() == before
    train(tmp_path / "run", epochs=1)
    data = bytearray((tmp_path / "run").read_bytes())
    data[-9] ^= 1
    (tmp_path / "run").write_bytes(data)
    with pytest.raises(ModelFileError, match="checksum"):
        train(tmp_path / "run", epochs=1)


def test_a_missing_folder_shows_before_the_first_step(tmp_path: Path) -> None:
    class Nothing(Callback):
        def on_step(self, step: Step) -> None:
            raise AssertionError

    with pytest.raises(FileNotFoundError, match="make the folder"):
        train(tmp_path / "none" / "run", callbacks=[Nothing()])


def test_any_source_and_batch_can_be_resumed(tmp_path: Path) -> None:
    class Words:
        def __len__(self) -> int:
            return 3

        def batches(self, epoch: int) -> Any:
            generator = torch.Generator().manual_seed(epoch)
            for _ in range(3):
                yield {"pair": [torch.randn(4, 2, generator=generator), Batch(torch.ones(4, 1))]}

    def run(path: Path, callbacks: list[Callback]) -> str:
        torch.manual_seed(len(callbacks))
        model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Linear(2, 1))

        def objective(m: nn.Module, b: Any) -> Tensor:
            return (m(b["pair"][0]) - b["pair"][1].x).square().mean()

        if not callbacks:
            torch.nn.init.zeros_(model[0].weight)
        options = {"epochs": 4, "checkpoint": path, "checkpoint_every": 2, "progress": False}
        fit(model, Words(), objective=objective, callbacks=callbacks, **options)
        return digest(files.read(path).tensors)

    never = run(tmp_path / "never", [Callback()])
    with pytest.raises(ConnectionError):
        run(tmp_path / "run", [Crash(3, 2)])
    assert run(tmp_path / "run", []) == never


if __name__ == "__main__":
    import torch._dynamo  # torch.optim imports it on first use, a second for each child

    torch.set_num_threads(1)
    serve()
