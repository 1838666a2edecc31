# Compares an episode with its three exports: compare.py EXAMPLES EPISODE NUMPY PNG KUBRIC. Says nothing when all agree.
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
import read_episode as reader  # noqa: E402

episode = reader.read_episode(sys.argv[2])
arrays = reader.read_numpy(sys.argv[3])
pictures = reader.read_png_layout(sys.argv[4])
kubric = reader.read_kubric(sys.argv[5])
info = episode["info"]

for name in reader.CHANNELS:  # the same bytes
    assert arrays[name].dtype == episode[name].dtype and (arrays[name] == episode[name]).all(), name
for one in (pictures, kubric):
    assert (one["frames"] == arrays["frames"]).all()
assert (pictures["ids"] == episode["ids"]).all()
assert (pictures["flow_flags"] == episode["flow_flags"]).all() and (kubric["flow_flags"] == episode["flow_flags"]).all()

depth = np.asarray(episode["depth"], np.float64)
assert np.abs(pictures["depth"] - np.minimum(depth, 65.535)).max() <= 0.5001e-3  # half of a step of 1 mm
# Two roundings to float32, of the distance and of the depth made of it: 2 x 2^-24.
assert np.abs(kubric["depth"] - depth).max() <= 1.3e-7 * max(depth.max(), 1e-9)

for name, bits in (("flow_forward", reader.FORWARD_INVALID), ("flow_backward", reader.BACKWARD_INVALID)):
    flow = np.asarray(episode[name], np.float64)
    valid = (episode["flow_flags"] & bits) == 0
    assert valid.any() or not np.any(flow)
    assert (np.abs(pictures[name] - flow)[valid] <= 1 / 128).all()  # half of a step of 1/64 px
    step = (flow.max() - flow.min()) / 65535
    assert np.abs(kubric[name] - flow).max() <= 0.5 * step + 1e-9, name

# Kubric's segmentation is the ids under other names: one to one, and ordered by how much is seen.
metadata = kubric["metadata"]
assert metadata["metadata"]["num_frames"] == info["frame_count"]
new_id = {0: 0}
for i, instance in enumerate(metadata["instances"]):
    new_id[instance["id"]] = i + 1
seen = [sum(instance["visibility"]) for instance in metadata["instances"]]
assert seen == sorted(seen, reverse=True) and all(seen)
ids = np.asarray(episode["ids"])
for old in np.unique(ids):
    assert (kubric["segmentation"][ids == old] == new_id.get(int(old), 0)).all()
for i, instance in enumerate(metadata["instances"]):
    for frame, (top, left, bottom, right) in zip(instance["bbox_frames"], instance["bboxes"]):
        rows, columns = np.nonzero(kubric["segmentation"][frame] == i + 1)
        height, width = ids.shape[1:]
        box = [rows.min() / height, columns.min() / width, (rows.max() + 1) / height, (columns.max() + 1) / width]
        assert np.allclose([top, left, bottom, right], box, atol=1e-12)

# Their camera looks along -z with y up: a body's place, by K and R, is where our projection puts it.
camera = metadata["camera"]
K, R = np.array(camera["K"]), np.array(camera["R"])
for body, state in zip(info["bodies"], info["states"][0]):
    if not state["alive"]:
        continue
    p = np.linalg.inv(R) @ np.append(state["X_WB"]["position"], 1)
    q = K @ p[:3]
    ours = [i for i in metadata["instances"] if i["id"] == body["id"]]
    if ours and q[2] > 0:  # image_positions are of the centre of mass, here the middle
        assert np.allclose(q[:2] / q[2], ours[0]["image_positions"][0], atol=1e-9)
