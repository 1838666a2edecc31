#!/usr/bin/env python3
"""Does a model use what it says it uses? A generator that puts a blindfold on another one.

usage: bitemark run --generator "command:python3 scripts/blindfold.py contexts COMMAND..." --out runs/swapped
       (bitemark adds REQUEST and OUT, as for any generator)

contexts  every take gets the context frames of another take of the same shape
captions  every take gets the caption of another scenario's take, or where there is one scenario another caption of it
actions   nothing acts on the world: act_on, act_u, act_v and act_phase are 0 in every frame
weights   every dit.safetensors below the folder behind --checkpoint holds zeros

A model that scores no worse blindfolded did not need what was hidden.
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile


def tensor_bytes(path, name):
    """The file's bytes, and where the named tensor lies in them: (data, begin, end, shape)."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8 : 8 + length])[name]
    begin, end = entry["data_offsets"]
    return data, 8 + length + begin, 8 + length + end, tuple(entry["shape"])


def partner(takes, alike):
    """For each take the next one, round and round, for which alike(take, other) holds; itself when there is none."""
    found = {}
    for i, take in enumerate(takes):
        others = takes[i + 1 :] + takes[:i]
        found[take] = next((other for other in others if alike(take, other)), take)
    return found


def scenario_of(take):
    return take.split("-test-")[0].split("-ood-")[0].split("-train-")[0]


def swap_contexts(request, takes):
    files = {take: request / take / "conditioning.safetensors" for take in takes}
    tensors = {take: tensor_bytes(files[take], "context") for take in takes}
    same = partner(takes, lambda a, b: scenario_of(a) == scenario_of(b) and tensors[a][3] == tensors[b][3])
    for take, other in same.items():
        data, begin, end, _ = tensors[take]
        source, first, last, _ = tensors[other]
        files[take].write_bytes(data[:begin] + source[first:last] + data[end:])


def swap_captions(request, takes):
    files = {take: request / take / "conditioning.json" for take in takes}
    conditionings = {take: json.loads(files[take].read_text()) for take in takes}
    captions = {take: conditioning["caption"] for take, conditioning in conditionings.items()}
    several = len({scenario_of(take) for take in takes}) > 1
    of = scenario_of if several else captions.get
    for take, other in partner(takes, lambda a, b: of(a) != of(b)).items():
        files[take].write_text(json.dumps(conditionings[take] | {"caption": conditionings[other]["caption"]}))


def withhold_actions(request, takes):
    for take in takes:
        names = json.loads((request / take / "conditioning.json").read_text())["control_names"]
        file = request / take / "conditioning.safetensors"
        data, begin, end, (frames, channels) = tensor_bytes(file, "controls")
        controls = list(struct.unpack(f"<{frames * channels}f", data[begin:end]))
        for channel in (names.index(name) for name in names if name.startswith("act_")):
            controls[channel::channels] = [0.0] * frames
        data[begin:end] = struct.pack(f"<{frames * channels}f", *controls)
        file.write_bytes(data)


def zero_weights(command, home):
    place = command.index("--checkpoint") + 1
    copy = home / "checkpoint"
    shutil.copytree(command[place], copy)
    for path in copy.rglob("dit.safetensors"):
        data = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", data[:8])
        data[8 + length :] = bytes(len(data) - 8 - length)
        path.write_bytes(data)
    return command[:place] + [str(copy)] + command[place + 1 :]


HIDE = {"contexts": swap_contexts, "captions": swap_captions, "actions": withhold_actions}


def main(what, command, request, out):
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        shutil.copytree(request, home / "request")
        takes = json.loads((home / "request/request.json").read_text())["takes"]
        if what == "weights":
            command = zero_weights(command, home)
        else:
            HIDE[what](home / "request", takes)
        return subprocess.run([*command, str(home / "request"), out]).returncode


if __name__ == "__main__":
    if len(sys.argv) < 5 or sys.argv[1] not in (*HIDE, "weights"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:-2], sys.argv[-2], sys.argv[-1]))
