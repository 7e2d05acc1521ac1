# SPDX-License-Identifier: EUPL-1.2
"""A whole gate for a demonstration or a scenario: instance, throw-away PKI, simulators.

Everything is made by the project's own programs; this module only puts the pieces together.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sim import pki as pki_module
from sim import process

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
BIN = pathlib.Path(os.environ.get("SEALGATE_BIN", ROOT / "build" / "bin"))
VECTORS = TESTS / "vectors" / "documents"
DESTINATIONS = TESTS / "scenarios" / "destinations"
UP_BOUND = 120.0


class GateError(Exception):
    """A step of making or starting the gate failed."""


def sealgate(*arguments, check=False, timeout=60, wrapper=(), **options):
    """Run the command line program; the finished process with text output."""
    done = subprocess.run([*wrapper, str(BIN / "sealgate"), *map(str, arguments)], text=True,
                          capture_output=True, timeout=timeout, check=False, **options)
    if check and done.returncode != 0:
        raise GateError(f"sealgate {' '.join(map(str, arguments))}: exit {done.returncode}\n"
                        f"{done.stdout}{done.stderr}")
    return done


def fingerprint(path):
    """SHA-256 of the first certificate in a PEM file, as policy files name it."""
    certificate = x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


class Gate:
    """One instance with its simulators below a folder."""

    wrapper = ()  # before every command of the instance
    roles = ("seal", "receipt", "audit-head")  # with a key and a certificate each
    reviewed = False  # a release takes two people, as in the policy that is shipped

    def __init__(self, folder, retry_max=4, timeout=6):
        self.folder = pathlib.Path(folder).resolve()
        self.dir = self.folder
        self.retry_max, self.timeout = retry_max, timeout
        self.pki = None
        self.traces = self.customs = self.tsa = None
        self.process = None
        self.held = []
        self.log = self.folder / "up.log"

    # making ------------------------------------------------------------------

    def make(self, with_rsa=False):
        """PKI, simulators, instance, token, policies: all that `up` needs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pki = pki_module.Pki.create(self.folder / "pki", with_rsa=with_rsa)
        self.start_simulators()
        sealgate("init", "--test", "--name", "demo", self.dir, check=True)
        self._hold_ports()
        self._configure()
        self._write_tls()
        self._write_trust()
        self._write_policies()
        self._write_credentials()
        self._make_token()
        return self

    def start_simulators(self):
        """The counterparts: TRACES, customs, a time-stamping authority."""
        path = self.pki.path
        tls = {"client_ca": path("transport-ca/root")}
        sims = self.folder / "sims"
        key = self.folder / "traces.key"
        key.write_text("demo-authentication-key")
        self.traces = process.start(
            "traces", sims, tls_cert=path("servers/sim-traces", ".chain.pem"),
            tls_key=path("servers/sim-traces", ".key"), username="sealgate",
            client_id="sealgate-test", key_file=key, store=sims / "traces", **tls)
        self.customs = process.start(
            "customs", sims, tls_cert=path("servers/sim-customs", ".chain.pem"),
            tls_key=path("servers/sim-customs", ".key"), store=sims / "customs", **tls)
        self.tsa = process.start("tsa", sims, cert=path("tsa/tsa"),
                                 key=path("tsa/tsa", ".key"))

    def _hold_ports(self):
        """What init has found free stays so while the gate is made, and while it is down."""
        for name in ("partners", "customs", "operators"):
            port = Gate.listener(self, name).rsplit(":", 1)[1]
            self.held.append(process.hold_port(int(port)))

    def _configure(self):
        """Name the time-stamping authority where it listens now."""
        conf = self.dir / "sealgate.conf"
        lines = [line for line in conf.read_text().splitlines() if not
                 line.startswith(("seal = ", "forward = "))]
        # Leases just above what one attempt may take here: what a killed program held is
        # taken up again as soon as that is safe.
        lines.append(f'seal = {{ tsa_url = "{self.tsa.url}/tsa"; lease_s = 20; }};')
        lines.append(f"forward = {{ lease_s = {3 * self.timeout}; }};")
        conf.write_text("\n".join(lines) + "\n")

    def resume(self):
        """Take up an instance that an earlier run left, with simulators of its own."""
        self.pki = pki_module.Pki.load(self.folder / "pki")
        self.start_simulators()
        self._configure()
        self.write_destinations()
        return self

    def _copy(self, source, name, owner=None, mode=0o644):
        target = self.dir / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(mode)
        if owner and os.geteuid() == 0:
            os.chown(target, self.uid(owner), -1)

    def uid(self, program):
        """Uid of a program in the instance's configuration; our own without separation."""
        text = (self.dir / "sealgate.conf").read_text()
        marker = f" {program} = "
        if marker not in text:
            return os.geteuid()
        return int(text.split(marker, 1)[1].split(";", 1)[0])

    def _write_tls(self):
        path = self.pki.path
        self._copy(path("servers/partners", ".chain.pem"), "tls/server.pem")
        self._copy(path("servers/partners", ".key"), "tls/server.key", "nginx", 0o400)
        for name in ("partner", "customs", "operator", "destination"):
            self._copy(path("transport-ca/root"), f"tls/{name}-ca.pem")

    def _write_trust(self):
        anchors = self.folder / "pki" / "anchors"
        uses = {"signers": ("authority-nz", "authority-br"), "tsa": ("tsa",),
                "seal": ("ec",), "issuers": ("transport-ca",)}
        for use, names in uses.items():
            for name in names:
                self._copy(anchors / f"{name}.pem", f"policies/anchors/{use}/{name}.pem")
        for crl in (self.folder / "pki" / "crl").iterdir():
            self._copy(crl, f"state/trust/revocation/{crl.name}")

    def _write_policies(self):
        self._write_partner("nz-mpi", "NZ", ("partners/nz-mpi", "partners/nz-mpi-next"), (
            ("authority-nz/officer", "officer"), ("authority-nz/officer-revoked", "officer"),
            ("authority-nz/officer-expired", "officer"), ("authority-nz/seal", "seal")))
        self._write_partner("br-mapa", "BR", ("partners/br-mapa",), (
            ("authority-br/officer", "officer"), ("authority-br/seal", "seal")))
        self._write_operators()
        policies = self.dir / "policies"
        (policies / "routes" / "10-all.cfg").write_text(
            'rules = ( { types = ( "*" ); import_countries = ( "*" );\n'
            '\tdestinations = ( "traces", "customs-nl" ); } );\n')
        self.write_destinations()

    def write_destinations(self):
        """Profiles of the simulators where they listen now."""
        target = self.dir / "policies" / "routes" / "destinations"
        target.mkdir(exist_ok=True)
        values = {"@TRACES@": self.traces.url, "@CUSTOMS@": self.customs.url,
                  "@TIMEOUT@": str(self.timeout), "@RETRY_MAX@": str(self.retry_max)}
        for source in DESTINATIONS.iterdir():
            text = source.read_text()
            for name, value in values.items():
                text = text.replace(name, value)
            (target / source.name.removesuffix(".in")).write_text(text)

    def _write_partner(self, name, country, transport, signers, more=""):
        """In one piece: verify may look at any moment."""
        certificates = ", ".join(f'"{fingerprint(self.pki.path(t))}"' for t in transport)
        rows = ",\n".join(
            f'\t{{ sha256 = "{fingerprint(self.pki.path(s))}"; role = "{role}"; '
            f'name = "{s}"; }}' for s, role in signers)
        new = self.folder / f"{name}.new"
        new.write_text(
            f'name = "{name}";\ncountry = "{country}";\ntransport = ( {certificates} );\n'
            f'signers = (\n{rows}\n);\ntypes = ( "PHYTO", "IMPORT" );\n{more}')
        new.replace(self.dir / "policies" / "partners" / f"{name}.cfg")

    def _write_operators(self):
        path = self.dir / "policies" / "operators.cfg"
        roles = ("viewer", "operator", "policy-officer", "key-custodian", "auditor")
        people = ",\n".join(
            f'\t{{ name = "{role} (TEST)"; role = "{role}"; '
            f'sha256 = "{fingerprint(self.pki.path(f"operators/{role}"))}"; }}'
            for role in roles)
        text = path.read_text().replace("people = ( );", f"people = (\n{people}\n);")
        if not self.reviewed:
            text = "".join(line for line in text.splitlines(True)
                           if not line.startswith("release_review"))
        path.write_text(text)

    def _write_credentials(self):
        folder = self.dir / "credentials" / "destinations"
        tls = 'certificate = "gate.pem";\nprivate_key = "gate.key";\n'
        texts = {"traces.cfg": 'username = "sealgate";\nkey = "demo-authentication-key";\n'
                               'client_id = "sealgate-test";\n' + tls,
                 "customs-nl.cfg": tls,
                 "gate.pem": self.pki.path("clients/gate", ".chain.pem").read_text(),
                 "gate.key": self.pki.path("clients/gate", ".key").read_text()}
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o400)
            if os.geteuid() == 0:
                os.chown(folder / name, self.uid("forward"), -1)

    def _make_token(self):
        """Keys are made in the token; the Commission's test CA certifies them."""
        self.run("hsm", "init", check=True)
        for role in self.roles:
            request = self.run("hsm", "csr", role, check=True).stdout
            issued = self.folder / f"{role}.pem"
            issued.write_bytes(self.pki.issue(role, request.encode()) +
                               self.pki.issue_chain(role))
            self.run("hsm", "import", role, issued, check=True)

    # running -----------------------------------------------------------------

    def run(self, *arguments, **options):
        """`sealgate --instance DIR ARGUMENTS`."""
        return sealgate("--instance", self.dir, *arguments, wrapper=self.wrapper, **options)

    def up(self):
        """Start everything and wait until it serves. GateError: it did not."""
        ready, theirs = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, str(BIN / "sealgate"), "--instance", str(self.dir), "up",
                 "--ready-fd", str(theirs)], stdout=log, stderr=log, pass_fds=(theirs,),
                stdin=subprocess.DEVNULL)
        os.close(theirs)
        try:
            readable, _, _ = select.select([ready], [], [], UP_BOUND)
            line = os.read(ready, 4096) if readable else b""
        finally:
            os.close(ready)
        if not line.startswith(b"ready"):
            self.down()
            raise GateError("the gate did not come up:\n" + self.log_tail())
        self.write_access()
        return self

    def down(self):
        """Stop in order; bounded."""
        if self.process is None:
            return  # what is up in this folder, if anything, is another's
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None
        for name in ("access.json", "access.env"):
            (self.folder / name).unlink(missing_ok=True)

    def close(self):
        """Stop the gate and the simulators."""
        self.down()
        for simulator in (self.traces, self.customs, self.tsa):
            if simulator:
                simulator.stop()
        for held in self.held:
            held.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def log_tail(self, lines=40):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # using -------------------------------------------------------------------

    def listener(self, name):
        """Base URL of a listener: partners, customs, operators."""
        text = (self.dir / "sealgate.conf").read_text()
        listen = text.split("listen = {", 1)[1].split("}", 1)[0]
        return "https://" + listen.split(f"{name} = \"", 1)[1].split('"', 1)[0]

    def transport(self, holder):
        """Arguments of submit and its kin for a client certificate."""
        return ("--ca", self.pki.path("transport-ca/root"),
                "--cert", self.pki.path(holder, ".chain.pem"),
                "--key", self.pki.path(holder, ".key"))

    def submit(self, path, partner="partners/nz-mpi", command="submit"):
        """The exit status and the answer of `sealgate submit`: sent again, as the gate asks for, as
        long as it changes to another policy."""
        end = time.monotonic() + 30
        while True:
            done = sealgate(command, "--url", self.listener("partners"),
                            *self.transport(partner), path)
            try:
                answer = json.loads(done.stdout)
            except json.JSONDecodeError:
                return done.returncode, {"stdout": done.stdout, "stderr": done.stderr}
            if answer.get("code") != "http.policy-changing" or time.monotonic() > end:
                return done.returncode, answer
            time.sleep(0.2)

    def request(self, path, partner="partners/nz-mpi", method="GET", listener="partners",
                **options):
        """A raw request by a client certificate (requests' response)."""
        import requests
        return requests.request(
            method, self.listener(listener) + path, timeout=30,
            cert=(str(self.pki.path(partner, ".chain.pem")),
                  str(self.pki.path(partner, ".key"))),
            verify=str(self.pki.path("transport-ca/root")), **options)

    def session(self, partner="partners/nz-mpi"):
        """Many requests by a client certificate over one connection."""
        import requests
        made = requests.Session()
        made.trust_env = False  # REQUESTS_CA_BUNDLE would go before verify
        made.cert = (str(self.pki.path(partner, ".chain.pem")),
                     str(self.pki.path(partner, ".key")))
        made.verify = str(self.pki.path("transport-ca/root"))
        return made

    def wait_delivered(self, identifiers, bound=60.0):
        """Wait until both counterparts have every document, and the gate knows and says so.
        GateError: not in time."""
        identifiers, end = list(identifiers), time.monotonic() + bound
        self.wait_arrived(identifiers, bound)
        with self.session("operators/viewer") as operator:
            for identifier in identifiers:
                while not self._says_delivered(operator, identifier):
                    if time.monotonic() > end:
                        raise GateError(f"{identifier}: the gate does not know in {bound} s that "
                                        f"it is delivered\n{self.log_tail()}")
                    time.sleep(0.05)

    def _says_delivered(self, operator, identifier):
        """Not while it is started anew, either."""
        try:
            answer = operator.get(self.listener("operators") + "/v1/explain", timeout=30,
                                  params={"key": identifier})
            document, = answer.json()["documents"]
        except (OSError, ValueError, KeyError):
            return False
        states = {row["destination"]: row["state"] for row in document["deliveries"]}
        return all(states.get(name) == "delivered" for name in ("traces", "customs-nl"))

    def wait_arrived(self, identifiers, bound=60.0):
        """Wait until both counterparts have every document, whatever the gate knows of it by then.
        GateError: not in time."""
        wanted = set(identifiers)
        end = time.monotonic() + bound
        while True:
            missing = {name: wanted - self.arrived(name) for name in ("traces", "customs")}
            if not any(missing.values()):
                return
            if time.monotonic() > end:
                raise GateError(f"not delivered in {bound} s: {missing}\n{self.log_tail()}")
            time.sleep(0.05)

    def arrived(self, name):
        """Ids in a counterpart's ledger."""
        if name == "traces":
            return {row["reference"] for row in self.traces.accepted()}
        return {row["key"].removesuffix("-advance") for row in self.customs.accepted()}

    def write_access(self):
        """access.json and access.env (for a shell): how what is up is reached."""
        def client(holder):
            return {"certificate": str(self.pki.path(holder, ".chain.pem")),
                    "key": str(self.pki.path(holder, ".key"))}

        number = f"PHYTO.NZ.{time.time_ns() // 10**6}"
        sample = self.document("phyto", number, name="sample")
        access = {
            "urls": {name: self.listener(name)
                     for name in ("partners", "customs", "operators")},
            "ca": str(self.pki.path("transport-ca/root")),
            "partners": {name: client(f"partners/{name}") for name in ("nz-mpi", "br-mapa")},
            "operators": {name: client(f"operators/{name}")
                          for name in ("viewer", "operator", "auditor")},
            "signers": {name: client(f"authority-nz/{name}") for name in ("officer", "seal")},
            "sample": {"document": str(sample), "number": number},
            "simulators": {name: {"url": sim.url, "control": sim.control,
                                  "ledger": str(sim.ledger_path)}
                           for name, sim in (("traces", self.traces),
                                             ("customs", self.customs), ("tsa", self.tsa))},
        }
        (self.folder / "access.json").write_text(json.dumps(access, indent=2) + "\n")
        names = {"GATE": access["urls"]["partners"], "CA": access["ca"],
                 "TSA": f"{self.tsa.url}/tsa", "SAMPLE": sample, "NUMBER": number,
                 "OPERATORS": access["urls"]["operators"],
                 "OPERATOR": self.pki.path("operators/operator", ""),
                 "PARTNER": self.pki.path("partners/nz-mpi", ""),
                 "OFFICER": self.pki.path("authority-nz/officer", ""),
                 "SEAL": self.pki.path("authority-nz/seal", "")}
        (self.folder / "access.env").write_text(
            "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in names.items()))

    # documents ---------------------------------------------------------------

    def document(self, vector, number, folder=None, name=None, **replacements):
        """A copy of a vector with another number (and texts replaced); its path."""
        text = (VECTORS / f"{vector}.xml").read_text()
        original = {"phyto": "PHYTO.NZ.2026.0000001",
                    "veterinary": "IMPORT.NZ.2026.0000001"}[vector]
        text = text.replace(original, number)
        for old, new in replacements.items():
            text = text.replace(old, new)
        path = (folder or self.folder) / f"{name or number}.xml"
        path.write_text(text)
        return path

    def sign(self, path, signer="authority-nz/officer", place=(), tsa=True, out=None):
        """A signed copy of a document; its path."""
        out = out or path.with_suffix(".signed.xml")
        sealgate("sign", "--key", self.pki.path(signer, ".key"), "--cert",
                 self.pki.path(signer), "--chain", self.pki.path(signer, ".chain.pem"),
                 *place, *(("--tsa", f"{self.tsa.url}/tsa") if tsa else ()), "-o", out, path,
                 check=True)
        return out

    def certificate(self, name, number, seal="counter", **replacements):
        """A complete document: officer's signature and the authority's seal."""
        unsigned = self.document(name, number, **replacements)
        if seal == "parallel":
            signed = self.sign(unsigned, place=("--parallel",))
            return self.sign(signed, "authority-nz/seal", place=("--parallel",), tsa=False)
        signed = self.sign(unsigned)
        return self.sign(signed, "authority-nz/seal", place=("--counter",), tsa=False)


@contextlib.contextmanager
def a_folder():
    """A folder that is gone afterwards. Its path is short, for the sockets in it, and it is
    open to all, for programs that have uids of their own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def a_gate(with_rsa=False, **options):
    """A gate that is made, not up yet, in a folder of its own; both are gone afterwards."""
    with a_folder() as folder, Gate(folder, **options) as gate:
        yield gate.make(with_rsa)
