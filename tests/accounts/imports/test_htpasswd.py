"""htpasswd files."""

from __future__ import annotations

import subprocess

import pytest

from mailward.accounts import verifiers
from mailward.accounts.imported import BadLine, Entry
from mailward.accounts.imports.htpasswd import FORMAT


@pytest.mark.peer("htpasswd")
@pytest.mark.parametrize("option, weak", [("-B", False), ("-5", False), ("-2", False), ("-s", True)])
def test_what_the_web_server_makes(option: str, weak: bool) -> None:
    """bcrypt and SHA-crypt are read; the unsalted SHA-1 is known to be weak."""
    made = subprocess.run(["htpasswd", "-ni", option, "ann"], input=b"secret", check=True, capture_output=True)
    (entry,) = FORMAT.read([(1, made.stdout.decode().strip())], 0)

    assert isinstance(entry, Entry)
    assert (entry.name, entry.weak) == ("ann", weak)
    assert entry.verifier is not None
    assert verifiers.read(entry.verifier).check(b"secret")


@pytest.mark.parametrize(
    "line, why",
    [
        ("ann", "no colon"),
        ("ann:$apr1$a$b", "htpasswd -B"),
        ("ann:secret", "no known scheme"),
        (":x", "no account"),
    ],
)
def test_bad_lines(line: str, why: str) -> None:
    """MD5 and passwords in clear are not taken; the reason names what to do."""
    (bad,) = FORMAT.read([(7, line)], 0)

    assert isinstance(bad, BadLine)
    assert bad.line == 7
    assert why in bad.why
