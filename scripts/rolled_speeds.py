#!/usr/bin/env python3
"""Does a generator measure how fast a thing is, or guess it? For scenarios with one thing that moves evenly and a camera
that stands still: the slope of the rolled horizontal speed on the true one over the takes of a run. 1: it follows; 0: it
plays one speed, whatever it was shown.

usage: scripts/rolled_speeds.py RUN SCENARIO GENERATOR       (a run made with --media-mb 1; needs numpy)
"""
import json
import pathlib
import struct
import sys

import numpy as np

MOVED = 60  # of 765: a pixel that differs so much from the clip's median is not background


def frames(path, name):
    """f8 [T, H, W, 3] of a clip's safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8 : 8 + length])[name]
    begin, end = entry["data_offsets"]
    return np.frombuffer(data[8 + length + begin : 8 + length + end], np.uint8).reshape(entry["shape"]).astype(float)


def speed(clip, background):
    """Pixels a frame: a line through the horizontal centroids of what is not background."""
    weight = np.abs(clip - background).sum(-1)
    weight[weight < MOVED] = 0
    columns = np.arange(weight.shape[2])
    seen = weight.sum((1, 2)) > 0
    where = (weight * columns).sum((1, 2))[seen] / weight.sum((1, 2))[seen]
    return np.polyfit(np.flatnonzero(seen), where, 1)[0]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    clips, scenario, generator = pathlib.Path(sys.argv[1]) / "clips", sys.argv[2], sys.argv[3]
    true, rolled = [], []
    for file in sorted((clips / "oracle").glob(f"{scenario}-*.safetensors")):
        truth = frames(file, "frames")
        background = np.median(np.concatenate([frames(file, "context"), truth]), axis=0)
        at = speed(truth, background)
        true.append(abs(at))
        rolled.append(speed(frames(clips / generator / file.name, "frames"), background) * np.sign(at))
    if len(true) < 3:
        sys.exit(f"{clips / 'oracle'}: has {len(true)} clips of {scenario}, expected 3 or more")
    (slope, start), deviation = np.polyfit(true, rolled, 1), np.std(true)
    scatter = np.std(np.array(rolled) - slope * np.array(true) - start) * np.sqrt(len(true) / (len(true) - 2))
    half = 2 * scatter / (deviation * np.sqrt(len(true)))
    print(f"{scenario}, {len(true)} takes: true speed {np.mean(true):.2f} +- {deviation:.2f} pixels a frame (standard deviation), "
          f"rolled {np.mean(rolled):.2f} +- {np.std(rolled):.2f}, slope {slope:.2f} +- {half:.2f} (two standard errors)")


if __name__ == "__main__":
    main()
