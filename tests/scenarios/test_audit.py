# SPDX-License-Identifier: EUPL-1.2
"""Heads of the audit chain, sealed by the token and kept elsewhere, convict a rewritten chain."""
import hashlib
import json
import shutil
import time

import pytest

from scenarios.gate import sealgate
from scenarios.test_faults import certificates, until, until_accepted


def chain(lines):
    """The same records as a chain of their own, correct from the first to the last."""
    value, out = bytes(32), []
    for position, line in enumerate(lines, 1):
        record = line.split(',"record":', 1)[1][:-1]
        value = hashlib.sha256(value + hashlib.sha256(record.encode()).digest()).digest()
        out.append(f'{{"position":{position},"chain":"{value.hex()}","record":{record}}}')
    return "\n".join(out) + "\n"


def last(heads):
    return max(int(path.stem) for path in heads.rglob("*.json"))


@pytest.fixture(scope="module")
def sealed(gate, tmp_path_factory):
    """(folder of exported heads, arguments that name them, the chain's lines)."""
    heads = gate.folder / "elsewhere"
    heads.mkdir()
    heads.chmod(0o777)
    gate.down()
    conf = gate.dir / "sealgate.conf"
    conf.write_text(conf.read_text() + f'audit = {{ seal_s = 1; export = "{heads}"; }};\n')
    gate.up()
    until_accepted(gate, certificates(gate, 1, 1)[0])
    end = time.monotonic() + 30
    while len(list(heads.rglob("*.json"))) < 2 or not list(heads.rglob("*.tst")):
        assert time.monotonic() < end, gate.log_tail()
        time.sleep(0.1)
    gate.down()
    for _ in range(2):  # the last head has two seconds; the machine may stand still meanwhile
        if last(heads) == len(gate.run("audit", "export").stdout.splitlines()):
            break
        gate.up()
        gate.down()
    arguments = ("--heads", heads, "--anchors", gate.dir / "policies/anchors/seal/ec.pem",
                 "--revocation", gate.dir / "state/trust/revocation", "--test")
    return heads, arguments, gate.run("audit", "export").stdout.splitlines()


def verify(gate, arguments, text, tmp_path):
    path = tmp_path / "export"
    path.write_text(text)
    return sealgate("--instance", gate.dir, "audit", "verify", *arguments, path)


def test_sealed_heads_are_met(gate, sealed, tmp_path):
    heads, arguments, lines = sealed
    done = verify(gate, arguments, "\n".join(lines) + "\n", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"sealed: {len(list(heads.rglob('*.json')))} heads" in done.stdout
    assert gate.run("audit", "verify", *arguments).returncode == 0


def test_a_head_is_time_stamped(gate, sealed, tmp_path):
    heads, arguments, lines = sealed
    stamps = sorted(heads.rglob("*.tst"))
    assert stamps
    assert any('"event":"audit.head-stamped"' in line for line in lines)
    text = "\n".join(lines) + "\n"
    done = verify(gate, arguments, text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"not proven: {len(stamps)} time-stamps" in done.stdout, done.stdout
    proven = (*arguments, "--anchors", gate.dir / "policies/anchors/tsa/tsa.pem")
    done = verify(gate, proven, text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"all up to position {int(stamps[-1].stem)} was there at 20" in done.stdout


def test_a_stamp_under_a_later_name_does_not_count(gate, sealed, tmp_path):
    """A genuine head and its token under another position: nothing was there at that time."""
    heads, arguments, lines = sealed
    copy = tmp_path / "heads"
    shutil.copytree(heads, copy)
    path = sorted(copy.rglob("*.tst"))[0]
    later = f"{len(lines) + 7:018d}"
    shutil.copyfile(path.with_suffix(".json"), copy / f"{later}.json")
    stamp = json.loads(path.read_text())
    stamp["position"] = int(later)
    (copy / f"{later}.tst").write_text(json.dumps(stamp))
    changed = ("--heads", copy, *arguments[2:], "--anchors",
               gate.dir / "policies/anchors/tsa/tsa.pem")
    done = verify(gate, changed, "\n".join(lines) + "\n", tmp_path)
    assert done.returncode == 1 and "another position" in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("change", ["head", "token", "head_sha256"])
def test_a_changed_time_stamp_does_not_count(gate, sealed, tmp_path, change):
    heads, arguments, lines = sealed
    copy = tmp_path / "heads"
    shutil.copytree(heads, copy)
    path = sorted(copy.rglob("*.tst"))[0]
    stamp = json.loads(path.read_text())
    if change == "head":  # the stamp of one head beside another's name
        other = [p for p in sorted(copy.rglob("*.json")) if p.stem != path.stem][0]
        stamp["position"] = int(other.stem)
    elif change == "token":
        stamp["time_stamp"] = stamp["time_stamp"][:-60] + "AAAA" + stamp["time_stamp"][-56:]
    else:
        stamp["head_sha256"] = "0" * 64
    path.write_text(json.dumps(stamp))
    changed = ("--heads", copy, *arguments[2:], "--anchors",
               gate.dir / "policies/anchors/tsa/tsa.pem")
    done = verify(gate, changed, "\n".join(lines) + "\n", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert path.name in done.stderr


def test_the_end_is_sealed_too(gate, sealed):
    """The signer is there until queued has ended, so no record stands behind the last head."""
    heads, _, lines = sealed
    assert '"queued.stop"' in lines[-1]
    assert last(heads) == len(lines)
    assert "it is killed" not in gate.log.read_text()


def test_a_chain_written_anew_is_convicted(gate, sealed, tmp_path):
    _, arguments, lines = sealed
    forged = [line.replace("document.accepted", "document.refused") for line in lines]
    assert forged != lines
    text = chain(forged)
    done = verify(gate, (), text, tmp_path)
    assert done.returncode == 0, "a chain of its own, correct in itself"
    done = verify(gate, arguments, text, tmp_path)
    assert done.returncode == 1
    assert "rewritten" in done.stdout


def test_a_chain_cut_off_is_convicted(gate, sealed, tmp_path):
    heads, arguments, lines = sealed
    done = verify(gate, arguments, "\n".join(lines[:last(heads) - 1]) + "\n", tmp_path)
    assert done.returncode == 1
    assert "truncated" in done.stdout


@pytest.mark.parametrize("change", ["position", "signature", "certificate", "anchor"])
def test_a_changed_head_does_not_count(gate, sealed, tmp_path, change):
    heads, arguments, lines = sealed
    copy = tmp_path / "heads"
    shutil.copytree(heads, copy)
    path = sorted(copy.rglob("*.json"))[0]
    head = json.loads(path.read_text())
    if change == "position":
        head["statement"] = head["statement"].replace('"position":', '"position":1')
    elif change == "signature":
        head["signature"] = "A" * 86 + "=="
    elif change == "certificate":
        head["certificates"] = head["certificates"][1:]
    path.write_text(json.dumps(head))
    anchors = gate.dir / ("policies/anchors/tsa/tsa.pem" if change == "anchor"
                          else "policies/anchors/seal/ec.pem")
    changed = ("--heads", copy, "--anchors", anchors, *arguments[4:])
    done = verify(gate, changed, "\n".join(lines) + "\n", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert path.stem in done.stderr or change == "anchor"


def told(gate, what):
    """The line of status that begins so."""
    lines = gate.run("status").stdout.splitlines()
    return [line for line in lines if line.strip().startswith(what)][0]


def test_a_folder_that_is_away_keeps_nothing_else(gate, sealed):
    """Heads go on being sealed, time-stamped and linked; the newest is there once it is back."""
    heads, kept = sealed[0], gate.dir / "state/queue/heads"
    away = heads.with_name("away")
    heads.rename(away)
    try:
        gate.up()
        before = len(list(kept.rglob("*.json")))
        until_accepted(gate, certificates(gate, 2, 1)[0])
        until(lambda: len(list(kept.rglob("*.json"))) > before)
        until(lambda: "queued.head-unexported" in gate.log.read_text())
        assert "queued.head-unsealed" not in gate.log.read_text()
        until(lambda: "; a newer one has waited for " in told(gate, "heads exported"))
        until(lambda: "waited" not in told(gate, "heads sealed"))
        metrics = gate.request("/metrics", "operators/operator", listener="operators").text
        assert 'sealgate_head_waiting_seconds{is="exported"} ' in metrics
        assert 'sealgate_head_age_seconds{is="sealed"} ' in metrics
        away.rename(heads)
        until(lambda: "heads are put there again" in gate.log.read_text())
        until(lambda: "waited" not in told(gate, "heads exported"))
    finally:
        gate.down()
        if away.exists():
            away.rename(heads)
    newest = max(kept.rglob("*.json"))
    assert (heads / newest.relative_to(kept)).read_bytes() == newest.read_bytes()


def test_heads_of_an_earlier_version(gate, sealed):
    """They lie in no folders of their own: found there, and moved while the gate serves."""
    kept, looked = gate.dir / "state/queue/heads", gate.dir / "state/queue/heads-looked-at"
    arguments = ("--heads", kept, *sealed[1][2:])
    before = {path.name: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    for path in sorted(kept.rglob("*"), reverse=True):
        path.rename(kept / path.name) if path.is_file() else path.rmdir()
    looked.unlink(missing_ok=True)
    assert gate.run("audit", "verify", *arguments).returncode == 0
    gate.up()
    try:
        until(lambda: not [path for path in kept.iterdir() if path.name in before])
        # Newer ones come and are renamed meanwhile.
        after = {path.name: path.read_bytes() for path in kept.rglob("*") if path.name in before}
        assert before == after
        until(looked.exists)  # each was held against the chain
    finally:
        gate.down()
    done = gate.run("audit", "verify", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "queued.set-back" not in gate.log.read_text()
