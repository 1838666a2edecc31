#!/usr/bin/env bash
# Renders every scenario by several builds of the simulator and says where their bits part: clang++ against g++, debug
# against release, and without fused multiply-add and AVX2 in the C library. Only the simulator is built.
# usage: scripts/determinism.sh [SECONDS] [SIZE] [SCENARIO...]     default: 2 seconds of 64 x 64 pixels, all scenarios
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/bootstrap.sh --fuzz # a second compiler

digests() { # NAME PRESET [ENVIRONMENT...]
  local name=$1 preset=$2
  shift 2
  if [[ ! -f build/$preset/build.ninja ]]; then
    cmake --preset "$preset" -DBITEMARK_MODEL=OFF -DBITEMARK_BENCHES=ON >/dev/null
  fi
  cmake --build "build/$preset" --target frame_digests >/dev/null
  env "$@" "build/$preset/benches/frame_digests" "${words[@]}" >"build/digests-$name.jsonl"
}

words=("${@:-2}")
((${#words[@]} > 1)) || words+=(64)
mkdir -p build
digests release release
digests one-thread release BITEMARK_THREADS=1
digests no-fma release GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable
digests clang clang
digests debug debug
for other in one-thread no-fma clang debug; do
  scripts/compare_digests.py build/digests-release.jsonl "build/digests-$other.jsonl" || true # measured, not promised
done
