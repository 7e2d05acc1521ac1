# SPDX-License-Identifier: EUPL-1.2
"""Asking sealgate-verify over its socket, as gateway/policy/verify_client.h has it."""
import fcntl
import hashlib
import json
import mmap
import os
import socket
import struct
from dataclasses import dataclass

MAGIC, VERSION = 0x53474154, 1
ASK, ANSWER, BUSY = 1, 2, 3
DOCUMENT, CONTAINER, REPLY = 1, 2, 3
HEADER = struct.Struct("<IHHQII")
REQUEST = struct.Struct("<IIq64s27s5x32s")
VERDICT = struct.Struct("<II32s65s65s32s128s8s3s3s64s48sqq")
DECISIONS = {0: "undecided", 0x52: "refused", 0x48: "held", 0x41: "accepted"}
F_ADD_SEALS, ALL_SEALS = 1033, 0x0F


def sealed(data):
    """A sealed memfd with the octets."""
    fd = os.memfd_create("input", os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    fcntl.fcntl(fd, F_ADD_SEALS, ALL_SEALS)
    return fd


def text(field):
    return field.split(b"\0", 1)[0].decode()


@dataclass
class Answer:
    """decision: accepted, refused, held; "busy"; "none": closed without an answer."""
    decision: str
    report: dict = None
    policy_digest: str = ""
    type: str = ""
    number: str = ""
    hold_reason: str = ""
    grace: str = ""
    hold_until: int = 0
    judged_at: int = 0

    def codes(self, severity="error"):
        return {f["code"] for f in self.report["findings"] if f["severity"] == severity}


def _answer(body, fds, sha256):
    fields = VERDICT.unpack(body)
    assert fields[2] == sha256
    size = os.fstat(fds[0]).st_size
    with mmap.mmap(fds[0], size, prot=mmap.PROT_READ) as data:
        report = json.loads(data[:])
    return Answer(DECISIONS[fields[0]], report, text(fields[3]), text(fields[5]),
                  text(fields[6]), text(fields[10]), text(fields[11]), *fields[12:14])


def ask(path, data, subject, at, mode=DOCUMENT, document_id="TEST", timeout=30):
    """One question; its Answer."""
    sha256 = hashlib.sha256(data).digest()
    body = REQUEST.pack(mode, 0, at, subject.encode(), document_id.encode(), sha256)
    fd = sealed(data)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(timeout)
            s.connect(str(path))
            header = HEADER.pack(MAGIC, VERSION, ASK, 7, len(body), 1)
            socket.send_fds(s, [header + body], [fd])
            try:
                message, fds, _, _ = socket.recv_fds(s, 4096, 4)
            except ConnectionResetError:
                return Answer("none")
    finally:
        os.close(fd)
    if not message:
        return Answer("none")
    try:
        _, version, kind, number, length, _ = HEADER.unpack_from(message)
        assert (version, number, length) == (VERSION, 7, len(message) - HEADER.size)
        if kind == BUSY:
            return Answer("busy")
        assert kind == ANSWER
        return _answer(message[HEADER.size:], fds, sha256)
    finally:
        for received in fds:
            os.close(received)
