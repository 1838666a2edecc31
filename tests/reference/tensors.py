"""safetensors out of a dict of PyTorch tensors: u64 length, JSON header, raw little-endian data."""

import json
import struct


def save(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.detach().contiguous().numpy().tobytes()
        kind = {"float32": "F32", "int64": "I64", "uint8": "U8"}[str(tensor.dtype).split(".")[-1]]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # as the public writers align it
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
