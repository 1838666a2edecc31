#!/usr/bin/env bash
# From a fresh clone to tested: installs what is missing, builds, runs the tests labelled unit and slow.
# Further words go to ctest: scripts/test.sh -R Safetensors
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/bootstrap.sh --tests
scripts/build.sh
exec ctest --preset release -j "$(nproc)" "$@"
