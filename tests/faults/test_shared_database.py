# SPDX-License-Identifier: EUPL-1.2
"""A gate whose queue is kept by a PostgreSQL server, and what becomes of its documents when the
server is killed, read-only or another one takes over; two gates at one, one of them frozen.

The counterparts' ledgers are the judge: every acknowledged id is there exactly once.
"""
import concurrent.futures
import itertools
import json
import shutil
import signal
import time

import pytest

from faults.rig import SOAK
from faults.test_queue_disk import small_disk
from scenarios.gate import Gate, a_folder, sealgate
from scenarios.test_audit import chain
from scenarios.processes import descendants, send
from scenarios.test_faults import certificates, until, until_accepted
from scenarios.test_quotas import within_one
from sim import postgresql
from sim.stood import Stood

pytestmark = pytest.mark.skipif(
    postgresql.programs() is None,
    reason="no PostgreSQL server of Debian's package here (make deps-test)")

BACK_S = 5.0  # from the server's return to the next acknowledgement
LEASE_S = 6
OF_A_QUOTA = itertools.count(80900, 10)  # numbers of documents
FROZEN_S = 60 if SOAK else 3 * LEASE_S


class Sharing(Gate):
    """A gate at a database, and with `first`, one more at the same counterparts."""

    def __init__(self, folder, connection, first=None):
        super().__init__(folder, timeout=2)
        self.connection, self.first = connection, first

    def start_simulators(self):
        if not self.first:
            super().start_simulators()
            return
        self.traces, self.customs, self.tsa = (
            self.first.traces, self.first.customs, self.first.tsa)

    def _configure(self):
        super()._configure()
        conf = self.dir / "sealgate.conf"
        name = "second" if self.first else "first"
        text = conf.read_text().replace("lease_s = 20;", f"lease_s = {LEASE_S};")
        conf.write_text(text + f'queue = {{ postgresql = "{self.connection}"; '
                               f'appliance = "{name}"; }};\n'
                               'audit = { link_s = 1; seal_s = 1; };\n')

    def make(self, with_rsa=False):
        if not self.first:
            return super().make(with_rsa)
        (self.folder / "pki").symlink_to(self.first.folder / "pki")
        self.pki = self.first.pki
        self.start_simulators()
        sealgate("init", "--test", "--name", "second", self.dir, check=True)
        self._hold_ports()
        self._configure()
        self._write_tls()
        self._write_trust()
        self._write_policies()
        self._write_credentials()
        self._make_token()
        return self

    def close(self):
        if self.first:
            self.down()
        else:
            super().close()


@pytest.fixture(scope="module")
def servers():
    """The server that is used and a standby that has everything before it is acknowledged."""
    with postgresql.Server() as primary, \
            postgresql.Server() as standby:
        primary.make().start()
        yield primary, standby


@pytest.fixture(scope="module")
def gates(servers):
    """Two gates at one database; a connection string names both servers."""
    hosts = ",".join(str(server.folder) for server in servers)
    connection = f"host={hosts} user=sealgate dbname=postgres"
    with a_folder() as folder, Sharing(folder, connection) as first:
        first.make().up()
        with a_folder() as other, Sharing(other, connection, first) as second:
            yield first, second.make().up()


def once(gate, identifiers):
    """Each id exactly once at both counterparts."""
    traces = [row["reference"] for row in gate.traces.accepted()]
    customs = [row["key"].removesuffix("-advance") for row in gate.customs.accepted()]
    for identifier in identifiers:
        assert traces.count(identifier) == 1, identifier
        assert customs.count(identifier) == 1, identifier


def whole(gate):
    """The chain of an appliance and the ledger of all."""
    done = gate.run("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    done = gate.run("ledger")
    assert done.returncode == 0, done.stdout + done.stderr


def refused_meanwhile(gate, path):
    """503 with Retry-After, nothing acknowledged."""
    def refused():
        response = gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                                headers={"Content-Type": "application/xml"})
        assert response.status_code == 503, response.text
        return int(response.headers["Retry-After"]) > 0
    until(refused)


def back_in_time(gate, path):
    """Acknowledged within the bar after the server has come back."""
    with Stood() as stood:
        begin = time.monotonic()
        identifier = until_accepted(gate, path)
        took = time.monotonic() - begin - stood.seconds
    print(f"acknowledged {took:.2f} s after the server's return")
    assert took <= BACK_S
    return identifier


@within_one(3600)
def test_a_quota_is_of_both(gates):
    """What one took counts at the other at once, and at most what is agreed passes both."""
    first, second = gates
    for gate in gates:
        file = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
        file.write_text(file.read_text() + "quotas = { documents_per_hour = 5; };\n")

    def used(gate):
        return gate.request("/v1/status").json()["quotas"]["documents_per_hour"]["used"]

    def send(gate, path):
        return gate.request("/v1/documents", method="POST", data=path.read_bytes(),
                            headers={"Content-Type": "application/xml"}).status_code

    try:
        for gate in gates:
            until(lambda g=gate: g.request("/v1/status").json()["quotas"])
        before = used(second)
        paths = certificates(first, next(OF_A_QUOTA), 6)
        limit = before + 3
        for gate in gates:
            file = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
            file.write_text(file.read_text().replace("per_hour = 5;", f"per_hour = {limit};"))
            until(lambda g=gate: g.request("/v1/status").json()["quotas"][
                "documents_per_hour"]["limit"] == limit)
            until(lambda g=gate: "decision" in g.submit(paths[0], command="preflight")[1])
        answers = [send(gate, path) for gate, path in zip((first, second) * 3, paths)]
        assert answers == [202, 202, 202, 429, 429, 429]
        assert used(first) == used(second) == limit
    finally:
        for gate in gates:
            file = gate.dir / "policies" / "partners" / "nz-mpi.cfg"
            file.write_text(file.read_text().split("quotas = ")[0])
            until(lambda g=gate: not g.request("/v1/status").json()["quotas"])


def test_chains_hold_each_other(gates, tmp_path):
    """What one notes of the other convicts a chain that was written anew or cut off."""
    first, second = gates
    until_accepted(second, certificates(first, 8020, 1)[0])

    def exported(gate):
        return gate.run("audit", "export", check=True).stdout.splitlines()
    until(lambda: sum('"audit.link"' in line and '"head"' in line
                      for line in exported(first)) > 1)
    theirs = [line for line in exported(first)]
    link = json.loads([line for line in theirs if '"audit.link"' in line][-1])
    linked = link["record"]["detail"]["position"]
    until(lambda: len(exported(second)) >= linked)
    ours = exported(second)
    other = tmp_path / "first"
    other.write_text("\n".join(theirs) + "\n")

    def verify(lines, *more):
        path = tmp_path / "second"
        path.write_text(lines if isinstance(lines, str) else "\n".join(lines) + "\n")
        return sealgate("audit", "verify", *more, "--links", other, "--appliance", "second",
                        path)
    done = verify(ours)
    assert done.returncode == 0 and "linked: " in done.stdout, done.stdout + done.stderr
    forged = chain([line.replace("document.accepted", "document.refused") for line in ours])
    done = verify(forged)
    assert done.returncode == 1 and "rewritten" in done.stdout, done.stdout
    done = verify(ours[:linked - 1])
    assert done.returncode == 1 and "truncated" in done.stdout, done.stdout
    # The sealed heads that the other names are those of the folder, each as it was.
    heads = tmp_path / "heads"
    shutil.copytree(second.dir / "state/queue/heads", heads,
                    ignore=lambda _, names: [n for n in names  # what is being written goes, too
                                              if "." in n and not n.endswith(".json")])
    arguments = ("--heads", heads, "--anchors", second.dir / "policies/anchors/seal/ec.pem",
                 "--revocation", second.dir / "state/trust/revocation", "--test")
    done = verify(ours, *arguments)
    if "truncated" in done.stdout:  # sealed since the export
        done = verify(exported(second), *arguments)
    assert done.returncode == 0 and "sealed: " in done.stdout, done.stdout + done.stderr
    name = f"{link['record']['detail']['head']['position']:018}.json"
    named = heads / name[:13] / name
    sealed = named.read_bytes()
    named.write_bytes(sealed + b"\n")
    done = verify(exported(second), *arguments)
    assert done.returncode == 1 and "is another" in done.stderr, done.stdout + done.stderr
    named.unlink()
    done = verify(exported(second), *arguments)
    assert done.returncode == 1 and "No such file" in done.stderr, done.stdout + done.stderr


def test_both_take_and_deliver(gates):
    first, second = gates
    paths = certificates(first, 100, 4)
    identifiers = [until_accepted(gate, path)
                   for gate, path in zip((first, second, first, second), paths)]
    # the same octets at the other gate are the same document
    assert until_accepted(second, paths[0]) == identifiers[0]
    first.wait_delivered(identifiers)
    once(first, identifiers)
    for gate in gates:
        whole(gate)


def test_server_killed(gates, servers):
    """kill -9 of what the server is to its clients, while documents cross."""
    first, second = gates
    paths = certificates(first, 200, 10)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(until_accepted, (first, second)[n % 2], path)
                   for n, path in enumerate(paths[:8])]
        until(lambda: sum(f.done() for f in futures) >= 2)
        servers[0].kill()
        refused_meanwhile(first, paths[8])
        servers[0].start()
        identifiers = [back_in_time(first, paths[8]), back_in_time(second, paths[9])]
        identifiers += [f.result() for f in futures]
    first.wait_delivered(identifiers)
    once(first, identifiers)
    for gate in gates:
        whole(gate)


def test_server_read_only(gates, servers):
    first, _ = gates
    paths = certificates(first, 300, 2)
    identifiers = [until_accepted(first, paths[0])]
    servers[0].sql("ALTER SYSTEM SET default_transaction_read_only=on")
    servers[0].sql("SELECT pg_reload_conf()")
    refused_meanwhile(first, paths[1])
    servers[0].sql("ALTER SYSTEM RESET default_transaction_read_only",
                   "-c default_transaction_read_only=off")
    servers[0].sql("SELECT pg_reload_conf()")
    identifiers.append(back_in_time(first, paths[1]))
    first.wait_delivered(identifiers)
    once(first, identifiers)
    whole(first)


def tree(pid):
    """A process and all below it."""
    return [pid, *descendants(pid)]


def send_all(pids, number):
    """A worker among them may have ended since the list was made."""
    for pid in pids:
        send(pid, number)


def test_one_of_two_is_frozen(gates):
    """Stopped for longer than its leases while it holds work; then it goes on."""
    first, second = gates
    paths = certificates(first, 400, 12)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        identifiers = list(pool.map(lambda path: until_accepted(first, path), paths[:8]))
    frozen = tree(first.process.pid)
    send_all(frozen, signal.SIGSTOP)
    begin = time.monotonic()
    try:
        identifiers += [until_accepted(second, path) for path in paths[8:]]
        # what the frozen one has leased, too
        second.wait_delivered(identifiers, bound=90)
        until(lambda: time.monotonic() - begin > FROZEN_S, bound=2 * FROZEN_S)
    finally:
        send_all(frozen, signal.SIGCONT)
    identifiers.append(until_accepted(first, certificates(first, 450, 1)[0]))
    first.wait_delivered(identifiers)
    once(first, identifiers)
    for gate in gates:
        whole(gate)


def test_another_server_takes_over(gates, servers):
    """The server is gone for good; its standby, which has all, is promoted."""
    first, second = gates
    primary, standby = servers
    paths = certificates(first, 500, 6)
    primary.sql("ALTER SYSTEM SET synchronous_standby_names='standby'")
    standby.follow(primary, "standby").start()
    primary.sql("SELECT pg_reload_conf()")
    until(lambda: primary.sql("SELECT count(*) FROM pg_stat_replication"
                              " WHERE sync_state='sync'") == "1")
    identifiers = [until_accepted(first, path) for path in paths[:3]]
    primary.kill()
    refused_meanwhile(first, paths[4])
    standby.sql("ALTER SYSTEM RESET synchronous_standby_names")
    standby.sql("SELECT pg_reload_conf()")
    standby.promote()
    identifiers += [back_in_time(first, paths[4]), back_in_time(second, paths[5])]
    first.wait_delivered(identifiers)
    once(first, identifiers)
    for gate in gates:
        whole(gate)


def test_a_backup_that_has_no_room_is_not_begun(gates, servers, tmp_path):
    """The database is at its server, and its copy counts, too."""
    with small_disk(tmp_path, "1m"):
        done = gates[0].run("backup", tmp_path / "backup", timeout=120)
        assert done.returncode == 3 and not (tmp_path / "backup").exists()
    takes = int(done.stderr.split("takes up to ")[1].split()[0]) * 1000000
    database = int(servers[1].sql("SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind='r'"
                                  " AND relnamespace='public'::regnamespace"))
    assert takes >= database > 0, done.stderr


def test_backup_and_restore(gates, servers, tmp_path):
    """Taken at work, put into an empty database on a bare machine: all that was acknowledged before
    the mark is there, and goes on."""
    first, second = gates
    identifiers = [until_accepted(gate, path) for gate, path in
                   zip((first, second), certificates(first, 8000, 2))]
    done = first.run("backup", tmp_path / "backup", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    mark = int(done.stdout.split()[-1].split(":")[0])
    later = until_accepted(first, certificates(first, 8010, 1)[0])
    first.wait_delivered([*identifiers, later])
    dump = tmp_path / "backup" / "files" / "state" / "queue" / "queue.pgdump"
    assert dump.stat().st_mode & 0o077 == 0
    # Not over what is there, nor where nothing is.
    elsewhere = servers[1].connection_to("nowhere")
    for to, why, fix in (
            ((), "already exists", "make an empty one and name it with --postgresql"),
            (("--postgresql", elsewhere), "does not exist", "make the database, empty"),
            (("--postgresql", f"host={tmp_path} dbname=none"), "connection to server",
             "start the server, or name another")):
        failed = sealgate("restore", *to, tmp_path / "backup", tmp_path / "instance", timeout=120)
        assert failed.returncode == 1 and "must be there and empty" in failed.stderr
        said = failed.stderr.split("no file was put anywhere", 1)[1].splitlines()
        assert said[1].startswith("  why: ") and why in said[1], failed.stderr
        assert said[2].startswith("  fix: ") and fix in said[2], failed.stderr
        assert not (tmp_path / "instance").exists()
    with postgresql.Server() as bare, a_folder() as folder:
        instance = folder / "instance"
        bare.make().start()
        done = sealgate("restore", "--postgresql", bare.connection, tmp_path / "backup",
                        instance, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        conf = instance / "sealgate.conf"
        conf.write_text(conf.read_text().replace(first.connection, bare.connection))
        assert not list(instance.rglob("*.pgdump"))

        def ours(*arguments):
            done = sealgate("--instance", instance, *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout
        assert "intact" in ours("audit", "verify")
        assert len(ours("audit", "export").splitlines()) >= mark
        known = {d["id"] for d in json.loads(ours("queue", "list", "--format", "json"))}
        assert known >= set(identifiers) and later not in known
        ours("ledger")
