# SPDX-License-Identifier: EUPL-1.2
"""A PostgreSQL server of Debian's package in a private folder, on a unix socket alone, as an
unprivileged user; it never listens on a network.

  with Server(folder) as server:
      ... server.connection ... server.kill() ... server.start()
"""
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

NOBODY = 65534  # the server refuses to run as root
BOUND = 60.0


class ServerError(Exception):
    """The server did not do what it was asked in time."""


def programs():
    """Folder of the newest server's programs, or None when there is none."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda path: int(path.split("/")[4]))
    return pathlib.Path(found[-1]).parent if found else None


class Server:
    """One server, or a standby that follows one. Its programs see `environment` beside ours; its
    data may be in a folder elsewhere, whose parent is there."""

    def __init__(self, settings=(), environment=None, data=None):
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-pg-"))
        self.folder.chmod(0o755)
        self.data = data or self.folder / "data"
        self.settings = ["listen_addresses=", "shared_buffers=32MB", *settings]
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.databases = 0
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)

    @property
    def connection(self):
        return self.connection_to("postgres")

    def connection_to(self, database):
        return f"host={self.folder} user=sealgate dbname={database}"

    def empty_database(self):
        """Connection string of a database that nobody has used."""
        self.databases += 1
        name = f"queue{self.databases}"
        self.sql(f"CREATE DATABASE {name}")
        return self.connection_to(name)

    def drop_databases(self):
        """Those that were empty; a sweep would fill the disk with them."""
        for name in self.sql("SELECT datname FROM pg_database"
                             " WHERE datname LIKE 'queue%'").split():
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _popen(self, name, *arguments):
        options = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        with open(os.devnull, "r+b") as null, open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen([str(self.bin / name), *map(str, arguments)], stdin=null,
                                    stdout=log, stderr=log, cwd=self.folder,
                                    env=self.environment, **options)

    def _run(self, name, *arguments):
        if self._popen(name, *arguments).wait(BOUND) != 0:
            raise ServerError((self.folder / f"{name}.log").read_text())

    def make(self):
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.data, NOBODY, NOBODY)
        self._run("initdb", "-D", self.data, "-U", "sealgate", "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync")
        return self

    def follow(self, primary, name):
        """A copy of a running server that goes on as its standby."""
        self._run("pg_basebackup", "-D", self.data, "-R", "-d",
                  f"host={primary.folder} user=sealgate application_name={name}")
        return self

    def start(self):
        """Start and wait until it answers. ServerError: it does not."""
        settings = [part for setting in self.settings for part in ("-c", setting)]
        self.process = self._popen("postgres", "-D", self.data, "-k", self.folder, *settings)
        end = time.monotonic() + BOUND
        while self._popen("pg_isready", "-q", "-h", self.folder).wait(BOUND) != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                raise ServerError((self.folder / "postgres.log").read_text())
            time.sleep(0.05)
        return self

    def sql(self, text, options=""):
        """What psql prints for a statement; options: of the session."""
        done = subprocess.run(
            [str(self.bin / "psql"), "-XAtq", "-d",
             f"{self.connection} options='{options}'", "-c", text],
            capture_output=True, text=True, timeout=BOUND, check=False)
        if done.returncode != 0:
            raise ServerError(done.stderr)
        return done.stdout.strip()

    def promote(self):
        self.sql("SELECT pg_promote(true, 60)")

    def kill(self):
        """End it as a crash does: nothing is written back."""
        self._end(signal.SIGQUIT)

    def _end(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(BOUND)
        self.process = None

    def close(self):
        self.kill()  # nobody needs what an orderly end would write
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
