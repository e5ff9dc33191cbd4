"""Multi: one core for several kinds of series, a door in and a door out for each.

    u = encoder_k(scale_k(x))                  k the kind: what it reads, and what it is asked, is its own
    y, state = core(u, dt / period_k)          one core for all
    answer = head_k(readout_k(pool_k(y)))

A kind is an ordinary `Network` whose core is the shared one: `multi["watch"]` streams, explains, saves and exports as any other. A
period is each kind's own, in its own unit of time: a time constant of 10 periods is 10 hours of a kind that is read every hour and
0.1 s of one that is read every 10 ms. Source: Caruana 1997, Multitask Learning (a shared hidden layer, an output for each task).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ..core import build_core
from ..network import Network
from ..parts.heads import Classes
from ..parts.part import NetworkError


class Door:
    """`Door(3, 6, pool="mean", head="classes")`: inputs, outputs and parts of a kind, as `Network` takes them; all but the core.

    Unless given: encoder "dense" as wide as the core reads, period "auto", the median gap of that kind.

    >>> door = tauflow.Door(3, ["sit", "walk", "run"], pool="mean", head="classes")
    >>> tauflow.Multi({"watch": door})["watch"].output_names
    ['sit', 'walk', 'run']
    """

    def __init__(self, inputs: int | Sequence[str], outputs: int | Sequence[str], **parts: Any) -> None:
        if own := {"core", "units", "tau"} & set(parts):
            raise NetworkError(f"a door was given {', '.join(sorted(own))}, which all kinds share: give it to Multi")
        self.inputs, self.outputs, self.parts = inputs, outputs, parts

    def network(self, core: nn.Module, width: int) -> Network:
        """The kind's network around a core that reads `width` numbers."""
        parts = {"period": "auto", "encoder": "dense", **self.parts}
        if isinstance(parts["encoder"], str):
            parts["encoder"] = {"name": parts["encoder"]}
        if isinstance(parts["encoder"], Mapping):
            parts["encoder"] = {"units": width, **parts["encoder"]}
        return Network(self.inputs, self.outputs, core, **parts)


class Multi(nn.Module):
    """`Multi({"heart": Door(1, 2, pool="last", head="classes"), "house": Door(4, 1)}, "gated_ltc", 48)`.

    kinds    name -> Door; or networks that share one core already
    core     a cell's name with its `units` and `tau` (in periods), or a module: Multi({"new": Door(2, 3)}, old.core)
    width    how many numbers the core reads, which every door makes of its inputs
    Train it by `tauflow.fit(multi, KindSource({"heart": ArraySource(...), ...}))`.

    >>> kinds = {"heart": tauflow.Door(1, 2, pool="last", head="classes"), "house": tauflow.Door(4, 1)}
    >>> multi = tauflow.Multi(kinds, "gated_ltc", 48)
    >>> answer, state = multi("house", torch.randn(2, 20, 4), torch.rand(2, 20))
    >>> answer.shape, multi["heart"].core is multi["house"].core
    (torch.Size([2, 20, 1]), True)
    """

    def __init__(
        self,
        kinds: Mapping[str, Door | Network],
        core: Any = "cfc",
        units: Any = 32,
        *,
        width: int = 32,
        tau: Any = None,
    ) -> None:
        super().__init__()
        if not kinds:
            raise NetworkError("there is no kind of series: Multi({'heart': Door(1, 2), ...})")
        given = [one for one in kinds.values() if isinstance(one, Network)]
        if len(given) == len(kinds):
            if len({id(network.core) for network in given}) > 1:
                raise NetworkError("the networks have cores of their own: build them around one, Network(3, 1, core)")
            if core != "cfc" or tau is not None:
                raise NetworkError("core and tau are for doors, but networks were given, which have their core already")
            networks = given
        else:
            if wrong := [name for name, one in kinds.items() if not isinstance(one, Door)]:
                raise NetworkError(f"{wrong[0]!r} is a {type(kinds[wrong[0]]).__name__}, expected a Door as the others")
            shared = build_core(core, getattr(core, "inputs", width), units, tau)
            networks = [door.network(shared, shared.inputs) for door in kinds.values() if isinstance(door, Door)]
        self.kinds = tuple(kinds)
        self.networks = nn.ModuleList(networks)

    def __getitem__(self, kind: str) -> Network:
        if kind not in self.kinds:
            raise NetworkError(f"there is no kind {kind!r}, but {', '.join(self.kinds)}")
        network = self.networks[self.kinds.index(kind)]
        assert isinstance(network, Network)  # noqa: S101 (for the types; __init__ made sure)
        return network

    def __iter__(self) -> Iterator[str]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def core(self) -> Any:
        """What all kinds share."""
        return self[self.kinds[0]].core

    def forward(self, kind: str, x: Any, *rest: Any, **more: Any) -> Any:
        """As Network.forward, of one kind."""
        return self[kind](x, *rest, **more)

    def loss(self, kind: str, output: Tensor, target: Tensor, mask: Any = None, weight: Any = None) -> Tensor:
        """The kind's loss, balanced: 1 is what an answer costs that knows nothing.

        Targets in units of their own spread cost about 1 by themselves; classes are divided by log(classes), the cost of a fair guess.
        """
        head = self[kind].head
        share = math.log(head.columns) if isinstance(head, Classes) else 1.0
        return self[kind].loss(output, target, mask, weight) / share
