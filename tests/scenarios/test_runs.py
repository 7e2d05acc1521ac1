# SPDX-License-Identifier: EUPL-1.2
"""The files of a signed list go to a gate many at a time, as they follow one another there; a
gate that does not say that it takes them so gets each by its name."""
import hashlib
import json
import random
import urllib.parse

import pytest

from scenarios.gate import sealgate
from scenarios.test_pieces import StandIn, standing_in

RUN, SMALL = 1 << 20, 256 << 10


class Taking:
    """What a gate does with it that has proven the list, and what was sent to it."""

    def __init__(self, runs=True):
        self.runs, self.files, self.names, self.runs_sent = runs, {}, [], []
        self.have = lambda have: have  # what it says of a run
        self.begin = lambda next_: next_  # and of where to begin

    def listed(self):
        return [(name, int(size)) for _, size, name in
                (line.split(" ") for line in self.files["manifest"].decode().splitlines()[1:])]

    def next(self):
        start = 0
        for name, size in self.listed():
            if name not in self.files and size == 0:
                self.files[name] = b""
            if len(self.files.get(name, b"")) < size:
                return start + len(self.files.get(name, b"")), False
            start += size
        return start, True

    def run(self, at, octets):
        start = 0
        for name, size in self.listed():
            part = octets[max(start - at, 0):max(start + size - at, 0)]
            here = self.files.get(name, b"")
            if part and len(here) < size and start + len(here) == max(at, start):
                self.files[name] = here + part
            start += size

    def take(self, name, at, octets):
        """The answer of the command."""
        self.names.append(name)
        if name.startswith("sha256:"):
            assert name == "sha256:" + hashlib.sha256(self.files["manifest"]).hexdigest()
            self.runs_sent.append((at, len(octets)))
            self.run(at, octets)
            next_, whole = self.next()
            return {"have": self.have(next_), "next": next_, "whole": whole}
        if name.startswith("manifest"):
            self.files[name] = b""
        if len(self.files.setdefault(name, b"")) == at:
            self.files[name] += octets
        answer = {"have": len(self.files[name]), "whole": False}
        if self.runs and name == "manifest.p7s":
            next_, answer["whole"] = self.next()
            answer["next"] = self.begin(next_)
        elif not name.startswith("manifest"):
            answer["whole"] = all(len(self.files.get(name, b"")) == size and name in self.files
                                  for name, size in self.listed())
        return answer


@pytest.fixture
def taking(gate):
    """Whoever stands in for a gate, and its address."""
    taking = Taking()

    class Handler(StandIn):
        def do_POST(self):
            body, url = self.body(), urllib.parse.urlparse(self.path)
            if url.path != "/v1/pieces/appliance/parcel":
                return self.printed("")
            query = dict(urllib.parse.parse_qsl(url.query))
            return self.printed(json.dumps(taking.take(query["name"], int(query["offset"]), body)))

    with standing_in(gate, Handler) as url:
        taking.url = url
        yield taking


def folder_of(folder, files):
    lines = ["sealgate-manifest 1 update 9.9.9"]
    for name, octets in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
        lines.append(f"{hashlib.sha256(octets).hexdigest()} {len(octets)} {name}")
    (folder / "manifest").write_text("\n".join(lines) + "\n")
    (folder / "manifest.p7s").write_bytes(b"of somebody")
    return folder


def send(gate, taking, folder):
    return sealgate("--remote", taking.url, *gate.transport("operators/operator"), "appliance",
                    "update", folder)


def small_ones(count):
    chance = random.Random(5)
    return {f"d{i % 3}/f{i:04}": chance.randbytes(chance.randrange(3000)) for i in range(count)}


def arrived(taking, files):
    return {name: octets for name, octets in taking.files.items()
            if not name.startswith("manifest")} == files


def test_many_small_files_are_one_request(gate, taking, tmp_path):
    files = {**small_ones(213), "a-first": b"", "z-last": b""}
    done = send(gate, taking, folder_of(tmp_path, files))
    assert done.returncode == 0, done.stderr
    assert arrived(taking, files)
    assert len(taking.names) == 3, taking.names


def test_large_files_go_by_their_names(gate, taking, tmp_path):
    """And runs have an end: what a line that breaks costs again is bounded."""
    chance = random.Random(6)
    files = {**{f"a{i}": chance.randbytes(SMALL) for i in range(9)},
             "b-large": chance.randbytes(SMALL + 1), "c-none": b"", "d-larger": bytes(9 << 20),
             "e-none": b"", "f-small": b"octets", "g-large": bytes(SMALL + 2), "h-none": b""}
    done = send(gate, taking, folder_of(tmp_path, files))
    assert done.returncode == 0, done.stderr
    assert arrived(taking, files)
    assert {name for name in taking.names if "large" in name} == {"b-large", "d-larger", "g-large"}
    sizes = [size for _, size in taking.runs_sent]
    assert sizes == [RUN, RUN, SMALL, 6, 0], taking.runs_sent


def test_it_goes_on_from_where_the_gate_says(gate, taking, tmp_path):
    files = small_ones(40)
    folder = folder_of(tmp_path, files)
    octets = b"".join(octets for _, octets in sorted(files.items()))
    taking.files["manifest"] = (folder / "manifest").read_bytes()
    taking.run(0, octets[:23456])
    done = send(gate, taking, folder)
    assert done.returncode == 0, done.stderr
    assert arrived(taking, files)
    assert taking.runs_sent == [(23456, len(octets) - 23456)]
    # Whoever brings what is there brings nothing but the list.
    taking.names.clear()
    assert send(gate, taking, folder).returncode == 0
    assert taking.names == ["manifest", "manifest.p7s"]


def test_a_gate_that_does_not_say_so_gets_each_by_its_name(gate, taking, tmp_path):
    taking.runs = False
    files = {**small_ones(9), "empty": b""}
    done = send(gate, taking, folder_of(tmp_path, files))
    assert done.returncode == 0, done.stderr
    assert arrived(taking, files)
    assert taking.names == ["manifest", "manifest.p7s", *sorted(files)]


@pytest.mark.parametrize("have", [lambda have: 0, lambda have: have + (1 << 40)],
                         ids=["no further", "beyond the end"])
def test_a_gate_that_does_not_go_on_is_not_asked_for_ever(gate, taking, tmp_path, have):
    taking.have = have
    files = {f"f{i}": bytes(SMALL) for i in range(5)}
    done = send(gate, taking, folder_of(tmp_path, files))
    assert done.returncode == 3 and "takes no more" in done.stderr, (done.returncode, done.stderr)
    assert len(taking.runs_sent) == 1


def test_a_gate_that_begins_beyond_the_end_is_given_nothing(gate, taking, tmp_path):
    taking.begin = lambda next_: next_ + (1 << 40)
    done = send(gate, taking, folder_of(tmp_path, small_ones(4)))
    assert done.returncode == 3 and "takes no more" in done.stderr, (done.returncode, done.stderr)
    assert taking.runs_sent == [(1 << 40, 0)]


def test_what_is_not_as_listed_is_told_here(gate, taking, tmp_path):
    folder = folder_of(tmp_path, small_ones(4))
    (folder / "d0" / "f0003").write_bytes(bytes(3001))
    done = send(gate, taking, folder)
    assert done.returncode == 1 and "f0003: is not as long as" in done.stderr, done.stderr
    (folder / "d0" / "f0003").unlink()
    done = send(gate, taking, folder)
    assert done.returncode == 1 and "f0003: No such file" in done.stderr, done.stderr
    assert not taking.runs_sent
    with open(folder / "manifest", "a", encoding="ascii") as manifest:
        manifest.write(f"{'0' * 64} -1 negative\n")
    done = send(gate, taking, folder)
    assert done.returncode == 1 and "manifest is none" in done.stderr, done.stderr
