# SPDX-License-Identifier: EUPL-1.2
"""A throw-away public key infrastructure for demonstrations and tests.

  python3 -m sim.pki DIR [--now T] [--no-rsa]       make everything below in DIR
  python3 -m sim.pki DIR --issue KIND --public FILE --out FILE [--name CN]
        a certificate for a key that lives elsewhere (request or public key, PEM);
        KIND: seal (of the Commission, TEST), receipt, audit-head, tsa, officer, client, server
  python3 -m sim.pki DIR --revoke NAME [--now T]    revoke, publish the CRL anew

For each NAME of the tables below: DIR/NAME.pem, DIR/NAME.key (PKCS#8, mode 0600) and,
for those that are not authorities, DIR/NAME.chain.pem (with its intermediates, without
the root). CRLs in DIR/crl/<authority>-<ca>.crl (DER) and DIR/crl-pem/ (PEM); roots in
DIR/anchors/<authority>.pem; everything is listed in DIR/index.json.
"""
import argparse
import concurrent.futures
import datetime
import hashlib
import json
import os
import pathlib
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from . import authority

# The last two: how a virtual machine of QEMU calls the host that it runs on, and how that calls it.
HOSTS = ("localhost", "127.0.0.1", "::1", "10.0.2.2", "fd5e:a16a::15", "traces.test")
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
YEAR = 365
CA_SPAN, TLS_SPAN, SIGNER_SPAN = (5 * YEAR, 15 * YEAR), (1, 3 * YEAR), (YEAR, 2 * YEAR)
PAST_SPAN = (3 * YEAR, -YEAR)
CRL_SPAN = (1 / 24, 10 * YEAR)
REVOKED_DAYS_AGO = 30

NZ = (("C", "NZ"), ("O", "Ministry for Primary Industries (TEST)"))
BR = (("C", "BR"), ("O", "Ministério da Agricultura e Pecuária (TEST)"))
EC = (("C", "BE"), ("O", "European Commission (TEST)"))
NZ_ID = ("organizationIdentifier", "NTRNZ-TEST0000001")
BR_ID = ("organizationIdentifier", "NTRBR-TEST0000001")
EC_ID = ("organizationIdentifier", "NTRBE-TEST0000001")
TRANSPORT = (("C", "BE"), ("O", "sealgate transport (TEST)"))
ROGUE = (("C", "XX"), ("O", "Rogue (TEST)"))


def _officer(organisation, given, surname, number):
    return organisation + (("GN", given), ("SN", surname), ("CN", f"{given} {surname}"),
                           ("serialNumber", number))


def _cn(organisation, text, *more):
    return organisation + more + (("CN", text),)


# NAME, issuer (None: a root), subject; all P-256.
AUTHORITIES = (
    ("transport-ca/root", None, _cn(TRANSPORT, "Transport CA (TEST)")),
    ("authority-nz/root", None, _cn(NZ, "NZ Root CA (TEST)")),
    ("authority-nz/issuing", "authority-nz/root", _cn(NZ, "NZ Issuing CA (TEST)")),
    ("authority-br/root", None, _cn(BR, "BR Root CA (TEST)")),
    ("authority-br/issuing", "authority-br/root", _cn(BR, "BR Issuing CA (TEST)")),
    ("tsa/root", None, _cn(EC, "Time-stamping CA (TEST)")),
    ("ec/root", None, _cn(EC, "Commission Root CA (TEST)")),
    ("ec/issuing", "ec/root", _cn(EC, "Commission Issuing CA (TEST)")),
    ("rogue/root", None, _cn(ROGUE, "Rogue CA (TEST)")),
)

_OFFICER = _officer(NZ, "Test", "Officer One", "NZ-OFFICER-0001")
_OPERATORS = TRANSPORT + (("OU", "Operators"),)
_PARTNERS_NZ, _PARTNERS_BR = NZ + (("OU", "Partners"),), BR + (("OU", "Partners"),)

# NAME, issuer, profile, subject, key, validity (days before and after now).
HOLDERS = (
    ("authority-nz/officer", "authority-nz/issuing", "officer", _OFFICER, "P-256",
     SIGNER_SPAN),
    ("authority-nz/officer-rsa", "authority-nz/issuing", "officer",
     _officer(NZ, "Test", "Officer Two", "NZ-OFFICER-0002"), "RSA-3072", SIGNER_SPAN),
    ("authority-nz/officer-revoked", "authority-nz/issuing", "officer",
     _officer(NZ, "Test", "Officer Three", "NZ-OFFICER-0003"), "P-256", SIGNER_SPAN),
    ("authority-nz/officer-expired", "authority-nz/issuing", "officer",
     _officer(NZ, "Test", "Officer Four", "NZ-OFFICER-0004"), "P-256", PAST_SPAN),
    ("authority-nz/officer-not-enrolled", "authority-nz/issuing", "officer",
     _officer(NZ, "Test", "Officer Five", "NZ-OFFICER-0005"), "P-256", SIGNER_SPAN),
    ("authority-nz/seal", "authority-nz/issuing", "seal",
     _cn(NZ, "MPI Seal (TEST)", NZ_ID), "P-256", SIGNER_SPAN),
    ("authority-br/officer", "authority-br/issuing", "officer",
     _officer(BR, "Teste", "Fiscal Um", "BR-OFFICER-0001"), "P-256", SIGNER_SPAN),
    ("authority-br/seal", "authority-br/issuing", "seal",
     _cn(BR, "MAPA Seal (TEST)", BR_ID), "P-256", SIGNER_SPAN),
    ("tsa/tsa", "tsa/root", "tsa", _cn(EC, "Time-stamping unit 1 (TEST)", EC_ID), "P-256",
     SIGNER_SPAN),
    ("rogue/officer", "rogue/root", "officer", _OFFICER, "P-256", SIGNER_SPAN),
    ("rogue/tsa", "rogue/root", "tsa", _cn(ROGUE, "Rogue time-stamps (TEST)"), "P-256",
     SIGNER_SPAN),
    ("partners/nz-mpi", "transport-ca/root", "client", _cn(_PARTNERS_NZ, "nz-mpi"),
     "P-256", TLS_SPAN),
    ("partners/nz-mpi-next", "transport-ca/root", "client", _cn(_PARTNERS_NZ, "nz-mpi"),
     "P-256", TLS_SPAN),
    ("partners/br-mapa", "transport-ca/root", "client", _cn(_PARTNERS_BR, "br-mapa"),
     "P-256", TLS_SPAN),
    ("partners/not-enrolled", "transport-ca/root", "client",
     _cn(_PARTNERS_NZ, "not-enrolled"), "P-256", TLS_SPAN),
    ("partners/expired", "transport-ca/root", "client", _cn(_PARTNERS_NZ, "nz-mpi"),
     "P-256", PAST_SPAN),
    ("partners/revoked", "transport-ca/root", "client", _cn(_PARTNERS_NZ, "nz-mpi"),
     "P-256", TLS_SPAN),
    ("partners/rogue", "rogue/root", "client", _cn(_PARTNERS_NZ, "nz-mpi"), "P-256",
     TLS_SPAN),
    *((f"operators/{role}", "transport-ca/root", "client", _cn(_OPERATORS, role), "P-256",
       TLS_SPAN)
      for role in ("viewer", "operator", "policy-officer", "policy-officer-2",
                   "key-custodian", "key-custodian-2", "auditor")),
    ("customs/nl-customs", "transport-ca/root", "client",
     (("C", "NL"), ("O", "Customs (TEST)"), ("CN", "nl-customs")), "P-256", TLS_SPAN),
    ("clients/gate", "transport-ca/root", "client", _cn(EC, "sealgate"), "P-256",
     TLS_SPAN),
    *((f"servers/{role}", "transport-ca/root", "server", _cn(TRANSPORT, f"{role}.test"),
       "P-256", TLS_SPAN)
      for role in ("partners", "customs", "operators", "sim-traces", "sim-customs",
                   "sim-hub")),
)

REVOKED = ("authority-nz/officer-revoked", "partners/revoked")

# For keys from outside. KIND: issuer, profile, subject without CN, CN, hosts, validity.
OUTSIDE = {
    "seal": ("ec/issuing", "ec-seal", EC + (EC_ID,), "European Commission Seal (TEST)",
             (), SIGNER_SPAN),
    "seal-inside": ("ec/issuing", "ec-seal", EC + (EC_ID,),
                    "European Commission Seal in Documents (TEST)", (), SIGNER_SPAN),
    "receipt": ("ec/issuing", "receipt", EC + (EC_ID,), "sealgate Receipts (TEST)", (),
                SIGNER_SPAN),
    "audit-head": ("ec/issuing", "receipt", EC + (EC_ID,), "sealgate Audit Heads (TEST)", (),
                   SIGNER_SPAN),
    "tsa": ("tsa/root", "tsa", EC + (EC_ID,), "Time-stamping unit 2 (TEST)", (), SIGNER_SPAN),
    "officer": ("authority-nz/issuing", "officer", NZ, "Test Officer", (), SIGNER_SPAN),
    "client": ("transport-ca/root", "client", TRANSPORT, "client", (), TLS_SPAN),
    "server": ("transport-ca/root", "server", TRANSPORT, "localhost", HOSTS, TLS_SPAN),
}


def _write(path, data, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(data)


def _key_pem(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Pki:
    """What is in one folder. Use create() or load()."""

    def __init__(self, directory, now):
        self.directory = pathlib.Path(directory)
        self.now = datetime.datetime.fromtimestamp(int(now), datetime.timezone.utc)
        self._authorities, self._index = {}, {}

    @classmethod
    def create(cls, directory, now=None, with_rsa=True):
        """Make everything in `directory`, which must not hold a PKI yet."""
        pki = cls(directory, time.time() if now is None else now)
        if (pki.directory / "index.json").exists():
            raise ValueError(f"{directory}: there is one already")
        pki.directory.mkdir(parents=True, exist_ok=True)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            slow = {row[0]: pool.submit(authority.new_key, row[4])
                    for row in HOLDERS if row[4].startswith("RSA") and with_rsa}
            pki._make_authorities()
            rows = sorted(HOLDERS, key=lambda row: row[0] in slow)
            for row in rows:
                if with_rsa or not row[4].startswith("RSA"):
                    pki._make_holder(row, slow.get(row[0]))
        for holder in REVOKED:
            when = pki.now - datetime.timedelta(days=REVOKED_DAYS_AGO)
            pki._authority_of(holder).revoke(pki.certificate(holder).serial_number, when)
        pki._write_crls()
        pki._write_index()
        return pki

    @classmethod
    def load(cls, directory, now=None):
        """Open what create() made."""
        pki = cls(directory, time.time() if now is None else now)
        pki._index = {entry["name"]: entry for entry in
                      json.loads((pki.directory / "index.json").read_text())}
        for ca, _, _ in AUTHORITIES:
            key = serialization.load_pem_private_key(pki.path(ca, ".key").read_bytes(),
                                                     None)
            loaded = authority.Authority(pki.certificate(ca), key)
            loaded.adopt_crl(x509.load_der_x509_crl(pki.crl_path(ca).read_bytes()))
            pki._authorities[ca] = loaded
        return pki

    def path(self, holder, suffix=".pem"):
        """Path of a file of NAME `holder`: .pem, .key or .chain.pem."""
        return self.directory / (holder + suffix)

    def crl_path(self, ca):
        """Path of the DER CRL of authority NAME `ca`."""
        return self.directory / "crl" / (ca.replace("/", "-") + ".crl")

    def certificate(self, holder):
        """The x509 certificate of NAME `holder`."""
        return x509.load_pem_x509_certificate(self.path(holder).read_bytes())

    def authority(self, ca):
        """The Authority of NAME `ca`."""
        return self._authorities[ca]

    def span(self, days):
        """(not before, not after) from days before and after now."""
        return (self.now - datetime.timedelta(days=days[0]),
                self.now + datetime.timedelta(days=days[1]))

    def issue(self, kind, pem, common_name=None, left=None):
        """PEM certificate of OUTSIDE `kind` for a PEM request or public key (octets); left: days
        that it has to live."""
        ca, profile, subject, default, hosts, days = OUTSIDE[kind]
        days = days if left is None else (days[0], left)
        subject = subject + (("CN", common_name or default),)
        issued = self._authorities[ca].issue(profile, subject, authority.public_key(pem),
                                             self.span(days), hosts)
        return issued.public_bytes(PEM)

    def issue_seal(self, pem):
        """The Commission's seal certificate (TEST) for a PEM request or public key."""
        return self.issue("seal", pem)

    def issue_chain(self, kind):
        """PEM of the intermediates above what issue(kind) gives, without the root."""
        return self._chain(OUTSIDE[kind][0])

    def revoke(self, holder, reason=x509.ReasonFlags.key_compromise):
        """Revoke NAME `holder` as of now and publish its issuer's CRL anew."""
        ca = self._index[holder]["issuer"]
        if ca is None:
            raise ValueError(f"{holder}: a root is not revoked by a CRL")
        self._authorities[ca].revoke(self.certificate(holder).serial_number, self.now,
                                     reason)
        self._write_crl(ca, self.now)

    def _chain(self, ca):
        """PEM of authority `ca` and those above it, without the root."""
        parent = {row[0]: row[1] for row in AUTHORITIES}[ca]
        if parent is None:
            return b""
        return self.path(ca).read_bytes() + self._chain(parent)

    def _authority_of(self, holder):
        return self._authorities[self._index[holder]["issuer"]]

    def _note(self, holder, issuer, profile, made):
        self._index[holder] = {
            "name": holder, "issuer": issuer, "profile": profile,
            "certificate": f"{holder}.pem", "key": f"{holder}.key",
            "subject": made.subject.rfc4514_string(), "serial": f"{made.serial_number:x}",
            "sha256": hashlib.sha256(made.public_bytes(DER)).hexdigest()}

    def _make_authorities(self):
        for ca, parent, subject in AUTHORITIES:
            if parent is None:
                made = authority.root(subject, "P-256", self.span(CA_SPAN))
                _write(self.directory / "anchors" / (ca.split("/")[0] + ".pem"),
                       made.certificate.public_bytes(PEM))
            else:
                key = authority.new_key("P-256")
                made = authority.Authority(
                    self._authorities[parent].issue("issuing", subject, key.public_key(),
                                                    self.span(CA_SPAN)), key)
            self._authorities[ca] = made
            _write(self.path(ca), made.certificate.public_bytes(PEM))
            _write(self.path(ca, ".key"), _key_pem(made.key), 0o600)
            self._note(ca, parent, "root" if parent is None else "issuing",
                       made.certificate)

    def _make_holder(self, row, slow_key):
        holder, ca, profile, subject, kind, days = row
        key = slow_key.result() if slow_key else authority.new_key(kind)
        made = self._authorities[ca].issue(profile, subject, key.public_key(),
                                           self.span(days),
                                           HOSTS if profile == "server" else ())
        pem = made.public_bytes(PEM)
        _write(self.path(holder), pem)
        _write(self.path(holder, ".chain.pem"), pem + self._chain(ca))
        _write(self.path(holder, ".key"), _key_pem(key), 0o600)
        self._note(holder, ca, profile, made)

    def _write_crl(self, ca, this_update):
        crl = self._authorities[ca].crl(this_update, self.span(CRL_SPAN)[1])
        _write(self.crl_path(ca), crl.public_bytes(DER))
        _write(self.directory / "crl-pem" / (self.crl_path(ca).stem + ".pem"),
               crl.public_bytes(PEM))

    def renew_crls(self, this_update):
        """Every authority's CRL anew, issued at this time."""
        for ca in self._authorities:
            self._write_crl(ca, this_update)

    def _write_crls(self):
        for ca in self._authorities:
            self._write_crl(ca, self.span(CRL_SPAN)[0])

    def _write_index(self):
        entries = [self._index[holder] for holder in sorted(self._index)]
        _write(self.directory / "index.json",
               json.dumps(entries, indent=1).encode("ascii") + b"\n")


def issue_seal(directory, pem, now=None):
    """Seal certificate (PEM octets) by the PKI in `directory` for an outside key."""
    return Pki.load(directory, now).issue_seal(pem)


def _time(text):
    if text.isascii() and text.isdigit():
        return int(text)
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("a time with a zone is wanted")
    return moment.timestamp()


def main(arguments=None):
    """The program. Return: the exit status."""
    parser = argparse.ArgumentParser(prog="sim.pki", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--now", type=_time, metavar="T",
                        help="RFC 3339 time or seconds since the epoch (default: now)")
    parser.add_argument("--no-rsa", action="store_true", help="leave the slow keys out")
    parser.add_argument("--issue", choices=sorted(OUTSIDE), metavar="KIND")
    parser.add_argument("--public", metavar="FILE")
    parser.add_argument("--out", metavar="FILE")
    parser.add_argument("--name", metavar="CN")
    parser.add_argument("--revoke", metavar="NAME")
    options = parser.parse_args(arguments)
    if options.issue and not (options.public and options.out):
        parser.error("--issue needs --public and --out")
    try:
        if options.revoke:
            Pki.load(options.directory, options.now).revoke(options.revoke)
        elif options.issue:
            pki = Pki.load(options.directory, options.now)
            pem = pathlib.Path(options.public).read_bytes()
            made = pki.issue(options.issue, pem, options.name)
            _write(pathlib.Path(options.out), made + pki.issue_chain(options.issue))
        else:
            Pki.create(options.directory, options.now, not options.no_rsa)
    except (OSError, ValueError, KeyError) as error:
        print(f"sim.pki: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
