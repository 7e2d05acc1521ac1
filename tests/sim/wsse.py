# SPDX-License-Identifier: EUPL-1.2
"""WS-Security as TRACES NT asks for it: UsernameToken with PasswordDigest and Timestamp.

The digest is Base64(SHA-1(raw nonce octets || Created || authentication key)), prescribed
by the UsernameToken profile; it proves nothing beyond this header.
"""
import base64
import binascii
import datetime
import hashlib
import hmac
import re
import threading

from lxml import etree

from . import soap

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = _OASIS + "wssecurity-secext-1.0.xsd"
WSU = _OASIS + "wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = _OASIS + "username-token-profile-1.0#PasswordDigest"
BASE64_BINARY = _OASIS + "soap-message-security-1.0#Base64Binary"
NONCE_BYTES = 16
SKEW = 300
LIFETIME = 60
MAX_NONCES = 1_000_000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def digest(nonce, created, key):
    """The password digest of raw nonce octets, Created text and key octets."""
    hashed = hashlib.sha1(nonce + created.encode() + key).digest()
    return base64.b64encode(hashed).decode()


def _only(parent, namespace, name):
    found = parent.findall(f"{{{namespace}}}{name}")
    if len(found) != 1:
        raise soap.Unauthenticated(f"{len(found)} elements {name}, one is wanted")
    return found[0]


def _time(text):
    if not text or not _TIME.fullmatch(text):
        raise soap.Unauthenticated(f"not a time with a zone: {text!r}")
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError as error:
        raise soap.Unauthenticated(f"no such time: {text!r}") from error


class Account:
    """One user name and key, and the nonces it has spent (kept in order of arrival)."""

    def __init__(self, username, key):
        self.username, self.key = username, key
        self._spent, self._lock = {}, threading.Lock()

    def check(self, header, now):
        """Judge the Security header of a request at `now`. Unauthenticated: refused."""
        security = _only(header, WSSE, "Security")
        token = _only(security, WSSE, "UsernameToken")
        created = _only(token, WSU, "Created").text
        self._check_timestamp(_only(security, WSU, "Timestamp"), now)
        if abs(_time(created) - now) > SKEW:
            raise soap.Unauthenticated(f"Created {created} is over {SKEW} s away")
        if _only(token, WSSE, "Username").text != self.username:
            raise soap.Unauthenticated("unknown user name")
        nonce = self._nonce(_only(token, WSSE, "Nonce"))
        self._check_password(_only(token, WSSE, "Password"), nonce, created)
        self._spend(nonce)

    @staticmethod
    def _check_timestamp(stamp, now):
        created = _time(_only(stamp, WSU, "Created").text)
        expires = _time(_only(stamp, WSU, "Expires").text)
        if abs(created - now) > SKEW:
            raise soap.Unauthenticated(f"Timestamp is over {SKEW} s away")
        if not created < expires <= created + LIFETIME:
            raise soap.Unauthenticated(f"Expires is not within {LIFETIME} s of Created")
        if expires <= now:
            raise soap.Unauthenticated("Timestamp has expired")

    @staticmethod
    def _nonce(node):
        if node.get("EncodingType", BASE64_BINARY) != BASE64_BINARY:
            raise soap.Unauthenticated("unknown EncodingType of the nonce")
        try:
            nonce = base64.b64decode(node.text or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise soap.Unauthenticated("the nonce is not base64") from error
        if len(nonce) != NONCE_BYTES:
            raise soap.Unauthenticated(f"nonce of {len(nonce)} octets")
        return nonce

    def _check_password(self, node, nonce, created):
        if node.get("Type") != PASSWORD_DIGEST:
            raise soap.Unauthenticated("Password/@Type is not PasswordDigest")
        if hmac.compare_digest((node.text or "").encode(),
                               digest(nonce, created, self.key).encode()):
            return
        text = base64.b64encode(nonce)
        if hmac.compare_digest((node.text or "").encode(),
                               digest(text, created, self.key).encode()):
            raise soap.Unauthenticated("the base64 text of the nonce was hashed")
        raise soap.Unauthenticated("wrong password digest")

    def _spend(self, nonce):
        with self._lock:
            if nonce in self._spent:
                raise soap.Unauthenticated("nonce used before")
            self._spent[nonce] = True
            if len(self._spent) > MAX_NONCES:
                del self._spent[next(iter(self._spent))]


def security(username, key, now, nonce, lifetime=LIFETIME):
    """The Security header a correct client would send at `now` (for the tests)."""
    def text(seconds):
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    root = etree.Element(f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    stamp = etree.SubElement(root, f"{{{WSU}}}Timestamp")
    etree.SubElement(stamp, f"{{{WSU}}}Created").text = text(now)
    etree.SubElement(stamp, f"{{{WSU}}}Expires").text = text(now + lifetime)
    token = etree.SubElement(root, f"{{{WSSE}}}UsernameToken")
    etree.SubElement(token, f"{{{WSSE}}}Username").text = username
    password = etree.SubElement(token, f"{{{WSSE}}}Password", Type=PASSWORD_DIGEST)
    password.text = digest(nonce, text(now), key)
    coded = etree.SubElement(token, f"{{{WSSE}}}Nonce", EncodingType=BASE64_BINARY)
    coded.text = base64.b64encode(nonce).decode()
    etree.SubElement(token, f"{{{WSU}}}Created").text = text(now)
    return root
