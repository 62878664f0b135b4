"""Heavy libraries imported without the cycle collector, which finds nothing among what an import makes."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HEAVY = ("pandas", "torch")
YOUNG = 300_000  # objects: what a process may hold that has imported a few libraries, with no data of its own yet


@contextmanager
def settled_imports() -> Iterator[None]:
    """Import pandas and torch inside: what they bring is set aside from the cycle collector.

    They make some 200,000 objects, all of which stay to the end.  The collector would walk over them several times as
    they come, again in the job that follows and last when the process ends: 0.5 s of the 1.9 s of a short script.  So
    it rests while they come, and then skips them (``gc.freeze``).  It goes on as before for all that is made later.

    What the program made before is set aside with them, so only a young process does so.  None does where
    ``FORECAST_NO_TUNING`` is set or the collector is off.
    """
    missing = [name for name in HEAVY if name not in sys.modules]
    if not missing or not gc.isenabled() or os.environ.get("FORECAST_NO_TUNING"):
        yield
        return
    young = len(gc.get_objects()) < YOUNG
    gc.disable()
    try:
        yield
    finally:
        if young and any(name in sys.modules for name in missing):
            gc.freeze()
        gc.enable()
