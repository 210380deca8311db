"""When the state of a run is saved."""

from __future__ import annotations

import time
from collections.abc import Callable

_WRITING_SHARE = 0.05  # of the time may go into saving states; large models are therefore saved less often


class Timer:
    """Saves now and then, and never for more than a small share of the time."""

    def __init__(self, save: Callable[[], None], every: float) -> None:
        self.save, self.every = save, every
        self.last, self.wait = time.monotonic(), every

    def if_due(self) -> None:
        if time.monotonic() - self.last >= self.wait:
            self.now()

    def now(self) -> None:
        start = time.monotonic()
        self.save()
        self.last = time.monotonic()
        self.wait = max(self.every, (self.last - start) / _WRITING_SHARE) if self.every > 0 else 0.0
