#!/usr/bin/env python3
"""Draws what a frame costs against bodies, triangles and pixels, from the JSON of benches/bench_scene.

usage: build/release/benches/bench_scene --benchmark_out=scene.json
       scripts/plot_costs.py scene.json docs/images/render-costs.svg
"""
import json
import math
import sys

WIDTH, HEIGHT, MARGIN = 300, 240, 52
PANELS = (("bodies", "bodies"), ("triangles", "triangles"), ("pixels", "pixels"))


def points(benchmarks, group, counter):
    """(counter, processor milliseconds a frame) of one group of benchmarks."""
    return [
        (b[counter], 1000 / b["items_per_second"])
        for b in benchmarks
        if b["name"].startswith(group + "/") and b.get("run_type") != "aggregate"
    ]


def brief(x):
    return f"{x / 1e6:.1f} M" if x >= 1e6 else f"{x / 1e3:.0f} k" if x >= 1e4 else f"{x:g}"


def panel(left, title, values):
    """Both axes logarithmic: a line of slope 1 is a cost in proportion."""
    xs, ys = zip(*values)
    low_x, high_x = math.log10(min(xs)) - 0.1, math.log10(max(xs)) + 0.1
    low_y, high_y = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    place_x = lambda x: left + MARGIN + (math.log10(x) - low_x) / (high_x - low_x) * (WIDTH - MARGIN - 20)
    place_y = lambda y: 20 + (high_y - math.log10(y)) / (high_y - low_y) * (HEIGHT - MARGIN - 20)
    out = []
    for power in range(low_y, high_y + 1):
        y = place_y(10**power)
        out.append(f'<line x1="{left + MARGIN}" y1="{y:.1f}" x2="{left + WIDTH - 20}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{left + MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** power:g} ms</text>')
    path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in values)
    out.append(f'<polyline points="{path}" fill="none" stroke="#1c54d6" stroke-width="2"/>')
    for x, y in values:
        out.append(f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3.5" fill="#1c54d6"/>')
        out.append(f'<text x="{place_x(x):.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{brief(x)}</text>')
        out.append(f'<text x="{place_x(x):.1f}" y="{place_y(y) - 8:.1f}" text-anchor="middle">{y:.1f}</text>')
    out.append(f'<text x="{left + WIDTH / 2 + 16}" y="{HEIGHT - 14}" text-anchor="middle">{title}</text>')
    return out


def main(source, target):
    with open(source) as file:
        benchmarks = json.load(file)["benchmarks"]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="10">',
        f'<rect width="{3 * WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for i, (group, counter) in enumerate(PANELS):
        lines += panel(i * WIDTH, counter, points(benchmarks, group, counter))
    with open(target, "w") as file:
        file.write("\n".join(lines + ["</svg>", ""]))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
