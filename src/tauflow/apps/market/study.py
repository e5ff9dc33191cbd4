"""The four questions, asked of one market in this order, each beside the simple answers of its field.

    returns      against the random walk, which says that a price stays where it is
    volatility   against persistence and HAR
    prices       the primer's experiment: a liquid and a static network, and the line that repeats the last price
    online       the same volatility by a forecaster that learns on, row by row

Every question has the same rows to learn from (70 %), to choose with (10 %) and to be tested on (20 %, looked at once).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..rows import row
from . import nets, simple, skill
from .nets import LIQUID, STATIC, Effort
from .online import Online, learn_on
from .prices import Prices
from .seen import Array, Seen, see

WALK, LAST, HAR, TREES = "random walk", "persistence", "HAR", "boosting"
CORRECTED = "HAR + gated_ltc"
RETURNS, VOLATILITY, PRICES, ONLINE = "returns", "volatility", "prices", "online"
SURE = 0.05  # how often one of the claims about returns may be wrong
WEEK = 120.0  # hours of trading; neighbours so near are drawn together
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Model:
    """One model's answers to one question: p (seeds, rows tested), in units of the learning part."""

    name: str
    kind: str
    p: Array
    parameters: int = 0
    seconds: float = 0.0
    shares: tuple[float, ...] = ()


@dataclass(eq=False)
class Study:
    """Everything that was answered; `asked`: question -> its models, the trivial one first."""

    seen: Seen
    asked: dict[str, list[Model]] = field(default_factory=dict)
    online: Online | None = None
    levels: bool = False
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.seen.prices.name

    @property
    def stamps(self) -> Array:
        """Of the rows that are asked for in the test."""
        stamps: Array = self.seen.prices.stamps[1:][self.seen.test]
        return stamps

    @property
    def block(self) -> int:
        """Rows that are drawn together: a week."""
        return max(5, round(WEEK / self.seen.prices.step))

    def truth(self, question: str) -> Array:
        """What came, (rows tested,)."""
        found = {RETURNS: self.seen.returns, VOLATILITY: self.seen.moved, PRICES: scaled(self.seen)[1:]}[question]
        return np.asarray(found[self.seen.test])

    def model(self, question: str, name: str) -> Model:
        return next(one for one in self.asked[question] if one.name == name)

    def scores(self, question: str, model: Model) -> list[float]:
        """One number a seed: of returns the skill, of volatility R2, of prices the mean squared error in learned spreads."""
        y = self.truth(question)
        how: dict[str, Callable[[Array, Array], float]] = {
            RETURNS: skill.skill,
            VOLATILITY: skill.r2,
            PRICES: lambda y, p: float(((y - p) ** 2).mean()),
        }
        return [how[question](y, p) for p in model.p]

    def skills(self, error: float = SURE) -> dict[str, skill.Interval]:
        """Of every model of returns but the random walk; error: of one interval."""
        y = self.truth(RETURNS)
        return {one.name: skill.skill_of(y, one.p, self.block, error) for one in self.asked[RETURNS][1:]}

    def directions(self) -> dict[str, skill.Interval | None]:
        y = self.truth(RETURNS)
        return {one.name: skill.direction_of(y, one.p, self.block) for one in self.asked[RETURNS][1:]}

    def beyond_har(self, model: Model) -> skill.Interval:
        """R2 of a model of volatility less that of HAR, with its interval over the rows."""
        y, har = self.truth(VOLATILITY), self.model(VOLATILITY, HAR).p[0]
        gain = (y - har) ** 2 - ((y - model.p) ** 2).mean(axis=0)
        around = (y - y.mean()) ** 2
        return skill.Interval(float(gain.sum() / around.sum()), *skill.bootstrapped(gain, around, self.block))

    def sentence(self) -> str:
        """What was found, the random walk first."""
        skills = self.skills(SURE / max(len(self.asked[RETURNS]) - 1, 1))  # so that all intervals hold together
        best = max(skills, key=lambda name: skills[name].value)
        some = [name for name, one in skills.items() if one.low > 0]
        if some:
            best = max(some, key=lambda name: skills[name].low)
            first = f"{best} errs less than the random walk on returns, by {skills[best]} of its squared error, before any cost"
        else:
            first = f"Nothing beats the random walk on returns: the largest skill, {best}'s, is {skills[best]}"
        gain = self.beyond_har(self.model(VOLATILITY, CORRECTED))
        har = float(np.mean(self.scores(VOLATILITY, self.model(VOLATILITY, HAR))))
        if gain.low > 0:
            second = f"volatility can be forecast, R2 {har:.3f} by HAR, and the liquid correction adds {gain}"
        elif gain.high < 0:
            second = f"volatility can be forecast best by HAR, R2 {har:.3f}; the liquid correction loses {gain}"
        else:
            second = f"volatility can be forecast, R2 {har:.3f} by HAR, to which the liquid correction adds nothing certain, {gain}"
        return f"{first}; {second}."

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """(title, columns, rows) of each question, for people."""
        skills, ways = self.skills(), self.directions()
        returns = []
        for one in self.asked[RETURNS]:
            way = ways.get(one.name)
            right = "–" if way is None else f"{100 * way.value:.1f} [{100 * way.low:.1f}, {100 * way.high:.1f}]"
            said = str(skills[one.name]) if one.name in skills else "0"
            returns.append([one.name, said, right, *_cost(one)])
        moved = []
        for one in self.asked[VOLATILITY]:
            beyond = "0" if one.name == HAR else str(self.beyond_har(one))
            moved.append([one.name, spread(self.scores(VOLATILITY, one)), beyond, *_cost(one)])
        prices = []
        base = self.scores(PRICES, self.asked[PRICES][0])[0]
        for one in self.asked[PRICES]:
            errors = self.scores(PRICES, one)
            prices.append([one.name, spread(errors, 6), f"{np.mean(errors) / base:.4f}", *_cost(one)])
        cost = ["parameters", "CPU s"]
        found = [
            ("1. Returns", ["model", "skill [95 %]", "direction right, % [95 %]", *cost], returns),
            (f"2. Volatility: {self.seen.measure}", ["model", "R2", "beyond HAR [95 %]", *cost], moved),
            ("3. Prices", ["model", "scaled MSE", "of the last price's", *cost], prices),
        ]
        if self.online is not None:
            learned = [[name, f"{value:.4f}"] for name, _, value in self.online.scores()]
            found.append((f"4. Learning on, {len(self.online.truth):,} rows", ["model", "R2"], learned))
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One row a question, model and metric, as benchmarks keep them."""
        made = []
        for question, models in self.asked.items():
            metric = {RETURNS: "skill", VOLATILITY: "r2", PRICES: "scaled_mse"}[question]
            for one in models:
                cost: dict[str, Any] = {"parameters": one.parameters, "seconds": one.seconds}
                settings: dict[str, Any] = {"rows": len(self.seen.prices.close), "step_h": self.seen.prices.step}
                if question == RETURNS and one.name != WALK:
                    interval = self.skills()[one.name]
                    settings |= {"low": interval.low, "high": interval.high}
                if question == VOLATILITY:
                    gain = self.beyond_har(one)
                    settings |= {
                        "measure": self.seen.measure,
                        "beyond_har": gain.value,
                        "low": gain.low,
                        "high": gain.high,
                    }
                    settings |= {"shares": list(one.shares)} if one.shares else {}
                task = f"market {self.name}, {question}"
                made.append(
                    row(task, one.name, one.kind, metric, self.scores(question, one), settings=settings, **cost)
                )
                way = self.directions().get(one.name) if question == RETURNS else None
                if way is not None:
                    bounds = {"low": way.low, "high": way.high}
                    made.append(row(task, one.name, one.kind, "direction", [way.value], settings=bounds, **cost))
        if self.online is not None:
            for name, kind, value in self.online.scores():
                task, settings = (
                    f"market {self.name}, {ONLINE}",
                    {"drifts": len(self.online.drifts), "rows": len(self.online.truth)},
                )
                made.append(row(task, name, kind, "r2", [value], seconds=self.online.seconds, settings=settings))
        return made

    def frame(self) -> Any:
        import pandas as pd

        kept = ("task", "model", "kind", "metric", "mean", "std", "seeds", "parameters", "seconds")
        return pd.DataFrame([{name: one[name] for name in kept} for one in self.rows()])


def study(
    prices: Prices,
    *,
    seeds: int = 3,
    seed: int = 0,
    effort: Effort | None = None,
    levels: bool = False,
    tell: Tell = lambda line: None,
) -> Study:
    """Ask all questions; levels: of the primer's experiment also the form that learns price levels, as it does."""
    effort = effort or Effort()
    seen = see(prices)
    made = Study(seen, levels=levels)
    numbers = range(seed, seed + seeds)
    test = seen.test
    nothing = np.zeros((1, test.stop - test.start))

    y = seen.returns
    line, trees = simple.har(seen, y), simple.boosting(seen, y)
    models = [Model(WALK, "baseline", nothing), Model("ridge", "baseline", line.whole[None, test])]
    models += [Model(TREES, "boosting", trees[None, test])] if trees is not None else []
    for core, kind in ((LIQUID, "liquid"), (STATIC, "static")):
        models.append(_seeds(core, kind, [nets.alone(seen, y, core, k, effort=effort) for k in numbers], test))
        tell(f"returns: {core} has learned")
    made.asked[RETURNS] = models

    y = seen.moved
    line, trees = simple.har(seen, y), simple.boosting(seen, y)
    models = [Model(LAST, "baseline", seen.now[None, test]), Model(HAR, "baseline", line.whole[None, test])]
    models += [Model(TREES, "boosting", trees[None, test])] if trees is not None else []
    models.append(_seeds(LIQUID, "liquid", [nets.alone(seen, y, LIQUID, k, effort=effort) for k in numbers], test))
    tell("volatility: the liquid network alone has learned")
    added = [nets.correction(seen, y, line.honest, line.whole, LIQUID, k, effort=effort) for k in numbers]
    models.append(_seeds(CORRECTED, "liquid", added, test))
    tell("volatility: the liquid correction of HAR has learned")
    made.asked[VOLATILITY] = models
    made.asked[PRICES] = _prices(made, numbers, effort)
    tell("prices: the primer's experiment is done")
    made.online = learn_on(seen, line.whole, effort, seed)
    tell("online: the test rows were learned on, one after the other")
    made.notes = () if trees is not None else (
        'boosting is left out: pip install "tauflow[sklearn]" (or "tauflow[baselines]") puts it into the tables',
    )  # fmt: skip
    return made


def scaled(seen: Seen) -> Array:
    """The price in spreads of its learning part, (T,): what the primer's experiment has for a target."""
    close, learned = seen.prices.close, seen.learn.stop
    return np.asarray((close - close[:learned].mean()) / close[:learned].std())


def _prices(made: Study, numbers: range, effort: Effort) -> list[Model]:
    """The next price: by the return that was forecast, and with levels=True also learned as it stands."""
    seen, test = made.seen, made.seen.test
    z, close = scaled(seen), seen.prices.close
    width = close[: seen.learn.stop].std()
    found = [Model(LAST, "baseline", z[:-1][None, test])]
    for core in (LIQUID, STATIC):
        by = made.model(RETURNS, core)
        moved = close[:-1][test] * np.expm1(by.p * seen.spread) / width
        found.append(replace(by, name=f"{core}, by returns", p=z[:-1][None, test] + moved))
    if made.levels:
        for core, kind in ((LIQUID, "liquid"), (STATIC, "static")):
            learned = [nets.alone(seen, z[1:], core, k, z[:-1, None], effort) for k in numbers]
            found.append(_seeds(f"{core}, on levels", kind, learned, test))
    return found


def _seeds(name: str, kind: str, found: list[nets.Answer], test: slice) -> Model:
    """One model of several seeds."""
    p = np.stack([one.p[test] for one in found])
    shares = tuple(one.share for one in found) if name == CORRECTED else ()
    return Model(name, kind, p, found[0].parameters, float(np.mean([one.seconds for one in found])), shares)


def spread(values: list[float], digits: int = 4) -> str:
    """The mean over the seeds and how far they lie apart."""
    return f"{np.mean(values):.{digits}f}" + (f" ± {np.std(values):.{digits}f}" if len(values) > 1 else "")


def _cost(one: Model) -> list[str]:
    return [f"{one.parameters:,}", f"{one.seconds:.0f}"] if one.parameters else ["–", "–"]
