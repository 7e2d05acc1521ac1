# SPDX-License-Identifier: EUPL-1.2
"""An RFC 3161 time-stamping authority over plain HTTP on loopback.

  POST / or /tsa, application/timestamp-query -> application/timestamp-reply

Tokens are real: CMS SignedData with signed attributes and ESSCertIDv2, the nonce echoed,
certificates only when asked for. Modes of its own:
  reject          PKIStatus rejection, systemFailure
  wrong-nonce     a nonce that was not sent     no-nonce        none
  wrong-imprint   the digest of something else  wrong-policy    another policy
  bad-signature   one bit of the signature      no-cert         certReq ignored
Time is set through /_sim/clock. The ledger has one line for each token.
"""
import datetime
import hashlib
import logging
import re
import secrets
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from . import der, service

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
POLICY = "2.999.3161.1"
WRONG_POLICY = "2.999.3161.666"
DIGESTS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2",
           "sha512": "2.16.840.1.101.3.4.2.3"}
HASHES = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
ECDSA_WITH = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3",
              "sha512": "1.2.840.10045.4.3.4"}
RSA_WITH = {"sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12",
            "sha512": "1.2.840.113549.1.1.13"}
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
BAD_ALG, BAD_REQUEST, BAD_DATA_FORMAT, UNACCEPTED_POLICY = 0, 2, 5, 15
UNACCEPTED_EXTENSION, SYSTEM_FAILURE = 16, 25
MAX_NONCE = 32
LOG = logging.getLogger("sim")


class Rejection(Exception):
    """A query that gets no token: PKIFailureInfo bit and text."""

    def __init__(self, bit, text):
        super().__init__(text)
        self.bit, self.text = bit, text


class Query:
    """A TimeStampReq (RFC 3161, clause 2.4.1), read strictly."""

    def __init__(self, data, policy):
        try:
            self._read(data, policy)
        except der.DerError as error:
            raise Rejection(BAD_DATA_FORMAT, f"not a query: {error}") from error

    def _read(self, data, policy):
        outer = der.Reader(data)
        reader = outer.inner()
        outer.end()
        if reader.number() != 1:
            raise Rejection(BAD_REQUEST, "version 1 is wanted")
        self.imprint = reader.element(der.SEQUENCE)[1]
        self.algorithm, self.digest = self._imprint(self.imprint)
        if reader.peek() == der.OID and reader.element()[1] != der.oid(policy):
            raise Rejection(UNACCEPTED_POLICY, f"policy {policy} only")
        self.nonce = reader.number() if reader.peek() == der.INTEGER else None
        if self.nonce is not None and self.nonce.bit_length() > 8 * MAX_NONCE:
            raise Rejection(BAD_REQUEST, "nonce too long")
        self.cert_req = False
        if reader.peek() == der.BOOLEAN:
            if reader.content(der.BOOLEAN) != b"\xff":
                raise der.DerError("certReq must be absent or TRUE")
            self.cert_req = True
        if reader.peek() == 0xA0:
            raise Rejection(UNACCEPTED_EXTENSION, "no extensions here")
        reader.end()

    @staticmethod
    def _imprint(data):
        """(digest name, digest) of a MessageImprint."""
        reader = der.Reader(data).inner()
        algorithm = reader.inner()
        identifier = algorithm.element(der.OID)[1]
        if algorithm.peek() == der.NULL and algorithm.content(der.NULL):
            raise der.DerError("NULL with content")
        algorithm.end()
        digest = reader.content(der.OCTET_STRING)
        reader.end()
        for name, dotted in DIGESTS.items():
            if identifier == der.oid(dotted):
                if len(digest) != hashlib.new(name).digest_size:
                    raise Rejection(BAD_DATA_FORMAT, "the imprint has another length")
                return name, digest
        raise Rejection(BAD_ALG, "SHA-256, SHA-384 or SHA-512 only")


def rejection(bit, text):
    """A TimeStampResp with status rejection."""
    octets = bytearray(4)
    octets[bit // 8] |= 0x80 >> bit % 8
    used = bytes(octets[:bit // 8 + 1])
    info = der.tlv(der.BIT_STRING, bytes([7 - bit % 8]), used)
    free_text = der.sequence(der.tlv(der.UTF8, text.encode()))
    return der.sequence(der.sequence(der.integer(2), free_text, info))


class Signer:
    """Key and certificates of the authority; makes tokens, knows nothing of HTTP."""

    def __init__(self, key, certificate, extra=(), digest="sha256", fractions=False):
        """`key` private EC or RSA, `certificate` x509, `extra` further x509 ones."""
        self._key, self._digest, self._fractions = key, digest, fractions
        self._certificates = [item.public_bytes(serialization.Encoding.DER)
                              for item in (certificate, *extra)]
        self._issuer, self._serial = self._name_and_serial(self._certificates[0])
        hashed = hashlib.sha256(self._certificates[0]).digest()
        general_names = der.sequence(der.tlv(0xA4, self._issuer))
        self._ess = der.sequence(der.sequence(der.sequence(
            der.octets(hashed), der.sequence(general_names, self._serial))))

    @staticmethod
    def _name_and_serial(certificate):
        """DER of issuer and serialNumber as they stand in the certificate."""
        tbs = der.Reader(certificate).inner().inner()
        tbs.element(0xA0)
        serial = tbs.element(der.INTEGER)[1]
        tbs.element(der.SEQUENCE)
        return tbs.element(der.SEQUENCE)[1], serial

    def _gen_time(self, now):
        moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
        text = moment.strftime("%Y%m%d%H%M%S")
        fraction = f"{moment.microsecond // 1000:03d}".rstrip("0")
        if self._fractions and fraction:
            text += "." + fraction
        return der.tlv(der.GENERALIZED_TIME, text.encode() + b"Z")

    def _algorithm(self):
        return der.sequence(der.oid(DIGESTS[self._digest]))

    def _sign(self, data):
        """(AlgorithmIdentifier, signature) over `data`."""
        algorithm = HASHES[self._digest]()
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return (der.sequence(der.oid(ECDSA_WITH[self._digest])),
                    self._key.sign(data, ec.ECDSA(algorithm)))
        return (der.sequence(der.oid(RSA_WITH[self._digest]), der.tlv(der.NULL)),
                self._key.sign(data, padding.PKCS1v15(), algorithm))

    def _tst_info(self, imprint, nonce, policy, now, serial):
        accuracy = der.sequence(der.integer(1))
        return der.sequence(der.integer(1), der.oid(policy), imprint, der.integer(serial),
                            self._gen_time(now), accuracy,
                            b"" if nonce is None else der.integer(nonce))

    def _attributes(self, content, now):
        """The contents of SignedAttributes, in DER's order."""
        def attribute(kind, value):
            return der.sequence(der.oid(kind), der.set_of(value))

        moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
        utc = der.tlv(der.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
        return b"".join(sorted((
            attribute(CONTENT_TYPE, der.oid(TST_INFO)),
            attribute(SIGNING_TIME, utc),
            attribute(MESSAGE_DIGEST,
                      der.octets(hashlib.new(self._digest, content).digest())),
            attribute(SIGNING_CERTIFICATE_V2, self._ess))))

    def response(self, imprint, nonce, now, serial, *, certificates=True, policy=POLICY,
                 spoil=False):
        """A granted TimeStampResp over `imprint` (DER of a MessageImprint)."""
        content = self._tst_info(imprint, nonce, policy, now, serial)
        attributes = self._attributes(content, now)
        algorithm, signature = self._sign(der.tlv(der.SET, attributes))
        if spoil:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        info = der.sequence(der.integer(1), der.sequence(self._issuer, self._serial),
                            self._algorithm(), der.tlv(0xA0, attributes), algorithm,
                            der.octets(signature))
        chain = der.tlv(0xA0, *sorted(self._certificates)) if certificates else b""
        signed = der.sequence(
            der.integer(3), der.set_of(self._algorithm()),
            der.sequence(der.oid(TST_INFO), der.tlv(0xA0, der.octets(content))),
            chain, der.set_of(info))
        token = der.sequence(der.oid(SIGNED_DATA), der.tlv(0xA0, signed))
        return der.sequence(der.sequence(der.integer(0)), token)


class Tsa(service.Service):
    """The authority as a service."""

    name = "tsa"
    description = "RFC 3161 time-stamping authority"
    modes = ("reject", "wrong-nonce", "no-nonce", "wrong-imprint", "wrong-policy",
             "bad-signature", "no-cert")
    tls = False

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--cert", required=True, metavar="PEM",
                            help="the authority's certificate; others in the file go "
                                 "into the token too")
        parser.add_argument("--key", required=True, metavar="PEM")
        parser.add_argument("--digest", choices=sorted(DIGESTS), default="sha256",
                            help="for the token's own signature")
        parser.add_argument("--policy", default=POLICY, metavar="OID")
        parser.add_argument("--fractions", action="store_true",
                            help="milliseconds in genTime")

    def __init__(self, options):
        super().__init__(options)
        with open(options.key, "rb") as file:
            key = serialization.load_pem_private_key(file.read(), None)
        if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise ValueError(f"{options.key}: an EC or RSA key is wanted")
        chain = load_certificates(options.cert)
        self._signer = Signer(key, chain[0], chain[1:], options.digest, options.fractions)

    def operation(self, request):
        return "submit" if request.method == "POST" else None

    def serve(self, request, fault):
        if request.path not in ("/", "/tsa") or request.method != "POST":
            return service.Reply(404, b"POST a query to /tsa\n")
        if request.media_type() != QUERY:
            return service.Reply(415, QUERY.encode() + b" is wanted\n")
        try:
            if fault.mode == "reject":
                raise Rejection(SYSTEM_FAILURE, "refused on purpose")
            return service.Reply(200, self._stamp(request.body, fault.mode), REPLY)
        except Rejection as refusal:
            LOG.warning("rejection: %s", refusal.text)
            return service.Reply(200, rejection(refusal.bit, refusal.text), REPLY)

    def _stamp(self, data, mode):
        query = Query(data, self.options.policy)
        now, serial = self.now(), secrets.randbits(127) | 1 << 126
        imprint, nonce = query.imprint, query.nonce
        if mode == "wrong-imprint":
            wrong = hashlib.new(query.algorithm, query.digest).digest()
            imprint = imprint.replace(query.digest, wrong)
        if mode == "wrong-nonce":
            nonce = (nonce or 0) ^ 1
        if mode == "no-nonce":
            nonce = None
        reply = self._signer.response(
            imprint, nonce, now, serial, spoil=mode == "bad-signature",
            certificates=query.cert_req and mode != "no-cert",
            policy=WRONG_POLICY if mode == "wrong-policy" else self.options.policy)
        self.ledger.append("token", serial=f"{serial:x}", algorithm=query.algorithm,
                           imprint=query.digest.hex(), mode=mode,
                           nonce=None if query.nonce is None else f"{query.nonce:x}")
        return reply

    def broken(self, mode, request, fault):
        if mode == "garbage":
            return service.Reply(200, b"0\x82\x01\x00not a reply", REPLY)
        if mode == "busy":
            return service.Reply(503, b"busy\n", headers={
                "Retry-After": str(max(1, round(fault.delay)))})
        if mode == "auth-fail":
            return service.Reply(401, b"not authorised\n")
        if mode == "fault-perm":
            return service.Reply(200, rejection(BAD_REQUEST, "refused for ever"), REPLY)
        return service.Reply(500, b"internal error\n")


def load_certificates(path):
    """The certificates of a PEM file, in order. ValueError: none."""
    with open(path, "rb") as file:
        blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----",
                            file.read(), re.DOTALL)
    if not blocks:
        raise ValueError(f"{path}: no certificate")
    return [x509.load_pem_x509_certificate(block) for block in blocks]


if __name__ == "__main__":
    sys.exit(service.main(Tsa))
