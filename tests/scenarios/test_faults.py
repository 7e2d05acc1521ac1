# SPDX-License-Identifier: EUPL-1.2
"""What breaks around a running gate: each fault has a state, a message and a way back."""
import concurrent.futures
import json
import os
import random
import signal
import time

import pytest

from scenarios.gate import GateError, fingerprint
from scenarios.processes import confined, grandchildren, pid_now, pid_of, send

RUN = int(os.environ.get("SEALGATE_KILL_DOCUMENTS", "40"))
SEED = int(os.environ.get("SEALGATE_SEED", "17"))


def certificates(gate, first, count):
    """Signed documents with numbers of their own."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(
            lambda n: gate.certificate("phyto", f"PHYTO.NZ.2026.{n:07d}"),
            range(first, first + count)))


def post(gate, path):
    """Status and answer of one submission; None when there was no answer."""
    try:
        response = gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                                headers={"Content-Type": "application/xml"})
        return response.status_code, response.json()
    except (OSError, ValueError):
        return None, None


def until_accepted(gate, path, bound=60.0):
    """Submit like a partner: again and again until it is acknowledged."""
    end = time.monotonic() + bound
    while time.monotonic() < end:
        status, answer = post(gate, path)
        if status in (200, 202):
            return answer["id"]
        assert status in (None, 502, 503), (status, answer)
        time.sleep(0.1)
    raise GateError(f"{path.name} was not acknowledged in {bound} s\n{gate.log_tail()}")


def until(condition, bound=30.0):
    """Return: what came of it at last."""
    end = time.monotonic() + bound
    while not (found := condition()):
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)
    return found


def once(gate, identifiers):
    """Every id exactly once in both counterparts' ledgers, nothing else for it."""
    traces = [r["reference"] for r in gate.traces.accepted()]
    customs = [r["key"].removesuffix("-advance") for r in gate.customs.accepted()]
    for identifier in identifiers:
        assert traces.count(identifier) == 1, identifier
        assert customs.count(identifier) == 1, identifier


PROGRAMS = ("sealgate-queued", "sealgate-signer", "sealgate-verify", "sealgate-seal",
            "sealgate-forward", "sealgate-intake", "nginx")


def known_delivered(gate):
    """What arrived is known to have: a courier that was killed looks it up once more."""
    ledger = json.loads(gate.run("ledger").stdout)
    return all(row["accepted"] == row["delivered"] for row in ledger["destinations"])


def killed_meanwhile(gate, paths, rng):
    """The identifiers of documents, and how many programs were killed while they crossed."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(until_accepted, gate, path, max(60, RUN)) for path in paths]
        killed = 0
        while not all(f.done() for f in futures) and killed < RUN:
            pid = pid_now(gate, rng.choice(PROGRAMS))
            killed += bool(pid and send(pid, signal.SIGKILL))
            time.sleep(rng.uniform(0.05, 0.4))
        return [f.result() for f in futures], killed


def test_kill_any_program_at_any_moment(gate):
    """kill -9 of a random program again and again while documents cross."""
    rng, identifiers, killed = random.Random(SEED), [], 0
    print(f"seed {SEED}, {RUN} documents at once")
    for first in range(2000, 2000 + 8 * RUN, RUN):
        if killed >= 3:
            break
        # On a fast machine they are over before so many could be killed: others follow.
        more, kills = killed_meanwhile(gate, certificates(gate, first, RUN), rng)
        identifiers, killed = identifiers + more, killed + kills
    assert killed >= 3
    assert len(set(identifiers)) == len(identifiers)
    gate.wait_delivered(identifiers, bound=max(150, len(identifiers)))
    once(gate, identifiers)
    assert not gate.traces.delivered_twice() or all(
        row["event"] == "duplicate" for row in gate.traces.delivered_twice())
    done = gate.run("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: known_delivered(gate))
    done = gate.run("ledger", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    ledger = json.loads(done.stdout)
    assert ledger["signer"]["balanced"] and ledger["signer"]["seals"] >= len(identifiers)
    for row in ledger["destinations"]:
        assert row["accepted"] == row["delivered"] >= len(identifiers), row


def test_token_moved_away_and_back(gate):
    """503 with Retry-After, accepted documents wait, all sealed when the token returns."""
    path, late = certificates(gate, 3000, 2)
    tokens = gate.dir / "state" / "signer" / "tokens"
    away = tokens.with_name("tokens.away")
    tokens.rename(away)
    try:
        def refused():
            status, answer = post(gate, path)
            return status == 503 and answer["code"] == "http.signer-away"
        until(refused)
        response = gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                                headers={"Content-Type": "application/xml"})
        assert int(response.headers["Retry-After"]) > 0
        health = gate.request("/health", "operators/viewer", listener="operators")
        assert health.status_code == 503
        assert "signer" in health.text
    finally:
        away.rename(tokens)
    identifiers = [until_accepted(gate, p) for p in (path, late)]
    gate.wait_delivered(identifiers)
    until(lambda: gate.request("/health", "operators/viewer",
                               listener="operators").status_code == 200)


def test_traces_down_others_go_on(gate):
    path, = certificates(gate, 3100, 1)
    gate.traces.mode("down")
    try:
        identifier = until_accepted(gate, path)
        until(lambda: identifier in gate.arrived("customs"))
        assert identifier not in gate.arrived("traces")
    finally:
        gate.traces.mode("ok")
    gate.wait_delivered([identifier])
    once(gate, [identifier])


@pytest.mark.parametrize("mode, options", [
    ("fault-temp", {"count": 2}),
    ("auth-fail", {"count": 1}),
    ("busy", {"count": 1}),
    ("drop-after-accept", {"count": 1}),
    ("garbage", {"count": 1, "when": "after"}),
])
def test_traces_misbehaves_once(gate, mode, options):
    """Temporary faults are repeated, an ambiguous create is looked up and never repeated."""
    path, = certificates(gate, 3200 + sum(map(ord, mode)), 1)
    gate.traces.mode(mode, **options)
    try:
        identifier = until_accepted(gate, path)
        gate.wait_delivered([identifier])
    finally:
        gate.traces.mode("ok")
    once(gate, [identifier])
    assert not [r for r in gate.traces.delivered_twice()
                if identifier in str(r)], "an ambiguous create was repeated"


def test_traces_refuses_for_good(gate):
    path, = certificates(gate, 4200, 1)
    gate.traces.mode("fault-perm")
    try:
        identifier = until_accepted(gate, path)

        def told():
            text = gate.run("explain", identifier).stdout
            return "refused" in text
        until(told)
    finally:
        gate.traces.mode("ok")
    assert identifier not in gate.arrived("traces")
    until(lambda: identifier in gate.arrived("customs"))


def stamps_of(gate):
    answer = gate.request("/health", "operators/viewer", listener="operators")
    return answer.json()["checks"]["time_stamps"]


def test_tsa_away_documents_wait(gate):
    path, = certificates(gate, 4300, 1)
    gate.tsa.mode("down")
    try:
        identifier = until_accepted(gate, path)
        state = gate.request(f"/v1/documents/{identifier}").json()["state"]
        assert state == "accepted"
        until(lambda: "accepted documents wait, in" in stamps_of(gate)["message"])
        assert not stamps_of(gate)["ok"]
    finally:
        gate.tsa.mode("ok")
    gate.wait_delivered([identifier])
    until(lambda: stamps_of(gate)["ok"])


def worker_pids(gate):
    """The program's children have loaded a policy each; theirs are the workers."""
    return grandchildren(pid_of(gate, "sealgate-verify"))


def test_worker_killed_the_next_document_is_served(gate):
    first, second = certificates(gate, 4500, 2)
    until_accepted(gate, first)
    until(lambda: any([send(pid, signal.SIGKILL) for pid in worker_pids(gate)]))
    gate.wait_delivered([until_accepted(gate, second)])


def test_workers_are_confined(gate):
    path, = certificates(gate, 4600, 1)
    until_accepted(gate, path)
    # One that has just been started is not so yet; it has read nothing.
    until(lambda: (found := worker_pids(gate)) and all(map(confined, found)))


def test_programs_have_uids_of_their_own(gate):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    uids = {program: os.stat(f"/proc/{pid_of(gate, program)}").st_uid
            for program in PROGRAMS}
    assert len(set(uids.values())) == len(PROGRAMS), uids
    assert 0 not in uids.values()


def test_new_operator_certificate_is_needed(gate):
    assert fingerprint(gate.pki.path("operators/viewer"))
    response = gate.request("/health", "partners/nz-mpi", listener="operators")
    assert response.status_code == 403
