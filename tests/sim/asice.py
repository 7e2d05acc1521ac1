# SPDX-License-Identifier: EUPL-1.2
"""The least a destination can ask of an ASiC-E container, and a sample that meets it.

It looks at the beginning of the ZIP only (EN 319 162-1, clause A.1): whether signatures
hold is for the evidence verifier, not for a simulated destination.
"""
import io
import zipfile

MEDIA_TYPE = "application/vnd.etsi.asic-e+zip"
_LOCAL_HEADER = b"PK\x03\x04"


def looks_right(data):
    """True when the first entry is a stored "mimetype" that says ASiC-E."""
    name, content = b"mimetype", MEDIA_TYPE.encode("ascii")
    if data[:4] != _LOCAL_HEADER or len(data) < 30 + len(name) + len(content):
        return False
    method = int.from_bytes(data[8:10], "little")
    size = int.from_bytes(data[22:26], "little")
    name_length = int.from_bytes(data[26:28], "little")
    extra_length = int.from_bytes(data[28:30], "little")
    return (method == 0 and size == len(content) and extra_length == 0
            and name_length == len(name) and data[30:30 + len(name)] == name
            and data[30 + len(name):30 + len(name) + len(content)] == content)


def sample(files):
    """Octets of a container with `files` (name to octets), unsigned, for tests."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), MEDIA_TYPE)
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()
