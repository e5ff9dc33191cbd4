"""What the server counts, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

import os
import time
from bisect import bisect_left

from .doors import frames

EVERY = 16
BUCKETS = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 2.5e-2, 0.1, 1.0)  # seconds
REASONS = {
    1000: "done", frames.GONE: "gone", frames.PROTOCOL_ERROR: "protocol", frames.NO_TEXT: "text", frames.POLICY: "policy",
    frames.TOO_BIG: "size",
}  # fmt: skip


class Metrics:
    """Counters; one event loop writes them."""

    def __init__(self) -> None:
        self.began = time.time()
        self.opened = self.steps = self.refused = self.cut = self.predictions = self.unwelcome = 0
        self.ends = dict.fromkeys([*REASONS.values(), "other"], 0)
        self.turns = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def turn(self, seconds: float) -> None:
        """A message of a session, from its bytes to its answer; one in EVERY is looked at, since a look costs as much as a step."""
        self.turns[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def closed(self, code: int) -> None:
        """A session that ended by a close frame, ours or its own."""
        self.ends[REASONS.get(code, "other")] += 1

    def text(self, sessions: int, connections: int, steps: int, model: dict[str, object]) -> str:
        """All of it; `steps` of the sessions that are open are added to those of the ones that ended."""
        lines = []

        def add(name: str, kind: str, about: str, *values: tuple[str, float]) -> None:
            lines.append(f"# HELP tauflow_{name} {about}")
            lines.append(f"# TYPE tauflow_{name} {kind}")
            lines.extend(
                f"tauflow_{name}{labels} {value:g}" if value < 1e6 else f"tauflow_{name}{labels} {value:.0f}"
                for labels, value in values
            )

        labels = ",".join(f'{key}="{_escaped(str(model[key]))}"' for key in ("name", "kind", "model"))
        add("model_info", "gauge", "The model that is served.", (f"{{{labels}}}", 1))
        add("sessions", "gauge", "Sessions that are open.", ("", sessions))
        add("connections", "gauge", "Connections that are open, sessions among them.", ("", connections))
        add("sessions_opened_total", "counter", "Sessions since the start.", ("", self.opened))
        add("steps_total", "counter", "Samples that sessions answered.", ("", self.steps + steps))
        add("predictions_total", "counter", "Windows and tables that were answered.", ("", self.predictions))
        add("messages_refused_total", "counter", "Messages answered by an error.", ("", self.refused))
        add(
            "requests_refused_total",
            "counter",
            "Requests that Host, Origin, token or a limit kept out.",
            ("", self.unwelcome),
        )
        add("connections_cut_total", "counter", "Connections ended for being slow, silent or deaf.", ("", self.cut))
        ends = [(f'{{why="{why}"}}', float(count)) for why, count in self.ends.items()]
        add("sessions_closed_total", "counter", "Sessions that ended by a close frame, by its code.", *ends)
        total, buckets = 0, list[tuple[str, float]]()
        for edge, count in zip((*BUCKETS, float("inf")), self.turns, strict=True):
            total += count
            buckets.append((f'{{le="{edge:g}"}}'.replace("inf", "+Inf"), total))
        lines.append("# HELP tauflow_answer_seconds From the bytes of a message to its answer, one in sixteen.")
        lines.append("# TYPE tauflow_answer_seconds histogram")
        lines.extend(f"tauflow_answer_seconds_bucket{label} {count:.0f}" for label, count in buckets)
        lines += [f"tauflow_answer_seconds_sum {self.seconds:.9g}", f"tauflow_answer_seconds_count {total}"]
        add("uptime_seconds", "gauge", "Since the start.", ("", time.time() - self.began))
        add("resident_memory_bytes", "gauge", "Memory of the process.", ("", resident()))
        return "\n".join(lines) + "\n"


def resident() -> int:
    """Bytes of memory that the process holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
