# SPDX-License-Identifier: EUPL-1.2
"""What one step costs as the database grows: figures, and an SVG of the cost a document.

  grow.py FOLDER OUT.svg    FOLDER holds the bench programs; SEALGATE_BENCH_SIZES the sizes

A loader fills the database with documents that have their whole life behind them (2 kB bodies).
Each figure is the median of some probes in turn with probes of an almost empty database: what
else the machine does meets both. SEALGATE_BENCH_STORE names a folder whose database is taken up
for the largest size, filled up and kept, since a million documents take a while.
"""
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench import run  # noqa: E402

SIZES = [int(n) for n in os.environ.get("SEALGATE_BENCH_SIZES", "1000,10000,100000").split(",")]
OCTETS = 2048
STEPS = ("accept_ms", "seal_ms", "deliver_ms", "explain_ms", "stats_ms")
SMALL = 1000  # documents of the database in turn
ROUNDS, ADDED = 5, 16 * 100  # a probe adds so many
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 400, 70, 50
COLOURS = ("#0b6e4f", "#b5179e", "#1d4ed8", "#c2410c", "#475569")


def probe(bench, folder):
    """The figures of one probe, with the cost of an accept."""
    figures = run(bench / "bench_engine", "probe", folder, OCTETS)
    figures["accept_ms"] = 1000 / figures["accepts_per_second"]
    return figures


def measure(bench, folder, small):
    """Medians of the folder's database, and the ratio of accept rates to a small one's."""
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    run(bench / "bench_engine", "fill", small, SMALL, OCTETS)
    pairs = [(probe(bench, small), probe(bench, folder)) for _ in range(ROUNDS)]
    figures = {key: statistics.median(large[key] for _, large in pairs) for key in pairs[0][1]}
    figures["ratio"] = statistics.median(
        large["accepts_per_second"] / little["accepts_per_second"] for little, large in pairs)
    figures["small_us"] = statistics.median(little["accept_cpu_us"] for little, _ in pairs)
    figures["small_mb"] = statistics.median(little["memory_mb"] for little, _ in pairs)
    return figures


def grow(bench, fresh, store, small):
    """Figures of each size, smallest first."""
    rows = []
    for size in SIZES:
        folder = store if store and size == SIZES[-1] else fresh
        note = folder / "documents"
        have = int(note.read_text()) if note.exists() else 0
        if have < size:
            run(bench / "bench_engine", "fill", folder, size - have, OCTETS)
        figures = measure(bench, folder, small)
        have = max(have, size) + ROUNDS * ADDED
        note.write_text(str(have))
        figures["documents"] = size
        figures["bytes"] = sum(f.stat().st_size for f in folder.iterdir()) / have
        rows.append(figures)
        print(f"{size:8} documents: open {figures['open_ms']:.0f} ms, "
              f"{figures['accepts_per_second']:.0f} accepts/s in batches of 16, "
              f"÷ {SMALL} documents in turn {figures['ratio']:.2f} (CPU an accept "
              f"{figures['accept_cpu_us']:.0f} us, of {SMALL} {figures['small_us']:.0f}); "
              f"seal {figures['seal_ms']:.2f} ms, deliver {figures['deliver_ms']:.2f} ms, "
              f"explain {figures['explain_ms']:.2f} ms, stats {figures['stats_ms']:.2f} ms; "
              f"{figures['bytes']:.0f} bytes on disk a document, {figures['memory_mb']:.0f} MB "
              f"resident at most (small {figures['small_mb']:.0f})", flush=True)
    return rows


def line(rows, step, colour, most):
    """One step's curve: sizes evenly, milliseconds linearly."""
    wide = (WIDTH - LEFT - 150) / max(1, len(rows) - 1)
    points = [(LEFT + i * wide, HEIGHT - BOTTOM - r[step] / most * (HEIGHT - 2 * BOTTOM))
              for i, r in enumerate(rows)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>'
            f'<text x="{x + 6:.0f}" y="{y + 4:.0f}" fill="{colour}">{step[:-3]} '
            f'{rows[-1][step]:.2f}</text>')


def plot(rows, path):
    most = max(r[s] for r in rows for s in STEPS) or 1
    wide = (WIDTH - LEFT - 150) / max(1, len(rows) - 1)
    labels = "".join(f'<text x="{LEFT + i * wide:.0f}" y="{HEIGHT - BOTTOM + 20}" '
                     f'text-anchor="middle">{r["documents"]}</text>'
                     for i, r in enumerate(rows))
    curves = "".join(line(rows, s, c, most) for s, c in zip(STEPS, COLOURS))
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" '
        f'fill="white"/><text x="{LEFT}" y="24">milliseconds a step by documents stored '
        f'(top: {most:.1f} ms)</text>'
        f'<path d="M{LEFT} {BOTTOM}V{HEIGHT - BOTTOM}H{WIDTH - 150}" stroke="black" '
        f'fill="none"/>{labels}{curves}</svg>\n')


def main():
    bench, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-grow-"))
    store = os.environ.get("SEALGATE_BENCH_STORE")
    store = pathlib.Path(store) if store else None
    fresh = folder / "fresh"
    try:
        for made in (fresh, *((store,) if store else ())):
            made.mkdir(exist_ok=True)
        rows = grow(bench, fresh, store, folder / "small")
        out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
        plot(rows, out)
        print(f"plot: {out}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
