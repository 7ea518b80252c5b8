"""`python -m mailward` is the command `mailward`."""

from __future__ import annotations

import sys

from mailward.cli import main

if __name__ == "__main__":
    sys.exit(main())
