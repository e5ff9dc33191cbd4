"""What moved a neuron, exactly; neurons by speed, and which of them switch, are idle or say the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tauflow
from tauflow.explain import ExplanationError, currents, flow, neurons
from tests.test_analysis_spectrum import drive


def network(core: str, units: object, **parts: object) -> tauflow.Network:
    torch.manual_seed(0)
    return tauflow.Network(["tilt", "antenna"], ["torque"], core, units, period=2.0, **parts).double()


@pytest.mark.parametrize("core", ["ltc", "ncp", "ctrnn", "gated_ltc"])
def test_the_parts_add_up_to_what_moves_the_neuron(core: str) -> None:
    units = tauflow.wirings.auto_ncp(2, 10, 1) if core == "ncp" else 6
    net = network("ltc" if core == "ncp" else core, units)
    x, dt = drive(25, 2)
    cell = net.core.cell
    record = net.trace(x[None], dt[None])
    before = torch.cat([torch.zeros(1, cell.state_size).double(), record.layers[0].states[0, :-1]])
    u = record.encoded[0]
    if ("ltc" in core and core != "gated_ltc") or core == "ncp":
        current, conductance = cell.pull(cell.project(u), before)
        expected = current - conductance * before
    else:
        expected = before @ cell.W.T + u @ cell.U.T + cell.b
    for neuron in range(cell.state_size):
        found = currents(net, x, dt, neuron=neuron)
        np.testing.assert_allclose(found.total, expected[:, neuron].detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(found.current.sum(axis=1) + found.rest, found.total, atol=1e-14)
    assert list(found.frame().columns[:1]) == ["time"] and found.words().startswith(f"neuron {neuron} is moved by ")


def test_a_masked_sample_is_left_out() -> None:
    net = network("gated_ltc", 6)
    x, dt = drive(10, 2)
    mask = torch.ones(10, dtype=torch.bool)
    mask[4] = False
    found = currents(net, x, dt, mask)
    assert len(found.time) == 9
    expected = currents(net, x[mask], dt[mask])
    np.testing.assert_allclose(found.current, expected.current, atol=1e-12)


def test_the_wiring_names_columns_and_outputs_and_leaves_no_synapse_out() -> None:
    wiring = tauflow.wirings.auto_ncp(2, 10, 1)
    net = network("ltc", wiring)
    x, dt = drive(25, 2)
    found = flow(net, x, dt)
    assert found.sources[:3] == ("tilt", "antenna", "neuron 0") and found.outputs == {0: "torque"}
    assert found.there.sum() == wiring.synapse_count + wiring.sensory_synapse_count == len(found.frame())
    assert (found.amount >= np.abs(found.mean) - 1e-15).all() and (found.amount[~found.there] == 0).all()
    svg = found.svg()
    assert (
        "tilt" in svg
        and "torque" in svg
        and svg.count("var(--static1)") + svg.count("var(--liquid1)") >= found.there.sum()
    )


def test_names_are_those_of_what_the_core_reads() -> None:
    x, dt = drive(5, 2)
    assert currents(network("ctrnn", 3, encoder="dense"), x, dt).sources[0] == "encoded 0"
    assert currents(tauflow.CTRNN(2, 3).double(), x, dt).sources[:3] == ("x 0", "x 1", "neuron 0")


def test_what_has_no_currents_is_refused() -> None:
    x, dt = drive(5, 2)
    with pytest.raises(ExplanationError, match="a cfc has no sum of currents"):
        currents(network("cfc", 4), x, dt)
    with pytest.raises(ExplanationError, match="neuron is 4"):
        currents(network("ctrnn", 4), x, dt, neuron=4)


def test_speeds_are_those_of_the_cell_and_the_order_is_from_fast_to_slow() -> None:
    net = network("ctrnn", 6, tau=(0.5, 20.0))
    x, dt = drive(50, 2)
    found = neurons(net, x, dt)
    np.testing.assert_allclose(found.tau, net.core.cell.tau.detach().numpy() * 2.0, rtol=1e-12)
    assert (np.diff(found.tau[found.order]) >= 0).all() and found.measured and not found.switches.any()
    assert (found.frame()["tau"].diff().dropna() >= 0).all()


def test_what_switches_is_idle_or_repeats_is_found() -> None:
    net = network("gated_ltc", 5, tau=(50.0, 50.0))
    cell = net.core.cell
    with torch.no_grad():
        cell.W.zero_(), cell.b.fill_(-3), cell.A.fill_(1.0)
        cell.U.zero_()
        cell.U[0, 0], cell.U[1, 0] = 4.0, 4.0  # 1 says what 0 says
        cell.A[1] = -2.0
        cell.U[3, 1] = 3.0
        cell.A[4], cell.A[2] = 1e-6, 0.0  # nothing to be seen of them
    x, dt = drive(400, 2)
    found = neurons(net, x, dt)
    assert found.switches.tolist()[:2] == [True, True] and not found.switches[2]
    assert found.repeats[1] == 0 and found.repeats[3] == -1
    assert found.idle[4] and found.idle[2] and not found.idle[0]
    assert found.redundant.tolist() == [False, True, False, False, False]
    assert "switch" in found.words("s") and "repeat another" in found.words()


@pytest.mark.parametrize("core", ["cfc", "lstm"])
def test_a_cell_without_time_constants_is_timed_by_its_states(core: str) -> None:
    """Slow input, slow states."""
    net = network(core, 6)
    made = torch.Generator().manual_seed(0)
    noise = torch.randn(400, 2, generator=made).double()
    slow = noise.cumsum(0) - 0.05 * noise.cumsum(0).cumsum(0).clamp(-20, 20)
    quick, late = neurons(net, noise, torch.ones(400)), neurons(net, slow, torch.ones(400))
    assert not quick.measured and np.median(late.tau) > 3 * np.median(quick.tau)
    assert "forgets itself" in quick.svg()
