"""The time of one job, and how it is shared out."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The time of a whole job.  began: ``time.perf_counter()`` at its start.  limit: seconds; reserve: for its end.

    worked: ``time.process_time()`` when the clock was made, ``made``: ``time.perf_counter()`` then.
    """

    began: float
    limit: float
    reserve: float = 0.0
    worked: float = field(default_factory=time.process_time)
    made: float = field(default_factory=time.perf_counter)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    def slowness(self) -> float:
        """How much longer than alone work takes here, as others want the processor too: 1 to 4."""
        waited, worked = time.perf_counter() - self.made, time.process_time() - self.worked
        return min(max(waited / worked, 1.0), 4.0) if worked > 0.05 else 1.0

    def left(self) -> float:
        """Seconds until the end of the job begins."""
        return self.limit - self.reserve - self.elapsed()
