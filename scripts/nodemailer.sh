#!/usr/bin/env bash
# nodemailer for the comparison of clients: one pinned version, checked by its hash, unpacked into .cache/peers.
set -euo pipefail
cd "$(dirname "$0")/.."

version=10.6.1
hash=77b91f15f4bfb51e0071af9206f45a43e31728dbfb77626245ee53c5a45c153fe460c8781863e75bd68a92c4c812fc846c0eddffb1d8584e183c3107c73263fe

target=.cache/peers/nodemailer-$version
[ -e "$target/package.json" ] && exit 0
if ! command -v npm > /dev/null; then
    echo "nodemailer.sh: there is no npm; the comparison leaves nodemailer out" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --pack-destination "$folder" "nodemailer@$version" > /dev/null
echo "$hash  $folder/nodemailer-$version.tgz" | sha512sum --check --quiet
mkdir -p "$folder/unpacked" .cache/peers
tar -xzf "$folder/nodemailer-$version.tgz" -C "$folder/unpacked" --strip-components=1
mv "$folder/unpacked" "$target"
