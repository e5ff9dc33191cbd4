"""The heart is McSharry's, records are read or refused in a sentence, nobody is judged by what has seen him, and a device is watched."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from chromium import BINARY
from chromium import Page as Browser

import tauflow
from tauflow.apps import ecg
from tauflow.apps.ecg import alarm, beats, committee, events, front, heart, records, samples, trial
from tauflow.apps.ecg.watch import watch


def record(seconds: float = 60.0, rate: float = 90.0, name: str = "one") -> ecg.Record:
    """A pulse of one second: a short bump at each R, a broad one at every fifth, which is ventricular and 0.3 s early."""
    at = np.arange(1.0, seconds - 1.5)
    v = np.arange(len(at)) % 5 == 4
    at = at - 0.3 * v
    t = np.arange(0, seconds, 1 / rate)
    off = t[:, None] - at
    wide = np.where(v, 0.06, 0.015)
    signal = (np.where(v, 1.6, 1.0) * np.exp(-(off**2) / (2 * wide**2))).sum(axis=1)
    return ecg.Record(name, t, signal, at, np.where(v, "V", "N"))


# ---- the simulated heart


def test_the_circle_is_where_trajectories_end_and_a_turn_takes_rr() -> None:
    scipy = pytest.importorskip("scipy.integrate")
    for start in (0.2, 2.5):
        found = scipy.solve_ivp(
            lambda t, s: heart.derivative(t, s, 0.8), (0, 24), [start, 0, 0], rtol=1e-9, atol=1e-9, dense_output=True
        )
        x, y, _ = found.sol(np.linspace(20, 24, 500))
        assert np.abs(np.hypot(x, y) - 1).max() < 1e-6
        np.testing.assert_allclose(found.sol(20.0)[:2], found.sol(20.8)[:2], atol=1e-6)
        assert math.hypot(*(found.sol(20.0)[:2] - found.sol(20.4)[:2])) > 1.9


def test_the_fast_way_is_the_three_equations() -> None:
    scipy = pytest.importorskip("scipy.integrate")
    rr = 0.9
    t, z, at = heart.trace(np.full(6, rr), np.zeros(6, dtype=int), [heart.NORMAL])
    whole = scipy.solve_ivp(
        lambda t, s: heart.derivative(t, s, rr), (0, t[-1]), [1, 0, 0], rtol=1e-10, atol=1e-12, t_eval=t, max_step=0.01
    )
    np.testing.assert_allclose(z, heart.GAIN * whole.y[2], atol=2e-5 * np.abs(z).max())
    np.testing.assert_allclose(at, rr * np.arange(6))


def test_events_stand_at_the_angles_of_the_paper() -> None:
    assert heart.Events(
        (-math.pi / 3, -math.pi / 12, 0, math.pi / 12, math.pi / 2), (1.2, -5, 30, -7.5, 0.75), (0.25, 0.1, 0.1, 0.1, 0.4)
    ) == heart.NORMAL  # fmt: skip
    one = heart.Events((0.5,), (2.0,), (0.3,))
    assert one.drive(np.array([0.5])) == 0
    assert one.drive(np.array([0.8]))[0] == pytest.approx(-2.0 * 0.3 * math.exp(-0.5))
    assert one.drive(np.array([0.5 - 0.3 + 2 * math.pi]))[0] == pytest.approx(2.0 * 0.3 * math.exp(-0.5))
    t, z, _at = heart.trace(np.full(20, 1.0), np.zeros(20, dtype=int), [heart.NORMAL])
    beat = z[(t >= 10 - 0.5) & (t < 10 + 0.5)]
    assert abs(t[(t >= 9.5) & (t < 10.5)][beat.argmax()] - 10) < 0.02  # R
    assert 0.8 < np.ptp(beat) < 2.0  # mV


def test_rr_has_the_two_rhythms() -> None:
    rr = heart.intervals(4096, 1.0, 0.05, np.random.default_rng(0))
    assert rr.mean() == pytest.approx(1.0) and rr.std() == pytest.approx(0.05)
    power, hz = np.abs(np.fft.rfft(rr - 1)) ** 2, np.fft.rfftfreq(4096, 1.0)
    low, high = (power[(hz > f - 0.03) & (hz < f + 0.03)].sum() for f in (0.1, 0.25))
    assert (low + high) / power.sum() > 0.95 and low / high == pytest.approx(0.5, rel=0.05)


def test_premature_beats_come_early_and_a_pause_follows() -> None:
    made = ecg.simulate(3, 3.0)
    again = ecg.simulate(3, 3.0)
    np.testing.assert_array_equal(made.signal, again.signal)
    rr, v = np.diff(made.beats), made.ventricular
    early, above = (np.flatnonzero(made.kinds[1:-1] == kind) + 1 for kind in "VS")
    usual = np.median(rr)
    assert len(early) > 8 and len(above) > 2 and not (v[1:] & v[:-1]).any()
    assert (rr[early - 1] < 0.9 * usual).all() and (rr[early] > 1.1 * usual).all()
    assert (rr[above - 1] < 0.9 * usual).all() and (np.abs(rr[above] / usual - 1) < 0.15).all()
    assert made.rate == pytest.approx(360) and 0.4 < np.ptp(made.signal) < 8


# ---- records


def written(folder: Path, name: str, signal: np.ndarray, at: list[int], symbols: list[str], unit: str = "mV") -> Path:
    wfdb = pytest.importorskip("wfdb")
    with warnings.catch_warnings():  # wfdb 4.3 writes by what pandas 4 will not have
        warnings.simplefilter("ignore", DeprecationWarning)
        wfdb.wrsamp(
            name, fs=360, units=[unit, unit], sig_name=["MLII", "V5"], p_signal=np.stack([signal, 0 * signal], axis=1), fmt=["16", "16"],
            adc_gain=[1000.0, 1000.0], baseline=[0, 0], write_dir=str(folder),
        )  # fmt: skip
        if at:
            wfdb.wrann(name, "atr", np.array(at), symbols, write_dir=str(folder))
    return folder / name


def test_a_record_of_physionet_is_read(tmp_path: Path) -> None:
    signal = np.sin(np.arange(3600) / 20)
    written(tmp_path, "p1", signal, [360, 720, 900, 1440, 1800], ["N", "V", "+", "A", "/"])
    (found,) = ecg.read(tmp_path)
    assert found.name == "p1" and found.rate == pytest.approx(360) and found.hours == pytest.approx(3599 / 360 / 3600)
    np.testing.assert_allclose(found.signal, signal, atol=1e-3)
    np.testing.assert_allclose(found.beats, [1.0, 2.0, 4.0, 5.0])
    assert found.kinds.tolist() == ["N", "V", "S", "Q"] and found.ventricular.tolist() == [False, True, False, False]
    assert ecg.read(tmp_path / "p1.hea")[0].name == "p1" and ecg.read(tmp_path / "p1", lead="MLII")[0].beats[0] == 1.0
    half = found.until(3.0 / 60)
    assert len(half.signal) == 1080 and half.kinds.tolist() == ["N", "V"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at": []}, "has no annotated beats"),
        ({"lead": "V5"}, "the lead is flat at 0 mV"),
        ({"lead": "V7"}, "has no lead 'V7'; it has MLII, V5"),
        ({"unit": "furlong"}, "the lead is in 'furlong', expected mV, uV or V"),
        ({"gain": 1000.0}, "give --gain"),
    ],
)
def test_a_record_that_cant_be_used_is_refused_in_a_sentence(tmp_path: Path, change: dict, words: str) -> None:
    given = {"at": [360, 720], "unit": "mV"} | {k: v for k, v in change.items() if k in ("at", "unit")}
    symbols = ["N", "V"][: len(given["at"])]
    path = written(tmp_path, "p1", np.sin(np.arange(3600) / 20), given["at"], symbols, given["unit"])
    with pytest.raises(tauflow.TauflowError, match=words):
        ecg.read(path, **{k: v for k, v in change.items() if k in ("lead", "gain")})


def test_microvolts_are_told_by_the_header(tmp_path: Path) -> None:
    path = written(tmp_path, "p1", 20 * np.sin(np.arange(3600) / 20), [360], ["N"], "uV")
    assert np.abs(ecg.read(path)[0].signal).max() == pytest.approx(0.02, rel=0.01)


def test_what_is_not_measured_becomes_a_gap() -> None:
    one = record()
    one.signal[900:1080] = np.nan
    found = records.checked(one)
    assert len(found.times) == len(one.times) - 180 and np.diff(found.times).max() == pytest.approx(181 / 90)
    one.signal[: len(one.signal) * 2 // 3] = np.nan
    with pytest.raises(tauflow.TauflowError, match="is not measured"):
        records.checked(one)


def test_csv_with_events(tmp_path: Path) -> None:
    one, csv, times = record(), tmp_path / "a.csv", tmp_path / "b.csv"
    csv.write_text("time,mV\n" + "".join(f"{t:.5f},{x:.5f}\n" for t, x in zip(one.times, one.signal, strict=True)))
    times.write_text("time\n" + "".join(f"{t:.4f}\n" for t in one.beats[one.ventricular]))
    (found,) = ecg.read(csv, events=times)
    np.testing.assert_allclose(found.beats, one.beats[one.ventricular], atol=1e-3)
    assert found.name == "a" and found.ventricular.all()
    times.write_text("time,kind\n1.0,N\n2.7,V\n3.0,e\n")
    assert ecg.read(csv, events=times)[0].kinds.tolist() == ["N", "V", "N"]
    for text, words in [
        ("time\n99.0\n", "1 of 1 events lie outside the signal"),
        ("when\n1.0\n", "has no column called time"),
        ("time,kind\n1.0,xyz\n", "'xyz' is no class"),
        ("time\nsoon\n", "'soon' is no time"),
    ]:
        times.write_text(text)
        with pytest.raises(tauflow.TauflowError, match=words):
            ecg.read(csv, events=times)
    with pytest.raises(tauflow.TauflowError, match="--events"):
        ecg.read(csv)
    with pytest.raises(tauflow.TauflowError, match="holds no records"):
        ecg.read(tmp_path)
    dated = one.times[:2000]
    csv.write_text(
        "time,mV,record\n"
        + "".join(f"2026-01-01 00:00:{t:09.6f},{x:.5f},x\n" for t, x in zip(dated, one.signal, strict=False))
    )
    times.write_text("time,record\n2026-01-01 00:00:05,x\n")
    (found,) = ecg.read(csv, events=times)
    assert found.name == "x" and found.beats.tolist() == [5.0] and found.times[0] == 0


def test_the_whole_database_is_divided_as_de_chazal_did() -> None:
    names = [*records.LEARNING.split(), *records.TESTING.split()]
    assert len(set(names)) == 44 and not {"102", "104", "107", "217"} & set(names)
    whole = [record(name=name) for name in sorted(names)]
    learning, testing = records.divided(whole) or ([], [])
    assert [r.name for r in learning][:3] == ["101", "106", "108"] and [r.name for r in testing][-1] == "234"
    assert records.divided(whole[1:]) is None


# ---- beats


def test_a_beat_is_seen_in_the_patients_own_units() -> None:
    one = record()
    found = beats.beats(one)
    assert found.x.shape[1] == 2 * beats.WIDTH + 2 == 78 and len(found.x) == len(found.y) == len(found.rr)
    np.testing.assert_allclose(found.rr[5:], np.diff(found.at)[4:], atol=1e-5)
    normal = np.flatnonzero(~found.y)[30]
    assert found.x[normal, :38].max() == pytest.approx(1.0, abs=0.02)  # its own usual height is 1
    assert np.abs(found.x[normal, 38:76]).max() < 0.02  # and it is as usual
    v = np.flatnonzero(found.y)[8]
    assert np.abs(found.x[v, 38:76]).max() > 0.5
    rr = found.rr[v - 10 : v].mean()
    assert found.x[v, 76] == pytest.approx(0.7 / rr - 1, abs=1e-3) and found.x[v, 77] == pytest.approx(-0.1, abs=1e-3)
    twice = beats.beats(ecg.Record("two", one.times, 2 * one.signal, one.beats, one.kinds))
    np.testing.assert_allclose(twice.x, found.x, atol=1e-5)
    later = beats.beats(
        ecg.Record("cut", one.times[:3000], one.signal[:3000], one.beats[one.beats < 33], one.kinds[one.beats < 33])
    )
    np.testing.assert_allclose(later.x[:25], found.x[:25], atol=1e-6)  # of the past alone


def test_a_window_is_the_mean_of_the_signal_as_uneven_as_it_is() -> None:
    t = np.sort(np.concatenate([np.arange(0, 4, 0.01), np.random.default_rng(0).uniform(0, 4, 100)]))
    line = ecg.Record("l", t, 3 * t - 1, np.array([2.0]), np.array(["N"]))
    np.testing.assert_allclose(beats.windows(line, np.array([2.0]))[0], 3 * (2 + beats.OFFSETS) - 1, atol=1e-9)


def test_variations_leave_rr_alone_and_turn_leads_over() -> None:
    source = beats.Chunks([beats.beats(record(200))], 0)
    (batch,) = source.batches(0)
    (again,) = beats.Chunks([beats.beats(record(200))], 0).batches(0)
    assert torch.equal(batch.x, again.x) and batch.mask is None and batch.x.shape == (1, 128, 78)
    assert batch.dt is not None and ((batch.dt > 0.6) & (batch.dt < 1.4)).all()
    signs = {float(torch.sign(next(source.batches(k)).x[0, 20, 15])) for k in range(12)}
    assert signs == {-1.0, 1.0}
    kernel = np.array([0.0, 0.5, 0.0, 0.0, 1.0])  # two before, one before, one after, two after, its own
    np.testing.assert_allclose(beats.filtered(np.eye(6)[[2]], kernel), [[0, 0, 1, 0.5, 0, 0]])


def test_what_stands_beside_learns_and_what_is_missing_is_said() -> None:
    patients = [beats.beats(record(90, name=str(k))) for k in range(2)]
    for name in committee.ALONE:
        made = committee.learn(name, patients[:1])
        assert ((made.answer(patients[1]) >= made.threshold) == patients[1].y).mean() > 0.95, name
    with pytest.raises(tauflow.TauflowError, match="no model is called 'nope'"):
        committee.learn("nope", patients)
    calm = record(90)
    none = beats.beats(ecg.Record("n", calm.times, calm.signal, calm.beats, np.full(len(calm.beats), "N")))
    with pytest.raises(tauflow.TauflowError, match="no patient that is learned from has a ventricular beat"):
        committee.learn("logistic", [none])
    only = beats.beats(ecg.Record("v", calm.times, calm.signal, calm.beats, np.full(len(calm.beats), "V")))
    with pytest.raises(tauflow.TauflowError, match="every event is ventricular"):
        committee.learn("logistic", [only])
    assert committee.network("liquid").core.cell.name == "gated_ltc"


# ---- raw samples and events


def heard_by(x: np.ndarray, dt: np.ndarray) -> np.ndarray:
    """The front, sample by sample."""
    one = front.Front()
    return np.array([one(a, b) for a, b in zip(x.tolist(), dt.tolist(), strict=True)])


def test_a_mean_of_lines_is_exact() -> None:
    scipy = pytest.importorskip("scipy.integrate")
    keep, before, new = front.line(0.02, 0.03)
    assert keep + before + new == pytest.approx(1)
    found = scipy.solve_ivp(lambda t, y: (1 + t / 0.02 * 2 - y) / 0.03, (0, 0.02), [0.5], rtol=1e-10, atol=1e-12)
    assert keep * 0.5 + before * 1 + new * 3 == pytest.approx(found.y[0, -1], rel=1e-8)


def test_the_front_side_by_side_is_the_front_sample_by_sample() -> None:
    rng = np.random.default_rng(0)
    rows = [samples.slower(ecg.simulate(k, 0.6), 90)[1][:2500] for k in (0, 1)]
    x = np.stack([*rows, np.zeros(2500)])
    dt = np.where(np.arange(2500) < 1200, 1 / 90, rng.choice([1, 2, 3, 200], (3, 2500), p=[0.5, 0.3, 0.19, 0.01]) / 90)
    both = front.fronts(x, dt)
    assert both.shape == (3, 2500, len(front.NAMES)) and np.isfinite(both).all()
    for k in range(3):
        np.testing.assert_allclose(both[k], heard_by(x[k], dt[k]), atol=1e-5)


def test_the_front_knows_what_is_early_at_every_rate_and_of_every_size() -> None:
    for rate, size, seed in ((90, 1.0, None), (360, 1.0, None), (90, -0.3, None), (90, 1.0, 3)):
        one = record(60, rate)
        kept = np.random.default_rng(seed).random(len(one.times)) > (0.0 if seed is None else 0.2)
        t = one.times[kept]
        early = heard_by(size * one.signal[kept], np.diff(t, prepend=t[0] - 1 / rate))[:, 0]
        v = one.beats[one.ventricular & (one.beats > 10)]
        n = one.beats[~one.ventricular & (one.beats > 10)]
        assert min(early[(t > r) & (t < r + 0.35)].max() for r in v) > 0.5, (rate, size, seed)
        assert max(early[(t > r) & (t < r + 0.35)].max() for r in n) < 0.5, (rate, size, seed)


@pytest.mark.parametrize("rate", [45, 180])
def test_no_beat_is_early_when_a_lead_is_connected(rate: float) -> None:
    one = record(10, rate)
    assert (one.beats[one.ventricular] > 4.6).all()
    for start in np.arange(0.3, 3.4, 0.1):
        t = one.times[one.times >= start]
        early = heard_by(one.signal[one.times >= start], np.full(len(t), 1 / rate))[:, 0]
        assert early[t < 4.6].max() < 0.5, (start, t[early.argmax()])


def test_samples_at_other_rates_and_lost() -> None:
    one = ecg.simulate(0, 0.5)
    slow = samples.samples(one, 90)
    np.testing.assert_allclose(np.diff(slow.times), 1 / 90)
    np.testing.assert_allclose(slow.times[0], one.times[:4].mean())
    np.testing.assert_allclose(samples.slower(one, 90)[1][7], one.signal[28:32].mean())
    assert len(samples.samples(one, 360).u) == len(one.times) == len(samples.samples(one, None).u)
    half = samples.samples(one, 90, 0.5)
    assert 0.4 < len(half.u) / len(slow.u) < 0.6 and half.dt.sum() == pytest.approx(slow.dt.sum(), abs=0.1)
    assert np.isin(half.times, slow.times).all()
    on = slow.times[slow.y == 1]
    nearest = np.abs(on[:, None] - (slow.at + (samples.FROM + samples.UNTIL) / 2)).min(axis=1)
    assert len(slow.at) and nearest.max() < 0.126
    assert (slow.y == 1).sum() == pytest.approx(len(slow.at) * 0.25 * 90, rel=0.1)


def test_chunks_hold_every_ventricular_beat_and_as_many_calm_ones() -> None:
    one = samples.samples(record(300, 180), 180)
    still = samples.Variations(0, 0, 0, 0, 0, 0, (0.0,))
    (first, *_) = samples.Chunks([one], 0, still).batches(0)
    assert first.x.shape == (16, 1080, 4) and first.y is not None and 0.02 < first.y.float().mean() < 0.2
    (again, *_) = samples.Chunks([one], 0, still).batches(0)
    assert torch.equal(first.x, again.x)
    (lost, *_) = samples.Chunks([one], 0, samples.Variations(lost=(0.5,))).batches(0)
    assert lost.x.shape == (16, 540, 4) and lost.dt is not None and lost.dt.mean() == pytest.approx(2 / 180, rel=0.1)
    moved = next(iter(samples.Chunks([one], 0).batches(0)))
    assert not torch.equal(moved.x, first.x) and torch.isfinite(moved.x).all()
    with pytest.raises(tauflow.TauflowError, match="no record that is learned from is 22 s long"):
        samples.Chunks([samples.samples(record(20, 180), 180)], 0)


def test_alarms_begin_end_and_are_counted() -> None:
    t = np.arange(0, 10, 0.1)
    odds = np.full(100, -3.0)
    odds[20:23], odds[23:26], odds[26:28], odds[50:52], odds[80] = 1, -0.5, 1, 2, 1  # -0.5 does not end it
    begins = events.onsets(t, odds, 0.0, -math.log(3))
    np.testing.assert_allclose(begins, [2.0, 5.0, 8.0])
    np.testing.assert_allclose(events.onsets(t, odds, 1.5, 0.0), [5.0])
    found = events.count("a", begins, np.array([1.8, 5.04, 6.0]), 0.5)
    assert (found.hits, found.misses, found.false) == (2, 1, 1)
    np.testing.assert_allclose(found.delays, [0.2, -0.04])
    assert found.missed_at.tolist() == [6.0] and found.false_at.tolist() == [8.0]
    odds[29:32], odds[32:34] = -3, 2  # 1.2 s after 2.0 is another; 0.3 s, below, is not
    odds[22], odds[23] = -3, 2
    np.testing.assert_allclose(events.onsets(t, odds, 0.0, -math.log(3)), [2.0, 3.2, 5.0, 8.0])
    assert events.count("a", np.array([2.0]), np.array([1.3, 2.06]), 1).hits == 0  # 0.7 s late, 0.06 s early
    assert events.count("a", np.array([2.0, 2.1]), np.array([1.9]), 1).false == 1


def test_figures_and_intervals_by_patient() -> None:
    some = [
        events.Counts("a", 8, 2, 4, 0.5, np.full(8, 0.1), np.zeros(2), np.zeros(4)),
        events.Counts("b", 0, 0, 2, 0.5, np.zeros(0), np.zeros(0), np.zeros(2)),
    ]
    assert (
        events.sensitivity(some) == 0.8
        and events.ppv(some) == pytest.approx(8 / 14)
        and events.f1(some) == pytest.approx(16 / 24)
    )
    assert events.an_hour(some) == 6 and events.delay(some) == pytest.approx(100)
    assert math.isnan(events.sensitivity(some[1:])) and math.isnan(events.delay(some[1:]))
    low, high = events.interval(some, events.an_hour)
    assert (low, high) == (4.0, 8.0)  # patient b twice, patient a twice
    assert events.interval(some, events.sensitivity) == (0.8, 0.8)
    said = events.of_beats("a", np.array([True, True, False]), np.array([True, False, True]), np.arange(3.0), 1.0)
    assert (
        (said.hits, said.misses, said.false) == (1, 1, 1)
        and said.false_at.tolist() == [1.0]
        and said.missed_at.tolist() == [2.0]
    )


def test_networks_are_of_one_size_and_a_level_is_built_in() -> None:
    sizes = {name: sum(p.numel() for p in alarm.network(name).parameters()) for name in alarm.NETWORKS}
    assert sizes["liquid"] < 4000 and all(0.8 < size / sizes["liquid"] <= 1 for size in sizes.values()), sizes
    torch.manual_seed(0)
    net, one = alarm.network().eval(), samples.samples(record(20), 90)
    before = alarm.asked(net, one)
    moved = alarm.asked(alarm.shifted(net, 0.75), one)
    np.testing.assert_allclose(moved, before - 0.75, atol=1e-5)
    heard, p = ecg.Alarm(net), []
    for x, dt in zip(record(20).signal.tolist(), one.dt.tolist(), strict=True):
        p.append(heard.probability(x, dt))
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-moved)), atol=1e-5)  # the stream is the network
    np.testing.assert_allclose(alarm.asked(None, one), 4 * one.u[:, 0] - 5)
    with pytest.raises(tauflow.TauflowError, match="no alarm is called 'nope'"):
        alarm.network("nope")
    with pytest.raises(tauflow.TauflowError, match="holds a model, but no alarm"):
        ecg.Alarm(tauflow.Network(1, 2))


@pytest.mark.parametrize("name", alarm.NETWORKS)
def test_a_network_and_its_front_are_the_mean_of_their_log_odds(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, one = alarm.network(name).eval(), samples.samples(record(30), 90)
    before, both = alarm.asked(net, one), alarm.with_front(net)
    expected = (before + alarm.asked(None, one)) / 2
    np.testing.assert_allclose(alarm.asked(both, one), expected, atol=1e-4)
    np.testing.assert_array_equal(alarm.asked(net, one), before)  # the network itself is as it was
    tauflow.save(both, tmp_path / "both.tau")
    heard = ecg.Alarm(tauflow.load(tmp_path / "both.tau"))
    p = [heard.probability(x, dt) for x, dt in zip(one.x.tolist(), one.dt.tolist(), strict=True)]
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-expected)), atol=1e-4)


def test_the_level_comes_from_those_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    one = samples.samples(record(60), 90)
    odds = {0: 2.0 * one.y, 1: 3.0 * one.y + 1.0}
    monkeypatch.setattr(alarm, "asked", lambda net, p: odds[net])
    assert 0 <= alarm.chosen([(0, one)]) < 2  # type: ignore[list-item]
    assert 1 <= alarm.chosen([(1, one)]) < 4  # type: ignore[list-item]


def test_no_patient_is_judged_by_what_has_seen_him(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [record(30, name=str(k)) for k in range(5)]
    taught: dict[int, set[str]] = {}
    asked: list[tuple[set[str], str]] = []

    def learn(name: str, patients: list, *args: object, **kwargs: object) -> tauflow.Network:
        net = alarm.network(name)
        taught[id(net)] = {p.name for p in patients}
        kept.append(net)
        return net.eval()

    def answer(net: tauflow.Network, p: samples.Samples) -> np.ndarray:
        asked.append((taught[id(net)], p.name))
        return np.where(p.y == 1, 2.0, -4.0)

    kept: list = []
    monkeypatch.setattr(alarm, "learn", learn)
    monkeypatch.setattr(alarm, "asked", answer)
    monkeypatch.setattr(trial, "microseconds", lambda net: 1.0)
    found, made = ecg.trial_of_alarms(some, ["liquid"], [0], "test", lambda text: None, conditions=["180 Hz"])
    assert made is kept[-1] and taught[id(made)] == {"0", "1", "2", "3", "4"} and len(kept) == 11
    monkeypatch.setattr(alarm, "with_front", lambda net: net)
    names = ["liquid + front", "liquid"]
    both, _ = ecg.trial_of_alarms(some, names, [0], "test", lambda text: None, conditions=["180 Hz"])
    assert len(kept) == 22 and both.ours == "liquid + front" and both.of("liquid + front")[0].kind == "liquid"
    assert asked and all(name not in seen for seen, name in asked)
    assert {c.name for c in found.of("liquid")[0].counts} == {"0", "1", "2", "3", "4"} and found.mean("liquid") == 1.0
    assert trial.groups(some, 2)[0] == ["0", "3", "4"]
    with pytest.raises(tauflow.TauflowError, match="there are 2 patients"):
        ecg.trial_of_alarms(some[:2], ["liquid"], [0], "test")
    with pytest.raises(tauflow.TauflowError, match="one patient alone"):
        ecg.trial_of_beats(some[:1], ["logistic"], [0], "test")


def test_the_sentence_says_who_leads() -> None:
    def result(model: str, hits: int) -> ecg.Result:
        return ecg.Result(model, 0, "R given", (events.Counts("a", hits, 100 - hits, 0, 1, *(np.zeros(0),) * 3),))

    found = ecg.Judged("beats", "d", "p", [result("liquid", 90), result("rr ratio", 99)])
    assert (
        found.sentence().startswith("Not the liquid network but rr ratio leads, with F1 0.995")
        and found.leader() == "rr ratio"
    )
    assert (
        ecg.Judged("beats", "d", "p", [result("liquid", 99), result("lstm", 90)])
        .sentence()
        .endswith("lstm, the best beside it, has 0.947.")
    )
    silent = ecg.Judged("beats", "d", "p", [result("liquid", 0)]).sentence()
    assert silent.endswith("finds 0.0% of ventricular beats, and tells no alarm (F1 0.000).")
    once = ecg.Judged("beats", "d", "p", [result("liquid", 0), result("liquid", 50)]).sentence()
    assert "finds 25.0% of ventricular beats, and tells no alarm in 1 of 2 seeds" in once
    assert found.results[1].kind == "baseline" and found.ours == "liquid"
    beside = ecg.Judged("alarm", "d", "p", [result("front", 99), result("liquid + front", 50)])
    assert "the liquid network with its front beside it finds 50.0% of" in beside.sentence()
    assert beside.sentence().startswith("Not the liquid network with its front beside it but the front alone leads")


# ---- watching


def lines(one: ecg.Record) -> list[str]:
    return [f"{t:.5f},{x:.5f}\n" for t, x in zip(one.times, one.signal, strict=True)]


class Loud:
    """An alarm that begins where a reading is above 2."""

    p = 0.9

    def __init__(self) -> None:
        self.heard: list[tuple[float, float]] = []

    def __call__(self, x: float, dt: float) -> bool:
        self.heard.append((x, dt))
        return x > 2


def test_a_device_hears_the_alarms_that_a_trial_counts() -> None:
    heard, rng = ecg.Alarm(alarm.network().eval()), np.random.default_rng(0)
    odds, t = np.convolve(rng.normal(0, 6, 2000), np.ones(8) / 8, "same"), np.arange(2000) / 30
    told = iter(1 / (1 + np.exp(-odds)))
    heard.probability = lambda x, dt: next(told)  # type: ignore[method-assign]
    begun = [one for one in t.tolist() if heard(0.0, 1 / 30)]
    expected = events.onsets(t, odds, alarm.BEGINS, alarm.ENDS)
    assert len(begun) > 20 and np.diff(begun).min() >= events.PAUSE - 1e-9
    np.testing.assert_allclose(begun, expected)


def test_lines_that_cant_be_read_are_told_and_left_out() -> None:
    loud, said, heard = Loud(), list[str](), ecg.Heard()
    given = [
        "time,mV\n",
        "1.0,0.5\n",
        "# a note\n",
        "\n",
        "1.5;2.5\n",
        "1.5,9\n",
        "oops\n",
        "2.0 nan\n",
        "3\n",
        "2.5\t3.5\n",
    ]
    found = list(watch(loud, given, said.append, heard))  # type: ignore[arg-type]
    assert [(one.time, one.p) for one in found] == [(1.5, 0.9), (2.5, 0.9)]
    assert loud.heard == [(0.5, 1 / 180), (2.5, 0.5), (3.5, 1.0)]
    assert [text.split(":")[0] for text in said] == ["line 6", "line 7", "line 8", "line 9"]
    assert (heard.samples, heard.alarms, heard.bad, heard.seconds) == (3, 2, 4, 1.5)
    assert heard.sentence() == "3 samples over 1.5 s, 2 alarms, 4 lines that could not be read"


def test_values_alone_have_a_rate() -> None:
    loud, heard = Loud(), ecg.Heard()
    found = list(watch(loud, ["0\n", "3\n", "x\n", "1\n"], lambda text: None, heard, 50.0))  # type: ignore[arg-type]
    assert [one.time for one in found] == [pytest.approx(0.02)] and heard.bad == 1
    np.testing.assert_allclose(
        [dt for _, dt in loud.heard], [0.02, 0.02, 0.04]
    )  # a reading that was garbled took its time
    many = list[str]()
    list(watch(loud, ["0,0\n"] + ["bad\n"] * 9, many.append, ecg.Heard()))  # type: ignore[arg-type]
    assert len(many) == 5 and many[-1].endswith("further ones are only counted")


def test_the_command_tells_an_alarm_before_the_input_ends(tmp_path: Path) -> None:
    net = alarm.network().eval()
    with torch.no_grad():
        net.readout.layers[-1].bias.copy_(torch.tensor([0.0, 30.0]))  # it begins with the first sample
    tauflow.save(net, tmp_path / "a.tau")
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; from tauflow.cli import main; sys.exit(main())", "watch", str(tmp_path / "a.tau")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("0.00,0.1\n")
    child.stdin.flush()
    assert child.stdout.readline() == "0.000,1.000\n"  # the input is still open
    out, err = child.communicate("bad\n0.02,0.2\n", timeout=60)
    assert child.returncode == 0 and out == ""
    assert (
        "line 2: 'bad' is no reading" in err and "2 samples over 0.0 s, 1 alarm, 1 line that could not be read" in err
    )


# ---- the commands


def test_the_commands_run_whole_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    assert (
        run(
            [
                "ecg",
                "--quick",
                "--models",
                "liquid,rr ratio",
                "--page",
                "e.html",
                "--json",
                "e.json",
                "--save",
                "e.tau",
                "--format",
                "json",
            ]
        )
        == 0
    )
    said = capsys.readouterr()
    assert "no records were given: simulated hearts" in said.err
    kept = json.loads((tmp_path / "e.json").read_text())
    assert json.loads(said.out) == kept and {row["model"] for row in kept} == {"liquid", "rr ratio"}
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    assert type(tauflow.load("e.tau")).__name__ == "Committee"
    words = ["alarm", "--quick", "--models", "liquid,front", "--page", "a.html", "--json", "a.json", "--save", "a.tau"]
    assert run([*words, "--format", "table"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "45 Hz" in printed and "On patients never seen the liquid network finds" in printed
    assert {row["settings"]["condition"] for row in json.loads((tmp_path / "a.json").read_text())} == {
        "180 Hz",
        "45 Hz",
        "30 % lost",
    }
    (tmp_path / "lines.csv").write_text("".join(lines(record(10))))
    assert run(["watch", "a.tau", "lines.csv"]) == 0
    assert "900 samples over 10.0 s" in capsys.readouterr().err
    assert run(["ecg", "--models", "nope"]) == 1 and run(["watch", "e.tau", "lines.csv"]) == 1
    for name in ("e.html", "a.html"):
        text = (tmp_path / name).read_text()
        assert "Not a medical device" in text and "<script" not in text
    if BINARY is None:
        pytest.skip("no chromium on this machine")
    for name in ("e.html", "a.html"):
        with Browser(tmp_path, 390, scheme="dark") as browser:
            browser.open(tmp_path / name)
            assert browser.evaluate("document.documentElement.scrollWidth") <= 390
            assert browser.evaluate("document.querySelector('footer').innerText").startswith("Not a medical device")
            assert browser.evaluate("document.querySelectorAll('svg').length") > 1
            assert browser.complaints() == []


def test_records_of_the_database_are_read() -> None:
    import os

    pytest.importorskip("wfdb")
    folder = os.environ.get("TAUFLOW_MITDB", "")
    if not folder:
        pytest.skip("TAUFLOW_MITDB names no folder with records of the MIT-BIH database")
    found = {one.name: one for one in ecg.read(Path(folder) / "106")}
    assert found["106"].ventricular.sum() == 520 and found["106"].rate == pytest.approx(360)
