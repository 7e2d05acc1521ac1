# SPDX-License-Identifier: EUPL-1.2
"""What one step costs as the database grows: figures, and an SVG of the cost a document.

  grow.py FOLDER OUT.svg    FOLDER holds the bench programs; SEALGATE_BENCH_SIZES the sizes

A loader fills the database with documents that have their whole life behind them (2 kB bodies).
"""
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench import run  # noqa: E402

SIZES = [int(n) for n in os.environ.get("SEALGATE_BENCH_SIZES", "1000,10000,100000").split(",")]
OCTETS = 2048
STEPS = ("open_ms", "seal_ms", "deliver_ms", "explain_ms", "stats_ms")
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 400, 70, 50
COLOURS = ("#0b6e4f", "#b5179e", "#1d4ed8", "#c2410c", "#475569")


def grow(bench, folder):
    """Probe at each size: a list of figures."""
    rows, have = [], 0
    for size in SIZES:
        run(bench / "bench_engine", "fill", folder, size - have, OCTETS)
        figures = run(bench / "bench_engine", "probe", folder, OCTETS)
        have = size + 16 * 200  # what the probe has added
        figures["documents"] = size
        figures["bytes"] = sum(f.stat().st_size for f in folder.iterdir()) // size
        rows.append(figures)
        print(f"{size:8} documents: open {figures['open_ms']:.0f} ms, "
              f"{figures['accepts_per_second']:.0f} accepts/s in batches of 16, "
              f"seal {figures['seal_ms']:.2f} ms, deliver {figures['deliver_ms']:.2f} ms, "
              f"explain {figures['explain_ms']:.2f} ms, stats {figures['stats_ms']:.2f} ms, "
              f"{figures['bytes']} bytes on disk a document; accept rate ÷ smallest "
              f"{figures['accepts_per_second'] / rows[0]['accepts_per_second']:.2f}",
              flush=True)
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
    try:
        plot(grow(bench, folder), out)
        print(f"plot: {out}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
