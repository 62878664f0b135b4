"""Fit, forecast, judge and save: weekly carbon dioxide on Mauna Loa, half a year ahead."""

import tempfile

from forecast import HybridForecaster, create, load, load_dataset

frame = load_dataset("co2")  # a pandas frame with the columns date and co2; 59 weeks have no value
model = HybridForecaster(horizon=26, max_time=4)
model.fit(frame)

print("What was found:", {name: model.report_[name] for name in ("frequency", "season", "lookback", "patch")})
print(model.predict(levels=(0.05, 0.95)).head())

# A backtest fits a copy on the rows before the first fold and never sees what it is scored on.
naive = create("seasonal-naive", horizon=26)
for forecaster in (model, naive):
    scores = forecaster.backtest(frame, folds=4).metrics()
    print(f"{type(forecaster).__name__}: MASE {scores['mase']:.2f}, mean absolute error {scores['mae']:.2f} ppm")

with tempfile.TemporaryDirectory() as folder:  # model.json and weights.safetensors: numbers and text, never code
    model.save(f"{folder}/co2")
    again = load(f"{folder}/co2")
    print("The saved model forecasts the same:", again.predict().equals(model.predict()))
