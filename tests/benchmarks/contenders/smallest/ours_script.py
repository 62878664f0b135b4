import sys

from forecast import LSTMForecaster

model = LSTMForecaster(horizon=12, max_steps=100)
print(model.fit(sys.argv[1]).predict())
