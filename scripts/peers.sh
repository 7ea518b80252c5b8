#!/usr/bin/env bash
# Install the peers of scripts/peers.txt that are missing: only as root (or with sudo that asks nothing), only with
# apt-get, never removing a package and never starting a service. What stays missing is told; the tests judge it.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

present() {
    case $1 in
        perl:*) perl "-M${1#perl:}" -e 1 2>/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

missing() {
    while read -r name package check; do
        case $name in '' | '#'*) continue ;; esac
        present "$check" </dev/null || echo "$package"
    done <scripts/peers.txt
}

packages=$(missing)
[ -n "$packages" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
    echo "mailward: peers not installed (no root, or no apt-get); their tests are skipped by name:" $packages
    exit 0
fi

echo "mailward: installing peers:" $packages
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    trap '$as_root rm -f $policy' EXIT
fi
if command -v debconf-set-selections >/dev/null; then
    echo "postfix postfix/main_mailer_type select Local only" | $as_root debconf-set-selections
fi
apt() {
    local said
    said=$($as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 \
        -o Dpkg::Use-Pty=0 "$@" 2>&1 </dev/null) || { printf '%s\n' "$said" | tail -n 20; return 1; }
}
apt update || echo "mailward: apt-get update failed; trying with the lists at hand"
for package in $packages; do
    apt install --yes --no-install-recommends --no-remove "$package" || echo "mailward: could not install $package"
done

packages=$(missing)
[ -z "$packages" ] || { echo "mailward: peers still missing:" $packages; exit 0; }
