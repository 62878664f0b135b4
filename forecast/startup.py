"""Heavy libraries imported without the cycle collector, which finds nothing among what an import makes."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HEAVY = ("pandas", "torch")
YOUNG = 6  # full collections of the process; importing a few libraries takes four, a million objects eight


@contextmanager
def settled_imports() -> Iterator[None]:
    """Import pandas and torch inside: what they bring is set aside from the cycle collector.

    They make some 300,000 objects, all of which stay to the end.  The collector would walk over them several times as
    they come, again in the job that follows and last when the process ends: 0.5 s of the 1.9 s of a short script.  So
    it rests while they come, and then skips them (``gc.freeze``).  It goes on as before for all that is made later.

    What the program made before is set aside with them, so only a young process does so.  None does where
    ``FORECAST_NO_TUNING`` is set or the collector is off.
    """
    missing = [name for name in HEAVY if name not in sys.modules]
    if not missing or not gc.isenabled() or os.environ.get("FORECAST_NO_TUNING"):
        yield
        return
    young = gc.get_stats()[-1]["collections"] <= YOUNG
    gc.disable()
    try:
        yield
    finally:
        if young and any(name in sys.modules for name in missing):
            gc.freeze()
        gc.enable()
