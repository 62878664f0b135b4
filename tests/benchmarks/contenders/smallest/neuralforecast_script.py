import sys

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM

frame = pd.read_csv(sys.argv[1], parse_dates=["month"]).rename(columns={"month": "ds", "passengers": "y"})
frame["unique_id"] = "passengers"
nf = NeuralForecast([LSTM(h=12, input_size=48, max_steps=100)], freq="MS")
nf.fit(frame)
print(nf.predict())
