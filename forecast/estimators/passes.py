"""How much a forecasting pass may hold, and how many threads it is worth."""

from forecast.networks.base import Sizes

NUMBERS_PER_PASS = 1 << 22  # of the widest activation
SMALL_PASS = 1 << 17  # numbers of an activation up to which threads gain little, and lose much on a busy machine


def windows_per_pass(sizes: Sizes, width: int, *, folded: int) -> int:
    """Windows that a pass may take.  width: of the network.  folded: channels that it reads as windows of their own."""
    widest = max(sizes.lookback * 8 * folded, sizes.horizon * sizes.channels * sizes.outputs * 3, 8 * width * folded)
    return max(1, NUMBERS_PER_PASS // widest)


def is_small(windows: int, tokens: int, width: int) -> bool:
    """Whether threads would only wait for one another in a pass over so many windows.

    One series takes 1.4 ms with one thread or two, but 5 and more with two where others use the cores as well; a
    training step of a small network 0.8 ms and 17, one of M4 Hourly by default 10 ms with one thread, and with two
    7 ms on an idle machine and 20 to 500 on a busy one.
    """
    return windows * tokens * width <= SMALL_PASS
