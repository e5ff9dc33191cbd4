"""The page of a comparison: whole, offline, safe against names from the data, and legible in a real browser."""

from __future__ import annotations

import base64
import io
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chromium import BINARY, Page
from comparisons import MODELS, FakeComparison, fake_comparison

from tauflow.report import COLUMNS, comparison_page, figures
from tauflow.report.rows import best, decimals, number

HOSTILE = """<script>alert(1)</script>"'&<img src=x onerror=alert(1)>$\\frac{1}{0}$ {{ 7*7 }} </style>"""


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return comparison_page(fake_comparison())


def test_page_has_the_verdict_first_then_the_table_then_figures(page: str) -> None:
    comparison = fake_comparison()
    order = [page.index(f"<h1>{comparison.verdict}</h1>"), page.index("<table>"), page.index("<svg")]
    assert order == sorted(order)
    for row in comparison.rows:
        assert row.label in page
    for column in COLUMNS:
        assert f">{column.title}</th>" in page
        assert column.meaning.replace("'", "&#39;") in page
    for note in comparison.notes:
        assert f"<li>{note}</li>" in page
    assert page.count("<svg") == 9 + 4  # three moments of three models; error by horizon, time constants, two losses
    assert re.findall(r"<figcaption>(best|typical|worst): ", page) == ["best", "typical", "worst"] * 3
    legend = re.findall(r"<li style[^>]*><span[^>]*></span>([^<]*)</li>", page)
    assert legend == ["truth", "cfc", "gru", "seasonal naive"]


def test_page_is_the_same_every_time(page: str) -> None:
    assert comparison_page(fake_comparison()) == page


def test_page_names_nothing_outside_itself(page: str) -> None:
    tags = Tags(page).tags
    links = {
        k: v
        for _, attrs in tags
        for k, v in attrs.items()
        if k in ("src", "href", "srcset", "action", "data", "poster")
    }
    assert all(link.startswith("data:") for link in links.values() if link)
    assert "http:" not in page
    assert "https:" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    assert {tag for tag, _ in tags}.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "base"})
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    used = set(re.findall(r"url\(#([^)]*)\)", page)) | set(re.findall(r'xlink:href="#([^"]*)"', page))
    assert used <= ids


def test_page_may_load_and_run_nothing(page: str) -> None:
    """The browser is told so, in the head, before anything else could load."""
    policies = [
        attrs for tag, attrs in Tags(page).tags if attrs.get("http-equiv", "").lower() == "content-security-policy"
    ]
    assert len(policies) == 1
    rules = {rule.split()[0]: rule.split()[1:] for rule in (policies[0]["content"] or "").split(";")}
    assert rules == {
        "default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "base-uri": ["'none'"], "form-action": ["'none'"],
    }  # fmt: skip
    assert page.index("Content-Security-Policy") < min(page.index("<style"), page.index("</head>"))


def test_several_targets_have_a_table_each_in_their_own_units() -> None:
    whole = fake_comparison()
    small = tuple(replace(row, mae=row.mae / 1e3, rmse=row.rmse / 1e3) for row in whole.rows)
    nan = float("nan")
    together = tuple(replace(row, mae=nan, mae_std=nan, rmse=nan, rmse_std=nan) for row in whole.rows)
    parts = (
        replace(whole.parts[0], target="power"),
        replace(
            whole.parts[0],
            target="temp",
            rows=small,
            by_horizon={m: v / 1e3 for m, v in whole.parts[0].by_horizon.items()},
        ),
    )
    page = comparison_page(replace(whole, rows=together, parts=parts, target="power, temp"))
    assert page.count("<table>") == 3
    assert "<h2>Forecasts of power</h2>" in page and "<h2>Forecasts of temp</h2>" in page
    assert "187.4 ± " in page and "0.1874 ± " in page
    assert page.count("Error by horizon, ") == 2
    assert "MAE in the units of temp" in page
    assert page.count('class="best"') == 3
    assert "nan" not in Tags(page).text.lower()
    assert "– ±" not in page


def test_names_from_the_data_stay_text() -> None:
    comparison = fake_comparison(name=HOSTILE, series=HOSTILE)
    rows = tuple(replace(row, label=f"<b>$&x$ {row.label} {HOSTILE}") for row in comparison.rows)
    told = replace(only(comparison, rows=rows), rows=rows, step="<script>$", test_start=HOSTILE, test_end=HOSTILE)
    parsed = Tags(comparison_page(told, command=f"tauflow compare {HOSTILE}"))
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"script", "img"})
    assert not any(name.startswith("on") for _, attrs in parsed.tags for name in attrs)
    assert parsed.text.count(HOSTILE) >= 10
    assert parsed.text.count("<b>$&x$") >= 2 * len(rows)  # in the table and beside the lines


def bare(comparison: FakeComparison) -> FakeComparison:
    part = replace(comparison.parts[0], by_horizon={}, examples=(), by_id={})
    return replace(comparison, parts=(part,), curves={}, time_constants={}, notes=())


def only(comparison: FakeComparison, **part: Any) -> FakeComparison:
    """With another part."""
    return replace(comparison, parts=(replace(comparison.parts[0], **part),))


def test_page_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    path.chmod(0o600)
    page = comparison_page(bare(fake_comparison()), path)
    assert path.read_bytes().decode() == page
    assert stat.S_ISREG(path.stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_or_a_missing_one_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="name of a file"):
        comparison_page(bare(fake_comparison()), tmp_path)
    with pytest.raises(FileNotFoundError, match="make the folder"):
        comparison_page(bare(fake_comparison()), tmp_path / "none" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_one_seed_has_no_spread_and_says_so() -> None:
    page = comparison_page(bare(fake_comparison(seeds=1)))
    assert "±" not in page
    assert "one seed" in page
    assert "<svg" not in page


def test_a_model_that_failed_is_shown_and_never_the_best() -> None:
    whole = fake_comparison()
    failed = replace(whole.rows[0], mae=float("nan"), rmse=float("inf"), mase=float("nan"))
    curves = whole.curves | {"cfc": (np.full(12, np.nan), np.full(12, np.inf))}
    taus = whole.time_constants | {"cfc": np.array([np.inf, 0.0, np.nan])}
    rows = (failed, *whole.rows[1:])
    page = comparison_page(replace(only(whole, rows=rows), rows=rows, curves=curves, time_constants=taus))
    assert page.count('class="best"') == 1
    assert re.search(r'class="best"><th[^>]*><span[^>]*></span>gated ltc<', page)
    assert "nan" not in Tags(page).text.lower()
    assert "inf" not in re.sub(r"[a-z]*inf[a-z]+", "", Tags(page).text.lower())


def test_numeric_time_and_a_single_step() -> None:
    whole = fake_comparison()
    example = replace(whole.parts[0].examples[0], times=np.arange(72) * 0.5, forecasts={"cfc": np.ones(1)})
    found = only(whole, examples=(example,), by_horizon={"cfc": np.ones(1)})
    page = comparison_page(replace(found, h=1, step="0.5"))
    assert "35.5 to 35.5" in page
    assert "1 step of 0.5 ahead" in page


def test_example_that_is_all_missing() -> None:
    whole = fake_comparison()
    example = replace(whole.parts[0].examples[0], actual=np.full(72, np.nan))
    assert "<svg" in comparison_page(only(bare(whole), examples=(example,)))


def test_lines_far_above_the_others_are_named_instead_of_drawn(page: str) -> None:
    curves = fake_comparison().parts[0].by_horizon
    assert figures.out_of_scale(curves) == ["persistence"]
    assert "above the scale: persistence" in page


def test_every_colour_is_the_pages(page: str) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert re.findall(r"#[0-9a-f]{6}\b", drawings) == []
    used = set(re.findall(r"var\(--(\w+)\)", page))
    for block in re.findall(r":root \{(.*?)\}", page, re.DOTALL):  # light, dark
        assert used - {"c"} <= set(re.findall(r"--(\w+):", block))


def test_figures_leave_matplotlib_as_it_was(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "lines.linewidth", 7.0)
    assert comparison_page(fake_comparison()) == page  # nor do the user's own settings reach the page
    assert mpl.rcParams["lines.linewidth"] == 7.0


def test_best_of_a_kind_has_the_first_colour_of_its_kind() -> None:
    palette = figures.colours({name: kind for name, kind, *_ in MODELS})
    assert (palette["cfc"], palette["gru"], palette["seasonal_naive"]) == ("liquid1", "static1", "trivial1")
    assert len(set(palette.values())) == len(palette)


@pytest.mark.parametrize(
    ("heights", "moved"),
    [([0.0, 5.0], [0.0, 5.0]), ([1.0, 1.0], [0.5, 1.5]), ([0.0, 0.1, 5.0], [-0.45, 0.55, 5.0]), ([], [])],
)
def test_labels_move_apart_no_further_than_needed(heights: list[float], moved: list[float]) -> None:
    assert figures._moved_apart(heights, 1.0) == pytest.approx(moved)


@pytest.mark.parametrize(
    ("values", "places"),
    [([187.4, 1482.6], 1), ([0.4744, 3.75], 4), ([12_345.0], 0), ([0.0, float("nan")], 0), ([], 0), ([1e-30], 8)],
)
def test_decimals_show_four_digits_of_the_smallest(values: list[float], places: int) -> None:
    assert decimals(values) == places


def test_numbers_and_what_is_none() -> None:
    assert number(36_215.25, 1) == "36,215.2"
    assert [number(value, 2) for value in (None, float("nan"), float("inf"))] == ["–"] * 3
    assert best(()) is None


SIZES = """(() => {
  const shown = [...document.querySelectorAll('svg, table, h1')].filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect());
  const texts = [...document.querySelectorAll('svg text')].filter(e => e.checkVisibility());
  const style = getComputedStyle(document.body);
  return {
    small: shown.filter(r => r.width < 100 || r.height < 20).length, count: shown.length,
    wide: document.documentElement.scrollWidth,
    font: Math.min(...texts.map(t => t.getBoundingClientRect().height)),
    unstyled: texts.filter(t => getComputedStyle(t).fill === 'rgb(0, 0, 0)').length,
    ink: style.color, page: style.backgroundColor,
  };
})()"""


def brightness(colour: str) -> float:
    """0 black ... 1 white, of "rgb(r, g, b)"."""
    return sum(int(x) for x in re.findall(r"\d+", colour)[:3]) / 765


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_page_in_a_real_browser(tmp_path: Path, width: int, scheme: str) -> None:
    path = tmp_path / "page.html"
    comparison_page(fake_comparison(name="<script>throw 1</script> volume"), path)
    with Page(tmp_path, width, scheme=scheme) as browser:
        browser.open(path)
        sizes = browser.evaluate(SIZES)
        assert browser.requests() == [path.as_uri()]
        assert browser.complaints() == []
    assert sizes["count"] == 3 + 4 + 2  # what is chosen at first: three of nine moments
    assert sizes["small"] == 0
    assert sizes["wide"] <= width  # nothing to scroll sideways but the table in its own frame
    assert sizes["font"] >= 8
    assert sizes["unstyled"] == 0
    ink, paper = brightness(sizes["ink"]), brightness(sizes["page"])
    assert (ink < 0.2 and paper > 0.9) if scheme == "light" else (ink > 0.8 and paper < 0.1)


def served(ratios: list[float]) -> FakeComparison:
    """One series a ratio of cfc's error to that of the linear base."""
    whole = fake_comparison()
    mae = {row.model: row.mae for row in whole.rows}
    found = {f"series, {k}": mae | {"cfc": ratio * mae["ridge"]} for k, ratio in enumerate(ratios)}
    return only(whole, by_id=found)


def test_series_stand_by_themselves_and_those_that_are_not_served_come_first() -> None:
    page = comparison_page(served([0.5 + k / 20 for k in range(14)]))
    table = page[page.index('aria-label="volume by series"') :]
    names = re.findall(r'<th scope="row" class="text">(series, \d+)</th>', table)
    assert names == [f"series, {k}" for k in range(13, 3, -1)]
    assert "the worst 10 of 14" in page
    csv = base64.b64decode(re.search(r'download="series.csv" href="[^"]*base64,([^"]*)"', page)[1]).decode()
    read = pd.read_csv(io.StringIO(csv), index_col="id")
    assert len(read) == 14 and read.loc["series, 0", "cfc"] == pytest.approx(0.5 * read.loc["series, 0", "ridge"])
    assert "On 4 of 14 series it adds nothing: series, 10, series, 11, series, 12, series, 13." in page


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.8, "Cfc takes 20.0% off the error of the linear base (ridge)."),
        (0.999, "Cfc adds nothing to the linear base (ridge)"),
        (1.2, "Cfc is 20.0% worse than the linear base (ridge): use the base here."),
    ],
)
def test_the_page_says_what_liquid_adds_to_the_linear_base(ratio: float, words: str) -> None:
    whole = fake_comparison()
    base = next(row.mae for row in whole.rows if row.model == "ridge")
    rows = tuple(
        replace(row, mae=ratio * base) if row.model == "cfc" else row
        for row in whole.rows
        if row.kind != "liquid" or row.model == "cfc"
    )
    assert words in comparison_page(only(whole, rows=rows, by_horizon={}))


def test_the_band_of_the_model_by_whose_error_a_moment_was_chosen_is_drawn(page: str) -> None:
    notes = re.findall(r"<span>volume over time([^<]*)</span>", page)
    assert notes == [", with the 90 % band of this model"] * 3 + [""] * 3 + [", with the 90 % band of this model"] * 3
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[:9]
    assert ["PolyCollection" in one for one in drawings] == [bool(note) for note in notes]


def test_steps_without_a_gain_are_named() -> None:
    whole = fake_comparison()
    ahead = np.ones(24)
    ahead[[0, 1, 6]] = 1.5
    curves = {"cfc": ahead, "ridge": np.full(24, 1.2)}
    assert "It adds nothing 1 to 2 and 7 steps ahead." in comparison_page(only(whole, by_horizon=curves))


def test_the_command_and_the_datas_fingerprint_stand_on_the_page() -> None:
    page = comparison_page(fake_comparison(), command="tauflow compare traffic.csv --target volume")
    assert "<pre>tauflow compare traffic.csv --target volume</pre>" in page
    assert "fingerprint 0123456789abcdef" in page
