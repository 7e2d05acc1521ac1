# SPDX-License-Identifier: EUPL-1.2
"""Certificate profiles, and authorities that issue by them and keep a CRL.

Library of pki.py, which says who exists; no files here and no clock. Every certificate
carries a positive random serial of at most 20 octets, SubjectKeyIdentifier,
AuthorityKeyIdentifier and critical BasicConstraints and KeyUsage; nothing carries an
address to fetch from.
"""
import dataclasses
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

EKU_SERVER, EKU_CLIENT = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
EKU_TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
ANY_POLICY = "2.5.29.32.0"
# 2.999 is the arc for examples (ITU-T X.660).
POLICY_OFFICER, POLICY_SEAL, POLICY_TSA = "2.999.1.1", "2.999.1.2", "2.999.1.3"
POLICY_EC_SEAL, POLICY_RECEIPT = "2.999.2.1", "2.999.2.2"
MIN_RSA_BITS = 3072

ATTRIBUTES = {
    "C": "2.5.4.6", "O": "2.5.4.10", "organizationIdentifier": "2.5.4.97",
    "OU": "2.5.4.11", "SN": "2.5.4.4", "GN": "2.5.4.42", "CN": "2.5.4.3",
    "serialNumber": "2.5.4.5"}
USAGES = ("digital_signature", "content_commitment", "key_encipherment",
          "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
          "encipher_only", "decipher_only")


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a kind of certificate may do."""
    usage: tuple
    extended: tuple = ()
    extended_critical: bool = False
    policies: tuple = ()
    ca: bool = False
    path_length: object = None


PROFILES = {
    "root": Profile(("key_cert_sign", "crl_sign"), ca=True),
    "issuing": Profile(("key_cert_sign", "crl_sign"), policies=(ANY_POLICY,), ca=True,
                       path_length=0),
    "officer": Profile(("content_commitment",), policies=(POLICY_OFFICER,)),
    "seal": Profile(("content_commitment",), policies=(POLICY_SEAL,)),
    "ec-seal": Profile(("content_commitment",), policies=(POLICY_EC_SEAL,)),
    "receipt": Profile(("digital_signature", "content_commitment"),
                       policies=(POLICY_RECEIPT,)),
    "tsa": Profile(("digital_signature",), (EKU_TIME_STAMPING,), True, (POLICY_TSA,)),
    "client": Profile(("digital_signature",), (EKU_CLIENT,)),
    "server": Profile(("digital_signature",), (EKU_SERVER,)),
}


def new_key(kind):
    """A private key: P-256, P-384 or RSA-3072."""
    if kind == "RSA-3072":
        return rsa.generate_private_key(65537, MIN_RSA_BITS)
    return ec.generate_private_key({"P-256": ec.SECP256R1, "P-384": ec.SECP384R1}[kind]())


def public_key(pem):
    """The public key of a PEM request (whose signature must hold) or PEM public key.

    ValueError: neither, or a key this project would not use.
    """
    if b"CERTIFICATE REQUEST" in pem:
        request = x509.load_pem_x509_csr(pem)
        if not request.is_signature_valid:
            raise ValueError("the request's own signature does not hold")
        key = request.public_key()
    else:
        key = serialization.load_pem_public_key(pem)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and \
            isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1)):
        return key
    raise ValueError("P-256, P-384 or RSA of at least 3072 bits is wanted")


def name(subject):
    """An x509.Name from pairs such as ("C", "NZ"), in their order."""
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(ATTRIBUTES[kind]), text)
                      for kind, text in subject])


def certificate(profile, subject, key, issuer, issuer_ski, signer, span, hosts=()):
    """Build and sign one certificate.

    profile: Profile. subject, issuer: x509.Name. key: public key of the subject.
    issuer_ski: SubjectKeyIdentifier of the issuer, None for a root. signer: private key.
    span: (not before, not after), aware datetimes. hosts: names and addresses for SAN.
    """
    ski = x509.SubjectKeyIdentifier.from_public_key(key)
    aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        issuer_ski or ski)
    usage = x509.KeyUsage(**{item: item in profile.usage for item in USAGES})
    builder = (x509.CertificateBuilder()
               .serial_number(x509.random_serial_number())
               .subject_name(subject).issuer_name(issuer).public_key(key)
               .not_valid_before(span[0]).not_valid_after(span[1])
               .add_extension(x509.BasicConstraints(profile.ca, profile.path_length),
                              True)
               .add_extension(usage, True)
               .add_extension(ski, False)
               .add_extension(aki, False))
    if profile.extended:
        purposes = [x509.ObjectIdentifier(item) for item in profile.extended]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes),
                                        profile.extended_critical)
    if profile.policies:
        policies = [x509.PolicyInformation(x509.ObjectIdentifier(item), None)
                    for item in profile.policies]
        builder = builder.add_extension(x509.CertificatePolicies(policies), False)
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(item) for item in hosts]), False)
    return builder.sign(signer, hashes.SHA256())


def _host(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@dataclasses.dataclass
class Authority:
    """A CA: its certificate, its key and what it revoked ({serial: (when, reason)})."""
    certificate: x509.Certificate
    key: object
    revoked: dict = dataclasses.field(default_factory=dict)
    crl_number: int = 0

    @property
    def ski(self):
        extension = self.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier)
        return extension.value

    def issue(self, profile, subject, key, span, hosts=()):
        """A certificate for public `key`; `profile` by name, `subject` as pairs."""
        return certificate(PROFILES[profile], name(subject), key,
                           self.certificate.subject, self.ski, self.key, span, hosts)

    def revoke(self, serial, when, reason=x509.ReasonFlags.key_compromise):
        self.revoked[serial] = (when, reason)

    def crl(self, this_update, next_update):
        """The next full CRL."""
        self.crl_number += 1
        builder = (x509.CertificateRevocationListBuilder()
                   .issuer_name(self.certificate.subject)
                   .last_update(this_update).next_update(next_update)
                   .add_extension(x509.CRLNumber(self.crl_number), False)
                   .add_extension(
                       x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                           self.ski), False))
        for serial, (when, reason) in sorted(self.revoked.items()):
            entry = (x509.RevokedCertificateBuilder().serial_number(serial)
                     .revocation_date(when).add_extension(x509.CRLReason(reason), False))
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256())

    def adopt_crl(self, crl):
        """Take over what an earlier CRL of this authority says."""
        self.crl_number = crl.extensions.get_extension_for_class(
            x509.CRLNumber).value.crl_number
        for entry in crl:
            reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
            self.revoke(entry.serial_number, _revocation_date(entry), reason)


def _revocation_date(entry):
    if hasattr(entry, "revocation_date_utc"):
        return entry.revocation_date_utc
    return entry.revocation_date.replace(tzinfo=datetime.timezone.utc)


def root(subject, kind, span):
    """A new self-signed Authority."""
    key, own = new_key(kind), name(subject)
    return Authority(certificate(PROFILES["root"], own, key.public_key(), own, None, key,
                                 span), key)
