# SPDX-License-Identifier: EUPL-1.2
"""What the whole suite has proven, as a record in the checkout (ADR 0065).

  proof.py    say whether this checkout has to be booted for every promise; exit 1 when it has

Writing the record is the last step of a whole run of suite.py, and of nothing else. FIRMWARE_BASE
names a commit; of what is new since then a record that came along with it proves nothing.
"""
import collections
import datetime
import hashlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RECORD = "firmware/proven.txt"
# What only an appliance has; all else is tested without one, too.
COVERED = ("firmware", "systemd", "gateway/ctl/appliance", "gateway/time_orders")
HEAD = "# What `make firmware-all` proved, and nobody else wrote (docs/adr/0065).\n"
FIELDS = ("digest", "commit", "date", "version", "cases", "lints", "seconds")

# digest: of what is covered; commit: where HEAD was; changed: what is in no commit.
State = collections.namedtuple("State", "digest commit changed")
# ran, every: names of cases; cases, lints: (passed, failed, skipped)
Outcome = collections.namedtuple("Outcome", "ran every cases lints seconds version")


def git(root, *arguments):
    """What git says, in pieces that end with a NUL; CalledProcessError where it cannot."""
    said = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True,
                          stdin=subprocess.DEVNULL).stdout.decode("utf-8", "surrogateescape")
    return [piece for piece in said.split("\0") if piece]


def covered(names):
    """Of these: neither the record itself, nor what is written for people."""
    return sorted(name for name in set(names) if name != RECORD and not name.endswith(".md"))


def digest(root):
    """Of what is covered, as it lies there: names, which of them are programs, and contents."""
    total = hashlib.sha256()
    for name in covered(git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                            "--", *COVERED)):
        path = root / name
        if path.is_symlink():
            kind, octets = "link", os.fsencode(os.readlink(path))
        elif path.is_file():
            kind = "program" if path.stat().st_mode & 0o111 else "file"
            octets = path.read_bytes()
        else:
            continue  # removed, and git not told yet
        total.update(f"{kind} {len(octets)} ".encode() + os.fsencode(name) + b"\0" + octets)
    return total.hexdigest()


def state(root=ROOT):
    """How the checkout is now, or None where git does not know."""
    try:
        changed = [line[3:] for line in git(root, "status", "--porcelain", "-z")
                   if line[3:] != RECORD]
        return State(digest(root), git(root, "rev-parse", "HEAD")[0].strip(), changed)
    except (OSError, subprocess.CalledProcessError):
        return None


def recorded(root=ROOT):
    """The record as a dictionary; an empty one where there is none, or none that is whole."""
    try:
        lines = (root / RECORD).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    found = dict(line.partition(" ")[::2] for line in lines if not line.startswith("#"))
    return found if set(found) == set(FIELDS) else {}


def due(root=ROOT, base=None):
    """(is the whole suite due, why)"""
    record, now = recorded(root), state(root)
    if not record or not now:
        return True, "nothing is recorded" if now else "git does not say what is here"
    if now.digest != record["digest"]:
        return True, f"what is here is not what was proven on {record['date']}"
    if base:
        try:
            new = covered(git(root, "diff", "--name-only", "-z", base, "--", *COVERED))
        except subprocess.CalledProcessError:
            return True, f"git has no {base}"
        if new:
            return True, f"new since {base[:12]}: {new[0]}, and {len(new) - 1} more"
    return False, "every promise held on {date}: {cases} cases in {seconds} s".format(**record)


def unfit(before, now, outcome):
    """Why a run proves nothing that could be recorded, or None."""
    passed, failed, skipped = outcome.cases
    if list(outcome.ran) != list(outcome.every):
        return f"{len(outcome.ran)} of {len(outcome.every)} cases were run"
    if failed or skipped or passed != len(outcome.every):
        return f"of {len(outcome.every)} cases {passed} held"
    if not outcome.lints[0] or any(outcome.lints[1:]):
        return "the tree has not passed its lints"
    if not before or not now:
        return "git does not say what was tested"
    if before != now:
        return "the checkout was changed meanwhile"
    if now.changed:
        return f"in no commit: {now.changed[0]}, and {len(now.changed) - 1} more"
    return None


def keep(before, outcome, root=ROOT):
    """Record what a run has proven of the checkout that it began with; what to say of it."""
    now = state(root)
    if why := unfit(before, now, outcome):
        return f"not recorded: {why}"
    values = (now.digest, now.commit, f"{datetime.datetime.now(datetime.timezone.utc):%F}",
              outcome.version, outcome.cases[0], outcome.lints[0], f"{outcome.seconds:.0f}")
    (root / RECORD).write_text(HEAD + "".join(
        f"{name} {value}\n" for name, value in zip(FIELDS, values)), encoding="ascii")
    return f"recorded in {RECORD}"


def main():
    whole, why = due(base=os.environ.get("FIRMWARE_BASE"))
    print(f"{'the whole suite is due' if whole else 'proven'}: {why}")
    return 1 if whole else 0


if __name__ == "__main__":
    sys.exit(main())
