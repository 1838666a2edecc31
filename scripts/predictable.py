#!/usr/bin/env python3
"""How well can what comes be known from what is given? Of every take in a folder of training shards: the places of one body
in the context, blurred as a network sees them, and by kernel ridge regression from them its place some frames later. Half
of the takes teach, the other half judge. No generator that sees only the places can be expected to do much better.

usage: scripts/predictable.py SHARDS SCENARIO [--ahead 12] [--blur 0.2] [--body 0]      (needs numpy)

--ahead: frames after the last given one; --blur: standard deviation of each coordinate [px]
"""
import argparse
import json
import pathlib
import struct

import numpy as np

COPIES = 4  # of each teaching take, blurred anew; side by side, so that a share of the copies is a share of the takes
PRESENT, U, V = 0, 1, 2  # of a state


def tensors(path, *names):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for name in names:
        entry = header[name]
        begin, end = (8 + length + at for at in entry["data_offsets"])
        kind = {"F32": np.float32, "I32": np.int32}[entry["dtype"]]
        yield np.frombuffer(data[begin:end], kind).reshape(entry["shape"]), header["frames"]["shape"]


def takes(folder, scenario, body):
    """Places [N, T, 2] in pixels, given frames, width; of the shards that have the first one's size."""
    if not (folder / "index.json").is_file():
        raise SystemExit(f"{folder}: holds no index.json, expected a folder that `bitemark dataset` wrote")
    places, given, size = [], None, None
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        if shard["scenario"] != scenario:
            continue
        (states, frames), (context, _) = tensors(folder / shard["file"], "states", "context_frames")
        if not 0 <= body < states.shape[2]:
            raise SystemExit(f"--body: is {body}, expected 0 to {states.shape[2] - 1}")
        size = size or frames[2:4]
        if frames[2:4] != size or not (states[:, :, body, PRESENT] == 1).all():
            continue
        height, width = size
        places.append(states[:, :, body, U : V + 1].astype(float) * [width, height])
        given = int(context[0])
    if not places:
        raise SystemExit(f"{folder}: has no shard of {scenario} in which body {body} is always there")
    return np.concatenate(places), given, size[1]


def features(places):
    """Places and their first and second differences, a row a take."""
    return np.concatenate([np.diff(places, n, axis=1).reshape(len(places), -1) for n in range(3)], 1)


def guesses(seen, wanted, asked, scale, width, ridge):
    """Ridge regression with Gaussian kernels `width` wide over features of unit variance."""
    near = lambda a, b: np.exp(-0.5 * ((a[:, None] - b[None]) ** 2).mean(-1) / width**2)
    mean = wanted.mean(0)
    seen, asked = seen / scale, asked / scale
    weights = np.linalg.solve(near(seen, seen) + ridge * np.eye(len(seen)), wanted - mean)
    return near(asked, seen) @ weights + mean


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=pathlib.Path)
    parser.add_argument("scenario")
    parser.add_argument("--ahead", type=int, default=12)
    parser.add_argument("--blur", type=float, default=0.2)
    parser.add_argument("--body", type=int, default=0)
    args = parser.parse_args()
    places, given, width = takes(args.shards, args.scenario, args.body)
    if not 1 <= args.ahead <= places.shape[1] - given:
        raise SystemExit(f"--ahead: is {args.ahead}, expected 1 to {places.shape[1] - given}")
    random = np.random.default_rng(1)
    order = random.permutation(len(places))
    teach, judge = np.array_split(order, 2)
    to_come = places[:, given - 1 + args.ahead] - places[:, given - 1]
    blurred = lambda which: features(places[which, :given] + args.blur * random.standard_normal((len(which), given, 2)))
    copies = np.repeat(teach, COPIES)
    seen, asked = blurred(copies), blurred(judge)
    scale = seen.std(0) + 1e-9
    # The kernel's width and the ridge by the last quarter of the teaching takes, which the others then tell.
    fit, check = np.array_split(np.arange(len(copies)), [3 * len(copies) // 4])
    error = lambda guess, truth: np.hypot(*(guess - truth).T) / width * 100
    pairs = [(w, r) for w in (0.5, 1.0, 2.0, 4.0) for r in (1e-4, 1e-3, 1e-2, 1e-1)]
    best = min(pairs, key=lambda p: error(guesses(seen[fit], to_come[copies[fit]], blurred(copies[check]), scale, *p),
                                          to_come[copies[check]]).mean())
    off = error(guesses(seen, to_come[copies], asked, scale, *best), to_come[judge])
    hold = error(0 * to_come[judge], to_come[judge])
    interval = lambda x: f"{x.mean():.2f} +- {1.96 * x.std(ddof=1) / len(x) ** 0.5:.2f}"
    print(f"{args.scenario}, {len(judge)} takes, {args.ahead} frames ahead, places known to {args.blur} px: "
          f"best guess {interval(off)} % of the width, hold {interval(hold)}")


if __name__ == "__main__":
    main()
