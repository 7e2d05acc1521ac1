# SPDX-License-Identifier: EUPL-1.2
"""How long the machine stood still: on a shared one everything may, for some seconds, and then a
promise that is counted in seconds is not to be held against the programs.

What one sleeper of the same process overslept is taken for it.
"""
import math
import threading
import time


class Stood(threading.Thread):
    """Seconds for which the machine stood still: what a sleeper overslept."""

    def __init__(self):
        super().__init__(daemon=True)
        self.noted, self.over = (0.0, time.monotonic()), threading.Event()

    @property
    def seconds(self):
        """Until now: who asks may be awake before the sleeper is."""
        seconds, at = self.noted
        return seconds + max(0.0, time.monotonic() - at - 0.25)

    def run(self):
        while not self.over.wait(0.05):
            self.noted = self.seconds, time.monotonic()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.noted = self.seconds, math.inf
