#!/usr/bin/env bash
# Pin every dependency by version and by the hash of each of its files: requirements/{runtime,build,dev}.txt.
# Run it on the lowest Python that we support. `scripts/lock.sh --upgrade` takes the newest releases.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$(scripts/python.sh)" -m venv "$tools"
"$tools/bin/pip" install --quiet pip-tools==7.6.2

pin() {
    "$tools/bin/pip-compile" --quiet --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options "$@"
}
pin "$@" --output-file requirements/runtime.txt pyproject.toml
pin "$@" --output-file requirements/build.txt requirements/build.in
pin "$@" --all-extras --output-file requirements/dev.txt --constraint requirements/runtime.txt pyproject.toml requirements/dev.in
