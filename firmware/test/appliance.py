# SPDX-License-Identifier: EUPL-1.2
"""A gate of the scenarios, moved into an appliance: its instance becomes the signed
configuration of a machine; its simulators stay on the host, which the machine calls
10.0.2.2; one of them has a name there."""
import ctypes
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FIRMWARE.parent / "tests"))

from scenarios.gate import BIN, Gate  # noqa: E402, F401
from scenarios.officers import enrolled  # noqa: E402
from scenarios.syslog_server import Server  # noqa: E402

from machine import SECOND_MAC  # noqa: E402
from names import Names  # noqa: E402

HOST = "10.0.2.2"
TRACES = "traces.test"  # what one of them is called, where there is a network to ask by
OURS, THEIRS = "fd5e:a16a::2", "fd5e:a16a::15"  # the host and the machine, in a network of theirs
LINK = "sealgate0"  # the host's end of it
PORTS = {"partners": 8443, "customs": 8444, "operators": 8445}
PEERS = ("nginx", "intake", "verify", "queued", "signer", "seal", "forward", "admin",
         "trustd")
TRANSPORT = "transport-ca/root"  # who issues the clients' certificates
CLONE_NEWNET = 0x40000000
FIRST_UID = 901  # of systemd/sealgate.sysusers
HEADS_EVERY_S = 15  # a minute is the default, and what a test would wait for most
PARTS = ("sealgate.conf", "policies", "tls", "credentials", "state/signer",
         "state/trust/revocation")


def script(name, *arguments, timeout=600, **environment):
    """Run a script of the firmware; CalledProcessError when it fails."""
    return subprocess.run([str(FIRMWARE / name), *map(str, arguments)], check=True, text=True,
                          capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def leave_network():
    """From here on this process and its children have a network of their own, with nothing in it
    but themselves and what they start. Return: the host's end of a network with a machine, or
    None where the kernel has none to give."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    made = subprocess.run(["ip", "tuntap", "add", "dev", LINK, "mode", "tap"],
                          capture_output=True, check=False)
    if made.returncode != 0:
        return None
    subprocess.run(["ip", "address", "add", f"{OURS}/64", "dev", LINK, "nodad"], check=True)
    subprocess.run(["ip", "link", "set", LINK, "up"], check=True)
    return LINK


class Authority:
    """Serves the CRL that a file holds at that moment."""

    def __init__(self, path):
        self.asked = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                octets = pathlib.Path(path).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)
                outer.asked += 1

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class RemoteGate(Gate):
    """The same gate, but what serves is a machine behind forwarded ports."""

    def __init__(self, folder):
        super().__init__(folder, retry_max=8, timeout=20)
        self.ports = {name: free_port() for name in PORTS}
        self.crl = self.syslog = self.heads = self.opener = self.names = None
        self.officers = None  # the folder where their keys are
        self.nobody = free_port()
        self.six = False  # is the machine called by its address of IPv6?

    def make(self, with_rsa=False):
        super().make(with_rsa)
        self.crl = Authority(self.pki.crl_path(TRANSPORT))
        self.syslog, self.heads = Server(self.pki), Server(self.pki)
        self._opener()
        self.officers = enrolled(self.dir / "policies", self.folder)
        return self

    def serve_names(self):
        """Who calls TRACES by its name is told where it is, by the network of ours and theirs."""
        self.names = Names(OURS, TRACES, HOST)

    def _opener(self):
        """Who may open a backup of the machine: (certificate, key)."""
        names = self.dir / "policies" / "backup"
        names.mkdir()
        self.opener = names / "keeper.pem", self.folder / "keeper.key"
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:3072", "-subj",
                        "/CN=keeper", "-out", self.opener[0], "-keyout", self.opener[1]],
                       check=True, capture_output=True)

    def close(self):
        super().close()
        if self.crl:
            self.crl.close()
            self.syslog.close()
            self.heads.close()
        if self.names:
            self.names.close()

    def listener(self, name):
        if self.six:
            return f"https://[{THEIRS}]:{PORTS[name]}"
        return f"https://127.0.0.1:{self.ports[name]}"

    def forwards(self):
        """(host, guest) ports for the machine."""
        return [(self.ports[name], guest) for name, guest in PORTS.items()]

    def _destinations(self):
        yield f"trustd,{HOST},{self.crl.port}\n"
        yield f"logs,{HOST},{self.syslog.port}\n"
        yield f"ship,{HOST},{self.heads.port}\nship,{HOST},{self.nobody}\n"
        for simulator, program in ((self.tsa, "seal"), (self.traces, "forward"),
                                   (self.customs, "forward")):
            yield f"{program},{HOST},{simulator.url.rsplit(':', 1)[1].split('/')[0]}\n"

    def secrets(self):
        """Files of the configuration that a machine keeps encrypted alone."""
        folder = self.dir / "credentials"
        return [self.dir / "tls" / "server.key", folder / "so-pin",
                *(path for path in (folder / "destinations").iterdir() if path.suffix != ".pem")]

    def configuration(self, folder, **changes):
        """Write the files of a machine's configuration, unsigned. changes: texts of files by
        name with / as __ (network__egress_csv=...)."""
        folder = pathlib.Path(folder)
        shutil.rmtree(folder, ignore_errors=True)
        for part in PARTS:
            source, target = self.dir / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        self._machine_conf(folder / "sealgate.conf")
        softhsm = folder / "state" / "signer" / "softhsm2.conf"
        softhsm.write_text(softhsm.read_text().replace(str(self.dir), "/var/lib/sealgate"))
        for profile in (folder / "policies" / "routes" / "destinations").glob("*.cfg"):
            host = TRACES if self.names and profile.stem == "traces" else HOST
            profile.write_text(profile.read_text().replace("127.0.0.1", host))
        self._sources(folder / "policies")
        (folder / "network").mkdir()
        (folder / "network" / "egress.csv").write_text("".join(self._destinations()))
        (folder / "network" / "machine.network").write_text(
            f"[Match]\nMACAddress={SECOND_MAC}\n[Network]\nAddress={THEIRS}/64\n"
            f"IPv6AcceptRA=no\nDNS={OURS}\nDomains=~test\n")
        self._receiver(folder / "logs", self.syslog.port)
        self._receiver(folder / "ship" / "siem", self.heads.port)
        self._receiver(folder / "ship" / "away", self.nobody)
        for name, text in changes.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        return folder

    def _receiver(self, folder, port):
        folder.mkdir(parents=True)
        (folder / "server").write_text(f"{HOST}:{port}\n")
        for name, path in (("ca.pem", self.pki.path(TRANSPORT)),
                           ("client.pem", self.pki.path("clients/gate", ".chain.pem")),
                           ("client.key", self.pki.path("clients/gate", ".key"))):
            shutil.copyfile(path, folder / name)

    def _sources(self, policies):
        """Where the machine's trustd asks, and whose signature the answer must bear."""
        issuer, host = "anchors/issuers/transport-ca.pem", f"{HOST}:{self.crl.port}"
        (policies / "trust").mkdir(exist_ok=True)
        (policies / "trust" / "sources.cfg").write_text(
            f'hosts = ( "{host}" );\naddresses = "any";\nrevocation = ( {{\n'
            f'\tname = "{self.pki.crl_path(TRANSPORT).stem}"; url = "http://{host}/crl";\n'
            f'\tissuer = "{issuer}"; every_s = 5; }} );\n')

    def _machine_conf(self, path):
        lines = [line for line in path.read_text().splitlines()
                 if not line.startswith(("listen =", "peers ="))]
        listen = " ".join(f'{name} = "[::]:{port}";' for name, port in PORTS.items())
        peers = " ".join(f"{name} = {uid};" for uid, name in enumerate(PEERS, FIRST_UID))
        lines.append(f"listen = {{ {listen} }};")
        lines.append(f"peers = {{ separate = true; {peers} }};")
        lines.append(f"audit = {{ seal_s = {HEADS_EVERY_S}; }};")
        path.write_text("\n".join(lines).replace("127.0.0.1", HOST) + "\n")
