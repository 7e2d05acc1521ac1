# SPDX-License-Identifier: EUPL-1.2
"""The receiver's side of a call-back: its signature verified as an integrator would, with nothing
of sealgate."""
import base64
import hashlib
import json

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils


class Refused(Exception):
    """Why a call-back is not taken."""


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def certificates(answer):
    """Whose key signs call-backs (GET /v1/certificates), by the SHA-256 of each: those of other
    roles do not."""
    return {one["sha256"]: x509.load_der_x509_certificate(base64.b64decode(one["chain"][0]))
            for one in answer["certificates"] if one["role"] == "receipt"}


def verified(signature, body, known, partner, after=0):
    """The claims of a call-back. known: of certificates(); after: the cursor of the last one that
    was kept. Refused: it is not to be taken."""
    header, claims, value = signature.split(".")
    head, value = json.loads(decoded(header)), decoded(value)
    if head.keys() != {"alg", "kid", "typ"} or head["alg"] != "ES256" or \
            head["typ"] != "sealgate-callback+jwt":
        raise Refused("form")
    if head["kid"] not in known:
        raise Refused("certificate")
    r, s = (int.from_bytes(half, "big") for half in (value[:32], value[32:]))
    try:
        known[head["kid"]].public_key().verify(
            utils.encode_dss_signature(r, s), f"{header}.{claims}".encode(),
            ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Refused("signature") from error
    said = json.loads(decoded(claims))
    if said["sha256"] != hashlib.sha256(body).hexdigest() or said["size"] != len(body):
        raise Refused("body")
    if said["aud"] != partner:
        raise Refused("partner")
    if int(said["cursor"]) <= after:
        raise Refused("replayed")
    return said
