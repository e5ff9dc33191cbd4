"""The papers' tables, rerun: `python -m benchmarks paper TASK` trains and scores, `python -m benchmarks table` draws docs/evidence.md.

tasks/      one file a table: data, protocol, splits, published rows, traps
data.py     finding and checking files        metrics.py  losses and scores
models.py   name -> network                   trivial.py  what needs no network
train.py    one run                           rows.py     results as JSON
run.py      the command                       table.py    the page
"""
