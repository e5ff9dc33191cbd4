"""Wirings: equal to those of ncps for the same seed, values that can't change, clear errors, drawings."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tauflow import wirings
from tauflow.drawing import wiring as drawing
from tauflow.errors import WiringError
from tauflow.wirings import Wiring

ncps = pytest.importorskip("ncps.wirings")
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(0, 12)
SHARES = st.floats(-0.1, 1.1)


def same(make, theirs, inputs):
    """Ours equals theirs, or both refuse."""
    try:
        expected = theirs()
        expected.build(inputs)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(WiringError):
            make()
        return
    if min(inputs, expected.units, expected.output_dim) < 1 or expected.output_dim > expected.units:
        with pytest.raises(WiringError):  # ncps builds a network that can't work
            make()
        return
    wiring = make()
    np.testing.assert_array_equal(wiring.synapses, expected.adjacency_matrix)
    np.testing.assert_array_equal(wiring.sensory, expected.sensory_adjacency_matrix)
    assert wiring.outputs == expected.output_dim
    assert wiring.types == tuple(expected.get_type_of_neuron(i) for i in range(expected.units))
    assert wiring.layers == tuple(tuple(expected.get_neurons_of_layer(i)) for i in range(expected.num_layers))
    assert wiring.synapse_count == expected.synapse_count
    assert wiring.sensory_synapse_count == expected.sensory_synapse_count


@settings(max_examples=100, deadline=None)
@given(SIZES, SIZES, st.none() | SIZES, st.booleans(), SEEDS)
def test_dense_is_that_of_ncps(inputs, units, outputs, self_connections, seed):
    same(
        lambda: wirings.dense(inputs, units, outputs, self_connections, seed),
        lambda: ncps.FullyConnected(units, outputs, seed, self_connections),
        inputs,
    )


@settings(max_examples=100, deadline=None)
@given(SIZES, SIZES, st.none() | SIZES, SHARES, SEEDS)
def test_random_is_that_of_ncps(inputs, units, outputs, sparsity, seed):
    same(
        lambda: wirings.random(inputs, units, outputs, sparsity, seed),
        lambda: ncps.Random(units, outputs, sparsity, seed),
        inputs,
    )


@settings(max_examples=150, deadline=None)
@given(st.tuples(SIZES, SIZES, SIZES, SIZES), st.tuples(SIZES, SIZES, SIZES, SIZES), SEEDS)
def test_ncp_is_that_of_ncps(sizes, fans, seed):
    inputs, inter, command, motor = sizes
    sensory_fanout, inter_fanout, recurrent, motor_fanin = fans
    if 0 in sizes:  # ncps divides by zero, or builds a network without a part
        with pytest.raises(WiringError):
            wirings.ncp(*sizes, *fans, seed=seed)
        return
    same(
        lambda: wirings.ncp(*sizes, *fans, seed=seed),
        lambda: ncps.NCP(inter, command, motor, sensory_fanout, inter_fanout, recurrent, motor_fanin, seed),
        inputs,
    )


@settings(max_examples=150, deadline=None)
@given(SIZES, st.integers(0, 60), SIZES, SHARES, SEEDS)
def test_auto_ncp_is_that_of_ncps(inputs, units, outputs, sparsity, seed):
    same(
        lambda: wirings.auto_ncp(inputs, units, outputs, sparsity, seed),
        lambda: ncps.AutoNCP(units, outputs, sparsity, seed),
        inputs,
    )


def test_defaults_are_the_seeds_of_ncps():
    same(lambda: wirings.dense(3, 9), lambda: ncps.FullyConnected(9), 3)
    same(lambda: wirings.random(3, 9, sparsity=0.4), lambda: ncps.Random(9, sparsity_level=0.4), 3)
    same(lambda: wirings.auto_ncp(3, 19, 4), lambda: ncps.AutoNCP(19, 4), 3)
    same(lambda: wirings.ncp(3, 10, 8, 4, 6, 6, 4, 6), lambda: ncps.NCP(10, 8, 4, 6, 6, 4, 6), 3)


MAKERS = {
    "dense": lambda: wirings.dense(2, 5, 2),
    "random": lambda: wirings.random(2, 5, 2, 0.4),
    "ncp": lambda: wirings.ncp(3, 6, 4, 2, 3, 2, 5, 2),
    "auto_ncp": lambda: wirings.auto_ncp(4, 19, 4),
}


@pytest.mark.parametrize("name", MAKERS)
def test_is_a_value(name):
    wiring, again = MAKERS[name](), MAKERS[name]()
    assert wiring == again
    assert len({wiring, again}) == 1
    for copied in (
        pickle.loads(pickle.dumps(wiring)),
        copy.deepcopy(wiring),
        copy.copy(wiring),
        Wiring.from_json(wiring.to_json()),
        Wiring.from_dict(json.loads(json.dumps(wiring.to_dict()))),
    ):
        assert copied == wiring
        assert hash(copied) == hash(wiring)
        assert not copied.synapses.flags.writeable
    flipped = wiring.synapses.copy()
    flipped[tuple(np.argwhere(flipped)[0])] *= -1
    assert Wiring(flipped, wiring.sensory, wiring.outputs, wiring.layers, wiring.types) != wiring
    assert wiring != "a wiring"


def test_nothing_in_it_can_be_changed():
    matrix = np.ones((3, 3), dtype=np.int64)
    wiring = Wiring(matrix, np.ones((1, 3), dtype=np.int8), 2)
    matrix[:] = 0
    assert wiring.synapse_count == 9
    with pytest.raises(ValueError, match="read-only"):
        wiring.synapses[0, 0] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        wiring.sensory.flags.writeable = True
    with pytest.raises(AttributeError):
        wiring.outputs = 3


def test_own_wiring_has_one_layer_and_motor_neurons_first():
    wiring = Wiring([[0, 1], [-1, 0]], [[1, 0]], 1)
    assert (wiring.inputs, wiring.units, wiring.layers, wiring.types) == (1, 2, ((0, 1),), ("motor", "inter"))
    assert wiring.type_of(1) == "inter"
    assert repr(wiring) == "Wiring(inputs=1, units=2, outputs=1, synapses=2, sensory_synapses=1)"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.floats(0, 0.95), SEEDS)
def test_reachable_is_the_walk_along_synapses(inputs, units, sparsity, seed):
    wiring = wirings.random(inputs, units, None, sparsity, seed)
    expected = np.zeros((inputs + units, units), bool)
    for source in range(inputs + units):
        start = np.flatnonzero(wiring.sensory[source]).tolist() if source < inputs else [source - inputs]
        seen: set[int] = set()
        while start:
            neuron = start.pop()
            if neuron not in seen:
                seen.add(neuron)
                start.extend(np.flatnonzero(wiring.synapses[neuron]).tolist())
        expected[source, sorted(seen)] = True
    np.testing.assert_array_equal(wiring.reachable(), expected)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 40])
def test_reachable_follows_a_chain_to_its_end(length):
    """0 -> 1 -> 2 -> ...: everyone reaches those behind, nobody those before."""
    wiring = Wiring(np.eye(length, k=1, dtype=np.int8), np.eye(1, length, dtype=np.int8), 1)
    behind = np.triu(np.ones((length, length), bool))
    np.testing.assert_array_equal(wiring.reachable(), np.concatenate([behind[:1], behind]))


SMALLEST = wirings.dense(1, 1).to_dict()
WRONG = {
    "more outputs than units": (lambda: wirings.dense(2, 3, 4), "4 outputs were asked of 3 units"),
    "no inputs": (lambda: wirings.dense(0, 3), "inputs is 0"),
    "a fraction": (lambda: wirings.random(2, 3.5), "units is 3.5"),
    "sparsity 1": (lambda: wirings.random(2, 3, sparsity=1.0), "sparsity is 1.0"),
    "sparsity NaN": (lambda: wirings.random(2, 3, sparsity=float("nan")), "sparsity is nan"),
    "fan-out too large": (lambda: wirings.ncp(2, 3, 3, 1, 4, 1, 1, 1), "only 3 inter neurons: lower it to 3"),
    "fan-in too large": (lambda: wirings.ncp(2, 3, 3, 1, 1, 1, 1, 4), "motor_fanin is 4"),
    "negative recurrence": (lambda: wirings.ncp(2, 3, 3, 1, 1, 1, -1, 1), "recurrent_command is -1"),
    "too few units": (lambda: wirings.auto_ncp(2, 6, 4), "use 7 units or more"),
    "too dense": (lambda: wirings.auto_ncp(2, 16, 4, sparsity=0.0), "wirings.dense"),
    "polarity 2": (lambda: Wiring([[2]], [[1]], 1), "a matrix of -1, 0 and 1"),
    "real numbers": (lambda: Wiring([[0.5]], [[1]], 1), "a matrix of -1, 0 and 1"),
    "ragged": (lambda: Wiring([[1, 0], [1]], [[1, 1]], 1), "different lengths"),
    "not square": (lambda: Wiring([[1, 0]], [[1, 1]], 1), r"expected \(units, units\)"),
    "empty": (lambda: Wiring(np.zeros((0, 0), int), np.zeros((1, 0), int), 1), "a matrix of -1, 0 and 1"),
    "a neuron in two layers": (lambda: Wiring([[0]], [[1]], 1, ((0,), (0,))), "exactly one layer"),
    "unknown type": (
        lambda: Wiring([[0]], [[1]], 1, (), ("brain",)),
        "expected inter, command, motor for each",
    ),
    "no such neuron": (lambda: wirings.dense(1, 2).type_of(2), "there is no neuron 2"),
    "not JSON": (lambda: Wiring.from_json("{"), "not the JSON of a wiring"),
    "a list": (lambda: Wiring.from_json("[]"), "but list came"),
    "a key too few": (lambda: Wiring.from_dict({"inputs": 1}), "but inputs came"),
    "layers of text": (lambda: Wiring.from_dict({**SMALLEST, "layers": ["a"]}), "this is not a wiring"),
    "layers a number": (lambda: Wiring.from_dict({**SMALLEST, "layers": 3}), "this is not a wiring"),
    "sizes that disagree": (lambda: Wiring.from_dict({**SMALLEST, "units": 2}), "the synapses say 1 and 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong(case):
    make, message = WRONG[case]
    with pytest.raises(WiringError, match=message):
        make()


def test_drawing_shows_every_synapse_in_its_colour(tmp_path):
    wiring = wirings.auto_ncp(4, 19, 4)
    figure = wiring.draw(tmp_path / "wiring.png")
    (axes,) = figure.axes
    arrows = len(axes.patches)
    rings = len(axes.collections) - wiring.units - wiring.inputs
    assert arrows + rings == wiring.synapse_count + wiring.sensory_synapse_count
    assert rings == np.count_nonzero(np.diag(wiring.synapses))
    colours = [arrow.get_edgecolor()[:3] for arrow in axes.patches]
    loops = np.diag(wiring.synapses)
    excite = int((wiring.synapses > 0).sum() + (wiring.sensory > 0).sum() - (loops > 0).sum())
    from matplotlib.colors import to_rgb

    assert colours.count(to_rgb(drawing.EXCITES)) == excite
    texts = {text.get_text() for text in axes.texts}
    assert {"sensory (4)", "inter (9)", "command (6)", "motor (4)"} <= texts
    assert (tmp_path / "wiring.png").read_bytes().startswith(b"\x89PNG")
    wirings.dense(1, 2).draw()
