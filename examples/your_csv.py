"""A CSV of your own: the code of docs/tutorials/your-csv.md."""

import numpy as np
import tauflow

tauflow.datasets.traffic()[["ds", "volume", "temp_K"]].tail(1500).to_csv("traffic.csv", index=False)
look = tauflow.check("traffic.csv")
print(look)


model = tauflow.Forecaster("gated_ltc", h=12, units=8, context=24, epochs=2, steps=20, presets="fast")
model.fit("traffic.csv", target="volume", until="5D", progress=False)


forecast = model.predict(level=90)
print(forecast.set_index("ds").round().head(3))


test = model.backtest("traffic.csv", "5D", level=90)
rule = tauflow.Forecaster("persistence", h=12).fit("traffic.csv", target="volume", until="5D", progress=False)


def error(tested):
    return np.nanmean(abs(tested.forecast - tested.truth))  # NaN: hours without a count


known = np.isfinite(test.truth)
low, high, truth = test.values[known, 0], test.values[known, 1], test.truth[known]
print(f"in the band: {((low <= truth) & (truth <= high)).mean():.0%}")
print("better than the last value:", error(test) < error(rule.backtest("traffic.csv", "5D")))
