"""The applications, each the commands that measure it, and which of what they measured their page of docs shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """commands: words after `tauflow`; {data} in one stands for the folder of the sets. metrics: a table each, with its title."""

    commands: tuple[tuple[str, ...], ...]
    metrics: dict[str, str]


JOBS: dict[str, Job] = {
    "arm": Job(
        (("arm", "--cells", "cfc,mlp,window_mlp", "--also", "late,alone"),),
        {
            "error": "Mean error of a joint, rad",
            "r2": "R2 of the load as the policy tells it",
            "adaptation": "Seconds from a change of the load until the error has settled",
            "roughness": "Mean change of an action",
            "worst": "The arm that errs most, rad",
        },
    ),
    "together": Job(
        (("together", "--data", "{data}/together", "--seeds", "3"),),
        {
            "right": "Per cent right on the test series",
            "carried": "Per cent right in domains never seen, the mean over them, by the series to learn from",
        },
    ),
}
