"""The papers' tables: every task's pipeline on tiny files of the published format, its splits, its metrics, its rows and its page."""

from __future__ import annotations

import gzip
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.__main__ import main
from benchmarks.paper import data, figure, metrics, models, rows, run, table, tasks, titles, train, trivial
from benchmarks.paper.task import Settings, by_time, shuffled, windows
from benchmarks.paper.tasks import event_xor, gesture
from tauflow import datasets
from tauflow.errors import TrainingError
from tauflow.training import Batch

TINY = Settings(epochs=1, batch=8, units=8, rates=(0.01,))
HONEST = {
    "half_cheetah": ["published", "validation on recordings 25-30, windows at every frame"],
    "walker2d": ["published"], "gesture": ["by recording"], "occupancy": ["validation by time"],
    "ozone": ["by time"], "traffic": ["by time"], "power": ["by time"],
}  # fmt: skip


def walk(rng, *shape):
    return rng.standard_normal(shape).cumsum(axis=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Small made-up files of every published format."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("half_cheetah", "walker2d", "gesture", "occupancy", "ozone", "power", "smnist", "vowels"):
        (folder / name).mkdir()
    for number in range(31):
        np.save(folder / f"half_cheetah/trace_{number:04d}.npy", walk(rng, 60, 17))
    np.savez(
        folder / "walker2d/walker_rollouts_f32.npz",
        data=walk(rng, 960, 17).astype(np.float32),
        lengths=np.full(8, 120, np.int32),
    )
    for name in gesture.RECORDINGS:
        lines = [",".join(map(str, range(1, 33))) + ",Phase"]
        lines += [
            ",".join(f"{v:.8f}" for v in row) + "," + gesture.PHASES[i // 9 % 5]
            for i, row in enumerate(walk(rng, 100, 32))
        ]
        (folder / f"gesture/{name}_va3.csv").write_text("\n".join(lines) + "\n")
    for name in ("datatraining", "datatest", "datatest2"):
        lines = ['"date","Temperature","Humidity","Light","CO2","HumidityRatio","Occupancy"']
        for i, row in enumerate(walk(rng, 120, 5)):
            lines.append(f'"{i}","2015-02-04 17:51:00",' + ",".join(f"{v:.4f}" for v in row) + f",{int(row[2] > 0)}")
        (folder / f"occupancy/{name}.txt").write_text("\n".join(lines) + "\n")
    lines = []
    for i, row in enumerate(walk(rng, 420, 72)):
        values = ["?" if (i + j) % 50 == 0 else f"{v:.2f}" for j, v in enumerate(row)]
        lines.append(f"1/{i}/1998," + ",".join(values) + f",{float(i % 7 == 0)}")
    (folder / "ozone/eighthr.data").write_text("\n".join(lines) + "\n")
    lines = [
        "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;Sub_metering_1;Sub_metering_2;Sub_metering_3"
    ]
    for i, row in enumerate(walk(rng, 430, 7)):
        values = ["?"] * 6 + [""] if i == 10 else [f"{v:.3f}" for v in row]
        lines.append("16/12/2006;17:24:00;" + ";".join(values))
    (folder / "power/household_power_consumption.txt").write_text("\n".join(lines) + "\n")
    with gzip.open(folder / "smnist/digits.csv.gz", "wt") as file:
        for i in range(80):
            file.write(",".join(str(int(v)) for v in rng.integers(0, 17, 64)) + f",{i % 10}\n")
    for name in ("TRAIN", "TEST"):
        lines = ["# comment", "@classLabel true 1 2 3 4 5 6 7 8 9", "@data"]
        for i in range(81):
            sequence = rng.standard_normal((12, 7 + i % 5))
            lines.append(":".join(",".join(f"{v:.6f}" for v in feature) for feature in sequence) + f":{i // 9 + 1}")
        (folder / f"vowels/JapaneseVowels_{name}.ts").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def splits(root):
    """Task -> its splits on the small files; streams and traffic, which need no file, are cut short."""
    whole, found = datasets.load, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", lambda name: whole(name).head(420))
        for name in tasks.TASKS:
            found[name] = (
                list(event_xor.make(60, 20))
                if name == "event_xor"
                else list(tasks.get(name).load(data.Files(root, check=False)))
            )
    return found


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_task_trains_scores_keeps_its_rows_and_makes_a_page(name, splits, tmp_path, monkeypatch):
    monkeypatch.setattr(trivial, "ITERATIONS", 3)
    task = tasks.get(name)
    for split in splits[name]:
        made = list(run.measure(task, split, TINY, [*task.trivial, "ltc", "lstm"], range(1), tmp_path))
        assert [row.model for row in made] == [*task.trivial, "ltc", "lstm"]
        assert all(np.isfinite(row.mean) for row in made)
        assert all(row.parameters > 0 and row.seeds == [0] and row.settings["lr"] == 0.01 for row in made[-2:])
    kept = rows.read(tmp_path / f"{name}.json")
    assert len(kept) == len(splits[name]) * (len(task.trivial) + 2)
    text = table.write({name: kept})
    for row in kept:
        assert f"{titles.TITLES[row.model]} | {row.kind} |" in text
        assert table.spread(row.mean, row.std) in text
    assert task.traps in text and task.protocol in text
    figure.draw(task, kept, figure.path(task, tmp_path))
    assert f"evidence-{name}.png" in text and (tmp_path / f"evidence-{name}.png").stat().st_size > 5_000


@pytest.mark.parametrize("name", tasks.TASKS)
def test_names_in_a_task_exist(name):
    task = tasks.get(name)
    assert task.name == name
    assert set(task.cells) <= {*models.LIQUID, *models.STATIC} and set(task.trivial) <= set(trivial.TRIVIAL)
    assert set(titles.TITLES) == {*models.LIQUID, *models.STATIC, *trivial.TRIVIAL}


def shared(one, other):
    return len(np.intersect1d(one, other))


def test_honest_splits_share_no_row(splits):
    seen = 0
    for name, honest in HONEST.items():
        for split in splits[name]:
            if split.name in honest:
                training, validation, test = split.rows
                assert shared(training, validation) == shared(training, test) == shared(validation, test) == 0, (
                    name,
                    split.name,
                )
                assert not split.leaks
                seen += 1
    assert seen == sum(map(len, HONEST.values()))


def test_splits_that_are_said_to_leak_do(splits):
    for name in ("gesture", "ozone", "traffic"):
        leaking = [split for split in splits[name] if split.leaks]
        assert leaking
        for split in leaking:
            training, _, test = split.rows
            assert shared(training, test) > 0.4 * len(np.unique(test))
    training, _, test = splits["power"][0].rows
    assert shared(training, test) == 0  # neighbours, but no row twice
    training, validation, test = splits["occupancy"][0].rows
    assert shared(training, test) == 0 and shared(training, validation) > 0


def test_ozone_as_the_script_runs_is_32_sequences_of_shifted_rows(splits):
    published = splits["ozone"][0]
    assert [len(part) for part in published.rows] == [25, 3, 4]
    assert all((np.diff(part, axis=1) == 4).all() for part in published.rows)
    assert sorted(np.concatenate(published.rows)[:, 0]) == list(range(32))


def test_windows_are_those_of_the_scripts():
    assert windows(100, 32, 10).tolist() == [list(range(begin, begin + 32)) for begin in range(0, 68, 10)]
    assert len(windows(1000, 32, 10, end=1)) == 97
    assert [begin[0] for begin in gesture.halves(100)] == [0, 16, 32, 48, 64]
    training, validation, test = shuffled(100, 23489)
    assert sorted([*training, *validation, *test]) == list(range(100))
    assert [len(training), len(validation), len(test)] == [75, 10, 15]
    assert by_time(400, 32, 4)[2].min() == 340


def test_walker_frames_gaps_and_targets_belong_together(splits, root):
    with np.load(root / "walker2d/walker_rollouts_f32.npz") as kept:
        frames = kept["data"]
    split = splits["walker2d"][0]
    for batch, index in zip((split.train, split.validation, split.test), split.rows, strict=True):
        assert np.array_equal(batch.x.numpy(), frames[index])
        assert np.array_equal(batch.y.numpy(), frames[index + 1])
        assert np.array_equal(batch.dt.numpy()[:, 1:], np.diff(index, axis=1))
        assert batch.dt.min() >= 1 and batch.dt.max() > 1
    order = np.arange(8)
    np.random.RandomState(125487).shuffle(order)
    assert set(np.unique(split.rows[2] // 120)) == set(order[:1])


def test_streams_of_events_hold_the_bits():
    batch = event_xor.draw(200, 1234984)
    rng = np.random.RandomState(1234984)
    for x, dt, mask, parity in zip(batch.x[..., 0], batch.dt, batch.mask, batch.y, strict=True):
        bits = [int(rng.randint(0, 2)) for _ in range(rng.randint(2, 32))]
        told, before = [], int(x[0])
        for bit, gap in zip(x[mask].int().tolist(), dt[mask].int().tolist(), strict=True):
            told += [before] * (gap - 1) + [bit]
            before = bit
        assert told == bits and int(dt[mask].sum()) == len(bits)
        ends = dt[mask].cumsum(0).int().tolist()
        assert parity[mask].tolist() == [sum(bits[:end]) % 2 for end in ends] and ends[-1] == len(bits)
        changes = sum(one != other for one, other in pairwise(bits))
        assert int(mask.sum()) == changes + 1 + (len(bits) > 1 and bits[-1] == bits[-2])


def test_every_prefix_is_learned_from_and_whole_streams_alone_are_scored(splits):
    published, prefixes = splits["event_xor"]
    count = published.train.mask.sum(dim=1)
    assert torch.equal(prefixes.train.x, published.train.x) and torch.equal(prefixes.test.y, published.test.y)
    assert torch.equal(prefixes.train.y[torch.arange(len(count)), count - 1], published.train.y)
    output = torch.zeros(*published.train.mask.shape, 2)
    entries = [metrics.entries(output, split.train.y, split.train.mask)[1] for split in (published, prefixes)]
    assert [len(entry) for entry in entries] == [len(count), int(count.sum())]


def test_windows_at_every_frame_are_of_the_same_recordings(splits):
    tens, every = splits["half_cheetah"][1:]
    assert set(np.unique(every.rows[0] // 60)) == set(np.unique(tens.rows[0] // 60)) == set(range(15, 25))
    assert np.array_equal(every.rows[0][:27, 0], 900 + np.arange(27)) and len(every.train) == 10 * 27
    assert torch.equal(every.test.x, tens.test.x) and torch.equal(every.validation.x, tens.validation.x)


def test_metrics_by_hand():
    assert metrics.mse(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])) == 2.5
    scores = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 3.0], [5.0, 1.0]])
    assert metrics.accuracy(scores, torch.tensor([0, 1, 0, 1])) == 50
    assert metrics.f1(scores, torch.tensor([0, 1, 0, 1])) == 0.5  # one hit, one false alarm, one miss
    assert metrics.f1(scores, torch.tensor([0, 1, 1, 0])) == 1
    assert metrics.f1(scores[:1], torch.tensor([0])) == 0
    expected = (1.6 * np.log(1 + np.e**-1) + 0.1 * np.log(1 + np.e**-1)) / 2
    assert float(metrics.ozone_loss(scores[:2], torch.tensor([0, 1]))) == pytest.approx(expected, rel=1e-6)


def test_entries_are_the_real_steps_or_the_last_real_one():
    output = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert metrics.entries(output, torch.tensor([0, 1]), mask)[0].tolist() == [[2, 3], [10, 11]]
    assert metrics.entries(output, torch.tensor([0, 1]), None)[0].tolist() == [[4, 5], [10, 11]]
    steps = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert metrics.entries(output, steps, mask)[1].tolist() == [0, 1, 3, 4, 5]


@pytest.mark.parametrize("name", [*models.LIQUID, *models.STATIC])
def test_no_model_sees_the_future_so_padding_at_the_end_moves_nothing(name):
    model = models.build(name, 3, 2, 8, seed=0).eval()
    x, dt = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(0)), torch.ones(2, 12)
    changed = x.clone()
    changed[:, 7:] = 5.0
    with torch.no_grad():
        first, second = model(x, dt), model(changed, dt)
    assert first.shape == (2, 12, 2)
    torch.testing.assert_close(first[:, :7], second[:, :7], rtol=0, atol=1e-6)
    assert (first[:, 7:] - second[:, 7:]).abs().max() > 1e-3
    assert models.kind(name) in ("liquid", "static") and models.count(model) > 0


def test_a_skip_network_answers_in_the_units_of_the_target(splits):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    model = train.untrained(task, split, "cfc+skip", TINY, seed=0)
    scale, target, readout = model.network.scale, model.network.head.scale, model.network.readout
    x, y = split.train.x.flatten(0, 1), split.train.y.flatten(0, 1)
    torch.testing.assert_close(scale.mean, x.mean(dim=0))
    torch.testing.assert_close(target.width, y.std(dim=0))
    with torch.no_grad():
        readout.layers[-1].weight.zero_()
        readout.layers[-1].bias.zero_()
        mean = model(split.test.x, split.test.dt)
        readout.line.weight.copy_(torch.eye(17, 18) * (scale.width / target.width)[:, None])
        readout.line.bias.copy_((scale.mean - target.mean) / target.width)
        same = model(split.test.x, split.test.dt)
    assert torch.equal(mean, target.mean.expand_as(mean))
    torch.testing.assert_close(same, split.test.x, rtol=0, atol=1e-5)


def test_a_rival_of_a_liquid_backbone_has_its_hidden_layers_and_its_dropout():
    def hidden(name):
        readout = models.build(name, 5, 2, 8, 0).network.readout
        return [(layer.out_features, readout.dropout.p) for layer in readout.layers[:-1]]

    for name, layers in (("lstm+dt+wide", [(256, 0.1)]), ("lstm+dt+deep", [(128, 0.2), (128, 0.2)])):
        assert hidden(name) == layers
    for name, layers in (("cfc_wide", 1), ("mmrnn_deep", 2)):
        drops = [module for module in models.build(name, 5, 2, 8, 0).modules() if getattr(module, "dropout", 0)]
        assert len([module for module in drops if not hasattr(module, "layers")]) == layers


@pytest.mark.parametrize("name", ["cfc+skip", "ltc+skip", "gated_ltc+skip", "transformer+skip"])
def test_a_skip_network_tells_its_layer_the_time(name):
    core = models.build(name, 5, 2, 8, 0).network.core.eval()
    u, dt = torch.ones(1, 4, 6), torch.ones(1, 4)  # u holds a gap too, which stays as it is
    state = core.initial_state(1)
    assert not torch.equal(core(u, dt, None, state)[0], core(u, 3 * dt, None, state)[0])


def test_classes_have_no_scale_and_padding_counts_for_none():
    task, split = tasks.get("event_xor"), next(event_xor.make(100, 10))
    network = train.untrained(task, split, "gru+skip", TINY, seed=0).network
    torch.testing.assert_close(network.scale.mean[0], split.train.x[split.train.mask].mean())
    torch.testing.assert_close(network.waves.scale.mean[0], split.train.dt[split.train.mask].mean())
    assert torch.equal(network.head.scale.mean, torch.zeros(2))
    assert torch.equal(network.head.scale.width, torch.ones(2))


def test_a_network_without_scales_measures_nothing(splits):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    network = train.untrained(task, split, "cfc", TINY, seed=0).network
    assert network.scale is None and torch.equal(network.head.scale.width, torch.ones(17))


def test_short_sequences_come_first_and_all_of_them_from_the_epoch_that_is_named():
    data = event_xor.with_last(event_xor.draw(200, 1))
    source = train.Growing(data, full=4, batch_size=16, seed=0)
    longest, count = zip(
        *((max(float((b.dt * b.mask).sum(dim=1).max()) for b in part), sum(map(len, part)))
          for part in (list(source.batches(epoch)) for epoch in range(5))), strict=True,
    )  # fmt: skip
    assert count == (50, 100, 150, 200, 200) and longest[0] < longest[1] < longest[2] < longest[3] == longest[4]


def test_a_committee_learns_one_at_a_time_and_answers_together():
    model = models.build("gated_ltc+four", 3, 2, 8, seed=0)
    members = list(model.network.members)
    assert len({float(member.readout.map.weight.detach()[0, 0]) for member in members}) == 4
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    model.train()(x).sum().backward()
    assert sum(member.readout.map.weight.grad is not None for member in members) == 1
    expected = torch.stack([member.eval()(x)[0] for member in members]).mean(dim=0)
    torch.testing.assert_close(model.eval()(x, torch.ones(2, 5)), expected)


def test_the_same_seed_gives_the_same_score_and_another_one_another(splits):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    one, same, other = (run.run_seed(task, split, "ctrnn", TINY, 0.01, seed, lambda _: None).best for seed in (0, 0, 1))
    assert one == same != other


def test_the_epoch_is_chosen_by_validation_alone():
    scores = train.Scores(torch.nn.Linear(1, 1), metrics.MSE, Batch(torch.ones(1)), None, lambda _: None)
    scores.validated, scores.tested = [3.0, 1.0, 1.0, 2.0], [0.1, 9.0, 8.0, 0.1]
    assert scores.best == 1
    scores.metric = metrics.ACCURACY
    assert scores.best == 0


def test_the_learning_rate_is_the_best_on_validation(splits):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    settings = replace(TINY, rates=(1e-6, 0.03), epochs=4)
    assert train.choose_rate(task, split, "gru", settings, lambda _: None) == 0.03


def test_a_run_that_blows_up_at_once_counts_as_untrained(splits, monkeypatch):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]

    def fail(*_, **__):
        raise TrainingError("the loss is nan")

    monkeypatch.setattr(train, "fit", fail)
    outcome = train.run(task, split, "rnn", TINY, 0.01, 0, lambda _: None)
    untrained = models.build("rnn", 17, 17, 8, seed=0)
    assert outcome.best == outcome.last == train.score(untrained, split.test, metrics.MSE)
    assert outcome.epoch == 0 and "first epoch" in outcome.ended


def test_a_row_goes_on_with_the_seeds_that_it_lacks(splits, tmp_path):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    (first,) = run.measure(task, split, TINY, ["rnn"], range(1), tmp_path)
    (row,) = run.measure(task, split, TINY, ["rnn"], range(3), tmp_path)
    assert row.seeds == [0, 1, 2] and row.scores[0] == first.scores[0]
    assert row.mean == pytest.approx(np.mean(row.scores)) and row.std == pytest.approx(np.std(row.scores, ddof=1))
    (anew,) = run.measure(task, split, replace(TINY, units=9), ["rnn"], range(1), tmp_path)
    assert anew.seeds == [0]
    assert rows.read(tmp_path / "half_cheetah.json") == [anew]


def test_another_recipe_is_another_row(splits, tmp_path):
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    mine = replace(TINY, schedule="cosine", weight_decay=0.1)
    (theirs,) = run.measure(task, split, TINY, ["rnn"], range(1), tmp_path)
    (ours,) = run.measure(task, split, mine, ["rnn"], range(1), tmp_path, "cosine")
    kept = rows.read(tmp_path / "half_cheetah.json")
    assert [row.recipe for row in kept] == ["paper", "cosine"] and theirs.mean != ours.mean
    text = table.write({"half_cheetah": kept})
    assert "| RNN, cosine | static |" in text
    assert "| paper | 1 | 8 | 8 | nothing | none | constant | 0.01 |" in text
    assert "| cosine | 1 | 8 | 8 | nothing | 0.1 | cosine | 0.01 |" in text
    with pytest.raises(SystemExit, match="half_cheetah has no recipe 'magic'; there are paper"):
        main(["paper", "half_cheetah", "--recipe", "magic"])


def test_a_row_that_goes_on_elsewhere_names_both_places(splits, tmp_path):
    assert run.joined("a", "a") == "a" and run.joined("a; b", "b") == "a; b" and run.joined("a", "b") == "a; b"
    task, split = tasks.get("half_cheetah"), splits["half_cheetah"][0]
    (first,) = run.measure(task, split, TINY, ["rnn"], range(1), tmp_path)
    rows.merge(tmp_path / "half_cheetah.json", replace(first, machine="elsewhere", commit="abc"))
    (row,) = run.measure(task, split, TINY, ["rnn"], range(2), tmp_path)
    assert row.machine == f"elsewhere; {first.machine}" and row.commit == f"abc; {first.commit}"
    assert rows.read(tmp_path / "half_cheetah.json") == [row]
    other = replace(row, model="gru", machine="elsewhere", commit="abc")
    assert table.how([row, other]).count("elsewhere") == table.how([row, other]).count("abc") == 1


def test_rows_of_before_a_setting_came_go_on():
    settings = {**run.complete({"epochs": 7}), "lr": 0.3}
    assert run.complete({k: v for k, v in settings.items() if k != "weight_decay"}) == run.complete(settings)


def test_persistence_mean_and_threshold_by_hand():
    x = torch.tensor([[[1.0], [2.0], [4.0]]])
    numbers = Batch(x, torch.tensor([[[2.0], [4.0], [8.0]]]))
    split = train.Split("", numbers, numbers, numbers)
    assert trivial.persistence(metrics.MSE, split)[0] == pytest.approx((1 + 4 + 16) / 3)
    assert trivial.ridge(metrics.MSE, split)[0] < 1e-3
    classes = Batch(x, torch.tensor([[0, 1, 1]]))
    split = train.Split("", classes, classes, classes)
    assert trivial.threshold(metrics.ACCURACY, split)[0] == 100
    near = Batch(x + 0.4, torch.tensor([[1, 1, 0]]))
    assert trivial.nearest(metrics.ACCURACY, train.Split("", classes, classes, near))[0] == pytest.approx(100 / 3)
    said, true = torch.tensor([[1], [1], [0]]) == 1, torch.tensor([[1], [0], [1]]) == 1
    assert trivial.harmonic(said, true).tolist() == [0.5] and trivial.hits(said, true).tolist() == [
        pytest.approx(1 / 3)
    ]
    rare = Batch(torch.tensor([[[1.0], [2.0], [4.0], [3.0]]]), torch.tensor([[0, 1, 1, 0]]))
    assert trivial.threshold(metrics.F1, train.Split("", rare, rare, rare))[0] == pytest.approx(0.8)
    assert trivial.majority(metrics.ACCURACY, split)[0] == pytest.approx(200 / 3)


def row(model, mean, std=0.01, kind=None, split="published"):
    return rows.Row(
        "half_cheetah", model, kind or models.kind(model), split, "MSE", mean, std, mean, std, [0, 1], [mean] * 2, [mean] * 2,
        [1, 1], ["", ""], 100, 0.5, None, {"epochs": 1, "batch": 1, "units": 1, "clip": None, "schedule": None, "rates": [0.1], "lr": 0.1},
        "abc", "here",
    )  # fmt: skip


def test_the_page_says_first_where_liquid_loses():
    losing, leading = [row("ltc", 2.0), row("lstm", 1.0)], [row("ltc", 1.0), row("lstm", 2.0)]
    assert "**Liquid loses: LSTM 1.000 +-0.010" in table.verdict(metrics.MSE, losing)
    assert table.verdict(metrics.MSE, leading).startswith("Liquid leads")
    assert table.verdict(metrics.ACCURACY, losing).startswith("Liquid leads")
    assert table.verdict(metrics.MSE, [row("ltc", 1.0), row("lstm", 1.01)]).startswith("No difference")
    assert "Liquid loses" in table.verdict(metrics.MSE, [row("ltc", 1.0), row("ridge", 0.5, None)])
    assert table.verdict(metrics.MSE, [row("ltc", 1.0), row("ridge", 2.0, None)]) == ""  # no network to compare with
    lucky = replace(row("gru", 0.5, None), seeds=[0], scores=[0.5])
    assert table.verdict(metrics.MSE, [*leading, lucky]).startswith("Liquid leads")
    assert "GRU" in table.verdict(metrics.MSE, [leading[0], lucky])
    both = table.write({"half_cheetah": [*(replace(one, split="a") for one in leading), *losing]})
    assert both.index("**Liquid loses") < both.index("Liquid leads")
    assert "| Neural ODE, as published |" in both
    assert "No row on this split: GatedLTC, CT-RNN, CfC, " in both
    assert table.missing([row(name, 1.0) for name in models.EVERY[1:]]) == [titles.TITLES["ltc"]]
    assert "No row on this split" not in table.write({"half_cheetah": [row(name, 1.0) for name in models.EVERY]})


def test_a_file_that_is_missing_or_another_one_is_named(root, monkeypatch):
    monkeypatch.delenv(data.VARIABLE, raising=False)
    with pytest.raises(SystemExit, match="pass --data DIR or set TAUFLOW_DATA"):
        main(["paper", "gesture", "--quick"])
    with pytest.raises(SystemExit, match=r"sha256 .* expected"):
        main(["paper", "gesture", "--quick", "--data", str(root)])
    with pytest.raises(SystemExit, match=r"sha256 .* expected"):
        main(["paper", "walker2d", "--quick", "--data", str(root)])
    monkeypatch.setenv(data.VARIABLE, str(root / "ozone"))
    with pytest.raises(SystemExit, match=r"there is no ozone/eighthr.data under .* Get it from archive.ics.uci.edu"):
        main(["paper", "ozone", "--quick"])
    with pytest.raises(SystemExit, match="no folder"):
        main(["paper", "ozone", "--quick", "--data", str(root / "nowhere")])


def test_the_command_runs_and_keeps_nothing_of_a_quick_run(root, monkeypatch, capsys, tmp_path):
    task = tasks.get("smnist")
    unchecked = replace(task, load=lambda files: task.load(data.Files(files.root, check=False)))
    monkeypatch.setattr(tasks, "get", lambda name: unchecked)
    monkeypatch.setattr(rows, "RESULTS", tmp_path)
    main(["paper", "smnist", "--quick", "--cells", "majority", "gru", "--splits", "8 x 8 digits", "--data", str(root)])
    told = capsys.readouterr().out
    assert "smnist, 8 x 8 digits, gru: accuracy" in told and "not kept" in told
    assert not list(tmp_path.iterdir())
    main(["paper", "smnist", "--quick", "--cells", "majority", "--data", str(root), "--results", str(tmp_path)])
    assert (tmp_path / "smnist.json").exists()
    with pytest.raises(SystemExit, match="no model is called 'lmst'"):
        main(["paper", "smnist", "--cells", "lmst", "--data", str(root)])


def test_the_page_and_its_pictures_are_what_the_kept_results_make():
    kept = {name: rows.read(rows.RESULTS / f"{name}.json") for name in tasks.TASKS}
    if not any(kept.values()):
        pytest.skip("no results are kept")
    assert table.PAGE.read_text() == table.write(kept)
    for task in (tasks.get(name) for name in kept if kept[name]):
        with Image.open(figure.path(task, table.PAGE.parent / "images")) as picture:
            assert picture.text["Drawn"] == figure.digest(figure.panels_of(task, kept[task.name])), task.name


def of_seeds(model, scores, recipe="paper", split="published"):
    """A row of half-cheetah."""
    made = rows.Row(**{**asdict(row(model, 0.0, split=split)), "recipe": recipe, "seeds": [], "scores": []})
    for seed, score in enumerate(scores):
        made = rows.grown(made, seed, score, score, 1, 1.0, "")
    return made


def test_a_picture_shows_every_row_its_seeds_and_what_was_published_the_best_first():
    kept = [of_seeds("lstm", [1.5, 1.7], "cosine"), of_seeds("lstm", [2.4, 2.2]), of_seeds("ltc", [2.0])]
    found = figure.marks(tasks.get("half_cheetah"), kept, "published")
    assert [(one.label, one.mean and round(one.mean, 6), list(one.scores), one.published) for one in found] == [
        ("LSTM, cosine", 1.6, [1.5, 1.7], None),  # what was published was not for this recipe
        ("LTC, one exponential midpoint step", 2.0, [], 2.308),
        ("LSTM", 2.3, [2.4, 2.2], 2.5),
        ("CT-RNN, as published", None, [], 2.838),
        ("CT-GRU, as published", None, [], 3.014),
        ("Neural ODE, as published", None, [], 3.805),
    ]
    elsewhere = [of_seeds("ltc", [2.0], split="validation on recordings 25-30")]
    assert [one.published for one in figure.marks(tasks.get("half_cheetah"), elsewhere, elsewhere[0].split)] == [None]


def test_a_published_figure_stands_beside_the_recipe_that_it_was_made_with(splits, tmp_path):
    task, split = tasks.get("walker2d"), splits["walker2d"][0]
    own = run.blank(task, split, TINY, "mmrnn_deep", "as for mmRNN")
    plain = run.blank(task, split, TINY, "mmrnn_deep", "paper")
    assert own.published == {"mean": 0.617, "std": 0.006} and plain.published is None
    lines = table.lines(task, [replace(own, mean=0.6), replace(plain, mean=0.7)], task.published)
    assert [line[2] for line in lines if line[0].startswith("mmRNN")] == ["0.617 +-0.006", ""]


@pytest.mark.parametrize(
    ("metric", "scores", "least", "most", "said"),
    [
        (metrics.MSE, (1.0, 1.2, 1.4, 62.87), 0.9, 2, "62.9"),
        (metrics.ACCURACY, (98.0, 96.0, 95.0, 10.7), 90, 100, "10.7"),
    ],
)
def test_a_score_far_worse_than_the_others_stands_at_the_edge_with_its_figure(metric, scores, least, most, said):
    axes = Figure().subplots()
    marks = [figure.Mark(name, "static", mean) for name, mean in zip("abcd", scores, strict=True)]
    figure.panel(axes, marks, metric)
    assert least < axes.get_xlim()[0] < axes.get_xlim()[1] < most and axes.get_xscale() == "linear"
    assert [said in text.get_text() for text in axes.texts] == [True]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c", "d"]


def test_both_figures_of_a_far_row_are_said_and_a_bad_seed_of_a_near_one_is_shown():
    axes = Figure().subplots()
    both, near = figure.Mark("a", "liquid", 50.0, (), 49.0), figure.Mark("b", "static", 95.0, (99.0, 80.0), None)
    figure.panel(
        axes, [near, figure.Mark("c", "static", 96.0), figure.Mark("d", "static", 97.0), both], metrics.ACCURACY
    )
    assert ["50, 49 published" in text.get_text() for text in axes.texts] == [True]
    assert axes.get_xlim()[0] < 80 and any(list(line.get_xdata()) == [99.0, 80.0] for line in axes.lines)


def test_nothing_is_at_the_edge_where_everything_is_perfect():
    axes = Figure().subplots()
    figure.panel(axes, [figure.Mark(name, "liquid", 100.0) for name in "abc"], metrics.ACCURACY)
    assert not axes.texts and len(axes.lines) >= 3
