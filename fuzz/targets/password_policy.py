"""Any text is judged quickly and in printable words, whatever the account and the server are called."""

from __future__ import annotations

from mailward.accounts.policy import judge
from mailward.accounts.rules import PasswordRules

SEEDS = [
    text.encode("utf-8", "surrogateescape")
    for text in (
        "Summer2024!",
        "P4ssw0rd!!",
        "ann.miller\t\x00",
        "my dentist hates \u202eumbrellas",
        "\ufdfa" * 40,
        "a\u0301\u0323" * 40,
        "\U00010400" * 300,
        "\udcff",
        "ſtraße ﬁn İ",
        "m1ll3r!|0",
        "m1\udcfe*\n3r!|0",
    )
]
RULES = tuple(PasswordRules.of(profile) for profile in ("nist", "pci", "legacy"))


def target(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    name, _, password = text.partition("\n")
    for rules in RULES:
        judged = judge(password, rules, account=name, hostname=name[::-1], words=(name[:8],))
        if not all(reason.isprintable() for reason in (str(judged.score), *judged.reasons)):
            raise AssertionError(judged.reasons)
