#!/usr/bin/env bash
# Every C++ file stands as .clang-format has it. `--fix` makes it so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t files < <(git ls-files '*.cpp' '*.h' '*.inl')
if [[ "${1:-}" == "--fix" ]]; then clang-format -i "${files[@]}"; else clang-format --dry-run --Werror "${files[@]}"; fi
