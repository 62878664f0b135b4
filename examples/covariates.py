"""Covariates that are known ahead: hourly load, where tomorrow's temperature and kind of day are known today."""

from forecast import LSTMForecaster, load_dataset

# Long frame: series, time, y and covariates.  The last 24 hours of each series have an empty y: they are the future,
# and they carry the temperature and the kind of day that are known for it.
frame = load_dataset("seasons", ahead=24)
print(frame.tail(2).T)

shared = {"horizon": 24, "time": "time", "target": "y", "id": "series", "max_steps": 150}
plain = LSTMForecaster(**shared)
informed = LSTMForecaster(
    **shared,
    past=("clouds",),  # known up to the origin
    future=("temperature", "day_type"),  # known ahead; day_type is a text column and becomes a category
    static=("connections", "customer"),  # one value per series
)

for name, model in (("without covariates", plain), ("with covariates", informed)):
    scores = model.backtest(frame, folds=5).metrics()
    print(f"{name:20} MASE {scores['mase']:.3f}   90 % interval covers {scores['coverage_90']:.0%}")

print(informed.fit(frame).predict(levels=(0.05, 0.95)).head(3))
