#!/bin/sh
# tidy.sh BUILD_DIRECTORY: clang-tidy over the library and the command, compiled as that directory
# (of a clang build) says. Ends with "N passed, N failed", which counts files.
set -u
cd "$(dirname "$0")/.." || exit 1

failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
files=$(ls src/*/*.c cli/*.c)

# An argument list of its own for each file, so that the shell below knows which one it was.
printf '%s\n' $files | xargs -P "$(nproc)" -I FILE \
    sh -c 'clang-tidy --quiet -p "$1" "$3" 2>/dev/null || echo "$3" >>"$2"' sh "$1" "$failed" FILE

bad=$(wc -l <"$failed")
all=$(echo $files | wc -w)
sed 's/^/FAIL /' "$failed"
echo "$((all - bad)) passed, $bad failed"
[ "$bad" = 0 ]
