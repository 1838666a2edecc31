#!/usr/bin/env bash
# Fuzzes the readers of foreign files with libFuzzer, each target for some seconds, on one core each.
# usage: scripts/fuzz.sh [SECONDS] [TARGET...]      default: 60 seconds, all targets
# What it has learned is kept in build/fuzz/corpus; an input that breaks something is left in build/fuzz/found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
shift || true
targets=("$@")
((${#targets[@]})) || targets=(scenario safetensors protocol)

scripts/bootstrap.sh --fuzz
cmake --preset fuzz >/dev/null
for target in "${targets[@]}"; do
  cmake --build build/fuzz --target "fuzz_$target"
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus" build/fuzz/found build/fuzz/seeds/"$target"
  build/fuzz/fuzz/fuzz_"$target" --seeds build/fuzz/seeds/"$target"
  # No input may take 10 seconds, one allocation of 256 MB, or 1 GB in all.
  build/fuzz/fuzz/fuzz_"$target" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=256 -rss_limit_mb=1024 \
    -max_len=60000 -print_final_stats=1 -verbosity=0 -artifact_prefix=build/fuzz/found/"$target"- \
    "$corpus" build/fuzz/seeds/"$target"
done
