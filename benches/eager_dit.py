"""The generator's network as one writes it in eager PyTorch: the same layers, sizes and masks, nothing fused."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH, DEPTH, HEADS, CHANNELS, SIDE, PAST, CONTROLS, TEXT, TEXT_LENGTH = 256, 8, 8, 8, 8, 2, 10, 128, 32
HEAD, TOKENS, HIDDEN = WIDTH // HEADS, SIDE * SIDE, (8 * WIDTH // 3 + 31) // 32 * 32


def rope(times):
    pairs, space = HEAD // 2, HEAD // 2 // 3
    def angles(position, count, base):
        return position[:, None].float() * torch.exp(-math.log(base) * torch.arange(count) / count)
    place = torch.arange(SIDE) - (SIDE - 1) / 2
    by_time = angles(torch.tensor(times), pairs - 2 * space, 1e4)[:, None, None].expand(-1, SIDE, SIDE, -1)
    by_row = angles(place, space, 1e2)[None, :, None].expand(len(times), -1, SIDE, -1)
    by_column = angles(place, space, 1e2)[None, None].expand(len(times), SIDE, -1, -1)
    all_angles = torch.cat([by_time, by_row, by_column], -1).reshape(-1, 1, pairs)
    return all_angles.cos(), all_angles.sin()


def rotate(x, table):
    cos, sin = table
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attend(q, k, v, mask=None):
    """[.., L, HEAD]."""
    logits = q @ k.transpose(-1, -2) / math.sqrt(HEAD)
    if mask is not None:
        logits = logits + mask
    return torch.softmax(logits, -1) @ v


def modulate(x, shift, scale):
    return F.layer_norm(x, (WIDTH,), eps=1e-6) * (1 + scale[:, :, None]) + shift[:, :, None]


class Block(nn.Module):
    def __init__(self, index):
        super().__init__()
        self.spacetime, self.reads_text = index % 2 == 1, index % 3 == 0
        self.bias = nn.Parameter(torch.zeros(6 * WIDTH))
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH)
        self.q_norm, self.k_norm = nn.Parameter(torch.ones(HEAD)), nn.Parameter(torch.ones(HEAD))
        self.w12, self.w3 = nn.Linear(WIDTH, 2 * HIDDEN), nn.Linear(HIDDEN, WIDTH)
        if self.reads_text:
            self.text_q, self.text_kv = nn.Linear(WIDTH, WIDTH), nn.Linear(TEXT, 2 * WIDTH)
            self.text_proj = nn.Linear(WIDTH, WIDTH)

    def attention(self, x, table, mask, cache):
        batch, frames = x.shape[:2]
        q, k, v = self.qkv(x).view(batch, frames * TOKENS, 3, HEADS, HEAD).unbind(2)
        q, k = F.layer_norm(q, (HEAD,), self.q_norm, eps=1e-6), F.layer_norm(k, (HEAD,), self.k_norm, eps=1e-6)
        q, turned = rotate(q, table), rotate(k, table)
        if self.spacetime:
            if cache is not None:
                cache["new"].append((k, v))
                old_k, old_v = cache["old"].pop(0)
                turned = torch.cat([rotate(old_k, cache["table"]), turned], 1)
                v = torch.cat([old_v, v], 1)
            q, turned, v = (t.transpose(1, 2) for t in (q, turned, v))
            out = attend(q, turned, v, mask).transpose(1, 2).reshape(x.shape)
        else:
            q, turned, v = (t.reshape(batch * frames, TOKENS, HEADS, HEAD).transpose(1, 2) for t in (q, turned, v))
            out = attend(q, turned, v).transpose(1, 2).reshape(x.shape)
        return self.proj(out)

    def text_attention(self, x, text):
        batch = x.shape[0]
        k, v = self.text_kv(text).view(batch, -1, 2, HEADS, HEAD).unbind(2)
        q = self.text_q(x).view(batch, -1, HEADS, HEAD).transpose(1, 2)
        return self.text_proj(attend(q, k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2).reshape(x.shape))

    def forward(self, x, modulation, text, table, mask, cache):
        shift1, scale1, gate1, shift2, scale2, gate2 = (modulation + self.bias).chunk(6, -1)
        x = x + gate1[:, :, None] * self.attention(modulate(x, shift1, scale1), table, mask, cache)
        if self.reads_text:
            x = x + self.text_attention(F.layer_norm(x, (WIDTH,), eps=1e-6), text)
        a, b = self.w12(modulate(x, shift2, scale2)).chunk(2, -1)
        return x + gate2[:, :, None] * self.w3(F.silu(a) * b)


class Dit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Linear((1 + PAST) * CHANNELS, WIDTH)
        self.level = nn.Sequential(nn.Linear(256, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.control = nn.Sequential(nn.Linear(CONTROLS, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.pooled, self.modulation = nn.Linear(TEXT, WIDTH), nn.Linear(WIDTH, 6 * WIDTH)
        self.last, self.head = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, CHANNELS)
        self.blocks = nn.ModuleList([Block(i) for i in range(DEPTH)])

    def forward(self, z, past, levels, controls, text, pooled, table, mask=None, cache=None):
        c = F.silu(self.level(levels) + self.control(controls) + self.pooled(pooled)[:, None])
        modulation = self.modulation(c)
        x = self.patches(torch.cat([z, past], 2).flatten(3).transpose(2, 3))
        for block in self.blocks:
            x = block(x, modulation, text, table, mask, cache)
        shift, scale = self.last(c).chunk(2, -1)
        return self.head(modulate(x, shift, scale)).transpose(2, 3).reshape(z.shape)


def inputs(batch, frames):
    return {"z": torch.randn(batch, frames, CHANNELS, SIDE, SIDE),
            "past": torch.randn(batch, frames, PAST * CHANNELS, SIDE, SIDE), "levels": torch.rand(batch, frames, 256),
            "controls": torch.randn(batch, frames, CONTROLS), "text": torch.randn(batch, TEXT_LENGTH, TEXT),
            "pooled": torch.randn(batch, TEXT)}


def causal_mask(frames):
    frame = torch.arange(frames).repeat_interleave(TOKENS)
    return torch.zeros(len(frame), len(frame)).masked_fill(frame[None] > frame[:, None], -math.inf)


class Rollout:
    """A window of frames full of keys and values; one call makes one frame in four steps and the pass that stores it."""

    def __init__(self, net, frames):
        self.net, self.frames = net, frames
        self.old = [[(torch.randn(1, TOKENS, HEADS, HEAD), torch.randn(1, TOKENS, HEADS, HEAD))
                     for _ in range(frames)] for _ in range(DEPTH // 2)]
        self.given = inputs(1, 1)

    def forward(self):
        old = [tuple(torch.cat([frame[part] for frame in block], 1) for part in (0, 1)) for block in self.old]
        cache = {"old": old, "new": [], "table": rope(list(range(self.frames)))}
        answer = self.net(**self.given, table=rope([self.frames]), cache=cache)
        return answer, cache["new"]

    def frame(self):
        for _ in range(4):
            self.forward()
        _, new = self.forward()
        for block, kept in zip(self.old, new):
            block.pop(2)
            block.append(kept)
