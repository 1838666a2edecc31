#!/usr/bin/env bash
# Configures and builds the named targets (all of them when none is named) with the release preset.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
exec cmake --build --preset release ${1:+--target "$@"}
