# SPDX-License-Identifier: EUPL-1.2
"""A backup that is taken while documents come in, restored with its signer on a bare machine: what
was acknowledged before its mark is there, the chain goes on, and what is sealed then is right."""
import json
import shutil
import threading

import pytest

from faults.rig import use_engine
from scenarios import gate as gate_module
from scenarios.gate import sealgate
from scenarios.test_faults import certificates, once, until, until_accepted
from scenarios.test_level_b import evidence

BEFORE, DURING = 4, 36
PARTS = ("state", "policies", "tls", "credentials", "sealgate.conf", "run")


@pytest.fixture
def loaded(server):
    with gate_module.a_folder() as folder, gate_module.Gate(folder, timeout=3) as gate:
        gate.make()
        use_engine(gate, server)
        yield gate.up()


def lines(gate):
    done = gate.run("audit", "export", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def accepted(chain, mark):
    """Ids that a chain accepted up to a position."""
    return {line["record"]["document"] for line in chain
            if line["position"] <= mark and line["record"]["event"] == "document.accepted"}


def backup_under_load(gate, folder):
    """(position and chain of the mark, ids that were acknowledged)."""
    paths = certificates(gate, 1, BEFORE + DURING)
    acknowledged = [until_accepted(gate, path) for path in paths[:BEFORE]]
    enough, copied = threading.Event(), threading.Event()

    def load(share):
        for number, path in enumerate(share):
            acknowledged.append(until_accepted(gate, path))
            if number == 1:
                enough.set()
            # The last ones come after the backup, however long that takes.
            copied.wait(120 if number >= len(share) - 2 else 0.5)

    threads = [threading.Thread(target=load, args=(paths[BEFORE + n::2],)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert enough.wait(60)
        done = gate.run("backup", folder, timeout=120)
        before = len(acknowledged)
    finally:
        copied.set()
    for thread in threads:
        thread.join(120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert before < BEFORE + DURING, "the load was over before the backup"
    return done.stdout.split()[-1], acknowledged, paths


def lose_and_restore(gate, server, folder):
    """The machine is lost; the rest is what a bare one gets."""
    connection = server.empty_database() if server else None
    old = (gate.dir / "sealgate.conf").read_text().split('postgresql = "')[-1].split('"')[0]
    for part in PARTS:
        path = gate.dir / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    bare = gate.folder / "bare"
    done = sealgate("restore", *(("--postgresql", connection) if server else ()), folder, bare,
                    timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in bare.iterdir():  # at the path where it was: the token's own file names it
        part.rename(gate.dir / part.name)
    if server:
        conf = gate.dir / "sealgate.conf"
        conf.write_text(conf.read_text().replace(old, connection))


def told(gate, after=0):
    """What the partner was told behind a cursor: (event, id, destination) by cursor."""
    found, more = {}, True
    while more:
        answer = gate.request(f"/v1/outcomes?limit=500&after={after}")
        assert answer.status_code == 200, answer.text
        after, more = answer.json()["next"], answer.json()["more"]
        found |= {int(o["cursor"]): (o["event"], o["id"], o["destination"])
                  for o in answer.json()["outcomes"]}
    return found


def test_under_load_and_with_its_signer(loaded, server, tmp_path):
    gate = loaded
    gate.down()  # seals a head
    gate.up()
    heads = gate.dir / "state" / "queue" / "heads"
    sealed = {path.name: path.read_bytes() for path in heads.rglob("*.json")}
    mark, acknowledged, paths = backup_under_load(gate, tmp_path / "backup")
    gate.wait_delivered(acknowledged)
    before = told(gate)
    gate.down()
    original = lines(gate)
    lose_and_restore(gate, server, tmp_path / "backup")
    position = int(mark.split(":")[0])
    restored = {path.name: path.read_bytes() for path in heads.rglob("*")
                if path.is_file()}
    assert sealed and sealed.items() <= restored.items()
    assert max(int(name.split(".")[0]) for name in restored) <= position
    done = gate.run("audit", "verify", "--head", mark)
    assert done.returncode == 0, done.stdout + done.stderr
    chain = lines(gate)
    assert chain[:position] == original[:position]
    kept = accepted(original, position)
    assert len(kept) >= BEFORE and kept <= accepted(chain, len(chain))
    gate.up()
    # The destinations have most of it already: none of it is made there again.
    again = [until_accepted(gate, path) for path in paths]
    assert kept <= set(again)
    later = until_accepted(gate, certificates(gate, 100, 1)[0])
    # What the copy had not sealed yet is sealed once more: there it is refused, being there.
    gate.wait_arrived(again)
    gate.wait_delivered([later])
    once(gate, [*kept, later])
    # No cursor stands for anything else than before: what is new comes behind all of them.
    now = told(gate)
    assert all(now[cursor] == before[cursor] for cursor in now.keys() & before.keys())
    new = [one for _, one, _ in told(gate, max(before)).values()]
    assert later in new and set(again) - kept <= set(new)
    for identifier in (*kept, later):
        until(lambda one=identifier: gate.request(
            f"/v1/documents/{one}/evidence").status_code == 200)
        report = evidence(gate, identifier)
        assert report["indication"] == "TOTAL-PASSED"
    gate.down()  # seals the last head
    done = gate.run("audit", "verify", "--heads", gate.dir / "state/queue/heads", "--test",
                    "--anchors", gate.dir / "policies/anchors/seal/ec.pem", "--revocation",
                    gate.dir / "state/trust/revocation")
    assert done.returncode == 0 and "sealed: " in done.stdout, done.stdout + done.stderr
    assert gate.run("ledger", "--check").returncode == 0
    assert [line["record"]["detail"]["mark"] for line in lines(gate)
            if line["record"]["event"] == "queued.restored"] == [mark]
    # The signer's count is newer than the database: what it counted of the lost part is named.
    done = gate.run("audit", "reconcile")
    assert done.returncode == 0, done.stdout
    lost = set(json.loads(done.stdout)["of_lost_parts"])
    assert json.loads(done.stdout)["lost"] or not lost
    assert lost <= accepted(original, len(original)) - accepted(chain, len(chain))
