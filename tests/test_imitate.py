"""Imitation: what a policy is taught is what the expert did, memory finds what is hidden, troubles are those that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tauflow
from tauflow import agents
from tauflow.agents import Trouble
from tauflow.agents.walk import walk
from tauflow.agents.world import Array, World


class Cart(World):
    """A cart on a slope that nobody sees, to be held at a place that moves; the slope changes once an episode."""

    names, spread, actions = ("x", "v", "goal"), (1.0, 1.0, 1.0), ("push",)
    continuous, limit, period, nominal = True, 80, 0.05, 2

    def fresh(self, which: Array) -> None:
        if not hasattr(self, "q"):
            self.q, self.goal, self.slope = np.zeros((self.n, 2)), np.zeros(self.n), np.zeros(self.n)
        self.q[which] = self.rng.normal(0, 0.1, (int(which.sum()), 2))
        self.goal[which], self.slope[which] = self.rng.uniform(-1, 1, (2, int(which.sum())))

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        x, v = self.q.T
        v = v + 0.05 * (4 * np.clip(action[:, 0], -1, 1) - 1.5 * self.slope - 0.3 * v)
        self.q = np.where(on[:, None], np.stack([x + 0.05 * v, v], axis=1), self.q)
        half = on & (self.count == self.limit // 2)
        self.slope = np.where(half, self.rng.uniform(-1, 1, self.n), self.slope)
        return -np.abs(self.q[:, 0] - self.goal), np.zeros(self.n, dtype=bool)

    def observe(self) -> Array:
        return np.column_stack([self.q, self.goal])


def simple(seen: Array) -> Array:
    """Holds a cart where there is no slope."""
    return np.clip((2.5 * (seen[:, 2:] - seen[:, :1]) - 2.5 * seen[:, 1:2]) / 4, -1, 1)


def expert(world: Cart) -> Array:
    return np.clip(simple(world.observe()) + 1.5 * world.slope[:, None] / 4, -1, 1)


HIDDEN = {"slope": lambda world: world.slope}
FAST = {"steps": 60, "epochs": (20, 10), "length": 20}


def off(actor: object, **options: object) -> float:
    walked = walk(Cart(16, 99), 120, actor, expert, base=simple, auxiliary=HIDDEN, seed=7, **options)
    return float(-walked.reward.sum() / (walked.took.sum() / Cart.period))


def taught(core: object = "cfc", units: int = 16, seed: int = 0, **options: object) -> agents.Imitated:
    torch.manual_seed(seed)
    world = Cart(24, seed)
    net = agents.pupil(world, core, units, auxiliary=list(HIDDEN), base=True)
    return tauflow.imitate(net, world, expert, base=simple, auxiliary=HIDDEN, seed=seed, **{**FAST, **options})


def decoded(policy: tauflow.Network) -> float:
    walked = walk(Cart(16, 99), 60, policy, expert, base=simple, auxiliary=HIDDEN)
    slope, told = walked.y[:, 10:, 1], walked.answer[:, 10:, 1]
    return float(1 - ((slope - told) ** 2).mean() / slope.var())


def test_memory_finds_what_is_hidden() -> None:
    blind = off(lambda world: simple(world.observe()))
    memory, none = taught().policy, taught({"name": "window_mlp", "steps": 1}, 40).policy
    assert off(expert) < off(memory) < off(none) < blind and off(memory) < 0.6 * blind
    assert decoded(memory) > 0.85 and decoded(memory) > decoded(none)


def test_its_own_mistakes_teach_more_than_the_expert_alone() -> None:
    """As many updates on what the expert met, and on what the policy met itself."""
    alone, dagger = taught(rounds=0, epochs=(140, 0)).policy, taught(epochs=(20, 20)).policy
    assert off(dagger) < off(alone)


def test_what_was_trained_for_is_borne() -> None:
    bad = Trouble(lost=0.5, delay=(0.1, 0.1), jitter=2)
    calm, trained = taught(mix=[Trouble()]).policy, taught(mix=[Trouble(), bad]).policy
    assert off(trained, mix=[bad]) < off(calm, mix=[bad])


def test_one_optimiser_lives_through_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Noted(torch.optim.Adam):
        def __init__(self, *given: object, **options: object) -> None:
            super().__init__(*given, **options)
            made.append(self)

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    taught(units=4, epochs=(2, 1), rounds=2)
    (one,) = made
    updates = {int(state["step"]) for state in one.state.values()}
    assert updates == {3 * (2 * 2 + 1 * 4 + 1 * 6)}  # pieces x (epochs x batches) of 24, 48 and 72 copies
    assert one.param_groups[0]["lr"] == pytest.approx(5e-3 / 50)


def test_a_seed_gives_the_same_bits() -> None:
    few = {"units": 4, "epochs": (2, 1), "rounds": 1}
    weights = [torch.cat([p.flatten() for p in taught(seed=seed, **few).policy.parameters()]) for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("core", ["gated_ltc", {"name": "window_mlp", "steps": 3}])
def test_learning_sees_what_the_walk_saw(core: object) -> None:
    """Over lost samples and ends of episodes alike."""
    net = agents.pupil(Cart(1), core, 8, auxiliary=["slope"], base=True).eval()
    trouble = [Trouble(lost=0.4, jitter=3, delay=(0, 0.3), frozen=0.1)]
    walked = walk(Cart(5, 1), 150, net, expert, base=simple, auxiliary=HIDDEN, mix=trouble)
    assert walked.first[:, 1:].sum() > 4 and not walked.mask.all()
    with torch.no_grad():
        x, dt, mask, first = (torch.from_numpy(getattr(walked, name)) for name in ("x", "dt", "mask", "first"))
        answers = net(x, dt, mask, first=first)[0].numpy()
    np.testing.assert_allclose(answers[walked.mask], walked.answer[walked.mask], atol=1e-5)
    assert np.isnan(walked.answer[~walked.mask]).all()


def test_what_is_lost_is_not_asked_and_its_time_is_told_with_the_next() -> None:
    walked = walk(Cart(8, 0), 300, expert, expert, mix=[Trouble(lost=0.3, jitter=3)])
    assert (~walked.mask).mean() == pytest.approx(0.3, abs=0.04) and walked.mask[walked.first].all()
    for k in range(8):
        since = 0.1
        for t in range(300):
            if walked.first[k, t]:
                since = 0.1
            elif not walked.mask[k, t]:
                assert walked.action[k, t] == walked.action[k, t - 1]
            assert walked.dt[k, t] == pytest.approx(since, abs=1e-5)
            since = walked.took[k, t] + (0 if walked.mask[k, t] else since)


class Clock(World):
    """Shows the time since its episode began, twice."""

    names, spread, actions = ("t", "again"), (1.0, 1.0), ("nothing",)
    continuous, limit, period = True, 40, 0.5

    def fresh(self, which: Array) -> None:
        self.count[which] = 0

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        return np.zeros(self.n), np.zeros(self.n, dtype=bool)

    def observe(self) -> Array:
        return np.repeat(self.count[:, None] * 0.5, 2, axis=1)


def nothing(world: World) -> Array:
    return np.zeros((world.n, 1))


def test_what_is_late_is_late_by_the_time_that_was_asked() -> None:
    at = walk(Clock(2), 40, nothing, nothing, mix=[Trouble(delay=(1.2, 1.2)), Trouble()]).x[..., 0]
    np.testing.assert_allclose(at[1], 0.5 * np.arange(40))
    np.testing.assert_allclose(at[0], np.maximum(0.5 * np.arange(40) - 1.5, 0))  # the newest that is old enough


def test_a_late_sample_is_never_one_of_the_episode_before() -> None:
    walked = walk(Clock(1), 130, nothing, nothing, mix=[Trouble(delay=(1, 1), frozen=0.3)])
    assert walked.first.sum() == 4 and (walked.x[walked.first][:, 0] == 0).all()
    since = np.arange(130) - np.maximum.accumulate(np.where(walked.first[0], np.arange(130), 0))
    assert (walked.x[0, :, 0] <= 0.5 * since).all()


def test_sensors_stand_still_for_the_share_asked_and_together_where_they_are_one() -> None:
    apart = walk(Clock(40), 39, nothing, nothing, mix=[Trouble(frozen=0.2)]).x[..., :2]
    still = apart[:, 1:] == apart[:, :-1]
    assert still.mean() == pytest.approx(0.17, abs=0.06) and (still[..., 0] != still[..., 1]).any()

    class One(Clock):
        sensors = (4, 4)

    both = walk(One(40), 39, nothing, nothing, mix=[Trouble(frozen=0.2)]).x[..., :2]
    assert (both[..., 0] == both[..., 1]).all() and (both[:, 1:] == both[:, :-1]).any()


def test_periods_are_those_asked() -> None:
    took = walk(Cart(3, 0), 400, expert, expert, mix=[Trouble(), Trouble(period=0.3), Trouble(jitter=3)]).took
    whole = took[:, :1]
    assert whole[0] == np.float32(0.1) and whole[1] == np.float32(0.3)
    assert set(np.round(took[2] / 0.05).astype(int)) == {1, 2, 3, 4, 5, 6}


class Echo(World):
    """Do what was to be seen one step ago: whole numbers."""

    names, spread, actions = ("sign",), (1.0,), ("no", "yes")
    limit, solved = 16, 15.0

    def fresh(self, which: Array) -> None:
        if not hasattr(self, "now"):
            self.now, self.before = np.zeros((2, self.n), dtype=np.int64)
        self.now[which] = self.rng.integers(0, 2, int(which.sum()))
        self.before[which] = self.now[which]

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        right = action == self.before
        self.before, self.now = self.now, self.rng.integers(0, 2, self.n)
        return right.astype(float), np.zeros(self.n, dtype=bool)

    def observe(self) -> Array:
        return 2.0 * self.now[:, None] - 1


def test_a_clone_of_whole_numbers_goes_on_by_reward() -> None:
    world = Echo(16, 0)
    net = agents.policy(world, "gru", 12)
    made = tauflow.imitate(net, world, lambda w: w.before, 1, mix=[Trouble()], steps=64, epochs=(20, 10))
    assert agents.evaluate(made.policy, Echo(16, 5), 32).mean() > 15
    learned = agents.ppo(Echo(16, 0), made.policy, steps=2_048, lr=1e-4)
    assert learned.curve[0].mean > 13


def test_time_that_is_up_ends_it_and_is_told() -> None:
    made = taught(units=4, minutes=1e-9)
    assert len(made.rounds) == 1 and not made.whole and made.frame().shape == (1, 3)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"jitter": 0.5}, "jitter is 0.5"),
        ({"lost": 1.0}, "lost is 1.0"),
        ({"frozen": -0.1}, "frozen is -0.1"),
        ({"delay": (0.2, 0.1)}, "delay is"),
        ({"period": 0.0}, "period is 0.0"),
    ],
)
def test_troubles_that_do_not_exist(trouble: dict, said: str) -> None:
    with pytest.raises(agents.WorldError, match=said):
        Trouble(**trouble)


def test_what_imitation_refuses() -> None:
    world = Cart(2)
    with pytest.raises(agents.LearningError, match=r"has 4 inputs and 1 outputs, expected 5 .*base.* and 2"):
        tauflow.imitate(agents.pupil(world), world, expert, base=simple, auxiliary=HIDDEN)
    with pytest.raises(agents.LearningError, match="rounds is -1"):
        tauflow.imitate(agents.pupil(world), world, expert, -1)
    with pytest.raises(agents.LearningError, match="weight is -1"):
        tauflow.imitate(agents.pupil(world), world, expert, weight=-1)
    with pytest.raises(agents.LearningError, match="whole numbers"):
        tauflow.imitate(agents.policy(Echo(2)), Echo(2), lambda w: w.before, base=simple)
    with pytest.raises(agents.WorldError, match="mix is empty"):
        tauflow.imitate(agents.pupil(world), world, expert, mix=[])
    with pytest.raises(agents.LearningError, match=r"the expert gives \(2,\)"):
        tauflow.imitate(agents.pupil(world), world, lambda w: np.zeros(2))


def test_a_stamped_sample_tells_its_age() -> None:
    def late(seen: Array) -> Array:
        ages.append(seen[:, -1].copy())
        return simple(seen[:, :3])

    for trouble, known in ((Trouble(), 0.0), (Trouble(delay=(0.2, 0.2)), 0.2)):
        ages: list[Array] = []
        walked = walk(Cart(3, 1), 12, None, expert, base=late, mix=[trouble], stamped=True)
        age = np.stack(ages, axis=1)
        assert walked.x.shape[2] == 3 + 1 + 1 + 1 and (walked.x[..., 3] == age.astype(np.float32)).all()
        begun = np.minimum(
            0.1 * np.arange(12), known
        )  # an episode's first sample is all that there is until the next arrives
        np.testing.assert_allclose(age, np.tile(begun, (3, 1)), atol=1e-6)
        if known:
            np.testing.assert_allclose(walked.x[:, 5:, 0], late_x(3)[:, 3:-2], atol=1e-6)


def on(seen: Array, action: Array, dt: Array, told: Array) -> Array:
    """What a cart shows a hold later: the frames of `Cart`, on the slope that is told, none where none is."""
    x, v, goal = seen.T.astype(float)
    slope = np.nan_to_num(told[:, 0]) if told.shape[1] else 0.0
    for k in range(int(np.rint(dt.max() / 0.05))):
        push = 4 * np.clip(action[:, 0], -1, 1) - 1.5 * slope
        going = k * 0.05 < dt - 1e-6
        v = np.where(going, v + 0.05 * (push - 0.3 * v), v)
        x = np.where(going, x + 0.05 * v, x)
    return np.column_stack([x, v, goal])


def test_what_is_late_is_carried_on_over_the_actions_sent_since() -> None:
    class Flat(Cart):
        def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
            self.slope = np.zeros(self.n)
            return super().frame(action, on)

    def watched(given: Array) -> Array:
        carried.append(given[:, :2])
        return simple(given[:, :3])

    carried, where = list[Array](), list[Array]()
    troubles = [Trouble(jitter=3, delay=(0.2, 0.3)), Trouble(lost=0.3, delay=(0.3, 0.3)), Trouble()]
    walked = walk(
        Flat(6, 1), 90, None, expert, base=watched, mix=troubles, stamped=True, carry=on, noise=0.3,
        watch=lambda world: where.append(world.q.copy()),
    )  # fmt: skip
    np.testing.assert_allclose(carried, where, atol=1e-5)  # as if nothing were late
    assert (walked.x[:4, 5:, 3] > 0.1).any() and walked.first.sum() > 6  # over the ends of episodes too


def test_beside_a_model_the_policy_sees_what_belongs_together() -> None:
    troubles = [Trouble(jitter=3, delay=(0.4, 0.4)), Trouble(jitter=3, lost=0.3, delay=(0.4, 0.4))]
    walked = walk(Cart(2, 1), 25, expert, expert, mix=troubles, stamped=True, carry=lambda seen, *_: seen, noise=0.3)
    for k in range(2):
        began = np.concatenate([[0.0], np.cumsum(walked.took[k])])[:-1]
        taken = np.rint((began - walked.x[k, :, 3]) / 0.05).astype(int)  # of each sample, in frames
        before = np.searchsorted(np.rint(began / 0.05), taken) - 1  # the step whose action went before it
        np.testing.assert_allclose(walked.x[k, before >= 0, 4], walked.action[k, before[before >= 0], 0])
        asked = np.flatnonzero(walked.mask[k])
        np.testing.assert_allclose(walked.dt[k, asked[1:]], 0.05 * np.diff(taken[asked]), atol=1e-6)
        assert (walked.dt >= 0).all() and (np.diff(taken) == 0).any()  # nothing new has come: no time goes by


def test_advice_is_told_from_what_base_sees() -> None:
    given: list[Array] = []

    def advice(world: Cart, seen: Array) -> Array:
        given.append(seen)
        return np.clip(simple(seen[:, :3]) + 0.1, -1, 1)

    options = {"base": lambda seen: simple(seen[:, :3]), "mix": [Trouble(delay=(0.2, 0.2))], "stamped": True}
    walked = walk(Cart(2, 1), 20, expert, expert, carry=lambda seen, *_: seen + 1, advice=advice, **options)
    taken, seen = walked.x[:, 5:, :4], np.stack(given, axis=1)[:, 5:]
    np.testing.assert_allclose(seen[..., :3], taken[..., :3] + 2, atol=1e-6)  # two holds later
    assert (seen[..., 3] == taken[..., 3]).all()
    told = np.clip(walked.y[..., 0] + walked.x[..., -1], -1, 1)
    np.testing.assert_allclose(told[:, 5:], np.clip(walked.x[:, 5:, -1] + 0.1, -1, 1), atol=1e-6)
    acted = walk(Cart(2, 1), 20, expert, expert, carry=lambda seen, *_: seen + 1, **options).action
    np.testing.assert_array_equal(acted, walked.action)  # who acts is not who is asked


def test_what_a_policy_found_out_carries_on_what_is_late() -> None:
    given: list[Array] = []

    def watched(seen: Array, action: Array, dt: Array, told: Array) -> Array:
        given.append(told)
        return seen

    net = agents.pupil(Cart(1), "ctrnn", 4, auxiliary=list(HIDDEN), stamped=True)
    late = {"mix": [Trouble(delay=(0.1, 0.1), lost=0.3)], "stamped": True, "carry": watched, "auxiliary": HIDDEN}
    walked = walk(Cart(1, 1), 20, net, expert, **late)
    answers, asked = walked.answer[0, :, 1], walked.mask[0]
    latest = [answers[np.flatnonzero(asked[: t + 1])[-1]] for t in range(19)]  # of the last sample that arrived
    np.testing.assert_array_equal(np.concatenate(given)[:, 0], latest)
    given.clear()
    walk(Cart(1, 1), 20, expert, expert, **late)
    assert np.isnan(np.concatenate(given)).all() and given[0].shape == (1, 1)
    with pytest.raises(agents.LearningError, match="carry needs the age of what is late: stamped=True"):
        walk(Cart(1, 1), 20, expert, expert, carry=watched)


def late_x(n: int) -> Array:
    """Where the same carts are, seen at once: the law that moves them is the late one, so it is walked again."""
    seen: list[Array] = []
    walk(
        Cart(n, 1), 12, None, expert, base=lambda given: simple(given[:, :3]), mix=[Trouble(delay=(0.2, 0.2))], stamped=True,
        watch=lambda world: seen.append(world.q[:, 0].copy()),
    )  # fmt: skip
    return np.stack(seen, axis=1)


def test_a_policy_for_stamped_samples_has_one_more_input() -> None:
    world = Cart(4, 0)
    net = agents.pupil(world, "ctrnn", 4, auxiliary=list(HIDDEN), base=True, stamped=True)
    assert net.input_names == ["x", "v", "goal", "age", "last push", "base push"]
    quick = {"steps": 10, "epochs": (1, 1), "length": 5, "auxiliary": HIDDEN, "rounds": 1}
    made = tauflow.imitate(net, world, expert, base=lambda seen: simple(seen[:, :3]), stamped=True, **quick)
    assert len(made.rounds) == 2
    with pytest.raises(
        agents.LearningError, match=r"has 6 inputs and 2 outputs, expected 5 \(seen, last action, base\)"
    ):
        tauflow.imitate(net, world, expert, base=simple, **quick)
