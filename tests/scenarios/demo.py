# SPDX-License-Identifier: EUPL-1.2
"""make demo: documents of a third country cross the gate, and what is refused.

  demo.py FOLDER          the whole demonstration; the instance stays in FOLDER, stopped
  demo.py FOLDER --keep   start what an earlier run left and keep it up until Ctrl-C

Exit status 0 only when all of it happened.
"""
import argparse
import base64
import contextlib
import fcntl
import json
import pathlib
import shutil
import signal
import sys
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from scenarios.gate import Gate, GateError, sealgate  # noqa: E402
from sim.process import SimulatorError  # noqa: E402

STARTED = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def show(title, text):
    print(f"--- {title}")
    print(textwrap.indent(text.rstrip(), "    "), flush=True)


def expect(condition, what):
    if not condition:
        raise GateError(f"did not happen: {what}")


def claims(receipt):
    """The claims of a receipt, which is a JWS."""
    payload = receipt["payload"]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def deliver(gate, name, number, seal):
    """One document from signing to both acknowledgements; its id."""
    say(f"{name} {number}: officer's XAdES-B-T and the authority's seal ({seal})")
    path = gate.certificate(name, number, seal=seal)
    status, answer = gate.submit(path)
    expect(status == 0 and answer["status"] == 202, f"{number} accepted: {answer}")
    say(f"accepted as {answer['id']}")
    show("receipt (signed by the gate)", json.dumps(claims(answer["receipt"]), indent=2))
    gate.wait_delivered([answer["id"]])
    return answer["id"], path


def prove(gate, identifier):
    """Timeline, verdict and the container verified offline."""
    show("timeline", gate.run("explain", identifier, check=True).stdout)
    report = gate.request(f"/v1/documents/{identifier}/report").json()
    show("verdict", "\n".join(
        f"{s['role']}: {s['indication']} {s['level']} by {s['signer']['subject']}"
        for s in report["signatures"]))
    container = gate.folder / f"{identifier}.asice"
    container.write_bytes(gate.request(f"/v1/documents/{identifier}/evidence").content)
    done = sealgate("evidence", "verify", "--anchors", gate.pki.path("ec/root"),
                    "--anchors", gate.pki.path("tsa/root"), "--revocation",
                    gate.dir / "state" / "trust" / "revocation", container, check=True)
    verdict = json.loads(done.stdout)
    expect(verdict["indication"] == "TOTAL-PASSED", "the container verified offline")
    show("evidence container, verified offline",
         f"{container.name}: {verdict['indication']} {verdict['signatures'][0]['level']} by "
         f"{verdict['signatures'][0]['signer']['subject']}")


def acknowledge(gate, identifier):
    """What both counterparts said."""
    traces = next(r for r in gate.traces.accepted() if r["reference"] == identifier)
    customs = next(r for r in gate.customs.accepted()
                   if r["key"].startswith(identifier))
    show("acknowledgements", f"TRACES: {json.dumps(traces)}\ncustoms: {json.dumps(customs)}")
    expect(customs["information_status"] == "advance", "customs got advance information")


def refusals(gate, good):
    """(title, path, partner, finding that must be there) of what is not let in."""
    text = good.read_text()
    changed = gate.folder / "one-byte-changed.xml"
    changed.write_text(text.replace("Kiwifruit", "Kiwifruis", 1)
                       if "Kiwifruit" in text else text.replace("70</", "39</", 1))
    doctype = gate.folder / "doctype.xml"
    head, mark, rest = text.partition("?>")
    doctype.write_text(f"{head}{mark}<!DOCTYPE x>{rest}" if mark
                       else f"<!DOCTYPE x>{text}")
    unknown = gate.sign(gate.document("phyto", "PHYTO.NZ.2026.0000907",
                                      **{">851<": ">861<"}))
    return (
        ("one byte changed", changed, "partners/nz-mpi", "sig."),
        ("no signature", gate.document("phyto", "PHYTO.NZ.2026.0000902"),
         "partners/nz-mpi", "sig."),
        ("signer not enrolled",
         _sealed(gate, "PHYTO.NZ.2026.0000903", "authority-nz/officer-not-enrolled"),
         "partners/nz-mpi", "partner.signer"),
        ("signer revoked",
         _sealed(gate, "PHYTO.NZ.2026.0000904", "authority-nz/officer-revoked"),
         "partners/nz-mpi", "sig."),
        ("document of another country than the transport certificate's",
         gate.certificate("phyto", "PHYTO.NZ.2026.0000905"), "partners/br-mapa",
         "document.country"),
        ("a DOCTYPE", doctype, "partners/nz-mpi", "xml.doctype"),
        ("an unknown document type", unknown, "partners/nz-mpi", "doc.type"),
    )


def _sealed(gate, number, officer):
    signed = gate.sign(gate.document("phyto", number), officer)
    return gate.sign(signed, "authority-nz/seal", place=("--counter",), tsa=False)


def refuse_all(gate, good):
    for title, path, partner, code in refusals(gate, good):
        status, answer = gate.submit(path, partner)
        findings = answer.get("findings", [])
        errors = [f for f in findings if f["severity"] == "error"]
        expect(status == 1 and answer["status"] == 422, f"{title} refused: {answer}")
        expect(any(f["code"].startswith(code) for f in errors), f"{title}: {code} in {errors}")
        show(f"refused: {title}", "\n".join(
            f"{f['code']} at {f['where'] or 'the document'}: {f['message']}"
            f" -> {f['fix']}" for f in errors[:4]))


def repeat(gate, identifier, path):
    """The same bytes again, then the same number with other bytes."""
    status, answer = gate.submit(path)
    expect(status == 0 and answer["status"] == 200 and answer["id"] == identifier,
           f"the original receipt for the same bytes: {answer}")
    show("the same bytes again", f"HTTP 200, the original receipt of {answer['id']}")
    other = gate.certificate("phyto", "PHYTO.NZ.2026.0000001")
    status, answer = gate.submit(other)
    expect(status == 1 and answer["status"] == 409, f"conflict: {answer}")
    show("the same number with other bytes", f"HTTP 409 {answer['code']}: "
                                             f"{answer.get('detail', '')}")


@contextlib.contextmanager
def alone(folder):
    """Nobody else has the folder; beside it, as a run removes what is in it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GateError(f"{folder} is in use: a demo is up; end it first") from None
        yield


def run(folder):
    shutil.rmtree(folder, ignore_errors=True)
    with Gate(folder) as gate:
        say("making a TEST instance: PKI, software token, policies, simulators")
        gate.make()
        begun = time.monotonic()
        gate.up()
        say(f"everything is up: {gate.listener('partners')}")
        first, path = deliver(gate, "phyto", "PHYTO.NZ.2026.0000001", "counter")
        say(f"up to delivered: {time.monotonic() - begun:.1f} s")
        second, _ = deliver(gate, "veterinary", "IMPORT.NZ.2026.0000001", "parallel")
        for identifier in (first, second):
            prove(gate, identifier)
            acknowledge(gate, identifier)
        refuse_all(gate, path)
        repeat(gate, first, path)
        show("audit chain", gate.run("audit", "verify", check=True).stdout)
    say(f"done; the instance is in {folder}, stopped "
        f"(make demo-up starts it again and keeps it up)")


def keep(folder):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Gate(folder) as gate:
        gate.resume().up()
        say(f"up; {folder}/access.json says how to reach it; Ctrl-C stops")
        try:
            signal.pause()
        except KeyboardInterrupt:
            say("stopping")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    try:
        folder = options.folder.resolve()
        with alone(folder):
            (keep if options.keep else run)(folder)
    except (GateError, SimulatorError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
