#!/usr/bin/env python3
"""Reads what Bitemark writes, with numpy alone: an episode folder, and its exports.

usage: python3 read_episode.py FOLDER

FOLDER is an episode of `bitemark render`, or what `bitemark export` made of one (kubric, png, numpy); what it is is
seen from its files. The program checks that flow is reprojection and says what it found. To use the functions:

    episode = read_episode("runs/bounce")       # dict; "frames" is missing: its video needs a decoder of FFV1
    episode = read_numpy("runs/bounce-numpy")   # the same, with "frames" u8 [T, H, W, 3]

Arrays: depth f32 [T, H, W], z along the optical axis in metres, 0 = nothing; ids u16 [T, H, W], 0 = background;
flow_forward, flow_backward f32 [T, H, W, 2], (dx, dy) in pixels; flow_flags u8 [T, H, W], see FORWARD_INVALID.
"""
import json
import os
import struct
import sys
import zlib

import numpy as np

TYPES = {"U8": "<u1", "U16": "<u2", "I32": "<i4", "F32": "<f4", "F64": "<f8"}
CHANNELS = ("depth", "ids", "flow_forward", "flow_backward", "flow_flags")
FORWARD_INVALID = 1 | 2 | 4 | 64  # occluded, left the picture, cut, gone
BACKWARD_INVALID = 8 | 16 | 32 | 128


def map_safetensors(path):
    """{name: array}, mapped into memory: nothing is read before it is used."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, _ = entry["data_offsets"]
        arrays[name] = np.memmap(path, TYPES[entry["dtype"]], "r", 8 + length + begin, tuple(entry["shape"]))
    return arrays


def read_json(*path):
    with open(os.path.join(*path)) as file:
        return json.load(file)


def read_episode(folder):
    """info (episode.json) and, where truth was written, the channels."""
    episode = {"info": read_json(folder, "episode.json")}
    truth = os.path.join(folder, "truth.safetensors")
    if os.path.exists(truth):
        episode.update(map_safetensors(truth))
    return episode


def read_numpy(folder):
    """What `bitemark export --layout numpy` wrote: info, and every .npy under its name."""
    episode = {"info": read_json(folder, "episode.json")}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".npy"):
            episode[name[:-4]] = np.load(os.path.join(folder, name), mmap_mode="r")
    return episode


def read_png(path):
    """u8 or u16 [H, W] or [H, W, channels]. Understands what Bitemark writes: rows filtered by nothing, left or up."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(path + " is not a PNG")
    at, packed = 8, b""
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, bits, color = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            packed += body
        at += size + 12
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[color]
    sample = bits // 8
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, -1)
    filters, rows = rows[:, 0], rows[:, 1:]
    if (filters == 2).all():
        rows = np.cumsum(rows, axis=0, dtype=np.uint8)
    elif (filters == 1).all():
        rows = np.cumsum(rows.reshape(height, width, -1), axis=1, dtype=np.uint8)
    elif filters.any():
        raise ValueError(path + " has filters that only a PNG library undoes")
    pixels = np.ascontiguousarray(rows).view(np.uint8 if sample == 1 else ">u2").reshape(height, width, channels)
    pixels = pixels.astype(np.uint8 if sample == 1 else np.uint16)
    return pixels[..., 0] if channels == 1 else pixels


def read_tiff(path):
    """f32 [H, W] from one uncompressed strip."""
    with open(path, "rb") as file:
        data = file.read()
    (start,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[start : start + 2])
    tags = {}
    for i in range(count):
        tag, kind, _, value = struct.unpack("<HHII", data[start + 2 + 12 * i : start + 14 + 12 * i])
        tags[tag] = value & 0xFFFF if kind == 3 else value
    return np.frombuffer(data, "<f4", tags[256] * tags[257], tags[273]).reshape(tags[257], tags[256])


def pictures(folder, pattern, read):
    """All frames of one channel, [T, ...]."""
    frames = []
    while os.path.exists(os.path.join(folder, pattern % len(frames))):
        frames.append(read(os.path.join(folder, pattern % len(frames))))
    return np.stack(frames)


def read_png_layout(folder):
    """What `bitemark export --layout png` wrote, in the units of an episode."""
    episode = {"info": read_json(folder, "episode.json"), "frames": pictures(folder, "rgb/%05d.png", read_png)}
    if not os.path.isdir(os.path.join(folder, "depth")):
        return episode
    episode["depth"] = pictures(folder, "depth/%05d.png", read_png) * np.float32(0.001)
    episode["ids"] = pictures(folder, "ids/%05d.png", read_png)
    episode["flow_flags"] = pictures(folder, "flow_flags/%05d.png", read_png)
    for name in ("flow_forward", "flow_backward"):
        coded = pictures(folder, name + "/%05d.png", read_png).astype(np.float32)
        episode[name] = np.where(coded[..., 2:] > 0, (coded[..., :2] - 32768) / 64, 0).astype(np.float32)
    return episode


def read_kubric(folder):
    """What `bitemark export --layout kubric` wrote; flow and depth again as an episode has them."""
    metadata = read_json(folder, "metadata.json")
    episode = {"metadata": metadata, "frames": pictures(folder, "rgba_%05d.png", read_png)[..., :3]}
    if not os.path.exists(os.path.join(folder, "data_ranges.json")):
        return episode
    ranges = read_json(folder, "data_ranges.json")
    for name, ours in (("forward_flow", "flow_forward"), ("backward_flow", "flow_backward")):
        low, high = ranges[name]["min"], ranges[name]["max"]
        coded = pictures(folder, name + "_%05d.png", read_png)[..., :2].astype(np.float64)
        episode[ours] = (coded / 65535 * (high - low) + low)[..., ::-1]  # rows, columns -> dx, dy
    episode["segmentation"] = pictures(folder, "segmentation_%05d.png", read_png)
    episode["flow_flags"] = pictures(folder, "flow_flags_%05d.png", read_png)
    distance = pictures(folder, "depth_%05d.tiff", read_tiff)
    height, width = distance.shape[1:]
    camera = metadata["camera"]
    depth = np.zeros_like(distance)
    for t, focal in enumerate(camera["focal_lengths"]):
        f = focal / camera["sensor_width"] * width
        x, y = np.meshgrid((np.arange(width) + 0.5 - width / 2) / f, (np.arange(height) + 0.5 - height / 2) / f)
        depth[t] = np.where(distance[t] < 1e9, distance[t] / np.sqrt(1 + x * x + y * y), 0)
    episode["depth"] = depth
    return episode


def rotate(q, v):
    """v [..., 3] turned by the unit quaternion q (w, x, y, z)."""
    w, axis = q[0], np.asarray(q[1:])
    return v + 2 * np.cross(axis, np.cross(axis, v) + w * v)


def reprojection_error(episode):
    """Largest difference [px] between the forward flow of still, rigid things and what the camera's path and the depth
    make of it: background pixels are unprojected in one frame and projected into the next."""
    cameras, worst = episode["info"]["cameras"], 0.0
    height, width = episode["depth"].shape[1:]
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for t in range(len(cameras) - 1):
        a, b = cameras[t], cameras[t + 1]
        from_here, from_there = a["X_WC"], b["X_WC"]  # camera to world
        z = episode["depth"][t].astype(np.float64)
        use = (episode["ids"][t] == 0) & (z > 0) & (episode["flow_flags"][t] & FORWARD_INVALID == 0)
        p = np.stack([(columns - a["cx"]) / a["fx"] * z, (rows - a["cy"]) / a["fy"] * z, z], axis=-1)[use]
        world = rotate(from_here["rotation_wxyz"], p) + np.array(from_here["position"])
        inverse = np.array(from_there["rotation_wxyz"]) * np.array([1, -1, -1, -1])
        q = rotate(inverse, world - np.array(from_there["position"]))
        there = np.stack([b["cx"] + b["fx"] * q[:, 0] / q[:, 2], b["cy"] + b["fy"] * q[:, 1] / q[:, 2]], axis=-1)
        here = np.stack([columns, rows], axis=-1)[use]
        if len(p):
            worst = max(worst, float(np.abs(there - here - episode["flow_forward"][t][use]).max()))
    return worst


def main(folder):
    if os.path.exists(os.path.join(folder, "metadata.json")):
        episode = read_kubric(folder)
    elif os.path.isdir(os.path.join(folder, "rgb")):
        episode = read_png_layout(folder)
    elif os.path.exists(os.path.join(folder, "frames.npy")):
        episode = read_numpy(folder)
    else:
        episode = read_episode(folder)
    for name, value in episode.items():
        if isinstance(value, np.ndarray):
            print(f"{name}: {value.dtype} {list(value.shape)}")
    if "info" in episode and "depth" in episode:
        print(f"flow is reprojection within {reprojection_error(episode):.2g} px")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
