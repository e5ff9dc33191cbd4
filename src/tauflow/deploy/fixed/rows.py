"""A map in whole numbers: y = W z + b with a scale a row, 32-bit sums, and the proof that no sum leaves 32 bits.

    z = zq / 2^zbits, |zq| <= 2^15          what a step reads: 16 bits
    w = q s, b = bias s / 2^zbits           q of 8 or 16 bits, one scale s for each row
    sum = bias + sum_j q_j zq_j             |sum| <= |bias| + 2^15 sum_j |q_j| <= 2^31 - 1, which the choice of s sees to
    y = sum scale / 2^32, in 1 / 2^15       scale = s 2^(32 + 15 - zbits), one multiplication of 32 x 32 bits
    bias = b + (W - q s) mean z             so that rounding the weights moves no row on average

With 16-bit weights it is the sum that bounds s (sum |q| <= 65,535), with 8-bit ones the largest weight (127) unless a row is long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..plan import Array, ExportError

WIDEST = 2**31 - 1
SUM_BITS = 15  # behind the point of a sum's value, which is 32 bits wide: as many as the functions behind it can see


class Rows(NamedTuple):
    """q (n, m), bias (n,), scale (n,), all whole; the results lie within +-bound, no sum is larger than `reach`.

    `short`: of z with few bits behind the point the results lack so many of their 15, and are moved to the left by them.
    """

    q: Array
    bias: Array
    scale: Array
    bound: float
    reach: int
    short: int


def rows(W: Array, b: Array, zbits: int, weight_bits: int, mean: Array | None = None) -> Rows:
    """Quantise W (n, m) and b (n,) for a z with `zbits` behind the point; mean (m,): its mean over the calibration."""
    W, b = np.asarray(W, float), np.asarray(b, float)
    slack = 0.0 if mean is None else np.abs(W).max(axis=1) * np.abs(mean).sum()
    scale = row_scales(np.abs(W), np.abs(b) + slack / 2**weight_bits, zbits, weight_bits)
    q = np.rint(W / scale[:, None]).astype(np.int64)
    if mean is not None:
        b = b + (W - q * scale[:, None]) @ mean
    bias = np.rint(b * 2.0**zbits / scale).astype(np.int64)
    most = np.abs(W).sum(axis=1) * 2.0 ** (15 - zbits) + np.abs(b)
    short = max(0, SUM_BITS - zbits + 1 + ceil_log2(float(scale.max()) * 1.001))
    made = Rows(q, bias, scales(scale, zbits, SUM_BITS - short), float(most.max()), reach(q, bias), short)
    if not (made.reach <= WIDEST and made.bound < 2**15 and (made.scale <= WIDEST).all()):
        raise ExportError(
            f"a sum over {W.shape[1]} weights reaches {made.bound:,.0f}, more than whole numbers have room for: give the network a scale "
            "(tauflow.Network has one), or export it as float"
        )
    return made


def scales(scale: Array, zbits: int, bits: int) -> Array:
    """What takes a sum to 1 / 2^bits, by a multiplication and a shift by 32."""
    whole_: Array = np.rint(scale * 2.0 ** (32 + bits - zbits)).astype(np.int64)
    return whole_


def row_scales(weights: Array, bias: Array, zbits: int, weight_bits: int) -> Array:
    """The least s of each row with which its weights and its sum fit; weights, bias: their sizes."""
    largest = 2 ** (weight_bits - 1) - 1
    room = WIDEST - 1 - 2**14 * weights.shape[1]  # what rounding may add
    if room <= 0:
        raise ExportError(f"a row has {weights.shape[1]} weights, more than a 32-bit sum has room for: export as float")
    by_sum: Array = (weights.sum(axis=1) * 2.0**15 + bias * 2.0**zbits) / room
    least: Array = np.maximum(np.maximum(weights.max(axis=1, initial=0.0) / largest, by_sum), 1e-12)
    return least


def reach(q: Array, bias: Array) -> int:
    """The largest sum that any z of 16 bits can make."""
    return int((np.abs(q).sum(axis=1) * 2**15 + np.abs(bias)).max(initial=0))


def ceil_log2(value: float) -> int:
    """The least k with value <= 2^k."""
    return math.ceil(math.log2(max(value, 1e-30)))


def whole(values: Array | float, bits: int | Array) -> Array:
    """values in units of 1 / 2^bits, rounded, within 32 bits."""
    made = np.rint(np.asarray(values, float) * 2.0 ** np.asarray(bits, float))
    return np.clip(made, -WIDEST, WIDEST).astype(np.int64)
