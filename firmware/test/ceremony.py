# SPDX-License-Identifier: EUPL-1.2
"""The case of the ceremony for the keys of an image: its page is typed, word for word, with tokens of
software, whose PINs are typed by who knows each; then an image, an update and a configuration are
signed, each where its own token is and no other.

  ceremony.py FOLDER    in a process of its own, beside the boots
"""
import errno
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time

from appliance import BIN, FIRMWARE, script
from checks import Unavailable, expect
from scene import OLD, OUT, in_root

PAGES = FIRMWARE.parent / "docs" / "firmware"
MODULE = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")
ENGINE = "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so"
PROGRAMS = ("softhsm2-util", "pkcs11-tool", "sbsign", "sbverify", "faketime")
PINS = {"platform": "271828", "boot": "314159", "release": "161803", "machine": "141421"}
ASKED = re.compile(rb"(PIN|pass phrase)[^:\n]*: ?$")  # the engine's word, and sbsign's
OF = re.compile(rb'Logging in to "(\w+)"|PIN for (\w+)')  # sbsign does not say
NAMES = ("PK", "KEK", "db", "release", "machine")
TYPED_S = 600.0  # beside the boots
UNAVAILABLE = 77
POLL_S = 0.05


def missing():
    """What the case needs and this host lacks."""
    return [name for name in PROGRAMS if not shutil.which(name)] + [
        str(path) for path in (MODULE, ENGINE) if not pathlib.Path(path).exists()]


def steps(page, begin, end):
    """What is typed in the steps of a page, from one line to another."""
    text = (PAGES / page).read_text()
    text = text[text.index(begin):]
    return "".join(f"{line.strip()}\n" for line in
                   re.findall(r"(?m)^ {7}(.*)$", text[:text.index(end)]))


def of_the_page():
    """What is typed in the steps that make keys and certificates."""
    return steps("keys.md", "### The ceremony", "\n4. Who builds")


def of_who_installs():
    """What is typed before a release is written to a disk."""
    return steps("installation.md", "### 3. Prove the release", "\nOnly then")


def pin_of(holders, shown):
    """What is typed when a PIN is asked for: that of the token that is named, else the only one."""
    named = OF.findall(shown)
    token = next(filter(None, named[-1])).decode() if named else ""
    if token not in holders and (named or len(holders) != 1):
        raise LookupError(f"nobody here has the PIN of {token or 'whatever this is'}: {shown!r}")
    return PINS[token or holders[0]]


def typed(folder, holders, *command):
    """Run a command at a terminal where the PIN is typed whenever one is asked for, by whichever of
    the holders of these tokens knows it. Return: its exit status, and what the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvp(command[0], command)
    shown, answered, end = b"", 0, time.monotonic() + TYPED_S
    while time.monotonic() < end:
        # Who asks for a PIN turns the echo off, and throws away what was typed before.
        if ASKED.search(shown[answered:]) and not termios.tcgetattr(terminal)[3] & termios.ECHO:
            pin = pin_of(holders, shown[answered:])
            answered = len(shown)
            os.write(terminal, f"{pin}\n".encode())
        if not select.select([terminal], [], [], POLL_S)[0]:
            continue
        try:
            octets = os.read(terminal, 4096)
        except OSError as error:  # the terminal is closed when its last user has ended
            if error.errno != errno.EIO:
                raise
            break
        if not octets:
            break
        shown += octets
    else:
        os.kill(child, 9)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode(errors="replace")


class CeremonyCases:
    """Of the suite. Nothing is booted."""

    def keys_in_a_token(self):
        """keys that never leave their tokens, made as the page says, sign an image, an update and a
        configuration, each by its holder alone, and no kernel image that takes units from the
        hypervisor"""
        status, said = self.came_to("keys_in_a_token")
        if status == UNAVAILABLE:
            raise Unavailable(said.strip())
        expect(status == 0, said)


class Ceremony:
    """What becomes of the page, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder

    def hold(self):
        """Type it, and sign with what was made."""
        if lacking := missing():
            raise Unavailable(f"not installed: {' '.join(lacking)}")
        folder = self.folder
        folder.mkdir()
        self._tokens(folder)
        status, shown = typed(folder, tuple(PINS), "bash", "-euc", of_the_page())
        expect(status == 0, shown)
        keys = folder / "keys"
        expect(not list(keys.glob("*.key")) and all((keys / f"{name}.crt").exists()
                                                    for name in NAMES), shown)
        os.environ |= {"FIRMWARE_KEYS": str(keys), "FIRMWARE_OUT": str(folder / "out"),
                       "FIRMWARE_VERSION": OLD, "PKCS11_MODULE_PATH": str(MODULE)}
        for token, sign in (("boot", self._image), ("release", self._release),
                            ("release", self._update), ("machine", self._configuration)):
            self._attach(folder, token)
            sign(folder, keys)

    @staticmethod
    def _tokens(folder):
        """Empty tokens of software, all of them attached."""
        for name in ("attached", "drawer"):
            (folder / name).mkdir()
        (folder / "softhsm2.conf").write_text(
            f"directories.tokendir = {folder / 'attached'}\n")
        os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
        for token, pin in PINS.items():
            subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", token, "--pin",
                            pin, "--so-pin", pin], check=True, capture_output=True, timeout=60)
            for made in (folder / "attached").iterdir():
                made.rename(folder / "drawer" / token)
        Ceremony._attach(folder, *PINS)

    @staticmethod
    def _attach(folder, *tokens):
        """From here on these tokens are there, and no others."""
        for token in PINS:
            source, target = (folder / place / token for place in ("attached", "drawer"))
            if token in tokens:
                source, target = target, source
            if source.exists():
                source.rename(target)

    @staticmethod
    def _sign(folder, token, name, *arguments):
        status, shown = typed(folder, (token,), str(FIRMWARE / name), *map(str, arguments))
        expect(status == 0, f"{name}: {shown}")
        return shown

    @staticmethod
    def _not_by(folder, token, kind):
        """Who has this token signs no list of another kind."""
        (folder / "other").mkdir(exist_ok=True)
        (folder / "other" / "file").write_text("octets\n")
        status, shown = typed(folder, (token,), str(FIRMWARE / "sign-manifest"), kind, "1",
                              str(folder / "other"))
        expect(status != 0 and not (folder / "other" / "manifest.p7s").exists(),
               f"{kind} signed with {token}: {shown}")

    def _image(self, folder, keys):
        """All that `make firmware` does; the boot loader is in the disk."""
        out = folder / "out"
        out.mkdir()
        # What was compiled before is there, as it is for whoever builds twice.
        subprocess.run(["cp", "-a", str(OUT / "sealgate"), str(out)], check=True, timeout=120)
        self._sign(folder, "boot", "image")
        expect(not list((out / OLD).glob("test*")), "a kernel image for tests was made")
        (out / f"sealgate-{OLD}.img").rename(folder / "disk.img")
        loader = folder / "loader.efi"
        done = in_root(script("root", "tools").stdout.strip(), folder, "mcopy", "-n", "-i", "/share/disk.img@@1M",
                             "::/EFI/BOOT/BOOTX64.EFI", "/share/loader.efi")
        expect(done.returncode == 0, str(done))
        for program in (out / OLD / "uki.efi", loader):
            self._verifies(program, keys / "db.crt", True)
            self._verifies(program, OUT / "keys" / "db.crt", False)
        # A signature is made twice the same, or an image could not be built again.
        again = folder / "again.efi"
        self._sign(folder, "boot", "sign-efi", out / OLD / "uki.unsigned.efi", again)
        expect(again.read_bytes() == (out / OLD / "uki.efi").read_bytes(), "the same octets")
        (folder / "disk.img").rename(out / f"sealgate-{OLD}.img")
        self._not_by(folder, "boot", "release")

    @staticmethod
    def _verifies(program, certificate, wanted):
        done = subprocess.run(["sbverify", "--cert", str(certificate), str(program)],
                              capture_output=True, text=True, timeout=60, check=False)
        expect((done.returncode == 0) == wanted, f"{program}: {done.stdout}{done.stderr}")

    def _release(self, folder, keys):
        """Who installs proves it by the page, and finds what was changed since."""
        self._sign(folder, "release", "release", folder / "RELEASE")
        shutil.copyfile(keys / "release.crt", folder / "release.crt")
        files = list((folder / "RELEASE").glob(f"sealgate-{OLD}.*"))
        image = folder / "RELEASE" / f"sealgate-{OLD}.img"
        status, shown = self._proves_by_the_page(folder)
        expect(status == 0 and shown.count(": OK\n") == len(files) >= 4 and image in files and
               f"sealgate-manifest 1 release {OLD}\n" in shown and
               f"release {OLD}: signed\n" in shown, shown)
        with open(image, "r+b") as disk:
            disk.seek(5 << 20)
            disk.write(b"altered")
        status, shown = self._proves_by_the_page(folder)
        expect(status != 0 and f"{image.name}: FAILED" in shown, shown)
        done = subprocess.run([str(BIN / "sealgate"), "appliance", "verify", "--anchor",
                               "release.crt", "RELEASE"], cwd=folder, capture_output=True,
                              text=True, timeout=TYPED_S, check=False)
        expect(done.returncode == 1 and f"{image.name}: is not what was signed" in done.stdout,
               str(done))
        shutil.copyfile(keys / "db.crt", folder / "release.crt")
        status, shown = self._proves_by_the_page(folder)
        expect(status != 0 and "OK" not in shown, shown)
        shutil.rmtree(folder / "RELEASE")

    @staticmethod
    def _proves_by_the_page(folder):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", of_who_installs()], cwd=folder, text=True,
            timeout=TYPED_S, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        return done.returncode, done.stdout

    def _update(self, folder, keys):
        self._sign(folder, "release", "bundle", folder / "update")
        self._proven(folder / "update", keys / "release.crt")
        other = folder / "mine"
        other.mkdir()
        (other / "file").write_text("mine\n")
        status, shown = typed(folder, ("release",), str(FIRMWARE / "bundle"), str(other))
        expect(status != 0 and (other / "file").exists(), f"what is no update is left: {shown}")
        self._not_by(folder, "release", "machine")

    def _configuration(self, folder, keys):
        machine = folder / "machine"
        (machine / "tls").mkdir(parents=True)
        (machine / "sealgate.conf").write_text("instance: {};\n")
        (machine / "tls" / "server.pem").symlink_to("nowhere")
        status, shown = typed(folder, ("machine",), str(FIRMWARE / "sign-manifest"), "machine", "1",
                              str(machine))
        expect(status != 0 and "server.pem" in shown, f"what is no file is named: {shown}")
        (machine / "tls" / "server.pem").unlink()
        self._sign(folder, "machine", "sign-manifest", "machine", "1", machine)
        self._proven(machine, keys / "machine.crt")
        self._not_by(folder, "machine", "update")

    @staticmethod
    def _proven(folder, certificate):
        done = subprocess.run(
            ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.p7s",
             "-content", "manifest", "-CAfile", str(certificate), "-purpose", "any",
             "-no_check_time", "-out", "/dev/null"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 0, done.stderr)


def main():
    try:
        Ceremony(pathlib.Path(sys.argv[1])).hold()
    except Unavailable as error:
        print(error)
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
