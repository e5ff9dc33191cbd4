"""Texts: tokens, TF-IDF and blends are right to the number, explanations add up, files come back, and the command runs whole."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chromium import BINARY
from chromium import Page as Browser

pytest.importorskip("sklearn")

import tauflow
from tauflow.apps import text as texts
from tauflow.apps.text import members
from tauflow.apps.text.classifier import Weights, log_mean, log_softmax, weigh
from tauflow.apps.text.reader import Texts, check_labels, divided, read_texts
from tauflow.apps.text.study import BOTH, LINE, Study
from tauflow.apps.text.tfidf import PULLS, learn_tfidf, strongest
from tauflow.apps.text.tokens import learn_vocabulary, tokens

GOOD, BAD = ["fine", "superb", "lovely", "warm"], ["dull", "awful", "cold", "stale"]
QUICK = replace(texts.QUICK, epochs=4, rate=0.02, dropout=0.1)


def made(n: int = 160, seed: int = 0) -> Texts:
    """Films that are good or bad, with "not" in front of half of the words."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for k in range(n):
        good, turned = k % 2 == 0, rng.random() < 0.5
        word = rng.choice(GOOD if good != turned else BAD)
        rows.append(f"the film {rng.integers(9)} is {'not' if turned else 'so'} {word} , they say")
        labels.append("good" if good else "bad")
    return Texts("films", rows, labels)


@pytest.fixture(scope="module")
def model() -> texts.TextClassifier:
    return texts.TextClassifier(2, replace(QUICK, causal=True)).fit(made())


def test_tokens() -> None:
    assert tokens("It's GOOD, isn't it? 12 films_x") == [
        "it",
        "'s",
        "good",
        ",",
        "is",
        "n't",
        "it",
        "?",
        "12",
        "films",
        "_",
        "x",
    ]
    assert tokens("Ça n't") == ["ça", "n't"] and tokens(" ") == []


def test_windows_hold_the_neighbours() -> None:
    vocabulary = learn_vocabulary([["a", "b"], ["b", "c"], ["b", "a"]])
    assert vocabulary.words == ("b", "a") and vocabulary.size == 4
    assert vocabulary.windows(["a", "x", "b"], False).tolist() == [[0, 3, 1], [3, 1, 2], [1, 2, 0]]
    assert vocabulary.windows(["a", "x", "b"], True).tolist() == [[0, 0, 3], [0, 3, 1], [3, 1, 2]]
    assert vocabulary.windows([], True).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("classes", [2, 3])
def test_tfidf_is_scikit_learns(classes: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = [tokens(one) for one in made().texts]
    codes = np.arange(len(words)) % classes
    lines = learn_tfidf(words, codes, classes)
    line = lines[strongest(lines, words, codes)]
    vectors = TfidfVectorizer(analyzer=lambda w: [*w, *(" ".join(p) for p in pairwise(w))], min_df=2, sublinear_tf=True)
    seen = vectors.fit_transform(words)
    shares = [LogisticRegression(C=pull, max_iter=500).fit(seen, codes) for pull in PULLS]
    best = max(shares, key=lambda one: one.score(seen, codes))
    np.testing.assert_allclose(np.exp(log_softmax(line.scores(words))), best.predict_proba(seen), atol=1e-9)
    np.testing.assert_allclose(line.shares(words[0]).sum(axis=0), line.scores(words[:1])[0] - line.bias, atol=1e-12)


def test_tfidf_learns_at_last_from_the_texts_that_chose() -> None:
    learn, held = made(40), Texts("late", ["a zebra , so fine", "a zebra , so dull"] * 3, ["good", "bad"] * 3)
    fitted = texts.TextClassifier(1, QUICK).fit(learn, held)
    assert "zebra" in fitted.line.grams and "zebra" not in fitted.vocabulary.words


def test_the_weights_are_those_of_the_least_loss() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 400)
    sure = log_softmax(np.eye(2)[codes] * 3 + rng.normal(size=(400, 2)))
    noise = log_softmax(rng.normal(size=(400, 2)))
    assert weigh(sure, noise, codes).share < 0.2 and weigh(noise, sure, codes).share > 0.8
    mixed = Weights(0.25, 2.0)(sure, noise)
    np.testing.assert_allclose(np.exp(mixed).sum(axis=1), 1)
    np.testing.assert_allclose(mixed, log_softmax(1.5 * sure + 0.5 * noise), atol=1e-12)
    np.testing.assert_allclose(np.exp(log_mean(np.stack([sure, noise]))), (np.exp(sure) + np.exp(noise)) / 2)


def test_it_learns_and_streams_and_explains(model: texts.TextClassifier) -> None:
    other = made(seed=1)
    p = model.predict_proba(other.texts)
    assert (np.array(model.predict(other.texts)) == other.labels).mean() > 0.95
    np.testing.assert_allclose(model.prefixes(other.texts[0])[-1], p[0], atol=1e-6)
    told = model.explain("the film 3 is so superb , they say")
    assert told.label == "good" and told.strongest(3)[0][1] > 0 and "superb" in dict(told.strongest(3))
    against = model.explain("the film 3 is so superb , they say", "bad")
    np.testing.assert_allclose(against.parts, -told.parts, atol=1e-6)
    with pytest.raises(tauflow.TauflowError, match="label is 'nice', expected one of bad, good"):
        model.explain("fine", "nice")
    frame = model.frame(other.texts[:3])
    assert list(frame.columns) == ["label", "p(bad)", "p(good)", "text"] and frame["label"].tolist() == model.predict(
        other.texts[:3]
    )


def test_the_parts_of_the_networks_add_up(model: texts.TextClassifier) -> None:
    from tauflow.apps.text.explaining import gradients

    window = model.vocabulary.windows(tokens("the film is not dull"), True)
    network = model.committee.networks()[0]  # type: ignore[union-attr]
    empty = np.zeros_like(window)

    def score(rows: np.ndarray) -> float:
        z = members.answers(network, [rows])[0]
        return float(z[1] - z.mean())

    assert gradients(network, window, 1, True).sum() == pytest.approx(score(window) - score(empty), abs=2e-4)


def test_what_reads_both_ways_can_not_stream() -> None:
    both = texts.TextClassifier(1, QUICK).fit(made())
    with pytest.raises(tauflow.TauflowError, match=r"both ways.*causal=True"):
        both.stream()
    with pytest.raises(tauflow.TauflowError, match="not fitted"):
        texts.TextClassifier().predict(["a"])
    told = both.explain("so lovely")
    assert len(told.parts) == 2


def test_a_file_brings_back_the_same_answers(model: texts.TextClassifier, tmp_path: Path) -> None:
    path = tmp_path / "m.tau"
    model.save(path)
    loaded = texts.TextClassifier.load(path)
    some = made(seed=2).texts[:20]
    assert (loaded.predict_proba(some) == model.predict_proba(some)).all() and loaded.classes == model.classes
    file = tauflow.files.read(path)
    for config, words in (
        ({**file.config, "share": 2.0}, "its weights are 2.0"),
        ({**file.config, "recipe": {**file.config["recipe"], "units": 10**6}}, "its sizes"),
        ({**file.config, "members": 3}, "no model can be built"),
    ):
        tauflow.files.write(path, file.tensors, config, kind="text")
        with pytest.raises(tauflow.TauflowError, match=words):
            texts.TextClassifier.load(path)


def test_long_texts_are_learned_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "LONG", 60)
    monkeypatch.setattr(members, "PIECE", 20)
    short = made(60)
    found = Texts("long", [f"{one} {'and so on ' * 30}" for one in short.texts], short.labels)
    learned = texts.TextClassifier(1, QUICK).fit(found)
    assert (
        learned.recipe.causal
        and learned.notes[0].startswith("a text has 99 tokens")
        and "pieces of 20" in learned.notes[0]
    )
    assert learned.predict_proba(found.texts[:2]).shape == (2, 2)
    with pytest.raises(tauflow.TauflowError, match="learned in pieces"):
        members.learn_member(None, [np.zeros((99, 3))], np.zeros(1), [], np.zeros(0), QUICK, 0)  # type: ignore[arg-type]


def test_vectors_of_the_users(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("superb 1 2 3 4 5\nnobody 0 0 0 0 0\ndull -1 -2 -3 -4 -5\n")
    learned = texts.TextClassifier(1, replace(QUICK, epochs=1, rate=1e-9), str(path)).fit(made())
    number = learned.vocabulary.of(["superb"])[0]
    row = learned.committee.networks()[0].encoder.table.weight[number]  # type: ignore[union-attr]
    assert row.tolist() == pytest.approx([1, 2, 3, 4, 5], abs=1e-3) and "2 of" in learned.notes[0]
    path.write_text("superb 1 2 3\ndull 1 2\n")
    with pytest.raises(tauflow.TauflowError, match="'dull' has 2 numbers, expected 3"):
        texts.TextClassifier(1, QUICK, str(path)).fit(made())
    path.write_text("nobody 1 2 3\n")
    with pytest.raises(tauflow.TauflowError, match="has none of the"):
        texts.TextClassifier(1, QUICK, str(path)).fit(made())


def test_parts_keep_the_labels_even() -> None:
    parts = divided(made(200), (0.7, 0.1, 0.2))
    assert [len(one) for one in parts] == [140, 20, 40] and [(one.labels or []).count("good") for one in parts] == [
        70,
        10,
        20,
    ]
    assert len({t for one in parts for t in one.texts}) == len(set(made(200).texts))
    learn, held, test = texts.parted(made(100), None, made(20, 1))
    assert (len(learn), len(held), len(test)) == (90, 10, 20)


def test_wrong_files_get_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("review,stars\nfine,5\n ,1\n")
    with pytest.raises(tauflow.TauflowError, match=r"1 of 2 texts are empty, the first in row 3"):
        read_texts(path, "review", "stars")
    with pytest.raises(tauflow.TauflowError, match="no column 'star'; did you mean 'stars'"):
        read_texts(path, "review", "star")
    path.write_text("review,stars\nfine,5\nbad,\n")
    with pytest.raises(tauflow.TauflowError, match="1 texts have no label, the first in row 3"):
        read_texts(path, "review", "stars")
    path.write_text("review,stars\n")
    with pytest.raises(tauflow.TauflowError, match=r"a\.csv holds no text"):
        read_texts(path, "review", "stars")
    with pytest.raises(tauflow.TauflowError, match="all 9 labels of x are 'a'"):
        check_labels(Texts("x", ["t"] * 9, ["a"] * 9))
    with pytest.raises(tauflow.TauflowError, match="'b' is the label of 2 texts, expected at least 5"):
        check_labels(Texts("x", ["t"] * 9, ["a"] * 7 + ["b"] * 2))
    with pytest.raises(tauflow.TauflowError, match="60 different labels"):
        check_labels(Texts("x", ["t"] * 60, [str(k) for k in range(60)]))
    lines = tmp_path / "a.train"
    lines.write_text("__label__x one two\n0 three\n")
    found = read_texts(lines)
    assert found.texts == ["one two", "three"] and found.labels == ["x", "0"]
    assert read_texts(lines, labelled=False).texts[1] == "0 three"
    assert len(texts.shipped()) == 10_568 and set(texts.shipped().labels or ()) == {"positive", "negative"}


def write(path: Path, found: Texts) -> Path:
    rows = [f'"{one}",{label}' for one, label in zip(found.texts, found.labels or (), strict=True)]
    path.write_text("\n".join(["review,stars", *rows]) + "\n")
    return path


def test_the_command_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.csv", made())
    words = [
        "text",
        "a.csv",
        "--text",
        "review",
        "--label",
        "stars",
        "--quick",
        "--causal",
        "--members",
        "1",
        "--quiet",
    ]
    assert run([*words, "--page", "a.html", "--json", "a.json", "--save", "a.tau", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "a.json").read_text())
    assert printed == kept and {row["model"] for row in kept} == {LINE, "network", "1 networks", BOTH}
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    page = (tmp_path / "a.html").read_text()
    assert "Token by token" in page and "<script" not in page
    assert run(["text", "a.csv", "--text", "review", "--model", "a.tau", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("label,p(bad),p(good),text\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("so fine\n"))
    assert run(["text", "--model", "a.tau", "--stream"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "token\tbad\tgood" and [line.split("\t")[0] for line in lines[1:]] == ["so", "fine"]
    assert run(["text", "--model", "a.tau"]) == 1 and run(["text", "a.csv", "--stream"]) == 1


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_the_page(tmp_path: Path, width: int, model: texts.TextClassifier) -> None:
    from tauflow.apps.text.page import page

    test = made(40, 3)
    said = {name: np.repeat(p[None], 2, axis=0) for name, p in model.parts(test.texts).items()}
    found = Study(made(), made(20), test, model.classes, model.codes(test), said, model, 1.0, 100)
    path = tmp_path / "t.html"
    page(found, "tauflow text").write(path)
    with Browser(tmp_path, width) as browser:
        browser.open(path)
        assert browser.evaluate("document.querySelectorAll('figure svg').length") >= 4
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.complaints() == []


def test_the_sentence_says_who_leads() -> None:
    codes = np.zeros(100, int)
    right = log_softmax(np.tile([3.0, 0.0], (100, 1)))
    some = right.copy()
    some[:20] = some[:20, ::-1]

    def study(line: np.ndarray, network: np.ndarray, both: np.ndarray) -> Study:
        said = {LINE: line[None], "network": network[None], BOTH: both[None]}
        return Study(made(), made(20), Texts("x", ["t"] * 100), ["a", "b"], codes, said, texts.TextClassifier(), 1.0, 5)

    first = study(some, right, right)
    assert (
        first.sentence().startswith("The networks alone lead")
        and "20.0 points more than TF-IDF, for certain" in first.sentence()
    )
    second = study(right, some, right).sentence()
    assert second.startswith("TF-IDF leads the networks alone") and "within what chance gives [+0.0, +0.0]" in second
    assert [round(row["mean"], 2) for row in first.rows() if row["metric"] == "accuracy"] == [0.8, 1.0, 1.0]


def test_what_no_text_file_is_and_labels_never_learned_are_refused(tmp_path: Path) -> None:
    import gzip

    plain, packed, odd = tmp_path / "a.txt", tmp_path / "a.txt.gz", tmp_path / "odd.bin"
    plain.write_bytes(b"\xef\xbb\xbfgood a fine film\nbad a dull one\n")  # with a byte order mark
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    odd.write_bytes(b"good a\0b\n")
    assert read_texts(plain).labels == read_texts(packed).labels == ["good", "bad"]
    assert read_texts(packed).texts == ["a fine film", "a dull one"]
    with pytest.raises(tauflow.TauflowError, match="is no text: it holds bytes of zero"):
        read_texts(odd)
    model = texts.TextClassifier()
    model.classes = ["bad", "good"]
    with pytest.raises(tauflow.TauflowError, match="new has the label 'so-so', which was not learned: bad, good were"):
        model.codes(Texts("new", ["a film"], ["so-so"]))


def test_mistakes_are_shown_also_where_all_of_them_are_long() -> None:
    from types import SimpleNamespace

    from tauflow.apps.text.page import _examples

    lengths = [5, 9, 40, 60, 140, 300, 2]  # the first two are right
    words = [" ".join(["w"] * n) for n in lengths]
    p = np.log(np.tile([0.9, 0.1], (7, 1)))
    codes = np.array([0, 0, 1, 1, 1, 1, 1])
    told: list[int] = []
    model = SimpleNamespace(explain=lambda text: told.append(len(text.split())))
    study = SimpleNamespace(said={BOTH: p[None]}, codes=codes, test=Texts("x", words), classes=["a", "b"], model=model)
    right, wrong = _examples(study)  # type: ignore[arg-type]
    assert len(right) == 2 and {truth for _, truth in wrong} == {"b"} and sorted(told)[-1] <= 140
    assert set(told) > {5, 9, 40} and 300 not in told and 2 not in told
    study.codes = np.zeros(7, int)
    assert _examples(study)[1] == []  # type: ignore[arg-type]
