# SPDX-License-Identifier: EUPL-1.2
"""The emulator of a virtual machine, of the same version wherever the suite runs; and the TPM of a
machine that is off: what others may have done to it."""
import contextlib
import functools
import pathlib
import signal
import socket
import struct
import subprocess
import time

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = 0x40000009
OWNER, PLATFORM = 0x40000001, 0x4000000C
SHA1, SHA256, SHA384, SHA512 = 0x4, 0xB, 0xC, 0xD
NO_PCR, EVERY_PCR = bytes(3), b"\xff" * 3
INDEX = 0x01800007  # one that wrong tries are counted for
LOCKOUT, RETRY = 0x921, 0x922
DEFINE, UNDEFINE, READ, WRITE, SHUTDOWN = 0x12A, 0x122, 0x14E, 0x137, 0x145
ALLOCATE = 0x12B


@functools.cache
def root():
    """The root of the emulator, made where it is not there yet."""
    return subprocess.run([FIRMWARE / "root", "emulator"], check=True, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=600).stdout.strip()


def emulated(folder):
    """The first words of a command: the emulator in its root, where it sees this folder as
    /share, and the devices and the network of whoever starts it."""
    return ["unshare", "-m", "--propagation", "private", "env", "-i", "PATH=/usr/sbin:/usr/bin",
            f"SHARE={folder}", "bash", str(FIRMWARE / "enter"), root(),
            "nice", "-n", "5", "qemu-system-x86_64"]


def authorisation(password=b""):
    area = struct.pack(">IHBH", PASSWORD, 0, 0, len(password)) + password
    return struct.pack(">I", len(area)) + area


def measure_once(folder):
    """Have a new TPM keep its registers in SHA-256 alone, as it is delivered with a machine: the
    firmware hashes each file that it starts once for every algorithm there."""
    banks = ((SHA1, NO_PCR), (SHA256, EVERY_PCR), (SHA384, NO_PCR), (SHA512, NO_PCR))
    selection = struct.pack(">I", len(banks)) + b"".join(
        struct.pack(">HB", algorithm, len(kept)) + kept for algorithm, kept in banks)
    with powered(folder) as ask:
        assert ask(ALLOCATE, struct.pack(">I", PLATFORM) + authorisation() + selection) == 0
        ask(SHUTDOWN, struct.pack(">H", 0), tag=0x8001)


def lock_out(folder):
    """Try wrong passwords until the TPM of this state folder is in lockout."""
    with powered(folder) as ask:
        public = struct.pack(">IHIHH", INDEX, 0x000B, 0x00040004, 0, 8)
        handles = struct.pack(">II", INDEX, INDEX)
        assert ask(DEFINE, struct.pack(">I", OWNER) + authorisation() +
                   struct.pack(">H", 1) + b"p" + struct.pack(">H", len(public)) + public) == 0
        assert ask(WRITE, handles + authorisation(b"p") +
                   struct.pack(">H8sH", 8, bytes(8), 0)) == 0
        for _ in range(64):
            if ask(READ, handles + authorisation(b"w") + struct.pack(">HH", 8, 0)) == LOCKOUT:
                break
        else:
            raise AssertionError("the TPM is not in lockout")
        assert ask(UNDEFINE, struct.pack(">II", OWNER, INDEX) + authorisation()) == 0
        ask(SHUTDOWN, struct.pack(">H", 0), tag=0x8001)


@contextlib.contextmanager
def powered(folder):
    """The TPM on, without a machine; a function that sends it a command."""
    path = pathlib.Path(folder) / "socket"
    path.unlink(missing_ok=True)
    swtpm = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server",
         f"type=unixio,path={path}", "--flags", "not-need-init,startup-clear"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connected(path) as wire:
            def ask(code, rest, tag=0x8002):
                answer = RETRY
                while answer == RETRY:
                    wire.sendall(struct.pack(">HII", tag, 10 + len(rest), code) + rest)
                    answer = struct.unpack(">I", wire.recv(4096)[6:10])[0]
                return answer
            yield ask
    finally:
        swtpm.send_signal(signal.SIGTERM)
        swtpm.wait(10)
        path.unlink(missing_ok=True)


def connected(path, bound=30.0):
    end = time.monotonic() + bound
    while True:
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(bound)
        try:
            wire.connect(str(path))
            return wire
        except OSError:
            wire.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
