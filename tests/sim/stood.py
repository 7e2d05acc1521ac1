# SPDX-License-Identifier: EUPL-1.2
"""How long the machine stood still: on a shared one everything may, for some seconds, and then a
promise that is counted in seconds is not to be held against the programs.

What one sleeper of the same process overslept is taken for it.
"""
import threading
import time


class Stood(threading.Thread):
    """Seconds for which the machine stood still: what a sleeper overslept."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seconds, self.over = 0.0, threading.Event()

    def run(self):
        at = time.monotonic()
        while not self.over.wait(0.05):
            now = time.monotonic()
            self.seconds += max(0.0, now - at - 0.25)
            at = now

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
