#!/usr/bin/env bash
# scripts/setup.sh VENV REQUIREMENTS…: make VENV if need be, install exactly what the files pin, then this project.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
shift

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    python=$(scripts/python.sh)
    echo "mailward: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

files=()
for file in "$@"; do
    files+=(--requirement "$file")
done
echo "mailward: installing $*"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes "${files[@]}"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
