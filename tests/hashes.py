"""Are the files that pip would install the ones that tauflow is tested with? `python tests/hashes.py report.json`

hashes.txt holds, for each pinned distribution, the sha256 of the files that Python 3.11 takes on x86-64 Linux, where CI runs;
`--write` adds those of a report, which is pip's own (`pip install --dry-run --report`). A file that is not listed ends with 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

MANY_BUILDS = (
    "torch",
)  # one version has builds for the CPU and for each CUDA: one that is not listed is told, not refused
LIST = Path(__file__).parents[1] / "hashes.txt"


def reported(report: str) -> dict[str, str]:
    """name==version -> sha256 of each file that pip would take, tauflow's own folder aside."""
    found = {}
    for one in json.loads(report)["install"]:
        about, place = one["metadata"], one["download_info"]
        if "dir_info" not in place:
            name = about["name"].lower().replace("_", "-").replace(".", "-")
            version = about["version"].partition("+")[0]
            found[f"{name}=={version}"] = place["archive_info"]["hashes"]["sha256"]
    return found


def listed(text: str) -> dict[str, set[str]]:
    """name==version -> the sha256 that are taken for it."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: set(hashes) for name, *hashes in rows}


def strangers(found: dict[str, str], known: dict[str, set[str]]) -> list[str]:
    return [f"{name}: {sha256}" for name, sha256 in sorted(found.items()) if sha256 not in known.get(name, ())]


def main(path: str, *options: str) -> int:
    found, text = reported(Path(path).read_text()), LIST.read_text() if LIST.exists() else ""
    known = listed(text)
    if "--write" in options:
        head = [line for line in text.splitlines() if line.startswith("#")]
        both = {name: known.get(name, set()) | {sha256} for name, sha256 in found.items()}
        LIST.write_text("\n".join([*head, *(" ".join([name, *sorted(both[name])]) for name in sorted(both))]) + "\n")
        return 0
    unknown = strangers(found, known)
    for one in unknown:
        print(f"not in {LIST.name}: {one}", file=sys.stderr)
    print(f"{len(found) - len(unknown)} of {len(found)} files are those of {LIST.name}")
    refused = [one for one in unknown if one.partition("==")[0] not in MANY_BUILDS]
    return 1 if refused or not found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
