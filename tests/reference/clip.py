"""CLIP's two towers by their equations (Radford et al. 2021), in plain PyTorch, with random weights. Writes
OUT/openai.safetensors and OUT/huggingface.safetensors (the same weights under both public namings), the latter also as
two shards with an index in OUT/sharded/, and OUT/cases.safetensors (inputs and what they give)."""

import json
import math
import os
import sys

import tensors
import torch

WIDTH, HEADS, DEPTH, EMBEDDING, VOCABULARY, CONTEXT = 128, 2, 2, 24, 600, 12
VISION_WIDTH, VISION_HEADS, VISION_DEPTH, PATCH, GRID = 64, 1, 2, 4, 3


def block_weights(prefix, width, depth):
    shapes = {}
    for i in range(depth):
        name = f"{prefix}transformer.resblocks.{i}."
        shapes |= {name + "attn.in_proj_weight": (3 * width, width), name + "attn.in_proj_bias": (3 * width,),
                   name + "attn.out_proj.weight": (width, width), name + "attn.out_proj.bias": (width,),
                   name + "mlp.c_fc.weight": (4 * width, width), name + "mlp.c_fc.bias": (4 * width,),
                   name + "mlp.c_proj.weight": (width, 4 * width), name + "mlp.c_proj.bias": (width,)}
        for norm in ("ln_1", "ln_2"):
            shapes |= {name + norm + ".weight": (width,), name + norm + ".bias": (width,)}
    return shapes


def random_weights():
    torch.manual_seed(0)
    shapes = {"token_embedding.weight": (VOCABULARY, WIDTH), "positional_embedding": (CONTEXT, WIDTH),
              "ln_final.weight": (WIDTH,), "ln_final.bias": (WIDTH,), "text_projection": (WIDTH, EMBEDDING),
              "visual.conv1.weight": (VISION_WIDTH, 3, PATCH, PATCH), "visual.class_embedding": (VISION_WIDTH,),
              "visual.positional_embedding": (GRID * GRID + 1, VISION_WIDTH),
              "visual.proj": (VISION_WIDTH, EMBEDDING)}
    for norm in ("visual.ln_pre", "visual.ln_post"):
        shapes |= {norm + ".weight": (VISION_WIDTH,), norm + ".bias": (VISION_WIDTH,)}
    shapes |= block_weights("", WIDTH, DEPTH) | block_weights("visual.", VISION_WIDTH, VISION_DEPTH)
    return {name: 0.15 * torch.randn(shape) for name, shape in shapes.items()}


def norm(w, name, x):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / torch.sqrt(var + 1e-5) * w[name + ".weight"] + w[name + ".bias"]


def attention(w, name, x, heads, causal):
    count, width = x.shape
    q, k, v = (x @ w[name + "in_proj_weight"].T + w[name + "in_proj_bias"]).split(width, -1)
    out, head = torch.zeros_like(x), width // heads
    for h in range(heads):
        part = slice(h * head, (h + 1) * head)
        logits = q[:, part] @ k[:, part].T / math.sqrt(head)
        if causal:
            for row in range(count):
                logits[row, row + 1:] = -math.inf
        out[:, part] = torch.softmax(logits, -1) @ v[:, part]
    return out @ w[name + "out_proj.weight"].T + w[name + "out_proj.bias"]


def transformer(w, prefix, x, depth, heads, causal):
    for i in range(depth):
        name = f"{prefix}transformer.resblocks.{i}."
        x = x + attention(w, name + "attn.", norm(w, name + "ln_1", x), heads, causal)
        hidden = norm(w, name + "ln_2", x) @ w[name + "mlp.c_fc.weight"].T + w[name + "mlp.c_fc.bias"]
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        x = x + hidden @ w[name + "mlp.c_proj.weight"].T + w[name + "mlp.c_proj.bias"]
    return x


def text(w, tokens):
    """[L] -> last hidden states [L, WIDTH], pooled [WIDTH], embedding [EMBEDDING]."""
    x = w["token_embedding.weight"][tokens] + w["positional_embedding"][:len(tokens)]
    x = norm(w, "ln_final", transformer(w, "", x, DEPTH, HEADS, True))
    pooled = x[tokens.argmax()]
    return x, pooled, pooled @ w["text_projection"]


def image(w, pixels):
    """[3, n, n] -> [EMBEDDING]."""
    kernel = w["visual.conv1.weight"].reshape(VISION_WIDTH, -1)
    patches = [pixels[:, r * PATCH:(r + 1) * PATCH, c * PATCH:(c + 1) * PATCH].reshape(-1) @ kernel.T
               for r in range(GRID) for c in range(GRID)]
    x = torch.stack([w["visual.class_embedding"], *patches]) + w["visual.positional_embedding"]
    x = transformer(w, "visual.", norm(w, "visual.ln_pre", x), VISION_DEPTH, VISION_HEADS, False)
    return norm(w, "visual.ln_post", x[0]) @ w["visual.proj"]


def huggingface(w):
    """The same weights as transformers' CLIPModel calls them."""
    whole = {"token_embedding.weight": "text_model.embeddings.token_embedding.weight",
             "positional_embedding": "text_model.embeddings.position_embedding.weight",
             "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
             "visual.class_embedding": "vision_model.embeddings.class_embedding",
             "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight"}
    parts = {"ln_final": "text_model.final_layer_norm", "visual.ln_pre": "vision_model.pre_layrnorm",
             "visual.ln_post": "vision_model.post_layernorm", "ln_1": "layer_norm1", "ln_2": "layer_norm2",
             "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    out = {}
    for name, value in w.items():
        if name == "text_projection":
            out["text_projection.weight"] = value.T.contiguous()
        elif name == "visual.proj":
            out["visual_projection.weight"] = value.T.contiguous()
        elif name in whole:
            out[whole[name]] = value
        elif "resblocks" in name:
            tower = "vision_model" if name.startswith("visual.") else "text_model"
            index, rest = name.split("resblocks.")[1].split(".", 1)
            block = f"{tower}.encoder.layers.{index}."
            if "in_proj" in rest:
                kind = rest.split("_")[-1]
                for letter, third in zip("qkv", value.chunk(3)):
                    out[f"{block}self_attn.{letter}_proj.{kind}"] = third
            else:
                part, kind = rest.rsplit(".", 1)
                out[f"{block}{parts[part]}.{kind}"] = value
        else:
            part, kind = name.rsplit(".", 1)
            out[f"{parts[part]}.{kind}"] = value
    out["text_model.embeddings.position_ids"] = torch.arange(CONTEXT)[None]
    out["logit_scale"] = torch.tensor(4.6)
    return out


def save_shards(folder, weights):
    os.makedirs(folder, exist_ok=True)
    names, files = sorted(weights), ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    half = len(names) // 2
    for file, part in zip(files, (names[:half], names[half:])):
        tensors.save(f"{folder}/{file}", {name: weights[name] for name in part})
    index = {"metadata": {}, "weight_map": {name: files[place >= half] for place, name in enumerate(names)}}
    with open(f"{folder}/model.safetensors.index.json", "w", encoding="utf-8") as file:
        json.dump(index, file)


def main(out):
    w = random_weights()
    tokens = torch.tensor([[598, 5, 77, 300, 599, 0, 0, 0, 0, 0, 0, 0], [598, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 599]])
    pixels = torch.randn(2, 3, GRID * PATCH, GRID * PATCH)
    results = [text(w, row) for row in tokens]
    tensors.save(out + "/openai.safetensors", w)
    tensors.save(out + "/huggingface.safetensors", huggingface(w))
    save_shards(out + "/sharded", huggingface(w))
    tensors.save(out + "/cases.safetensors", {
        "tokens": tokens, "states": torch.stack([r[0] for r in results]), "pooled": torch.stack([r[1] for r in results]),
        "text": torch.stack([r[2] for r in results]), "pixels": pixels,
        "image": torch.stack([image(w, p) for p in pixels]),
    })


if __name__ == "__main__":
    main(sys.argv[1])
