#!/usr/bin/env python3
"""Says where two files of benches/frame_digests part: for each scenario the first differing frame and its channels.

usage: compare_digests.py A B      exit code 1 when they differ
"""
import json
import os
import sys


def load(path):
    with open(path) as file:
        return {entry["scenario"]: entry for entry in map(json.loads, file)}


def first_difference(a, b):
    """(frame, channels) or None."""
    if a["parameters"] != b["parameters"]:
        return 0, ["parameters"]
    for t, (one, other) in enumerate(zip(a["frames"], b["frames"])):
        channels = [name for name in one if one[name] != other[name]]
        if channels:
            return t, channels
    if a["told"] != b["told"]:
        return len(a["frames"]), ["what is told beside the frames"]
    return None if len(a["frames"]) == len(b["frames"]) else (min(len(a["frames"]), len(b["frames"])), ["length"])


def main(path_a, path_b):
    a, b = load(path_a), load(path_b)
    differing = 0
    for name in a:
        found = first_difference(a[name], b[name]) if name in b else (0, ["missing"])
        if found is None:
            continue
        differing += 1
        print(f"  {name}: first differing frame {found[0]}, in {', '.join(found[1])}")
    frames = sum(len(entry["frames"]) for entry in a.values())
    names = [os.path.basename(path).removeprefix("digests-").removesuffix(".jsonl") for path in (path_a, path_b)]
    print(f"{names[0]} and {names[1]}: {len(a) - differing} of {len(a)} scenarios ({frames} frames) equal to the bit")
    return 1 if differing else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
