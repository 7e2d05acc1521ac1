# SPDX-License-Identifier: EUPL-1.2
"""sealgate-trustd and the trusted lists: rotation, a broken list, an old one, an outage."""
import datetime
import hashlib
import json
import shutil
import threading
import time

import pytest

from scenarios.gate import sealgate
from scenarios.test_supply import BOUND, House, a_house, endless, octets, status
from scenarios.test_trust import Lists, Signer, pointer, trusted_list

NOW = datetime.datetime.now(datetime.timezone.utc)
DATES = {"issued": (NOW - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
         "until": (NOW + datetime.timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")}


class Publisher(House):
    """An authority that publishes a list of lists and two lists."""

    def __init__(self, folder):
        super().__init__(folder)
        (folder / "lists").mkdir()
        self.lists = Lists(folder / "lists")
        self.store = self.dir / "state" / "trust" / "lists"
        shutil.copy(self.lists.journal.pem, self.dir / "policies" / "journal.pem")
        self.publish_all()

    def serve(self, path):
        data = path.read_bytes()
        self.server.answers["/" + path.name] = octets(
            data, f'"{hashlib.sha256(data).hexdigest()}"')

    def list_of(self, territory, **more):
        self.serve(self.lists.good(territory, **{**DATES, **more}))

    def publish_all(self, **more):
        self.list_of("AA")
        self.list_of("BB")
        self.serve(self.lists.lotl(pointers="".join(
            pointer(self.server.url(f"/{t.lower()}.xml"), t, "EUgeneric", [self.lists.member])
            for t in ("AA", "BB")), **DATES, **more))

    def follow(self, hosts=None):
        file = self.dir / "policies" / "trust" / "sources.cfg"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f'hosts = ( "{hosts or self.server.host}" );\naddresses = "any";\n'
            f'lists = {{ lotl = "{self.server.url("/lotl.xml")}"; '
            'journal = "journal.pem"; every_s = 1; };\n')
        self.start()

    def rows(self):
        """How each list stands, by territory."""
        done = sealgate("trust", "status", "--store", self.store)
        return {r["territory"]: r for r in map(json.loads, done.stdout.splitlines())}

    def until_row(self, territory, condition):
        self.until(lambda _: self.store.exists() and territory in self.rows() and
                   condition(self.rows()[territory]))

    def until_asked(self, path):
        end = time.monotonic() + BOUND
        while not any(asked == path for asked, _ in self.server.asked):
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def until_asked_again(self, path):
        """A conditional request, for the list that is good here."""
        end = time.monotonic() + BOUND
        while not any(asked == path and etag for asked, etag in self.server.asked):
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def snapshots(self):
        return sorted(self.store.glob("snapshot-*.map"))


@pytest.fixture
def publisher():
    with a_house(Publisher) as made:
        yield made


def test_lists_arrive_and_change(publisher):
    publisher.follow()
    publisher.until(lambda r: r[0]["result"] == "unchanged")
    assert {t: r["effect"] for t, r in publisher.rows().items()} == {
        "EU": "yes", "AA": "yes", "BB": "yes"}
    assert len(publisher.snapshots()) == 1  # nothing new, nothing written
    publisher.until_asked_again("/aa.xml")
    publisher.list_of("AA", services=2, sequence=8)
    publisher.until_row("AA", lambda r: r["services"] == 2)
    publisher.stop()
    assert len(publisher.snapshots()) == 2
    proven = [line.split("trustd.proven")[1] for line in publisher.log.read_text().splitlines()
              if "trustd.proven" in line]
    assert "3 lists proven, 0 as they were" in proven[0]
    # One list changed: that one alone is proven.
    assert len(proven) == 2 and "1 lists proven, 2 as they were" in proven[1], proven


@pytest.mark.parametrize("case", ["garbage", "another's", "old", "gone"])
def test_the_last_good_list_counts(publisher, case):
    publisher.list_of("AA", services=3, sequence=9)
    publisher.follow()
    publisher.until_row("AA", lambda r: r["services"] == 3)
    if case == "garbage":
        publisher.server.answers["/aa.xml"] = octets(b"<a>")
    elif case == "another's":
        publisher.serve(publisher.lists.write("aa.xml", "<a><b/></a>", publisher.lists.journal))
    elif case == "old":
        publisher.list_of("AA", services=4, sequence=8)
    else:
        publisher.server.answers["/aa.xml"] = status(503)
    publisher.until_row("AA", lambda r: r["reason"])
    publisher.stop()
    row = publisher.rows()["AA"]
    assert (row["effect"], row["services"], row["sequence"]) == ("yes", 3, 9)
    assert row["reason"].startswith("the one from before counts: ")
    assert publisher.rows()["BB"]["reason"] == ""


def test_a_list_expires(publisher):
    """The newest one counts, also against itself: no older one stands in for it."""
    publisher.follow()
    publisher.until(lambda r: r[0]["succeeded"])
    assert publisher.rows()["AA"]["effect"] == "yes"
    publisher.list_of("AA", sequence=8, issued="2026-01-01T00:00:00Z",
                      until="2026-02-01T00:00:00Z")
    publisher.until_row("AA", lambda r: r["effect"] == "no")
    publisher.list_of("AA", sequence=9)
    publisher.until_row("AA", lambda r: r["effect"] == "yes" and r["sequence"] == 9)
    publisher.stop()
    assert publisher.rows()["BB"]["effect"] == "yes"


def test_list_of_lists_by_another(publisher):
    """What was in force stays, and the supply says that the new one was refused."""
    publisher.follow()
    publisher.until(lambda r: r[0]["succeeded"])
    before = publisher.snapshots()
    publisher.serve(publisher.lists.lotl(publisher.lists.member, pointers="", **DATES))
    code, rows = publisher.until(lambda r: r[0]["failures"] > 0)
    publisher.stop()
    assert code == 1 and rows[0]["result"] == "refused"
    assert {t: r["effect"] for t, r in publisher.rows().items()} == {
        "EU": "yes", "AA": "yes", "BB": "yes"}
    assert publisher.snapshots()[:1] == before[:1]


def test_a_host_that_is_not_allowed(publisher):
    """The list of lists may name any host; only those of policy are asked."""
    other = publisher.server.url("/bb.xml").replace("127.0.0.1", "localhost")
    publisher.serve(publisher.lists.lotl(pointers=pointer(
        other, "BB", "EUgeneric", [publisher.lists.member]), **DATES))
    publisher.follow()
    publisher.until(lambda r: r[0]["tried"])
    publisher.stop()
    assert publisher.rows()["BB"]["status"] == "MISSING"
    assert all(path != "/bb.xml" for path, _ in publisher.server.asked)
    assert "trustd.host" in publisher.log.read_text()


def test_stops_while_a_server_is_silent(publisher):
    released = threading.Event()
    publisher.server.answers["/aa.xml"] = lambda _: released.wait(60)
    publisher.follow()
    try:
        publisher.until_asked("/aa.xml")
        publisher.stop()
    finally:
        released.set()


def test_a_host_that_lies_about_pivots(publisher):
    """Pivots are named before anything is proven: however many and long, a round has an end."""
    big = 24 * 1024 * 1024
    urls = [publisher.server.url(f"/pivot-{n}.xml") for n in range(16)]
    for n in range(16):
        publisher.server.answers[f"/pivot-{n}.xml"] = octets(b" " * big)
    publisher.publish_all(information=urls)
    publisher.follow()
    _, rows = publisher.until(lambda r: r[0]["tried"])
    publisher.stop()
    assert "too long together" in publisher.log.read_text()
    assert rows[0]["result"] == "published"  # what was brought before is none the worse
    assert publisher.rows()["EU"]["effect"] == "yes"


def test_the_signers_of_the_list_of_lists_change(publisher):
    """A pivot, signed by the one before, hands on to the next; without it nobody believes."""
    following = Signer(publisher.folder / "lists", "following")
    publisher.follow()
    publisher.until(lambda r: r[0]["succeeded"])
    before = publisher.snapshots()
    url = publisher.server.url("/pivot.xml")
    publisher.server.answers["/pivot.xml"] = status(404)
    pointers = "".join(
        pointer(publisher.server.url(f"/{t.lower()}.xml"), t, "EUgeneric",
                [publisher.lists.member]) for t in ("AA", "BB"))
    publisher.serve(publisher.lists.lotl(following, pointers=pointers, sequence=8,
                                         information=[url], **DATES))
    _, rows = publisher.until(lambda r: r[0]["failures"] > 0)
    assert rows[0]["result"] == "refused" and publisher.snapshots()[:1] == before[:1]
    assert (publisher.rows()["EU"]["sequence"], publisher.rows()["EU"]["effect"]) == (7, "yes")
    publisher.serve(publisher.lists.write("pivot.xml", trusted_list(
        "EU", "EUlistofthelists", services=0, pointers=pointer(
            url, "EU", "EUlistofthelists", [following]), **DATES), publisher.lists.journal))
    publisher.stop()
    publisher.start()  # what failed waits longer each time
    publisher.until_row("EU", lambda r: r["sequence"] == 8)
    publisher.stop()
    assert publisher.rows()["EU"]["effect"] == "yes"
    assert "following" in publisher.rows()["EU"]["signer"]


@pytest.mark.parametrize("case", ["moved", "huge"])
def test_a_list_that_is_elsewhere_or_has_no_end(publisher, case):
    publisher.server.answers["/aa.xml"] = (
        status(302, Location="/elsewhere") if case == "moved" else endless)
    publisher.follow()
    publisher.until(lambda r: r[0]["tried"])
    publisher.stop()
    rows = publisher.rows()
    assert rows["AA"]["status"] == "MISSING" and rows["BB"]["effect"] == "yes"
    said = "redirects are not followed" if case == "moved" else "longer than max_octets"
    assert said in publisher.log.read_text()
    assert all(path != "/elsewhere" for path, _ in publisher.server.asked)
