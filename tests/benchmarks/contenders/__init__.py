"""One file per contender: how it is set up and what is called.  Each runs in an interpreter of its own.

A contender offers some of these functions; what it lacks stays empty in the table.

- ``versions()``: names and versions of what is measured.
- ``training(data, spec, origins)``: a function of a number of steps that trains so many and returns (seconds, windows).
- ``MODELS``: what it can bring to a given test error, and ``accuracy(data, spec)``: a fitted answer to it.
- ``predictions(data, spec)``: functions to be timed, by name: panel, panel_frame, one, one_frame, backtest_100,
  backtest_1000, and forward: the bare pass of the network that panel uses.
- ``first_step(frame, spec)``: from a frame to the first training step.
"""
