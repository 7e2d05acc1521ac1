# SPDX-License-Identifier: EUPL-1.2
"""Just enough DER to read a time-stamp query and to write a token.

The reader takes definite, minimal lengths and single-octet tags only; what else occurs
is refused.
"""
SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING = 0x30, 0x31, 0x02, 0x03, 0x04
NULL, OID, BOOLEAN, UTF8, UTC_TIME, GENERALIZED_TIME = 0x05, 0x06, 0x01, 0x0C, 0x17, 0x18


class DerError(ValueError):
    """The octets are not the DER that was expected."""


def tlv(tag, *parts):
    """One element around the concatenated parts."""
    content = b"".join(parts)
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts):
    return tlv(SEQUENCE, *parts)


def set_of(*parts):
    """SET OF in DER's order."""
    return tlv(SET, *sorted(parts))


def integer(value):
    """A non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(data):
    return tlv(OCTET_STRING, data)


def oid(dotted):
    """OBJECT IDENTIFIER from its dotted text."""
    arcs = [int(arc) for arc in dotted.split(".")]
    content = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        group = bytes([arc & 0x7F])
        while arc := arc >> 7:
            group = bytes([0x80 | arc & 0x7F]) + group
        content += group
    return tlv(OID, content)


class Reader:
    """Walks over the elements in a piece of DER."""

    def __init__(self, data):
        self._data, self._at = data, 0

    def peek(self):
        """The next tag, or None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def element(self, tag=None):
        """(content, whole element) of the next one, which must carry `tag` if given."""
        start, data = self._at, self._data
        if len(data) - start < 2 or tag not in (None, data[start]):
            raise DerError(f"octet {start}: another element is wanted")
        if data[start] & 0x1F == 0x1F:
            raise DerError(f"octet {start}: long tag")
        length, head = data[start + 1], start + 2
        if length >= 128:
            count = length & 0x7F
            length = int.from_bytes(data[head:head + count], "big")
            if not 1 <= count <= 4 or head + count > len(data) or length < 128 \
                    or data[head] == 0:
                raise DerError(f"octet {start}: unfit length")
            head += count
        if head + length > len(data):
            raise DerError(f"octet {start}: longer than what is there")
        self._at = head + length
        return data[head:self._at], data[start:self._at]

    def content(self, tag):
        return self.element(tag)[0]

    def inner(self, tag=SEQUENCE):
        """A Reader over the content of the next element."""
        return Reader(self.content(tag))

    def number(self):
        """The next INTEGER, which must be minimal and not negative."""
        data = self.content(INTEGER)
        if not data or data[0] & 0x80 or (len(data) > 1 and data[0] == 0
                                          and not data[1] & 0x80):
            raise DerError("unfit INTEGER")
        return int.from_bytes(data, "big")

    def end(self):
        """DerError when something follows."""
        if self.peek() is not None:
            raise DerError("trailing octets")
