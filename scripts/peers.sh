#!/usr/bin/env bash
# Install the peers of scripts/peers.txt that are missing: only as root (or with sudo that asks nothing), only with
# apt-get, never removing a package and never starting a service. What stays missing is told; the tests judge it.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

unpacked=.cache/peers

present() {
    case $2 in
        unpacked:*) [ -e "$unpacked/$1/${2#unpacked:}" ] ;;
        perl:*) perl "-M${2#perl:}" -e 1 2>/dev/null ;;
        *) command -v "$2" >/dev/null ;;
    esac
}

missing() {
    while read -r name package check; do
        case $name in '' | '#'*) continue ;; esac
        present "$name" "$check" </dev/null && continue
        case $check in
            unpacked:*) [ "$1" = all ] && echo "$package" || { [ "$1" = unpacked ] && echo "$name=$package"; } ;;
            *) [ "$1" = unpacked ] || echo "$package" ;;
        esac
    done <scripts/peers.txt
}

packages=$(missing all)
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
for package in $(missing installed); do
    apt install --yes --no-install-recommends --no-remove "$package" || echo "mailward: could not install $package"
done

# A package that cannot be installed beside another peer is unpacked into a folder of its own: with the libraries that
# are not on the machine, none of its scripts run, nothing of it is anybody else's.
unpack() {
    local folder=$1 package=$2 wanted library
    wanted=$package
    for library in $(apt-cache depends --important "${package%%,*}" | sed -n 's/^ *|\?Depends: \(lib[^<]*\)$/\1/p'); do
        dpkg -s "$library" >/dev/null 2>&1 || wanted="$wanted,$library"
    done
    rm -rf "$folder" && mkdir -p "$folder"
    (cd "$folder" && apt-get -qq download ${wanted//,/ } && for file in *.deb; do dpkg -x "$file" . && rm "$file"; done)
}
for each in $(missing unpacked); do
    said=$(unpack "$PWD/$unpacked/${each%%=*}" "${each#*=}" 2>&1) || {
        rm -rf "${unpacked:?}/${each%%=*}"
        echo "mailward: could not unpack ${each#*=}: ${said##*$'\n'}"
    }
done

packages=$(missing all)
[ -z "$packages" ] || { echo "mailward: peers still missing:" $packages; exit 0; }
