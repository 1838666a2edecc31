#!/usr/bin/env bash
# Installs the Debian packages that Bitemark builds and runs with. Quick when nothing is missing.
# Without root and without sudo it prints the exact command and stops (exit code 4).
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git ca-certificates
  nlohmann-json3-dev libfmt-dev libcli11-dev libboost-math-dev # base, command line, statistics
  libpng-dev zlib1g-dev libeigen3-dev libbullet-dev                                 # simulation (bullet-float64 is in libbullet-dev)
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-videoio-dev
  libopencv-video-dev libopencv-features2d-dev libopencv-calib3d-dev
  libtorch-dev libopenblas0-openmp                                        # the reference BLAS is 70 times slower
  libgloo-dev                                                             # training on several processes
  libgtest-dev libgmock-dev libbenchmark-dev
  python3 python3-numpy                                        # examples/ are tested by running them
)
# Only the developer's checks need these: the format check, the report's browser test, lossy video, reference networks.
if [[ "${1:-}" == "--tests" ]]; then packages+=(clang-format chromium chromium-driver python3-selenium ffmpeg python3-torch); fi
if [[ "${1:-}" == "--fuzz" ]]; then packages+=(clang libclang-rt-14-dev); fi # libFuzzer, and a second compiler

installed() { [[ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null || true)" == "install ok installed" ]]; }

missing=()
for package in "${packages[@]}"; do
  # A provider from elsewhere (a browser from its vendor, LibTorch with CUDA) is as good as Debian's own package.
  if ! installed "$package"; then
    case "$package" in
      chromium) command -v chromium >/dev/null && continue ;;
      python3) command -v python3 >/dev/null && [[ -x /usr/bin/python3 ]] && continue ;;
      libtorch-dev) installed libtorch-cuda-dev && continue ;;
      libgloo-dev) installed libgloo-cuda-dev && continue ;;
    esac
    missing+=("$package")
  fi
done
((${#missing[@]})) || exit 0

run=()
if [[ $EUID -ne 0 ]]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    run=(sudo)
  else
    echo "bootstrap: packages are missing and there is no root here. As root, run:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 4
  fi
fi
echo "bootstrap: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
