"""scikit-learn's own tools: a forecaster is an estimator, and TimeSplit is a splitter that cuts all series by time."""

from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from forecast import LSTMForecaster, TimeSplit, create, load_dataset

frame = load_dataset("elec_equip")  # monthly turnover
model = LSTMForecaster(horizon=6, max_steps=40, hidden_size=32)

search = GridSearchCV(model, {"cell": ["lstm", "gru"], "learning_rate": [1e-3, 4e-3]}, cv=TimeSplit(6, folds=2))
search.fit(frame)
print("best settings:", search.best_params_, f"with a MASE of {-search.best_score_:.2f}")
print(search.predict(frame).head(2))

for name in ("seasonal-naive", "theta", "linear"):
    scores = cross_val_score(create(name, horizon=6), frame, cv=TimeSeriesSplit(3, test_size=6))
    print(f"{name:15} MASE {-scores.mean():.2f}")


def since_2000(table):
    """Drop the years before the change."""
    return table[table["date"] >= "2000-01-01"]


pipeline = Pipeline([("recent", FunctionTransformer(since_2000)), ("forecaster", create("ets", horizon=6))])
print(pipeline.fit(frame).predict(frame).head(2))
