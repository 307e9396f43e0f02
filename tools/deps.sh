#!/bin/sh
# deps.sh GROUP...: makes sure that the distribution's packages of these groups are installed. This
# is the one list of what building (build), testing (test, with what it builds on), benchmarking
# (bench) and the whole of continuous integration (ci) need.
#
# When nothing is missing, nothing is called but dpkg-query. What is missing is installed as root,
# or by sudo where that asks no password; otherwise the command to run is printed, and the exit
# status is 1.
set -eu

build='gcc libc6-dev cmake ninja-build pkg-config liburing-dev'
test="$build check valgrind g++ python3 python3-pytest netcat-openbsd socat redis-tools gdb"
bench="$build python3"
ci="$test clang llvm clang-format clang-tidy"
ci="$ci gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user git"

packages=
for group; do
    case $group in
    build) packages="$packages $build" ;;
    test) packages="$packages $test" ;;
    bench) packages="$packages $bench" ;;
    ci) packages="$packages $ci" ;;
    *) echo "deps.sh: no group \"$group\"; there are build, test, bench and ci" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    # Not Debian: the names tell what is needed, and the tools are taken from where they are.
    for tool in cc cmake ninja pkg-config; do
        command -v "$tool" >/dev/null && continue
        echo "cede needs what Debian calls: $(echo $packages)" >&2
        echo "\"$tool\" is not here; please install these by your system's means." >&2
        exit 1
    done
    exit 0
fi

missing=
for package in $packages; do
    case " $missing " in *" $package "*) continue ;; esac
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed && continue
    missing="$missing $package"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo='sudo -n'
else
    echo 'Some packages are missing, and installing them takes root. Please run:' >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi

install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        $missing >/dev/null
}

echo "installing $missing" >&2
# The package lists may be missing or stale; they are only fetched when the first try shows it.
install 2>/dev/null || { $sudo apt-get update -qq && install; }
