"""Many series: the code of docs/tutorials/many-series.md."""

import numpy as np
import pandas as pd
import tauflow

rng = np.random.default_rng(0)
frames = []
for k in range(8):
    day = np.arange(60 * (k % 3), 365)
    week = np.where(day % 7 < 5, 1.0, 1.8)
    sold = (20 + 10 * k) * week * (1 + 0.1 * rng.normal(size=len(day)))
    one = pd.DataFrame(
        {"unique_id": f"shop {k}", "ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"), "y": sold}
    )
    one["size"] = 100.0 + 50 * k  # one value a shop
    frames.append(one[rng.random(len(day)) > 0.05])
table = pd.concat(frames)
print(table.groupby("unique_id").size().to_dict())


model = tauflow.Forecaster("ctrnn", h=7, units=8, context=14, season=7, epochs=2, steps=20, presets="fast")
model.fit(table, static=["size"], until="28D", progress=False)
forecast = model.predict(table, level=90)
print(forecast.groupby("unique_id").size().unique(), "days ahead of each of", forecast["unique_id"].nunique(), "shops")


rule = tauflow.Forecaster("seasonal_naive", h=7, season=7).fit(table, until="28D", progress=False)


def error(one):
    test = one.backtest(table, "28D")
    return np.nanmean(abs(test.forecast - test.truth))


print("better than a week ago:", error(model) < error(rule))


new = table[table["unique_id"] == "shop 3"].assign(unique_id="a new shop").tail(60)
print(set(model.predict(new)["unique_id"]))
