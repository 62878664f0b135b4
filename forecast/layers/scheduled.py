"""Modules that change in the course of the training."""

from torch import nn


class Scheduled(nn.Module):
    """A module that is told before every training step how far the training is."""

    def advance(self, progress: float) -> None:
        """progress: the share of the training that is over, in [0, 1]; it depends on the step alone unless the clock
        ends the run.  What follows from it belongs into a tensor: compiled passes are made anew for another number."""
        raise NotImplementedError
