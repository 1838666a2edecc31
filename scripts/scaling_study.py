#!/usr/bin/env python3
"""Does DiT's law hold here: is more compute better, are smaller patches better?

Three sizes x three patch sizes are trained at constant rates on `bounce`; each is read at three budgets: error of
denoising held-out takes (bitemark-model evaluate-dit) and tracked error of rollouts (bitemark run). What is done is kept
under OUT: the same command goes on where it stopped, and leaves out what --skip names.

usage: scripts/scaling_study.py --data data/train --parts runs/parts --out runs/scaling [--skip w192p1:1800] [--only-draw]
--parts is a checkpoint with the VAE and the text tower: the study's were made by recipes/nano/vae.json and text.json.
writes docs/data/scaling.json and docs/images/scaling.svg
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("BITEMARK_BIN", ROOT / "build/release"))
SIZES = {48: (3, 2), 96: (4, 3), 192: (6, 4)}  # width: depth, heads
PATCHES = (4, 2, 1)
STEPS = (200, 600, 1800)
COLOURS = {4: "#c2410c", 2: "#1c54d6", 1: "#15803d"}
TAKES = 8  # rollouts a network


def call(*words, **options):
    subprocess.run([str(word) for word in words], check=True, **options)


def networks():
    return [(width, patch) for patch in PATCHES for width in SIZES]


def train(width, patch, steps, data, parts, out):
    """Leaves the checkpoint with its progress.json in OUT/w<width>p<patch>/at<steps>."""
    home = out / f"w{width}p{patch}"
    done = home / f"at{steps}"
    if done.exists():
        return done
    home.mkdir(parents=True, exist_ok=True)
    depth, heads = SIZES[width]
    recipe = json.loads((ROOT / "recipes/scaling/base.json").read_text())
    recipe["model"] |= {"width": width, "depth": depth, "heads": heads, "patch": patch}
    (home / "recipe.json").write_text(json.dumps(recipe, indent=2))
    call(BIN / "bitemark-model", "train", home / "recipe.json", "--data", data, "--out", home / "run", "--from",
         parts, "--steps", steps)
    part = home / "part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(home / "run/checkpoint", part)
    shutil.copy(home / "run/progress.json", part)
    part.rename(done)
    return done


def denoising_error(checkpoint, data, file):
    """Mean square over latents, levels and held-out takes, with its standard error over takes."""
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        call(BIN / "bitemark-model", "evaluate-dit", "--checkpoint", checkpoint, "--data", data, "--takes", 32,
             "--window", 12, "--out", file, stdout=subprocess.DEVNULL)
    takes = [take["mse"] for take in json.loads(file.read_text())["takes"]]
    means = [sum(mse) / len(mse) for mse in takes]
    mean = sum(means) / len(means)
    return mean, math.sqrt(sum((m - mean) ** 2 for m in means) / (len(means) - 1) / len(means))


def tracked_errors(checkpoints, out):
    """Mean of motion.error by network, in % of the width, with its standard error over takes."""
    links = out / "ck"
    links.mkdir(exist_ok=True)
    words = []
    for name, folder in checkpoints.items():
        if not (links / name).exists():
            (links / name).symlink_to(os.path.relpath(folder, links))
        words += ["--generator", f"checkpoint:{links / name}"]
    if not (out / "track/report.json").exists():
        call(BIN / "bitemark", "run", "--scenario", "bounce", "--limit", TAKES, "--fault-takes", 0, "--media-mb", 0, *words,
             "--out", out / "track", stdout=subprocess.DEVNULL)
    values = {}
    for case in json.loads((out / "track/report.json").read_text())["cases"]:
        for take in case["takes"]:
            for metric in take["metrics"]:
                for one in metric.get("measurements", []):
                    if one["name"] == "motion.error":
                        values.setdefault(take["generator"], []).append(one["value"])
    return {name: (sum(v) / len(v), math.sqrt(sum((x - sum(v) / len(v)) ** 2 for x in v) / (len(v) - 1) / len(v)))
            for name, v in values.items()}


def study(data, parts, out, skip):
    if not (out / "test/index.json").exists():
        call(BIN / "bitemark", "dataset", "--scenarios", "bounce", "--split", "test", "--takes", 32, "--size", 64, "--fps",
             12, "--out", out / "test")
    checkpoints, rows = {}, []
    for width, patch in networks():
        for steps in STEPS:
            name = f"w{width}p{patch}-{steps}"
            if name.replace("-", ":") in skip:
                continue
            checkpoints[name] = train(width, patch, steps, data, parts, out)
            mse, error = denoising_error(checkpoints[name], out / "test", out / "eval" / f"{name}.json")
            progress = json.loads((checkpoints[name] / "progress.json").read_text())
            rows.append({"network": f"w{width}p{patch}", "width": width, "patch": patch, "steps": steps,
                         "parameters": progress["parameters"], "flop": progress["flop"], "mse": mse, "mse_se": error})
    tracked = tracked_errors(checkpoints, out)
    for row in rows:
        row["tracked"], row["tracked_se"] = tracked[f"{row['network']}-{row['steps']}"]
    return rows + [{"network": name, "tracked": tracked[name][0], "tracked_se": tracked[name][1]}
                   for name in ("freeze", "linear", "second-take")]


def axis(values):
    return math.log10(min(values)) - 0.08, math.log10(max(values)) + 0.08


def panel(left, rows, value, title, marks):
    width, height, margin = 430, 330, 54
    low_x, high_x = axis([row["flop"] for row in rows])
    low_y, high_y = axis([row[value] for row in rows])
    place_x = lambda x: left + margin + (math.log10(x) - low_x) / (high_x - low_x) * (width - margin - 20)
    place_y = lambda y: 30 + (high_y - math.log10(y)) / (high_y - low_y) * (height - margin - 30)
    out = [f'<text x="{left + width / 2}" y="18" text-anchor="middle" font-size="12">{title}</text>']
    for power in range(math.ceil(low_x), math.floor(high_x) + 1):
        x = place_x(10.0 ** power)
        out.append(f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{height - margin}" stroke="#eee"/>')
        out.append(f'<text x="{x:.1f}" y="{height - margin + 16}" text-anchor="middle">1e{power}</text>')
    for mark in marks:
        if low_y <= math.log10(mark) <= high_y:
            y = place_y(mark)
            out.append(f'<line x1="{left + margin}" y1="{y:.1f}" x2="{left + width - 20}" y2="{y:.1f}" stroke="#eee"/>')
            out.append(f'<text x="{left + margin - 6}" y="{y + 4:.1f}" text-anchor="end">{mark:g}</text>')
    for size, patch in networks():
        own = [row for row in rows if row["width"] == size and row["patch"] == patch]
        path = " ".join(f"{place_x(row['flop']):.1f},{place_y(row[value]):.1f}" for row in own)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[patch]}" stroke-width="1.5"/>')
        for row in own:
            out.append(f'<circle cx="{place_x(row["flop"]):.1f}" cy="{place_y(row[value]):.1f}" '
                       f'r="{1.5 + size / 48:.1f}" fill="{COLOURS[patch]}"/>')
    out.append(f'<text x="{left + width / 2 + 16}" y="{height - 14}" text-anchor="middle">training FLOP '
               '(6 x parameters x tokens)</text>')
    return out


def draw(rows, target):
    rows = [row for row in rows if "flop" in row]
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="900" height="356" font-family="sans-serif" font-size="10">',
             '<rect width="900" height="356" fill="white"/>']
    lines += panel(0, rows, "mse", "error of denoising held-out takes", (0.01, 0.02, 0.04, 0.08))
    lines += panel(450, rows, "tracked", "tracked error of rollouts, % of the width", (2, 4, 6, 8, 12, 16, 24))
    for i, patch in enumerate(PATCHES):
        lines.append(f'<circle cx="{330 + 90 * i}" cy="344" r="4" fill="{COLOURS[patch]}"/>')
        lines.append(f'<text x="{340 + 90 * i}" y="348">patch {patch}</text>')
    lines.append('<text x="620" y="348">larger dots: wider (48, 96, 192)</text>')
    target.write_text("\n".join(lines + ["</svg>", ""]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="training shards")
    parser.add_argument("--parts", type=pathlib.Path, help="checkpoint with the VAE and the text tower")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the study")
    parser.add_argument("--skip", action="append", default=[], help="NETWORK:STEPS to leave out")
    parser.add_argument("--only-draw", action="store_true", help="the picture again, from docs/data/scaling.json")
    given = parser.parse_args()
    table = ROOT / "docs/data/scaling.json"
    if not given.only_draw:
        if None in (given.data, given.parts, given.out):
            parser.error("--data, --parts and --out are needed")
        table.parent.mkdir(exist_ok=True)
        rows = study(given.data.resolve(), given.parts.resolve(), given.out.resolve(), given.skip)
        table.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    draw(json.loads(table.read_text()), ROOT / "docs/images/scaling.svg")


if __name__ == "__main__":
    main()
