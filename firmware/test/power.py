# SPDX-License-Identifier: EUPL-1.2
"""What a power cut leaves of a disk: all that was flushed, and of what was written since nobody
knows what. The emulator logs the writes and flushes, in the form of the kernel's dm-log-writes;
from that any moment is made, without a boot."""
import dataclasses
import random
import struct

SECTOR = 512
MAGIC, LOG = 0x6A736677736872, struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")  # first sector, sectors, flags, octets of a mark
FLUSH, FUA, DISCARD = 1, 2, 4


def devices(disk, log):
    """The emulator's words for a drive d0 that logs; neither waits for the host's own disk."""
    return [word for node in (f"file,node-name=written,filename={disk},cache.no-flush=on",
                              f"file,node-name=log,filename={log},cache.no-flush=on",
                              "blklogwrites,node-name=d0,file=written,log=log")
            for word in ("-blockdev", f"driver={node}")]


@dataclasses.dataclass(frozen=True)
class Write:
    """Of octets in the log, to the disk. A flush has none."""
    logged: int
    to: int
    octets: int
    flags: int


def writes(log):
    """All that is logged, until the last flush."""
    with open(log, "rb") as file:
        magic, version, entries, sector = LOG.unpack(file.read(LOG.size))
        if (magic, version, sector) != (MAGIC, 1, SECTOR):
            raise ValueError(f"{log}: no log of writes")
        at = SECTOR
        for _ in range(entries):
            file.seek(at)
            first, sectors, flags, _ = ENTRY.unpack(file.read(ENTRY.size))
            octets = 0 if flags & DISCARD else sectors * SECTOR  # who discards may still read it
            yield Write(at + SECTOR, first * SECTOR, octets, flags)
            at += SECTOR + octets


def cuts(disk, log, moments, seed):
    """Have a disk, as it was before the first write, be what a cut after each of these numbers of
    entries of the log left. Yield the number, while the disk is that."""
    with open(disk, "r+b", buffering=0) as file, open(log, "rb") as source:
        since = []
        for moment, write in enumerate(writes(log), 1):
            if write.flags & FLUSH:
                for one in since:
                    _copy(source, file, one, one.octets)
                since = []
            if write.octets:
                since.append(write)
            if moment in moments:
                before = _keep_some(source, file, since, random.Random(f"{seed} {moment}"))
                yield moment
                for to, octets in reversed(before):
                    file.seek(to)
                    file.write(octets)


def _keep_some(source, file, since, chance):
    """Of each write since the last flush all, nothing, or its first sectors. Return: what was there
    before."""
    before = []
    for write in since:
        sectors = write.octets // SECTOR
        kept = chance.choice((0, sectors, chance.randint(0, sectors)))
        if write.flags & FUA:
            kept = sectors
        file.seek(write.to)
        before.append((write.to, file.read(kept * SECTOR)))
        _copy(source, file, write, kept * SECTOR)
    return before


def _copy(source, file, write, octets):
    source.seek(write.logged)
    file.seek(write.to)
    file.write(source.read(octets))
