#!/usr/bin/env bash
# From a fresh clone to a report: installs what is missing, builds the programs, runs the nightly suite with the
# shipped checkpoint, says where the report lies. Finished work is reused. Exits with the suite's code: 0 done,
# 1 worse than the baseline, 2 interrupted and resumable, ... (docs/command-line.md).
#   BITEMARK_BASELINE=reports/reference scripts/nightly.sh    fails when physics got worse than that report
# Further words go to `bitemark run`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/bootstrap.sh
scripts/build.sh bitemark bitemark-video bitemark-model

baseline=()
[[ -n "${BITEMARK_BASELINE:-}" ]] && baseline=(--baseline "$BITEMARK_BASELINE")
exec build/release/bitemark run --suite nightly --generator checkpoint:checkpoints/nano \
  --out "${BITEMARK_OUT:-runs/nightly}" "${baseline[@]}" "$@"
