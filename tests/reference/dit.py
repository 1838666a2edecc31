"""The class-conditional DiT by its equations (Peebles and Xie 2022), in plain PyTorch, with random weights under the
public names. Writes OUT/weights.safetensors and OUT/cases.safetensors (inputs and what they give)."""

import math
import sys

import tensors
import torch
import torch.nn.functional as F

WIDTH, DEPTH, HEADS, PATCH, SIZE, CHANNELS, CLASSES = 48, 2, 4, 2, 8, 4, 10


def random_weights():
    torch.manual_seed(0)
    shapes = {
        "x_embedder.proj.weight": (WIDTH, CHANNELS, PATCH, PATCH), "x_embedder.proj.bias": (WIDTH,),
        "t_embedder.mlp.0.weight": (WIDTH, 256), "t_embedder.mlp.0.bias": (WIDTH,),
        "t_embedder.mlp.2.weight": (WIDTH, WIDTH), "t_embedder.mlp.2.bias": (WIDTH,),
        "y_embedder.embedding_table.weight": (CLASSES + 1, WIDTH),
        "final_layer.linear.weight": (PATCH * PATCH * 2 * CHANNELS, WIDTH),
        "final_layer.linear.bias": (PATCH * PATCH * 2 * CHANNELS,),
        "final_layer.adaLN_modulation.1.weight": (2 * WIDTH, WIDTH), "final_layer.adaLN_modulation.1.bias": (2 * WIDTH,),
    }
    for i in range(DEPTH):
        for name, rows, columns in (("attn.qkv", 3 * WIDTH, WIDTH), ("attn.proj", WIDTH, WIDTH),
                                    ("mlp.fc1", 4 * WIDTH, WIDTH), ("mlp.fc2", WIDTH, 4 * WIDTH),
                                    ("adaLN_modulation.1", 6 * WIDTH, WIDTH)):
            shapes[f"blocks.{i}.{name}.weight"] = (rows, columns)
            shapes[f"blocks.{i}.{name}.bias"] = (rows,)
    weights = {name: 0.2 * torch.randn(shape) for name, shape in shapes.items()}
    weights["pos_embed"] = positions(SIZE // PATCH)[None]
    return weights


def positions(n):
    """sin-cos of the column in the first half of the width, of the row in the second."""
    table = torch.zeros(n * n, WIDTH, dtype=torch.float64)
    quarter = WIDTH // 4
    for row in range(n):
        for column in range(n):
            for i in range(quarter):
                for half, place in ((0, column), (2 * quarter, row)):
                    angle = place * 10000.0 ** (-i / quarter)
                    table[row * n + column, half + i] = math.sin(angle)
                    table[row * n + column, half + quarter + i] = math.cos(angle)
    return table.float()


def linear(w, name, x):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def modulate(x, shift, scale):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / torch.sqrt(var + 1e-6) * (1 + scale[:, None]) + shift[:, None]


def attention(w, block, x):
    batch, count, _ = x.shape
    q, k, v = linear(w, block + "attn.qkv", x).split(WIDTH, -1)
    out = torch.zeros_like(x)
    head = WIDTH // HEADS
    for h in range(HEADS):
        part = slice(h * head, (h + 1) * head)
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(head), -1)
        out[..., part] = weights @ v[..., part]
    return linear(w, block + "attn.proj", out)


def block(w, i, x, c):
    name = f"blocks.{i}."
    shift1, scale1, gate1, shift2, scale2, gate2 = linear(w, name + "adaLN_modulation.1", F.silu(c)).split(WIDTH, -1)
    x = x + gate1[:, None] * attention(w, name, modulate(x, shift1, scale1))
    hidden = F.gelu(linear(w, name + "mlp.fc1", modulate(x, shift2, scale2)), approximate="tanh")
    return x + gate2[:, None] * linear(w, name + "mlp.fc2", hidden)


def patch_embedding(w, x):
    n = SIZE // PATCH
    kernel = w["x_embedder.proj.weight"].reshape(WIDTH, -1)
    tokens = []
    for row in range(n):
        for column in range(n):
            piece = x[:, :, row * PATCH:(row + 1) * PATCH, column * PATCH:(column + 1) * PATCH]
            tokens.append(piece.reshape(len(x), -1) @ kernel.T + w["x_embedder.proj.bias"])
    return torch.stack(tokens, 1)


def forward(w, x, t, y):
    angles = t[:, None] * torch.exp(-math.log(10000.0) * torch.arange(128) / 128)[None]
    level = torch.cat([torch.cos(angles), torch.sin(angles)], 1)
    c = linear(w, "t_embedder.mlp.2", F.silu(linear(w, "t_embedder.mlp.0", level)))
    c = c + w["y_embedder.embedding_table.weight"][y]
    tokens = patch_embedding(w, x) + w["pos_embed"]
    for i in range(DEPTH):
        tokens = block(w, i, tokens, c)
    shift, scale = linear(w, "final_layer.adaLN_modulation.1", F.silu(c)).split(WIDTH, -1)
    pieces = linear(w, "final_layer.linear", modulate(tokens, shift, scale))
    image = torch.zeros(len(x), 2 * CHANNELS, SIZE, SIZE)
    for place in range(tokens.shape[1]):
        row, column = divmod(place, SIZE // PATCH)
        piece = pieces[:, place].reshape(len(x), PATCH, PATCH, 2 * CHANNELS).permute(0, 3, 1, 2)
        image[:, :, row * PATCH:(row + 1) * PATCH, column * PATCH:(column + 1) * PATCH] = piece
    return image


def guided(w, x, t, y, scale):
    """Only the first three channels are guided, as in the published program."""
    with_class, without = forward(w, x, t, y), forward(w, x, t, torch.full_like(y, CLASSES))
    first = without[:, :3] + scale * (with_class[:, :3] - without[:, :3])
    return torch.cat([first, with_class[:, 3:]], 1)


def main(out):
    w = random_weights()
    x, t, y = torch.randn(2, CHANNELS, SIZE, SIZE), torch.tensor([17.0, 801.0]), torch.tensor([3, 7])
    tensors.save(out + "/weights.safetensors", w)
    tensors.save(out + "/cases.safetensors", {
        "x": x, "t": t, "y": y, "output": forward(w, x, t, y), "guided": guided(w, x, t, y, 4.0),
        "positions": positions(SIZE // PATCH),
    })


if __name__ == "__main__":
    main(sys.argv[1])
