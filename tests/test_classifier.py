"""`Classifier` and `Regressor`: every form of X and y, honest probabilities, streams equal to prefixes, files, sentences for mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tauflow
from tauflow import Classifier, Regressor
from tauflow.errors import DataError, ModelFileError, NonFiniteError, NotFittedError, ShapeError, TauflowError

Array = np.ndarray[Any, Any]
SMALL: dict[str, Any] = {"units": 8, "members": 2, "epochs": 4, "beside": "summaries"}


def waves(n: int = 60, seed: int = 0, even: bool = True) -> tuple[list[Array], list[Array], Array]:
    """Sequences of 15 to 25 samples of two channels; the first swings fast or slowly, and that is the label."""
    draw = np.random.default_rng(seed)
    values, times, labels = [], [], np.arange(n) % 2
    for label in labels:
        length = int(draw.integers(15, 26))
        t = np.arange(length, dtype=float) if even else np.cumsum(draw.uniform(0.2, 1.8, length))
        wave = np.sin((0.4 + 0.9 * label) * t + draw.uniform(0, 6)) + 0.1 * draw.normal(size=length)
        values.append(np.stack([wave, draw.normal(size=length)], axis=1))
        times.append(t)
    return values, times, labels


VALUES, TIMES, LABELS = waves()
UNEVEN, STAMPS, _ = waves(even=False)
WORDS = np.array(["slow", "quick"])[LABELS]


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return Classifier(units=16, epochs=20).fit(VALUES, WORDS)


@pytest.fixture(scope="module")
def causal() -> Classifier:
    """Uneven times, missing values, static columns, both at once."""
    values = [one.copy() for one in UNEVEN]
    for number, one in enumerate(values):
        one[number % 3 :: 4, 1] = np.nan
    static = np.stack([LABELS + np.random.default_rng(0).normal(size=60), np.full(60, np.nan)], axis=1)
    static[::2, 1] = 1.0
    return Classifier(causal=True, **SMALL).fit(list(zip(values, STAMPS, strict=True)), WORDS, static=static)


def test_it_learns_and_knows_how_sure_it_is(fitted: Classifier) -> None:
    new, _, labels = waves(200, seed=1)
    words = np.array(["slow", "quick"])[labels]
    assert fitted.classes_.tolist() == ["quick", "slow"]
    assert fitted.score(new, words) > 0.95
    p = fitted.predict_proba(new)
    assert p.shape == (200, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.array_equal(fitted.predict(new), fitted.classes_[p.argmax(axis=1)])
    loss = -np.log(p[np.arange(200), 1 - labels]).mean()
    assert loss < 0.3
    assert set(fitted.validation_) == {"network", "summaries", "shapes", "all"}
    assert "on 36 held-out sequences: network" in fitted.notes_[-1]
    assert "3 members of" in fitted.summary()


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(fitted: Classifier) -> None:
    together, alone = fitted.predict_proba(VALUES), [fitted.predict_proba([one])[0] for one in VALUES[:8]]
    assert np.abs(together[:8] - np.stack(alone)).max() < 1e-12


def test_the_same_seed_gives_the_same_numbers_and_another_does_not() -> None:
    said = [Classifier(seed=seed, **SMALL).fit(VALUES, LABELS).predict_proba(VALUES) for seed in (1, 1, 2)]
    assert np.array_equal(said[0], said[1])
    assert not np.array_equal(said[0], said[2])


def test_a_prefix_a_stream_and_over_time_say_the_same(causal: Classifier) -> None:
    static = np.array([[0.3, 1.0], [0.9, np.nan]])
    asked = [(UNEVEN[0].copy(), STAMPS[0]), (UNEVEN[1].copy(), STAMPS[1])]
    asked[0][0][5:9, 1] = np.nan
    after = causal.over_time(asked, static=static)
    for number, (x, t) in enumerate(asked):
        assert after[number].shape == (len(x), 2)
        stream = causal.stream(static=static[number])
        for k in range(len(x)):
            p = stream(x[k], None if k == 0 else t[k] - t[k - 1])
            prefix = causal.predict_proba([(x[: k + 1], t[: k + 1])], static=static[number : number + 1])[0]
            assert np.abs(p - prefix).max() < 1e-12
            assert np.array_equal(p, after[number][k])
        stream.reset()
        assert np.abs(stream(x[0]) - after[number][0]).max() < 1e-12


@pytest.mark.parametrize("estimator", [Classifier, Regressor])
def test_a_stream_of_patches_equals_the_prefix(estimator: Any) -> None:
    y = LABELS if estimator is Classifier else LABELS + 0.5
    model = estimator(causal=True, patch=4, **SMALL).fit(VALUES, y)
    ask = model.predict_proba if estimator is Classifier else model.predict
    stream = model.stream()
    for k, x in enumerate(VALUES[0]):
        assert np.abs(stream(x) - ask([VALUES[0][: k + 1]])[0]).max() < 1e-12


def test_a_model_that_reads_both_ways_does_not_stream(fitted: Classifier) -> None:
    with pytest.raises(TauflowError, match="causal=True"):
        fitted.stream()


def test_a_refused_sample_leaves_the_stream(causal: Classifier) -> None:
    stream, other = causal.stream(static=[0.0, 1.0]), causal.stream(static=[0.0, 1.0])
    for x in UNEVEN[0][:3]:
        stream(x, 0.5), other(x, 0.5)
    for bad, dt, error in (
        (np.zeros(3), 1.0, ShapeError),
        ([np.nan, 0.0], 1.0, NonFiniteError),
        ([0.0, 0.0], -1.0, ValueError),
    ):
        with pytest.raises(error):
            stream(bad, dt)
    assert np.array_equal(stream(UNEVEN[0][3], 0.5), other(UNEVEN[0][3], 0.5))


def test_forms_of_the_same_sequences_give_the_same_model() -> None:
    whole = np.stack([one[:15] for one in VALUES])
    assert Classifier(**SMALL).fit(list(whole), list(WORDS)).model_.form.every is False, (
        "words of other lengths are no rows"
    )
    said = [
        Classifier(layout=layout, **SMALL).fit(X, LABELS).predict_proba(X)
        for X, layout in ((whole, None), (list(whole), None), (whole.transpose(0, 2, 1), "nct"))
    ]
    assert all(np.array_equal(one, said[0]) for one in said)


def test_a_label_at_every_row_by_itself() -> None:
    draw = np.random.default_rng(0)
    values = [draw.normal(size=(int(draw.integers(10, 30)), 1)).cumsum(axis=0) for _ in range(40)]
    labels = [np.where(one[:, 0] > 0, "up", "down") for one in values]
    model = Classifier(units=8, members=1, epochs=40, causal=True).fit(values, labels)
    said = model.predict(values)
    assert [one.shape for one in said] == [one.shape for one in labels]
    assert model.score(values, labels) > 0.9
    p = model.predict_proba(values)
    assert p[3].shape == (len(values[3]), 2)
    stream = model.stream()
    assert np.abs(np.stack([stream(x) for x in values[3]]) - p[3]).max() < 1e-9  # windows are sums in another order
    even = np.stack([one[:10] for one in values])
    assert Classifier(**SMALL).fit(even, np.stack([one[:10] for one in labels])).predict(even).shape == (40, 10)


def test_windows_end_with_their_row() -> None:
    from tauflow.estimators.sequences.form import window_features

    x, t = (
        np.random.default_rng(0).normal(1e6, 1, size=(30, 2)),
        np.cumsum(np.random.default_rng(1).uniform(0.1, 2, 30)),
    )
    mean, deviation = window_features(x, t, [5.0])
    for k in range(30):
        seen = x[: k + 1][t[: k + 1] >= t[k] - 5]
        np.testing.assert_allclose(mean[k], seen.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(deviation[k], seen.std(axis=0), atol=1e-6)


def test_rare_classes_are_learned_and_probabilities_stay_honest() -> None:
    """One in ten is of the second class; weighed in the loss, put back in the answers, unless it is asked for weights."""
    draw = np.random.default_rng(0)
    labels = (np.arange(300) % 10 == 0).astype(int)
    x = draw.normal(size=(300, 12, 1)) + 0.6 * labels[:, None, None]
    means = {
        str(weight): Classifier(class_weight=weight, **SMALL).fit(x, labels).predict_proba(x)[:, 1].mean()
        for weight in ("auto", "balanced", None, {1: 50.0})
    }
    assert means["auto"] == pytest.approx(0.1, abs=0.04) and means["None"] == pytest.approx(0.1, abs=0.06)
    assert means["balanced"] > 0.18 and means["{1: 50.0}"] > means["balanced"]


def test_thresholds_are_chosen_on_what_was_held_out() -> None:
    draw = np.random.default_rng(0)
    labels = (np.arange(240) % 4 == 0).astype(int)
    x = draw.normal(size=(240, 12, 1)) + 0.4 * labels[:, None, None]
    recall = Classifier(threshold={"recall": 0.95}, **SMALL).fit(x, labels)
    found = recall.predict(x)[labels == 1].mean()
    assert found > 0.85 and recall.threshold_ is not None and recall.threshold_ < 0.3
    assert 0 < (Classifier(threshold="f1", **SMALL).fit(x, labels).threshold_ or 0) < 0.6
    fixed = Classifier(threshold=0.9, **SMALL).fit(x, labels)
    assert np.array_equal(fixed.predict(x), (fixed.predict_proba(x)[:, 1] >= 0.9).astype(int))


def test_groups_are_held_out_together() -> None:
    """Each group has a mark of its own that gives its label away: only with groups does the held-out score say that nothing was learned."""
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 5)
    label = draw.permutation(np.arange(40) % 2)[group]
    x = np.repeat(draw.normal(size=(40, 1, 8))[group], 9, axis=1) + 0.01 * draw.normal(size=(200, 9, 8))
    settings: dict[str, Any] = {**SMALL, "members": 3, "epochs": 1}
    leaking = Classifier(**settings).fit(x, label).validation_
    honest = Classifier(**settings).fit(x, label, groups=group).validation_
    assert leaking["summaries"] > 0.9 > 0.6 > honest["summaries"]


def test_a_long_table_in_and_a_frame_out(tmp_path: Path) -> None:
    rows = [
        (f"s{stay:02}", t, *x, 30 + stay, word)
        for stay, (values, times, word) in enumerate(zip(UNEVEN[:30], STAMPS, WORDS, strict=False))
        for x, t in zip(values, times, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["stay", "hours", "probe", "level", "age", "kind"])
    path = tmp_path / "stays.csv"
    frame.to_csv(path, index=False)
    columns: dict[str, Any] = {"id": "stay", "time": "hours", "target": "kind", "static": ["age"]}
    model = Classifier(**SMALL).fit(path, **columns)
    p = model.predict_proba(frame)
    assert (p.index.name, list(p.columns), len(p)) == ("stay", ["quick", "slow"], 30)
    assert model.predict(path).tolist() == p.columns[p.to_numpy().argmax(axis=1)].tolist()
    assert model.score(path) == (model.predict(path).to_numpy() == WORDS[:30]).mean()
    told = model.predict_table(frame.drop(columns="kind"))
    assert list(told.columns) == ["stay", "kind", "p(quick)", "p(slow)"]
    model.save(tmp_path / "kind.tau")
    assert Classifier.load(tmp_path / "kind.tau").predict_table(path).equals(told)
    frame["kind"] = np.where(frame["probe"] > 0, 1, 0)
    rowwise = Classifier(**SMALL).fit(frame, **columns)
    assert rowwise.model_.form.every
    assert rowwise.predict(frame).index.names == ["stay", "hours"] and len(rowwise.predict(frame)) == len(frame)


@pytest.mark.parametrize("several", [False, True])
def test_numbers_of_sequences(several: bool) -> None:
    y = np.array([one[:, 0].std() * 40 + 1000 for one in VALUES])
    y = np.stack([y, -y], axis=1) if several else y
    model = Regressor(units=16, epochs=20).fit(VALUES, y)
    assert model.predict(VALUES).shape == y.shape
    assert model.score(VALUES, y) > 0.9
    assert model.validation_["all"] < 1


def test_numbers_at_every_row_are_asked_for_where_they_could_be_columns() -> None:
    whole = np.stack([one[:15] for one in VALUES])
    running = whole[:, :, 0].cumsum(axis=1)
    with pytest.raises(DataError, match="every=True or False"):
        Regressor(**SMALL).fit(whole, running)
    assert Regressor(every=True, **SMALL).fit(whole, running).predict(whole).shape == (60, 15)
    assert Regressor(every=False, **SMALL).fit(whole, running).predict(whole).shape == (60, 15)
    lists = Regressor(**SMALL).fit(VALUES, [one[:, 0] for one in VALUES])
    assert lists.predict(VALUES)[0].shape == (len(VALUES[0]),)


def test_what_comes_back_from_a_file(tmp_path: Path, fitted: Classifier, causal: Classifier) -> None:
    fitted.save(tmp_path / "a.tau")
    again = Classifier.load(tmp_path / "a.tau")
    assert np.array_equal(again.predict_proba(VALUES), fitted.predict_proba(VALUES))
    assert again.get_params() == fitted.get_params() and again.notes_ == fitted.notes_
    causal.save(tmp_path / "b.tau")
    streams = [model.stream(static=[0.0, 1.0]) for model in (causal, Classifier.load(tmp_path / "b.tau"))]
    for x in UNEVEN[0]:
        assert np.array_equal(streams[0](x, 0.7), streams[1](x, 0.7))
    weighed = Classifier(class_weight={0: 1.0, 1: 3.0}, threshold=0.3, **SMALL).fit(VALUES, LABELS)
    weighed.save(tmp_path / "c.tau")
    assert np.array_equal(Classifier.load(tmp_path / "c.tau").predict(VALUES), weighed.predict(VALUES))
    regressor = Regressor(**SMALL).fit(VALUES, np.stack([LABELS * 7.0, LABELS - 5.0], axis=1))
    regressor.save(tmp_path / "d.tau")
    assert np.array_equal(Regressor.load(tmp_path / "d.tau").predict(VALUES), regressor.predict(VALUES))
    with pytest.raises(ModelFileError, match="holds a regressor, expected a classifier"):
        Classifier.load(tmp_path / "d.tau")


def test_a_file_that_was_changed_is_refused(tmp_path: Path, fitted: Classifier) -> None:
    """The checksum made right again, as an attacker would: the parts are held against each other."""
    from tauflow import files

    fitted.save(tmp_path / "a.tau")
    file = files.read(tmp_path / "a.tau")
    changes: list[tuple[str, Any]] = [
        ("config", {"weights": {"network": -1.0, "summaries": 0.0, "shapes": 0.0}}),
        ("config", {"classes": ["a", "a"]}),
        ("config", {"threshold": 7.0}),
        ("config", {"form": {**file.config["form"], "channels": 3}}),
        ("config", {"parameters": {**file.config["parameters"], "bogus": 1}}),
        ("config", {"shapes": [5, 1]}),
        ("tensor", ("line.shapes.weights", file.tensors["line.shapes.weights"][:-1])),
        ("tensor", ("line.shapes.basis.width", 0 * file.tensors["line.shapes.basis.width"])),
        ("tensor", ("bias", file.tensors["bias"][:1].repeat(3))),
    ]
    for what, change in changes:
        config = {**file.config, **change} if what == "config" else file.config
        tensors = {**file.tensors, change[0]: change[1]} if what == "tensor" else file.tensors
        files.write(tmp_path / "b.tau", tensors, config, kind="classifier")
        with pytest.raises(ModelFileError, match=r"b\.tau"):
            Classifier.load(tmp_path / "b.tau")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cell": "cfx"}, "cfc"),
        ({"units": 0}, "units is 0"),
        ({"members": 1.5}, "members is 1.5"),
        ({"beside": "trees"}, "summaries, shapes"),
        ({"patch": "long"}, "patch is 'long'"),
        ({"tau": (5, 1)}, r"tau is \(5, 1\)"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"validation": 0.9}, "validation is 0.9"),
        ({"class_weight": {7: 1.0}}, "class_weight is"),
        ({"class_weight": "even"}, "class_weight is 'even'"),
        ({"threshold": 2.0}, "threshold is 2.0"),
        ({"seed": -1}, "seed is -1"),
        ({"layout": "tcn"}, "layout is 'tcn'"),
        ({"lr": -1.0}, "lr is -1.0"),
    ],
)
def test_settings_that_do_not_exist_are_said_in_fit(settings: dict[str, Any], words: str) -> None:
    model = Classifier(**{**SMALL, "epochs": 1, **settings})
    with pytest.raises(TauflowError, match=words):
        model.fit(VALUES[:20], LABELS[:20])


def test_questions_that_do_not_fit_are_refused(fitted: Classifier, causal: Classifier) -> None:
    with pytest.raises(DataError, match="X has 3 features, but Classifier is expecting 2"):
        fitted.predict(np.zeros((2, 20, 3)))
    with pytest.raises(NonFiniteError, match="contains NaN in channel 1"):
        fitted.predict([np.array([[0.0, np.nan]] * 20)])
    with pytest.raises(DataError, match="X has times, but the model was fitted without"):
        fitted.predict(VALUES[:2], times=TIMES[:2])
    with pytest.raises(DataError, match="X has no times"):
        causal.predict(UNEVEN[:2], static=np.zeros((2, 2)))
    with pytest.raises(DataError, match="static has 0 columns, but the model was fitted with 2"):
        causal.predict(UNEVEN[:2], times=STAMPS[:2])
    with pytest.raises(DataError, match="rectangle"):
        fitted.predict(np.zeros((2, 2)))
    with pytest.raises(NotFittedError, match="call fit"):
        Classifier().predict(VALUES)


def test_labels_that_are_none_are_refused() -> None:
    for y, words in (
        (LABELS + 0.5, "Unknown label type: continuous"),
        (np.zeros(60), "one class alone"),
        (LABELS[:-1], r"\[60, 59\]"),
        ([None, *WORDS[1:]], "NaN"),
        (np.where(LABELS == 1, np.nan, 0), "NaN or infinity"),
        (None, "requires y"),
    ):
        with pytest.raises(TauflowError, match=words):
            Classifier(**SMALL).fit(VALUES, y)
    with pytest.raises(DataError, match="use Classifier"):
        Regressor(**SMALL).fit(VALUES, WORDS)
    with pytest.raises(DataError, match="time= belongs to a long table"):
        Classifier(**SMALL).fit(VALUES, LABELS, time="t")
    with pytest.raises(NonFiniteError, match="no value at all in channel 0"):
        Classifier(**SMALL).fit(np.full((60, 9, 1), np.nan), LABELS)


def test_few_sequences_are_answered_and_told() -> None:
    model = Classifier(**SMALL).fit(VALUES[:6], LABELS[:6])
    assert "too few sequences to hold any out" in model.notes_[-1]
    assert np.isfinite(model.predict_proba(VALUES)).all()


def test_public_names() -> None:
    assert tauflow.Classifier is Classifier and tauflow.Regressor is Regressor
    assert repr(Classifier(units=8)) == "Classifier(units=8)"
