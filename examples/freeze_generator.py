#!/usr/bin/env python3
"""A generator in one page: answers every take by holding its last context frame.

usage: python3 freeze_generator.py REQUEST OUT

Reads and writes the generator protocol (docs/generator-protocol.md) with numpy alone. To judge a model of your own,
replace `continue_clip`:
    bitemark run --suite nightly --generator 'command:python3 my_generator.py' --out runs/mine
"""
import json
import os
import struct
import sys

import numpy as np

TYPES = {"U8": np.uint8, "I32": np.int32, "F32": np.float32}


def load_safetensors(path):
    """{name: array}. The format: u64 header length, JSON header, raw little-endian data."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin : 8 + length + end]
        arrays[name] = np.frombuffer(raw, TYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def save_frames(path, frames):
    """One tensor, "frames" u8 [T, H, W, 3]. Written under another name first: whole or absent."""
    frames = np.ascontiguousarray(frames, np.uint8)
    entry = {"dtype": "U8", "shape": list(frames.shape), "data_offsets": [0, frames.nbytes]}
    header = json.dumps({"frames": entry}).encode()
    with open(path + ".part", "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + frames.tobytes())
    os.replace(path + ".part", path)


def continue_clip(context, caption, controls, conditioning):
    """context u8 [T, H, W, 3] (T may be 0), controls f32 [frame_count, channels] -> the frames after the context."""
    missing = conditioning["frame_count"] - len(context)
    if len(context):
        last = context[-1]
    else:
        last = np.full((conditioning["height"], conditioning["width"], 3), 128, np.uint8)
    return np.repeat(last[None], missing, axis=0)


def main(request, out):
    with open(os.path.join(request, "request.json")) as file:
        takes = json.load(file)["takes"]
    os.makedirs(out, exist_ok=True)
    for take in takes:
        target = os.path.join(out, take, "rollout.safetensors")
        if os.path.exists(target):
            continue  # answered before an interruption
        with open(os.path.join(request, take, "conditioning.json")) as file:
            conditioning = json.load(file)
        tensors = load_safetensors(os.path.join(request, take, "conditioning.safetensors"))
        frames = continue_clip(tensors["context"], conditioning["caption"], tensors["controls"], conditioning)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        save_frames(target, frames)
    with open(os.path.join(out, "answer.json"), "w") as file:
        json.dump({"protocol": 1, "generator": "freeze", "uses": ["context"]}, file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
