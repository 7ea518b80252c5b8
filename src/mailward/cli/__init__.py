"""What people type: `mailward`, one file per sub-command."""

from __future__ import annotations

from mailward.cli.entry import main

__all__ = ["main"]
