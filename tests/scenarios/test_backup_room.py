# SPDX-License-Identifier: EUPL-1.2
"""An ordered backup that may fit is begun, and made again without the archive where too little
stays free."""
import os
import subprocess

import pytest

from scenarios.gate import a_gate
from scenarios.test_backup_afar import status
from scenarios.test_backup import key_pair
from sim import postgresql

MB = 1 << 20
LEAVES = 256 * MB  # ctl/backup/backup_order.c
ROWS = 20 * MB  # of the database, which no compression makes smaller
ARCHIVE = 60 * MB
# Copy and pieces have to fit: with the archive they do where the rows could be compressed to an
# eighth, as octets that are none of text cannot be; without it they do anyhow.
ROOM = 2 * ARCHIVE + ROWS

BALLAST = f"""CREATE TABLE ballast AS SELECT i, (SELECT string_agg(
    sha512((i * 16 + j)::text::bytea), ''::bytea) FROM generate_series(1, 16) j) AS octets
    FROM generate_series(1, {ROWS // 1024}) i"""


def files_of(folder):
    """What of the instance is copied as it is."""
    left = {folder / "state" / name for name in ("queue", "archive", "backup")}
    size = 0
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if folder.joinpath(at, name) not in left]
        size += sum(os.lstat(os.path.join(at, name)).st_size for name in names)
    return size


@pytest.fixture(name="gate")
def a_tight_gate(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    if not postgresql.programs():
        pytest.skip("needs a PostgreSQL server")
    with postgresql.Server() as server, a_gate() as gate:
        server.make().start().sql(BALLAST)
        conf = gate.dir / "sealgate.conf"
        conf.write_text(conf.read_text() +
                        f'queue = {{ postgresql = "{server.connection}"; }};\n')
        pair = key_pair(tmp_path, "ec", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        names = gate.dir / "policies" / "backup"
        names.mkdir()
        (names / "ec.pem").write_bytes(pair[0].read_bytes())
        archive = gate.dir / "state" / "archive"
        archive.mkdir(exist_ok=True)
        (archive / "old").write_bytes(os.urandom(ARCHIVE))
        gate.up()
        orders = gate.dir / "state" / "backup"
        orders.mkdir(mode=0o700)
        size = LEAVES + 2 * files_of(gate.dir) + ROOM
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", orders],
                          check=False).returncode != 0:
            pytest.skip("may not mount here")
        try:
            yield gate
        finally:
            subprocess.run(["umount", orders], check=False)


def test_made_again_without_the_archive(gate):
    orders = gate.dir / "state" / "backup"
    (orders / "order").write_text("somebody wants one")
    done = gate.run("backup", "ordered", timeout=300)
    assert done.returncode == 0, done.stderr
    tight, left = (done.stderr.find(text) for text in
                   ("there may not be room for all with state/archive",
                    "backup.left-out: state/archive: the archive is not in it"))
    assert 0 <= tight < left, done.stderr  # it was begun with it
    said = status(gate)
    assert said["sealed"]["without_archive"] and not said["failed"] and not said["making"]
    assert sorted(path.name for path in orders.iterdir()) == ["lock", "sealed"]
    assert sum(path.stat().st_size for path in (orders / "sealed").iterdir()) > ROWS
