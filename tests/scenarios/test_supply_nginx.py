# SPDX-License-Identifier: EUPL-1.2
"""Lists as a Member State publishes them: files behind nginx, whose own ETags say what is new."""
import os
import socket
import subprocess

import pytest

from scenarios.test_supply import BOUND, a_house
from scenarios.test_supply_lists import Publisher

CONFIGURATION = """{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
	log_format asked "$request_uri $status";
	access_log {folder}/access.log asked;
	client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
	uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
	server {{ listen 127.0.0.1:{port}; root {folder}/web; }}
}}
"""


class Nginx:
    """An nginx over a folder, on a socket that it inherits."""

    def __init__(self, folder):
        self.folder, self.web = folder, folder / "web"
        self.web.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            self.host = f"127.0.0.1:{port}"
            file = folder / "nginx.conf"
            user = "user root root;\n" if os.geteuid() == 0 else ""
            file.write_text(CONFIGURATION.format(folder=folder, port=port, user=user))
            os.set_inheritable(listening.fileno(), True)
            self.process = subprocess.Popen(
                ["/usr/sbin/nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c",
                 str(file)], env={**os.environ, "NGINX": f"{listening.fileno()};"},
                pass_fds=(listening.fileno(),), stdin=subprocess.DEVNULL)

    def url(self, path):
        return f"http://{self.host}{path}"

    def asked(self):
        """(path, status) of each request."""
        log = self.folder / "access.log"
        return [tuple(line.split()) for line in log.read_text().splitlines()]

    def close(self):
        self.process.terminate()
        self.process.wait(BOUND)


class BehindNginx(Publisher):
    def __init__(self, folder):
        super().__init__(folder)
        self.server.close()
        self.server = Nginx(folder / "nginx")
        self.publish_all()

    def serve(self, path):
        if not isinstance(self.server, Nginx):
            return super().serve(path)
        fresh = self.server.web / f".{path.name}"
        fresh.write_bytes(path.read_bytes())
        fresh.chmod(0o644)
        return os.replace(fresh, self.server.web / path.name)


@pytest.fixture
def publisher():
    with a_house(BehindNginx) as made:
        yield made


def test_only_what_changed_is_brought(publisher):
    publisher.follow()
    publisher.until(lambda r: r[0]["result"] == "unchanged")
    names = ("/lotl.xml", "/aa.xml", "/bb.xml")
    publisher.until(lambda _: all((name, "304") in publisher.server.asked() for name in names))
    publisher.list_of("AA", services=2, sequence=8)
    publisher.until_row("AA", lambda r: (r["sequence"], r["effect"]) == (8, "yes"))
    publisher.stop()
    brought = [path for path, status in publisher.server.asked() if status == "200"]
    assert [brought.count(name) for name in names] == [1, 2, 1]
    assert len(publisher.snapshots()) == 2
