# SPDX-License-Identifier: EUPL-1.2
"""`sealgate trust diff --replay`: which verdicts of stored documents the lists of another time
would change."""
import json
import time

import pytest

from scenarios.degraded import HOUR, ALists, now, put, text

BOUND = 40


@pytest.fixture
def lists(gate, tmp_path):
    made = ALists(gate, tmp_path)
    put(made.partner, made.undemanding +
        b'qualification = ( { types = ( "*" ); seal = "qualified"; } );\n')
    yield made
    made.away()


def replay(gate, lists, before, after, since):
    done = gate.run("trust", "diff", "--replay", "--since", text(since), "--store", lists.store,
                    text(before), text(after))
    assert not list((gate.dir / "run").glob("trial-*"))
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_a_list_changes(gate, lists):
    good, began = now() - 2 * HOUR, now()
    lists.publish(good, now() + 24 * HOUR)
    document = gate.certificate("phyto", "TRUST-REPLAY-1")
    end = time.monotonic() + BOUND
    while gate.submit(document, command="preflight")[1].get("decision") != "accepted":
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.5)
    answer = gate.submit(document)[1]
    assert answer["state"] == "accepted", answer
    # Later the list does not know the authority any more.
    later = good + HOUR
    lists.sequence += 1
    dates = {"issued": text(good), "until": text(now() + 24 * HOUR), "sequence": lists.sequence}
    lists.lists.lotl(**dates)
    lists.lists.good("AA", **dates)
    lists.lists.good("BB", **dates)
    lists.adopt(later)
    status, account = replay(gate, lists, good, later, began)
    assert status == 1 and account["complete"], account
    change, = [c for c in account["changes"] if c["id"] == answer["id"]]
    assert change["verdict"] == {"was": "accepted", "would": "refused"}
    assert [f["code"] for f in change["gained"]] == ["partner.qualification"]
    status, account = replay(gate, lists, good, good, began)
    assert (status, account["changes"]) == (0, [])


def test_what_it_needs(gate, lists):
    lists.publish(now(), now() + 24 * HOUR)
    status, said = replay(gate, lists, now() - 24 * HOUR, now(), now())
    assert status == 2 and "no snapshot of lists from that time" in said
    done = gate.run("trust", "diff", "--replay", "--store", lists.store, text(now()), text(now()))
    assert done.returncode == 2 and "--since" in done.stderr
