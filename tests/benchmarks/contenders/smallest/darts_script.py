import sys

from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel

scaler = Scaler()
series = scaler.fit_transform(TimeSeries.from_csv(sys.argv[1], time_col="month").astype("float32"))
model = BlockRNNModel(48, 12, model="LSTM", hidden_dim=64, n_epochs=50, batch_size=64)  # two batches an epoch
model.fit(series)
print(scaler.inverse_transform(model.predict(12)))
