# SPDX-License-Identifier: EUPL-1.2
"""Cases of programs that are killed with -9, while documents cross the machine and while its clock
is wrong."""
import collections
import concurrent.futures
import re
import threading
import time

from appliance import FIRMWARE
from checks import expect, retry
from clock import RIGHT
from machine import return_time

from sim.stood import Stood

RETURN_S = 5.0  # the promise, of a machine that nobody else slows
BACK_S = 60.0
CROSS_S = 240.0
CLOCK_S = 120.0
# Each service of ours that a start brings up, or that a socket of it starts.
SERVICES = re.findall(r"(?m)^(sealgate-\w+)\.(?:service|socket)$",
                      (FIRMWARE / "units.txt").read_text(encoding="ascii"))
KEEPERS = ("appliance-clock", "appliance-time")


class KilledCases:
    """Of the suite, whose machine they share."""

    def killed_services_return(self):
        """each program killed with -9 comes back by itself within 5 s, and each document that was
        taken meanwhile is delivered, once"""
        self.serving()
        self._viewer_sees_the_token()
        expect(b" 403 " in self.without_certificate(), "403", self.machine)
        over, taken = threading.Event(), []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            crossing = pool.submit(self._cross, over, taken)
            try:
                longest = self._kill(SERVICES)
            finally:
                over.set()
            crossing.result()
        self.submit_again()
        expect(len(taken) > 2, f"{len(taken)} documents meanwhile", self.machine)
        self.gate.wait_delivered(taken, CROSS_S)
        for name, crossed in (
                ("traces", [row["reference"] for row in self.gate.traces.accepted()]),
                ("customs", [row["key"].removesuffix("-advance")
                             for row in self.gate.customs.accepted()])):
            times = collections.Counter(crossed)
            wrong = {identifier: times[identifier] for identifier in taken
                     if times[identifier] != 1}
            expect(not wrong, f"{name} has {wrong}", self.machine)
        print(f"      {len(SERVICES)} programs, away for {longest}; {len(taken)} documents "
              "meanwhile")

    def _cross(self, over, taken):
        """Submit one document after the other, each until it is taken."""
        for number in range(2000, 3000):
            if over.is_set():
                return
            path = self.gate.certificate("phyto", f"PHYTO.NZ.2026.{number:07d}")
            status, answer = retry(lambda sent=path: self.gate.submit(sent), BACK_S)
            expect(status == 0, f"taken: {answer}", self.machine)
            taken.append(answer["id"])

    def _kill(self, names):
        """Kill each and see it come back. Return: how long they were away, in words."""
        before, away = self.machine.processor(), {}
        with Stood() as stood:
            for name in names:
                away[name] = self._killed(name, stood)
        slowed = self.machine.slowed(before)
        for name, seconds in away.items():
            expect(seconds <= RETURN_S * slowed,
                   f"{name}: {seconds:.1f} s, slowed by others {slowed:.1f} times", self.machine)
        return (f"{max(away.values()):.1f} s at most, on a machine that others slow "
                f"{slowed:.1f} times")

    def _killed(self, name, stood):
        """Kill one and see it come back. Return: the seconds that it was away; those for which the
        host stood still are none of its own, though the machine's clock went on."""
        # Whoever works for a socket may be at rest; a killed one has to be seen to die.
        group = f"/sys/fs/cgroup/system.slice/{name}.service/cgroup.kill"
        before = stood.seconds
        expect(self.machine.hand(f"w {group} - - - - 1"), f"{name} is killed", self.machine)
        expect(self.machine.wait(rf"(?s){name}\.service: Main process exited, code=killed, "
                                 rf"status=9.*Started {name}\.service", BACK_S),
               f"{name} is back", self.machine)
        seconds = return_time(self.machine.text(), name)
        expect(seconds is not None, f"{name} is back after its end", self.machine)
        return seconds - (stood.seconds - before)

    def killed_clock_returns(self):
        """nothing is sealed while the clock is wrong; who keeps it, killed with -9, comes back"""
        group = "/sys/fs/cgroup/system.slice/appliance-clock.service"
        expect(self.clock_check()["ok"], "the clock is right", self.machine)
        # Who says whether it is right says nothing now, and what it said last is not that.
        expect(self.machine.hand(f"w {group}/cgroup.freeze - - - - 1",
                                 "w /run/sealgate-clock/state - - - - wrong"), "frozen",
               self.machine)
        check = self.clock_check()
        expect(not check["ok"] and "not synchronised" in check["message"], str(check))
        path = self.gate.certificate("phyto", "PHYTO.NZ.2026.0000701")
        status, answer = retry(lambda: self.gate.submit(path), 30)
        expect(status == 0, f"accepted: {answer}", self.machine)
        end = time.monotonic() + CLOCK_S
        while "not synchronised" not in (said := self.remote(
                "viewer", "explain", answer["id"]).stdout):
            expect(time.monotonic() < end, f"it waits: {said}", self.machine)
            time.sleep(1)
        expect(answer["id"] not in self.gate.arrived("traces"), "not sealed", self.machine)
        longest = self._kill(KEEPERS)
        said = rf"(?s){KEEPERS[0]}\.service: Main process exited, code=killed.*{RIGHT}"
        expect(self.machine.wait(said, CLOCK_S), "right again", self.machine)
        self.gate.wait_delivered([answer["id"]], CROSS_S)
        expect(self.clock_check()["ok"], "and so says its health", self.machine)
        print(f"      {' and '.join(KEEPERS)} away for {longest}")

    def clock_check(self):
        """What its health says of the clock."""
        return self.gate.request("/health", "operators/viewer",
                                 listener="operators").json()["checks"]["clock"]
