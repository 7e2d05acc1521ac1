# SPDX-License-Identifier: EUPL-1.2
"""A virtual machine with UEFI, Secure Boot and a TPM of its own; one boot, always bounded.

Without KVM: everything is translated, so bounds are generous. What the machine says on its
serial line is all that is known of its inside. What a test does there it has the machine's hand
do: a test unit that writes what comes by a second serial line, with systemd-tmpfiles(8).
"""
import base64
import contextlib
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import power
from emulator import emulated, measure_once

CODE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"  # in the root of the emulator
ANSI = re.compile(r"\x1b\[[0-9;=?]*[a-zA-Z]|\r")
# What processors of servers have had for years; without them all that is encrypted, and every
# digest, is work for one instruction after the other.
CPU = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+sha-ni"
POLL_S = 0.25
SLOWED_MOST = 4.0  # how much longer is waited where others load the host
SERIAL = "5ea16a7e-0000-4000-8000-00000000ab1e"
MEDIUM_SIZE = 192 << 20  # of whatever is put into the drive
SECOND_MAC = "52:54:00:5e:a1:6a"  # of a network of its own with the host, where there is one
HAND = {"test-hand.service": "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\n"
                             "StandardInput=tty\nTTYPath=/dev/ttyS1\nRestart=always\n"
                             "ExecStart=/usr/bin/systemd-tmpfiles --create -\n",
        "multi-user.target~": "[Unit]\nWants=test-hand.service\n"}
NVME = "nvme,serial=sealgate"
# Of the machine's controller, in this order: the device that stands for an HSM has its first port.
USB = ("-device", "qemu-xhci", "-device", "usb-tablet,port=1",
       "-device", "usb-storage,port=2,drive=d1")
USB_DEVICE = "0627:0001"  # usb-tablet
READY, DONE = "Started test-hand.service", "test-hand.service: Deactivated successfully"
HAND_S = 60.0


def missing_programs():
    """What a boot needs and this host lacks."""
    return [name for name in ("swtpm", "mmdebstrap", "openssl", "ip") if not shutil.which(name)]


class Machine:
    """The machine around a disk: variables and TPM survive its boots, as on hardware."""

    def __init__(self, folder, disk, variables, tpm=None, memory=512):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.disk, self.memory = pathlib.Path(disk), memory
        self.variables = self.folder / "vars.fd"
        shutil.copyfile(variables, self.variables)
        self.tpm = pathlib.Path(tpm or self.folder / "tpm")
        if not self.tpm.exists():
            self.tpm.mkdir()
            measure_once(self.tpm)
        self.log = self.folder / "serial.log"
        self.medium, self.line = self.folder / "medium", self.folder / "line.sock"
        self.writes = self.folder / "writes.log"
        self.insert(None)
        self.qemu = self.swtpm = None
        self.started = 0.0

    def insert(self, image):
        """Put a medium into the drive, or take it out; a machine that runs looks at boot."""
        with open(self.medium, "r+b" if self.medium.exists() else "wb") as drive:
            drive.truncate(0)
            if image:
                drive.write(pathlib.Path(image).read_bytes())
            if drive.tell() > MEDIUM_SIZE:
                raise ValueError(f"{image} is larger than the drive")
            drive.truncate(MEDIUM_SIZE)

    def start(self, ports=(), units=None, link=None, clock="utc", added=None, hardware=False,
              logged=False):
        """Power on. ports: (host, guest) pairs; units: test units of systemd by name, which only
        the test UKI takes; link: a tap device of the host for a second network; clock: the time
        of the machine, as QEMU's -rtc base; added: what a hypervisor adds to the command line;
        hardware: disk, network and medium are those of a server, and a device is at USB; logged:
        what it writes to the disk is logged, too, for `power`."""
        self.stop()
        self.log.unlink(missing_ok=True)
        self.line.unlink(missing_ok=True)
        tpm = self.folder / "tpm.sock"
        tpm.unlink(missing_ok=True)
        self.swtpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.tpm}",
             "--ctrl", f"type=unixio,path={tpm}", "--flags", "startup-clear"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait_for(tpm)
        forwards = "".join(f",hostfwd=tcp:127.0.0.1:{host}-:{guest}" for host, guest in ports)
        command = [
            *emulated(self.folder.parent), "-machine", "q35,smm=on",
            "-accel", "tcg,thread=multi,tb-size=256", "-cpu", CPU, "-smp", "2",
            "-m", str(self.memory), "-rtc", f"base={clock}", "-uuid", SERIAL,
            "-nodefaults", "-no-user-config",
            "-display", "none", "-monitor", "none", "-serial", f"file:{self._seen(self.log)}",
            "-chardev", f"socket,id=line,path={self._seen(self.line)},server=on,wait=off",
            "-serial", "chardev:line",
            "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-global", "ICH9-LPC.disable_s3=1",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={CODE}",
            "-drive", f"if=pflash,unit=1,format=raw,file={self._seen(self.variables)}",
            *self._drive(logged),
            "-device", f"{NVME if hardware else 'virtio-blk-pci'},drive=d0,bootindex=0",
            "-netdev", f"user,id=n0{forwards}",
            "-device", f"{'e1000e' if hardware else 'virtio-net-pci'},netdev=n0,romfile=",
            "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=tpm,path={self._seen(tpm)}",
            "-tpmdev", "emulator,id=t0,chardev=tpm",
            "-device", "tpm-crb,tpmdev=t0",
            "-drive", f"if=none,id=d1,format=raw,file={self._seen(self.medium)},readonly=on",
            *(USB if hardware else ("-device", "virtio-blk-pci,drive=d1"))]
        if link:
            command += ["-netdev", f"tap,id=n1,ifname={link},script=no,downscript=no",
                        "-device", f"virtio-net-pci,netdev=n1,romfile=,mac={SECOND_MAC}"]
        if added:
            command += ["-smbios", f"type=11,value=io.systemd.stub.kernel-cmdline-extra={added}"]
        for name, text in (units or {}).items():
            encoded = base64.b64encode(text.encode()).decode()
            kind = "unit-dropin" if name.endswith("~") else "extra-unit"
            command += ["-smbios", "type=11,value=io.systemd.credential.binary:"
                        f"systemd.{kind}.{name.rstrip('~')}={encoded}"]
        self.started = time.monotonic()
        with open(self.folder / "qemu.err", "wb") as errors:
            self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors,
                                         stderr=errors, start_new_session=True)
        return self

    def _drive(self, logged):
        """The emulator's words for the disk."""
        if not logged:
            return ("-drive", f"if=none,id=d0,format=raw,file={self._seen(self.disk)},cache=unsafe")
        self.writes.write_bytes(b"")
        return power.devices(self._seen(self.disk), self._seen(self.writes))

    def _seen(self, path):
        """Where the emulator sees a file: it knows the folder around the machine's own alone."""
        return f"/share/{path.relative_to(self.folder.parent)}"

    def hand(self, *lines, said=None):
        """Have the machine write this, in lines of tmpfiles.d(5), and wait until it has; said: a
        pattern of what its hand says to that. Return: the match, or None."""
        times = self.text().count(DONE) + 1  # since it was powered on, whichever starts it has seen
        if not self.wait(rf"(?s)(?:{READY}.*){{{times}}}", HAND_S):
            return None
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.line))
            line.sendall("".join(f"{text}\n" for text in lines).encode() + b"\x04")
            done = self.wait(rf"(?s)(?:{DONE}.*){{{times}}}", HAND_S)
            return done and (self._heard(line, said) if said else done)

    @staticmethod
    def _heard(line, pattern, bound=10.0):
        """Wait for what comes by a line. Return: the match, or None."""
        line.settimeout(POLL_S)
        text, end = "", time.monotonic() + bound
        while not (found := re.search(pattern, text)) and time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                if not (octets := line.recv(65536)):
                    break
                text += octets.decode(errors="replace")
        if not found:
            print(f"      the machine's hand said: {text!r}", flush=True)
        return found

    @staticmethod
    def _wait_for(path, bound=10.0):
        end = time.monotonic() + bound
        while not path.exists():
            if time.monotonic() > end:
                raise TimeoutError(f"{path} did not appear")
            time.sleep(0.02)

    def text(self):
        """What the machine said since it was powered on."""
        if not self.log.exists():
            return ""
        return ANSI.sub("", self.log.read_bytes().decode(errors="replace"))

    def wait(self, pattern, bound):
        """Wait until the pattern was said, the machine has ended, or the bound is over: that of
        a host with nothing else to do. Return: the match, or None."""
        began, before = time.monotonic(), self.processor()
        while True:
            ended = self.qemu.poll() is not None
            found = re.search(pattern, self.text())
            if found or ended:
                return found
            longer = min(self.slowed(before), SLOWED_MOST)
            if time.monotonic() - began > bound * longer:
                return None
            time.sleep(POLL_S)

    def seconds(self):
        return time.monotonic() - self.started

    def processor(self):
        """Seconds that the machine ran, and that it waited for a processor of the host."""
        ran = waited = 0
        for thread in pathlib.Path(f"/proc/{self.qemu.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # it has ended
                run, wait, _ = thread.read_text().split()
                ran, waited = ran + int(run), waited + int(wait)
        return ran / 1e9, waited / 1e9

    def slowed(self, before=(0.0, 0.0)):
        """How many times slower the machine was for others on the host, since `before`."""
        ran, waited = (now - then for now, then in zip(self.processor(), before))
        return max(1.0, (ran + waited) / max(ran, 0.01))

    def cut(self):
        """Cut the power: neither the machine nor its TPM ends anything."""
        for process in (self.qemu, self.swtpm):
            process.kill()
        self.stop()

    def stop(self):
        """Switch it off. What it wrote is on the disk, flushed or not."""
        for process in (self.qemu, self.swtpm):
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(3)
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self.qemu = self.swtpm = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def return_time(text, unit):
    """Seconds from a unit's death by SIGKILL to its being started, by the journal."""
    death = re.search(rf"\[ *([0-9.]+)\] systemd\[1\]: {unit}\.service: Main process exited, "
                      r"code=killed, status=9", text)
    if not death:
        return None
    back = re.search(rf"\[ *([0-9.]+)\] systemd\[1\]: Started {unit}\.service",
                     text[death.end():])
    return float(back.group(1)) - float(death.group(1)) if back else None


def partition_start(disk, label):
    """Offset of a partition by its label, from the GPT at the second sector."""
    with open(disk, "rb") as file:
        file.seek(2 * 512)
        for _ in range(128):
            entry = file.read(128)
            if entry[56:].decode("utf-16-le").rstrip("\0") == label:
                return int.from_bytes(entry[32:40], "little") * 512
    raise LookupError(f"no partition {label}")
