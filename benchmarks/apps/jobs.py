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
        (
            ("arm", "--cells", "cfc,mlp,window_mlp", "--seeds", "3"),
            ("arm", "--cells", "cfc", "--also", "late,alone"),
        ),
        {
            "error": "Mean error of a joint, rad",
            "r2": "R2 of the load as the policy tells it",
            "adaptation": "Seconds from a change of the load until the error has settled",
            "roughness": "Mean change of an action",
            "worst": "The arm that errs most, rad",
        },
    ),
    "ecg": Job(
        (("ecg", "{data}/mitdb", "--models", "liquid,logistic,boosting,rr ratio", "--seeds", "3"),),
        {
            "f1": "F1",
            "sensitivity": "Sensitivity",
            "ppv": "PPV",
            "false alarms an hour": "False alarms an hour",
        },
    ),
    "market": Job(
        (
            (
                "market",
                "{data}/fx/GBPUSDh1.csv.gz",
                "--time",
                "Date",
                "--high",
                "high",
                "--low",
                "low",
                "--seeds",
                "3",
                "--levels",
            ),
            ("market", "--seeds", "3", "--levels"),
        ),
        {
            "skill": "Skill over the random walk",
            "direction": "Share of directions that were right",
            "r2": "R2 of the log range, or of the log absolute return",
            "scaled_mse": "Mean square error of prices, scaled",
        },
    ),
    "ward": Job(
        (("ward", "{data}/physionet2012"),),
        {"auroc": "AUROC, mean of five folds", "auprc": "AUPRC", "log_loss": "Log loss"},
    ),
    "activity": Job(
        (("activity", "{data}/rfid"),),
        {"accuracy": "Share of right labels", "macro_f1": "Macro F1", "log_loss": "Log loss"},
    ),
    "together": Job(
        (("together", "--data", "{data}/together", "--seeds", "3"),),
        {
            "right": "Per cent right on the test series",
            "carried": "Per cent right in domains never seen, the mean over them, by the series to learn from",
        },
    ),
}
