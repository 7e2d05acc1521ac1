# SPDX-License-Identifier: EUPL-1.2
"""The bars of the conformance suites and the explanations of docs/conformance.md.

An explanation is a row of that page's tables; a suite asks for those of its set, and one that
explains nothing any more is an error.
"""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "conformance.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$")


def explanations(heading):
    """{(file, signature, column): reason} below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8")
    part = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = {}
    for line in part.splitlines():
        if match := ROW.match(line):
            file, number, columns, why, clause = match.groups()
            for column in columns.split(","):
                found[file, number.strip(), column.strip()] = f"{why} ({clause})"
    return found


class Bars:
    """Counts of one set: equal, explained, else wrong; a line of the table each column."""

    def __init__(self, name, heading):
        self.name = name
        self.reasons = explanations(heading)
        self.used = set()
        self.counts = {}
        self.wrong = []

    def note(self, file, number, column, want, got):
        equal, explained, total = self.counts.get(column, (0, 0, 0))
        key = (file, number, column)
        if want == got:
            equal += 1
        elif key in self.reasons:
            explained += 1
            self.used.add(key)
        else:
            self.wrong.append((file, number, column, want, got))
        self.counts[column] = (equal, explained, total + 1)

    def share(self, column):
        """Of rows that are equal, explanations not counted."""
        equal, _, total = self.counts[column]
        return equal / total

    def unexplained(self, column):
        return [w for w in self.wrong if w[2] == column]

    def print_table(self, bars):
        print()
        for column, (equal, explained, total) in self.counts.items():
            bar = bars.get(column)
            text = "equal or explained" if bar == 1 else f"{bar:.0%}" if bar else "reported"
            print(f"{self.name:<12} {column:<28} {equal:4} of {total:4} ({equal / total:6.1%}), "
                  f"{explained} explained; bar: {text}")

    def check(self, bars, rows):
        """Each bar held, no explanation without use, and at most 2 % of the rows explained."""
        self.print_table(bars)
        for column, bar in bars.items():
            if bar == 1:
                assert not self.unexplained(column), self.unexplained(column)
            else:
                assert self.share(column) >= bar, (column, self.unexplained(column))
        assert self.used == set(self.reasons), set(self.reasons) - self.used
        assert len({key[:2] for key in self.used}) <= 0.02 * rows
