"""Which of the others are not there, and why; what needs them is left out, and the results say so."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

from benchmarks.program import ROOT, SEARCH

POSTFIX = ("postfix", "smtp-source", "smtp-sink")
MODULES = ("aiosmtpd", "aiosmtplib")
NODEMAILER = ROOT / ".cache" / "peers" / "nodemailer-10.6.1"  # where scripts/nodemailer.sh puts it


def absent() -> dict[str, str]:
    """Name and reason."""
    programs = {name: "apt-get install postfix" for name in POSTFIX if shutil.which(name, path=SEARCH) is None}
    modules = {name: f"pip install {name}" for name in MODULES if find_spec(name) is None}
    if "postfix" not in programs and os.geteuid() != 0:
        programs["postfix"] = "only root may start it"
    if not NODEMAILER.is_dir() or shutil.which("node") is None:
        programs["nodemailer"] = "scripts/nodemailer.sh, and node"
    return programs | modules
