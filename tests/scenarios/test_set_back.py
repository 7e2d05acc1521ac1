# SPDX-License-Identifier: EUPL-1.2
"""A database that is older than what was sealed of its chain: not served unawares; put there on
purpose, the chain goes on and says so, and what was sealed of the lost part stays evidence."""
import json
import shutil

import pytest

from scenarios.gate import GateError
from scenarios.test_faults import certificates, until, until_accepted


def heads(folder, kind="json"):
    return {int(p.name.split(".")[0]) for p in folder.rglob(f"*.{kind}")}


def stamped_and_stopped(gate, number):
    """One more document, a head behind it that is time-stamped, and the end in order."""
    folder = gate.dir / "state/queue/heads"
    before = heads(folder, "tst")
    until_accepted(gate, certificates(gate, number, 1)[0])
    until(lambda: heads(folder, "tst") - before)
    gate.down()


def records(gate, event):
    lines = gate.run("audit", "export").stdout.splitlines()
    return [json.loads(line)["record"] for line in lines if f'"event":"{event}"' in line]


def not_served(gate):
    gate.log.write_text("")
    with pytest.raises(GateError):
        gate.up()
    assert "queued.rollback" in gate.log.read_text()


def verify(gate, folder):
    return gate.run("audit", "verify", "--test", "--heads", folder, "--anchors",
                    gate.dir / "policies/anchors/seal/ec.pem", "--revocation",
                    gate.dir / "state/trust/revocation")


@pytest.fixture(scope="module")
def back(gate):
    """(folder of exported heads, the database's last record, the last sealed one): stopped, with
    a database that was set back, and an earlier end of its chain."""
    exported = gate.folder / "elsewhere"
    exported.mkdir()
    exported.chmod(0o777)
    conf = gate.dir / "sealgate.conf"
    conf.write_text(conf.read_text() + 'audit = { seal_s = 1; seal_records = 1; stamp_s = 1; '
                    f'export = "{exported}"; }};\n')
    gate.down()
    gate.up()
    stamped_and_stopped(gate, 1)
    queue = gate.dir / "state/queue"
    shutil.copy2(queue / "queue.db", gate.folder / "old.db")
    middle = gate.run("audit", "export").stdout.splitlines()[3]
    end = len(gate.run("audit", "export").stdout.splitlines())
    gate.up()
    stamped_and_stopped(gate, 2)
    sealed = max(heads(queue / "heads"))
    stat = (queue / "queue.db").stat()
    shutil.copyfile(gate.folder / "old.db", queue / "queue.db")
    assert (queue / "queue.db").stat().st_uid == stat.st_uid
    middle = json.loads(middle)
    return exported, end, sealed, f"{middle['position']}:{middle['chain']}\n"


def test_not_served_unawares(gate, back):
    _, end, _, middle = back
    not_served(gate)
    assert f"ends at record {end}:" in gate.log.read_text()
    # A head that is in the chain does not hide what was sealed behind the chain's end.
    (gate.dir / "state/queue/head").write_text(middle)
    not_served(gate)


def test_on_purpose_it_is_said_and_the_lost_heads_are_kept(gate, back):
    exported, end, sealed, _ = back
    said = gate.run("audit", "verify", "--no-head").stdout
    (gate.dir / "state/queue/head").write_text(said.split()[-1] + "\n")
    folder = gate.dir / "state/queue/heads"
    lost = {n for n in heads(folder) if n > end}
    gate.up()
    assert heads(folder, "json.set-back") == lost  # before it says that it serves
    assert [r["detail"] for r in records(gate, "queued.set-back")] == [
        {"end": end, "from": end, "sealed": sealed}]
    assert "queued.set-back" in gate.log.read_text()
    stamped_and_stopped(gate, 3)
    done = verify(gate, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    # Elsewhere they stand as they did: whoever compares learns that the chain is not that one.
    assert heads(exported) | heads(exported, "json.set-back") >= lost
    copy = gate.folder / "all"
    shutil.copytree(exported, copy)
    for path in copy.rglob("*.set-back"):
        path.rename(path.with_suffix(""))
    assert verify(gate, copy).returncode == 1


def test_a_time_stamp_without_its_record_gets_one(gate, back):
    """As after the power failed between the two."""
    assert back
    folder = gate.dir / "state/queue/heads"
    newest = max(folder.rglob("*.tst"))
    newest.rename(folder / f"{newest.name}.new")
    gate.up()
    try:
        noted = [r for r in records(gate, "audit.head-stamped")
                 if r["detail"]["position"] == int(newest.stem)]
        assert noted[-1]["detail"]["noted"] == "late"
        assert newest.exists() and not list(folder.rglob(f"{newest.name}.new"))
    finally:
        gate.down()
