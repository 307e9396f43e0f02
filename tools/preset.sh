#!/bin/sh
# preset.sh NAME...: configures, builds and tests presets of CMakePresets.json, one after the other,
# each in build-NAME. The output for each ends with its "N passed, N failed"; stops at the first
# that fails.
set -eu
cd "$(dirname "$0")/.."

jobs=$(nproc)
python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3

for preset; do
    cmake --log-level=NOTICE --preset "$preset"
    cmake --build --preset "$preset" -j "$jobs"
    $python tools/run_tests.py . --preset "$preset" -j "$jobs"
done
