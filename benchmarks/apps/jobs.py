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
            ("arm", "--cells", "cfc,ctrnn,mlp,window_mlp", "--also", "late", "--seeds", "3"),
            ("arm", "--cells", "gated_ltc,lstm,gru", "--seeds", "3"),
            ("arm", "--cells", "ltc", "--seeds", "3"),
        ),
        {
            "error": "Mean error of a joint, rad",
            "worst": "The arm that errs most, rad",
            "r2": "R2 of the load as the policy tells it",
            "adaptation": "Seconds from a change of the load until the error has settled",
        },
    ),
    "drive": Job(
        (
            ("drive", "--cells", "cfc,lstm", "--seeds", "3"),
            ("drive", "--cells", "gru,mlp,window_mlp"),
            ("drive", "--env", "racetrack-v1", "--cells", "cfc,mlp"),
        ),
        {
            "crash-free [%]": "Of 100 episodes, without a crash",
            "off the lane [%]": "Per cent of the time with a wheel on the white line",
            "from the middle [m]": "Mean distance from the middle of the lane, m",
            "speed [m/s]": "Mean speed, m/s",
            "a step [µs]": "CPU time of one step, camera to steering, µs",
            "training [CPU s]": "CPU seconds of the training",
            "times real time": "Camera, LiDAR, physics and expert, times real time",
            "crash-free [%], racetrack-v1": "racetrack-v1: of 100 episodes, without a crash",
            "off the lane [%], racetrack-v1": "racetrack-v1: per cent of the time with a wheel on a line",
        },
    ),
    "ecg": Job(
        (
            ("ecg", "{data}/mitdb", "--models", "liquid,lstm,gru,logistic,boosting,rr ratio", "--seeds", "3"),
            ("alarm", "{data}/mitdb", "--models", "liquid + front,liquid,lstm + front,lstm,front", "--seeds", "3"),
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
        (
            ("ward", "{data}/physionet2012", "--seeds", "3"),
            ("ward", "{data}/physionet2012", "--models", "gru_d,lstm,attention"),
        ),
        {"auroc": "AUROC, mean of five folds", "auprc": "AUPRC", "log_loss": "Log loss"},
    ),
    "activity": Job(
        (
            (
                "activity",
                "{data}/rfid",
                "--models",
                "liquid,lstm,gru,boosting,logistic,liquid + boosting",
                "--seeds",
                "3",
            ),
        ),
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
            ("rl", "CartPole-v1", "--cell", "cfc", "--against", "ctrnn,gru,lstm,mlp", "--seed", "30", "--seeds", "3"),
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
        (
            ("text", "{data}/text/TREC.train.all", "--test", "{data}/text/TREC.test.all", "--seeds", "3"),
            (
                "text",
                "{data}/text/stsa.binary.train",
                "--choose",
                "{data}/text/stsa.binary.dev",
                "--test",
                "{data}/text/stsa.binary.test",
                "--seeds",
                "3",
            ),
        ),
        {"accuracy": "Share of texts labelled rightly", "macro_f1": "Macro F1", "log_loss": "Log loss"},
    ),
}
