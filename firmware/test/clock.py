# SPDX-License-Identifier: EUPL-1.2
"""The cases of a machine whose clock is wrong, and whose configuration has sources of time: they
run at addresses of their own, at the ports that they have anywhere."""
import contextlib
import datetime
import json
import os
import re
import signal
import subprocess
import time

from appliance import FIRMWARE, script
from checks import expect
from configurations import when
from machine import SLOWED_MOST
from token_setup import without_keys

BOOT_S = 420.0
MEASURED_S = 180.0
AHEAD = datetime.timedelta(seconds=20)  # which the queue is waited for
TRUE, FALSE = ("192.0.2.10", "192.0.2.11"), "192.0.2.12"
# Two with a certificate that the machine knows, one with another; each has its address alone.
SERVERS = """
for at in $3 $4; do ip address add $at/32 dev lo; done
printf '%s' "$1" >/tmp/true.pem; printf '%s' "$2" >/tmp/false.pem
serve() { # ADDRESS NAME
	exec chronyd -d -x -u root "bindaddress $1" "allow" "local stratum 1" "cmdport 0" \\
		"bindcmdaddress /" "pidfile /run/$1" "ntsserverkey /tmp/$2.pem" \\
		"ntsservercert /tmp/$2.pem"
}
for at in $3; do serve "$at" true & done
serve "$4" false
"""
UNTRUE = rf"chronyd\[\d+\]: TLS handshake with {re.escape(FALSE)}:4460 .*failed"
# By then an emulated machine has lost some of them.
STEPPED = r"chronyd\[\d+\]: System clock was stepped by -(?:[2-9]|[12]\d)\."
NOT_YET = r"appliance\[\d+\]: the clock is not synchronised with its sources"
RIGHT = r"appliance\[\d+\]: the clock is synchronised with its sources"
DRIFT = r"-?\d+\.\d+ +\d+\.\d+"  # in ppm, and how sure that is
# Who keeps the time ends, and begins anew, as the machine's hand has it.
KEEPER = {**when("time", "restart appliance-time.service"),
          "multi-user.target~": "[Unit]\nWants=test-hand.service test-time.path\n"}
ENDED = r"appliance-time\.service: (?!Deactivated)"


def pair(folder, name, addresses):
    """A key and its certificate for these addresses: (certificate, both), as texts."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj",
                    f"/CN={name}", "-addext", "subjectAltName=" +
                    ",".join(f"IP:{address}" for address in addresses),
                    "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate.read_text(), key.read_text() + certificate.read_text()


@contextlib.contextmanager
def sources(said, *arguments):
    """The servers, at addresses of the network that the suite has for itself."""
    root = script("root", "image").stdout.strip()
    with open(said, "wb") as log, subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "env", "-i",
             "PATH=/usr/sbin:/usr/bin", "bash", str(FIRMWARE / "enter"), root,
             "sh", "-ec", SERVERS, "sh", *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True) as process:
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


def listed(folder):
    """Make a configuration into one without keys that lists its servers of time."""
    without_keys(folder)
    with open(folder / "network" / "egress.csv", "a", encoding="ascii") as egress:
        egress.writelines(f"time,{at},{port}\n" for at in (*TRUE, FALSE) for port in (123, 4460))


def set_clock(suite):
    """On the machine of the suite, which has no configuration yet; its token is empty, too."""
    folder, machine = suite.folder / "clock", suite.machine
    folder.mkdir()
    certificate, true = pair(folder, "true", TRUE)
    medium = suite.medium("empty", prepare=listed, changes={
        "time/true.sources": "".join(f"server {at} nts iburst\n" for at in (*TRUE, FALSE)),
        "time/authority.pem": certificate})
    suite.until_closed.enter_context(sources(
        folder / "servers.log", true, pair(folder, "false", [FALSE])[1], " ".join(TRUE), FALSE))
    later = datetime.datetime.now(datetime.timezone.utc) + AHEAD
    suite.power_on(machine, medium, KEEPER, clock=f"{later:%Y-%m-%dT%H:%M:%S}")
    expect(machine.wait(STEPPED, BOOT_S), "the clock is set", machine)
    # What the queue has recorded until now is of later: it records nothing until then.
    caught_up = time.monotonic() + AHEAD.total_seconds()
    expect(machine.wait(rf"(?s){NOT_YET}.*{RIGHT}", BOOT_S), "synchronised, after it was not",
           machine)
    expect(re.search(UNTRUE, machine.text()), "nobody vouches for the third", machine)
    time.sleep(max(0.0, caught_up - time.monotonic()))


def goes_on(machine):
    """Once it serves: who keeps the time has not ended."""
    expect(not re.search(ENDED, machine.text()), "it goes on", machine)


def until(machine, what, ask):
    """Ask until it is so, within the bound; for what it was then."""
    end = time.monotonic() + MEASURED_S * min(machine.slowed(), SLOWED_MOST)
    while not (said := ask()):
        expect(time.monotonic() < end, what, machine)
        time.sleep(1)
    return said


def recorded(suite):
    """Once it serves: what was measured is in the report, and how fast the clock runs, which chronyd
    writes when it ends."""
    machine = suite.machine

    def clock():
        said = suite.remote("viewer", "appliance", "report", "--format", "json")
        expect(said.returncode == 0, said.stdout + said.stderr, machine)
        return json.loads(said.stdout)["clock"]

    def synchronised(since=""):
        measured = clock()["measured"]
        return measured and measured["synchronised"] and measured["at"] > since and measured

    first = until(machine, "measured", synchronised)
    expect(first["source"] in TRUE and first["max_error_s"] > 0, str(first), machine)
    expect(machine.hand("f /run/test-time"), "its keeper begins anew", machine)
    drift = until(machine, "a drift", lambda: clock()["drift"]).strip()
    expect(re.fullmatch(DRIFT, drift), drift, machine)
    since = clock()["measured"]["at"]
    last = until(machine, "measured again", lambda: synchronised(since))
    # It was not right for a moment, which whoever says so may have seen.
    until(machine, "right", lambda: suite.clock_check()["ok"])
    print(f"      {last}, drift {drift}")
