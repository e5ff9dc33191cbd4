"""Classify: the code of docs/tutorials/classify.md."""

import numpy as np
import tauflow

rng = np.random.default_rng(0)


def record(kind):
    t = np.cumsum(rng.uniform(0.05, 0.4, rng.integers(15, 30)))  # seconds, uneven
    wave = np.sin((2 if kind == "slow" else 5) * t + rng.uniform(0, 6)) + 0.2 * rng.normal(size=len(t))
    wave[rng.random(len(t)) < 0.1] = np.nan
    return wave[:, None], t


labels = np.array(["slow", "fast"])[np.arange(120) % 2]
records = [record(label) for label in labels]  # (values, times) pairs


model = tauflow.Classifier("cfc", units=16, members=1, epochs=30).fit(records[:90], labels[:90])
print("nine in ten are right:", model.score(records[90:], labels[90:]) >= 0.9)
print(model.predict(records[90:94]), "for", labels[90:94])


p = model.predict_proba(records[90:])
print(model.classes_, np.allclose(p.sum(1), 1))


print(model.notes_[-1])
