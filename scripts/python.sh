#!/usr/bin/env bash
# Print a Python of 3.11 or newer that can make a virtual environment; PYTHON=… chooses one.
set -euo pipefail

found=""
for name in ${PYTHON:-python3 python3.11 python3.12 python3.13 python}; do
    path=$(command -v "$name") || continue
    found=yes
    "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if ! "$path" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "mailward: $path cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2
        exit 1
    fi
    echo "$path"
    exit 0
done

if [ -n "$found" ]; then
    echo "mailward: Python 3.11 or newer is needed, and ${PYTHON:-python3} is older. Name another one with PYTHON=…" >&2
else
    echo "mailward: found no ${PYTHON:-python3}. On Debian: apt-get install python3 python3-venv" >&2
fi
exit 1
