#!/usr/bin/env python3
"""Our network beside the same one in eager PyTorch, on the same machine, BLAS and number of threads: rounds of both in
turn, the best of each counts."""

import argparse
import json
import os
import subprocess
import time

FRAMES = 16


def best_of(work, seconds=2.0):
    work()
    best, spent = float("inf"), 0.0
    while spent < seconds:
        start = time.perf_counter()
        work()
        took = time.perf_counter() - start
        best, spent = min(best, took), spent + took
    return best


def told_core(build):
    """What our program tells OpenBLAS about the processor; eager PyTorch shall know it too."""
    command = [f"{build}/benches/bench_model", "--benchmark_filter=^FmaLoop", "--benchmark_format=json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["context"]["blas"]


def eager_work():
    net, table, mask = eager_dit.Dit(), eager_dit.rope(list(range(FRAMES))), eager_dit.causal_mask(FRAMES)
    rollout = eager_dit.Rollout(net, FRAMES)

    def forward(batch):
        given = eager_dit.inputs(batch, FRAMES)
        def work():
            with torch.no_grad():
                net(**given, table=table, mask=mask)
        return work

    def training(batch):
        given = eager_dit.inputs(batch, FRAMES)
        def work():
            net.zero_grad(set_to_none=True)
            net(**given, table=table, mask=mask).pow(2).mean().backward()
        return work

    def frame():
        with torch.no_grad():
            rollout.frame()

    return {"DitForward/1": forward(1), "DitForward/8": forward(8), "DitTraining/1": training(1),
            "DitTraining/8": training(8), "RolloutFrame": frame}


def ours(build, name):
    """Seconds and FLOP a second of one benchmark."""
    command = [f"{build}/benches/bench_model", f"--benchmark_filter=^{name}/real_time$", "--benchmark_format=json",
               "--benchmark_min_time=1"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["benchmarks"][0]
    return answer["real_time"] / 1e3, answer["FLOPS"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", nargs="?", default="build/release", help="folder that holds benches/bench_model")
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    given = parser.parse_args()
    if not os.path.exists(f"{given.build}/benches/bench_model"):
        parser.error(f"{given.build}: has no benches/bench_model")
    if given.rounds < 1:
        parser.error(f"rounds: is {given.rounds}, expected 1 or more")
    return given


GIVEN = arguments()
os.environ.setdefault("OPENBLAS_CORETYPE", told_core(GIVEN.build))  # is read when PyTorch is loaded

import eager_dit  # noqa: E402
import torch  # noqa: E402


def main():
    torch.set_num_threads(os.cpu_count())
    eager = eager_work()
    best = {name: {"ours": float("inf"), "flops": 0.0, "eager": float("inf")} for name in eager}
    peak = 0.0
    for _ in range(GIVEN.rounds):
        peak = max(peak, ours(GIVEN.build, "Sgemm")[1], ours(GIVEN.build, "FmaLoop")[1])
        for name, row in best.items():
            seconds, flops = ours(GIVEN.build, name)
            row["ours"], row["flops"] = min(row["ours"], seconds), max(row["flops"], flops)
            row["eager"] = min(row["eager"], best_of(eager[name]))
    print(f"best single-precision rate here: {peak / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads, "
          f"PyTorch {torch.__version__}, OpenBLAS for {os.environ['OPENBLAS_CORETYPE']}\n")
    print("| | ours, ms | eager, ms | eager / ours | GFLOP/s | share of best rate |\n|---|---|---|---|---|---|")
    for name, row in best.items():
        print(f"| {name} | {row['ours'] * 1e3:.1f} | {row['eager'] * 1e3:.1f} | {row['eager'] / row['ours']:.2f} | "
              f"{row['flops'] / 1e9:.0f} | {row['flops'] / peak:.2f} |")


if __name__ == "__main__":
    main()
