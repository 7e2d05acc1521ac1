# SPDX-License-Identifier: EUPL-1.2
"""The case of what is tried on the documents that a machine has: from afar, for nobody can go there,
by a unit that nobody waits for."""
import json
import re
import shutil

from checks import expect

SINCE = "2000-01-01T00:00:00Z"
PLACE = "/var/lib/sealgate/state/replay"
LAST = "/var/lib/sealgate/sealgate.con[f]"  # a pattern: these come after names, in their order
ENDED = r"Finished sealgate-replay\.service"
ENDED_S = 60.0


class ReplayCases:
    """Of the suite, whose machine they share."""

    def replay_from_afar(self):
        """what a policy that nobody stands for would decide is told from afar, by a unit that ends
        and leaves nothing behind; a role that may not order it is refused"""
        words = ("policy", "replay", "--since", SINCE, "--limit", "1", "--format", "json",
                 self._suspending())
        said = self.remote("operator", *words)
        expect(said.returncode == 1 and "answered 403" in said.stderr, f"403: {said.stderr}")
        before = len(re.findall(ENDED, self.machine.text()))
        said = self.remote("policy-officer", *words)
        expect(said.returncode == 1, said.stdout + said.stderr, self.machine)
        account = json.loads(said.stdout)
        expect(account["judged"] == 1 and [
            (change["id"], change["verdict"], [found["code"] for found in change["gained"]])
            for change in account["changes"]] == [
                (self.document[1]["id"], {"was": "accepted", "would": "refused"},
                 ["partner.suspended"])], f"account: {account}", self.machine)
        expect(self.machine.wait(rf"(?s)(?:{ENDED}.*){{{before + 1}}}", ENDED_S), "the unit ends",
               self.machine)
        left = self._left()
        expect(left == {"result"}, f"left: {left}", self.machine)
        self._is_on_record()
        said = self.remote("policy-officer", "replay", "stop")
        expect(said.returncode == 0 and "the last one is gone" in said.stdout,
               said.stdout + said.stderr, self.machine)
        left = self._left()
        expect(not left, f"left: {left}", self.machine)
        self.submit_again()

    def _suspending(self):
        """The policy of the machine, but that the partner is suspended."""
        policies, bundle = self.folder / "suspending", self.folder / "suspending.bundle"
        shutil.copytree(self.gate.dir / "policies", policies)
        with open(policies / "partners" / "nz-mpi.cfg", "a", encoding="ascii") as partner:
            partner.write("suspended = true;\n")
        done = self.here("policy", "build", "--policies", policies, "--version", "1", "-o", bundle)
        expect(done.returncode == 0, done.stderr)
        return bundle

    def _left(self):
        """Names of the files that replays have left, but for their lock: who is to find folders
        names what is none, and at last what is there in any case, of whose line the end may be lost
        as the hand closes its own. It fails at an order that was left, as that is of another user
        than the folder."""
        said = self.machine.hand(f"e {PLACE}/[!l]*", f"e {PLACE}/*/*", f"e {LAST}",
                                 said=r"(?s)(.*)/sealgate\.conf")
        expect(said, "looked", self.machine)
        return set(re.findall(rf"{PLACE}/([^\s']+)\S* .*not a directory", said.group(1)))

    def _is_on_record(self):
        """Who ordered it and who read what came of it, and that it began and ended."""
        said = self.remote("auditor", "audit", "export")
        expect(said.returncode == 0, said.stderr, self.machine)
        records = [json.loads(line)["record"] for line in said.stdout.splitlines()]
        commands = [record["detail"]["command"] for record in records
                    if record["event"] == "operator.command" and
                    record["actor"].startswith("policy-officer")]
        expect([words for words in commands if words.startswith("policy replay --since")] and
               "replay account --format json" in commands, f"recorded: {commands}")
        of_it = [record["event"] for record in records if record["actor"] == "replay"]
        expect(of_it[-2:] == ["program.start", "program.stop"], f"recorded: {of_it}")
