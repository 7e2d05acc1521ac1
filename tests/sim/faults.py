# SPDX-License-Identifier: EUPL-1.2
"""The fault a simulator shows at the moment, and for how many requests.

A mode is set through the control endpoint as
  {"mode": M, "count": N, "every": K, "delay": seconds, "when": "before"|"after",
   "on": "any"|"submit"|"find", "then": {"mode": …}}
count 0 (default) holds until the next change; otherwise the mode returns to ok after N
affected requests, or becomes what then says, before anybody can ask in between. every K affects
only each K-th request. when says for slow, garbage, fault-200 and fault-temp whether the message
is accepted first ("after") or not ("before"), which is what makes an outcome ambiguous to the
client.
"""
import dataclasses
import threading

COMMON = ("ok", "down", "slow", "fault-temp", "fault-perm", "busy", "drop-after-accept",
          "auth-fail", "garbage", "fault-200", "half", "drip", "reset")
MAX_DELAY = 120.0
MAX_COUNT = 1_000_000
DEFAULT_DELAY = 2.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """One decision: what happens to this request."""
    mode: str = "ok"
    delay: float = DEFAULT_DELAY
    when: str = "before"


def _number(spec, name, kind, low, high, default):
    value = spec.get(name, default)
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        raise ValueError(f"{name}: a number from {low} to {high} is wanted")
    return value


def _choice(spec, name, values, default):
    value = spec.get(name, default)
    if value not in values:
        raise ValueError(f"{name}: one of {', '.join(values)} is wanted")
    return value


class Faults:
    """Thread-safe holder of the current mode."""

    KEYS = {"mode", "count", "every", "delay", "when", "on", "then"}

    def __init__(self, extra_modes=()):
        self.modes = COMMON + tuple(extra_modes)
        self._lock = threading.Lock()
        self._set({"mode": "ok"})

    def _set(self, spec):
        mode = _choice(spec, "mode", self.modes, None)
        delay = _number(spec, "delay", (int, float), 0, MAX_DELAY, DEFAULT_DELAY)
        self._fault = Fault(
            mode, float(delay), _choice(spec, "when", ("before", "after"), "before"))
        self._left = _number(spec, "count", int, 0, MAX_COUNT, 0)
        self._every = _number(spec, "every", int, 1, MAX_COUNT, 1)
        default_on = "submit" if mode == "drop-after-accept" else "any"
        self._on = _choice(spec, "on", ("any", "submit", "find"), default_on)
        self._bounded = self._left > 0
        self._then = spec.get("then")
        if self._then is not None:
            self._follow(self._then)
        self._seen = 0

    def _follow(self, spec):
        """ValueError: nothing can take the place of this mode, or not that one."""
        if not self._bounded or not isinstance(spec, dict) or "then" in spec or \
                not set(spec) <= self.KEYS or spec.get("mode") == "down":
            raise ValueError("then: a mode behind a count, and neither down nor one with then")
        Faults(self.modes).set(spec)

    def set(self, spec):
        """Take a new mode; ValueError names what is wrong and nothing changes."""
        if not isinstance(spec, dict) or not set(spec) <= self.KEYS:
            raise ValueError(f"an object with keys among {sorted(self.KEYS)} is wanted")
        with self._lock:
            before = dict(self.__dict__)
            try:
                self._set(spec)
            except (ValueError, TypeError):
                self.__dict__.update(before)
                raise

    def state(self):
        """The current mode as the control endpoint shows it."""
        with self._lock:
            return {"mode": self._fault.mode, "count": self._left, "every": self._every,
                    "delay": self._fault.delay, "when": self._fault.when, "on": self._on}

    def closed(self):
        """True while the listener itself must be shut: down without a count."""
        with self._lock:
            return self._fault.mode == "down" and not self._bounded

    def take_connection(self):
        """Decide for a new connection: True when it must be cut (down with a count)."""
        with self._lock:
            if self._fault.mode != "down":
                return False
            return self._consume()

    def take(self, operation):
        """Decide for one request (operation submit or find). Return: its Fault."""
        with self._lock:
            fault = self._fault
            if fault.mode in ("ok", "down") or self._on not in ("any", operation):
                return Fault()
            return fault if self._consume() else Fault()

    def _consume(self):
        self._seen += 1
        if self._seen % self._every:
            return False
        if self._bounded:
            self._left -= 1
            if self._left == 0:
                self._set(self._then or {"mode": "ok"})
        return True
