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
        (
            ("ecg", "{data}/mitdb", "--models", "liquid,lstm,gru,logistic,boosting,rr ratio", "--seeds", "3"),
            ("alarm", "{data}/mitdb", "--models", "liquid,lstm,front", "--seeds", "3"),
        ),
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
    "rl": Job(
        (
            ("rl", "CartPole-v1", "--cell", "cfc", "--against", "ctrnn,gru,mlp", "--seed", "30", "--seeds", "3"),
            ("rl", "CartPole-v1", "--skip", "1-4", "--against", "gru", "--seed", "30", "--seeds", "3"),
            ("rl", "Pendulum-v1", "--cell", "ctrnn", "--against", "cfc,gru", "--seed", "30", "--seeds", "3"),
            ("rl", "RepeatPrevious", "--against", "gru", "--seed", "30", "--seeds", "3"),
        ),
        {
            "return": "Mean return of episodes without chance",
            "return, actions held 1-4 frames": "The same with actions held for 1 to 4 frames at random",
            "mean of the last 100 episodes": "Mean of the last 100 episodes of training",
            "seeds solved": "Share of seeds solved",
            "steps until solved": "Steps until solved, where all seeds were",
            "CPU seconds until solved": "CPU seconds until solved, where all seeds were",
            "steps a CPU second": "Steps a CPU second, learning included",
        },
    ),
    "text": Job(
        (("text", "{data}/text/TREC.train.all", "--test", "{data}/text/TREC.test.all", "--seeds", "3"),),
        {"accuracy": "Share of texts labelled rightly", "macro_f1": "Macro F1", "log_loss": "Log loss"},
    ),
}
