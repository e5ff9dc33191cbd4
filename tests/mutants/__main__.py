"""Does the suite notice what is broken? `python -m tests.mutants` breaks the package many times and prints the share noticed.

--edits N       so many in all: every named one, the rest made up            (180)
--sample N      only so many of them, drawn by the seed                       (all)
--seed N        of the made-up edits and of the sample                          (0)
--jobs N        processes at a time                                             (2)
--only WORD     edits whose name or file holds the word
--made-up       none of the named ones
--needed SHARE  of the edits tried, below which the end is 1                 (0.95)
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.mutants import generate, named, native, run
from tests.mutants.edit import Edit, StaleError
from tests.mutants.equivalent import EQUIVALENT


def chosen(asked: argparse.Namespace) -> list[Edit]:
    """The named edits and enough made-up ones, then the sample of them."""
    wanted = [edit for edit in (*named.EDITS, *native.EDITS) if edit.name not in EQUIVALENT]
    made_up = sorted(generate.edits(), key=lambda edit: edit.rank(asked.seed))
    made_up = [edit for edit in made_up if edit.name not in EQUIVALENT]
    wanted = [] if asked.made_up else wanted
    edits = [*wanted, *made_up[: max(0, asked.edits - len(wanted))]]
    if asked.only:
        edits = [edit for edit in edits if asked.only in edit.name or asked.only in edit.file]
    # another order than the one that chose the made-up ones: in that they would all stand before the named
    return sorted(edits, key=lambda edit: edit.rank(asked.seed, "sample "))[: asked.sample]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=180)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--made-up", action="store_true")
    parser.add_argument("--needed", type=float, default=0.95)
    asked = parser.parse_args()

    began, stale, ready = time.monotonic(), 0, []
    for edit in chosen(asked):
        try:
            edit.applied()
            ready.append(edit)
        except StaleError as error:
            stale += 1
            print(f"stale     {error}", flush=True)
    core = run.warm()
    outcomes = {"killed": 0, "survived": 0, "broken": 0}
    killers: Counter[str] = Counter()
    for verdict in run.run(native.built(ready, core, asked.jobs), asked.jobs):
        outcomes[verdict.outcome] += 1
        print(f"{verdict.outcome:9} {verdict.seconds:5.1f} s  {verdict.edit.file}: {verdict.edit.name}", flush=True)
        if verdict.by:
            print(f"{'':18} by {verdict.by}", flush=True)
        killers[verdict.by] += "::" in verdict.by
    for test in run.failing({test for test, count in killers.items() if count}, core):
        print(f"broken    {test} fails on the whole package too", flush=True)
        outcomes["killed"] -= killers[test]
        outcomes["broken"] += killers[test]
    run_, minutes = sum(outcomes.values()), (time.monotonic() - began) / 60
    score = outcomes["killed"] / max(1, run_)
    print(
        f"{outcomes['killed']} of {run_} edits noticed, {100 * score:.1f} % (needed: {100 * asked.needed:g} %); "
        f"{outcomes['survived']} survived, {outcomes['broken']} could not be tried, {stale} stale; seed {asked.seed}, {minutes:.1f} min"
    )
    return 0 if score >= asked.needed and not stale and not outcomes["broken"] else 1


if __name__ == "__main__":
    sys.exit(main())
