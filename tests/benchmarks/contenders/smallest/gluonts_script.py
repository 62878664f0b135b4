import sys

import pandas as pd
from gluonts.dataset.pandas import PandasDataset
from gluonts.torch.model.deepar import DeepAREstimator

frame = pd.read_csv(sys.argv[1], parse_dates=["month"], index_col="month")
data = PandasDataset(frame, target="passengers", freq="M")
estimator = DeepAREstimator(
    freq="M",
    prediction_length=12,
    context_length=48,
    hidden_size=64,
    num_layers=1,
    batch_size=64,
    num_batches_per_epoch=100,
    trainer_kwargs={"max_epochs": 1},
)
predictor = estimator.train(data)
print(next(iter(predictor.predict(data))).mean)
