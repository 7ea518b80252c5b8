"""Keys and types, before any meaning."""

from __future__ import annotations

import pytest

from mailward.server.config_sections import Config, GuardConfig
from mailward.server.config_structure import Fault, read


@pytest.mark.parametrize(
    "table, path, message",
    [
        ({"ban": "x"}, ("guard", "ban"), "expected a number, here 'x'"),
        ({"ban": float("nan")}, ("guard", "ban"), "expected a number >= 1.0, here nan"),
        ({"ban": True}, ("guard", "ban"), "expected a number, here true"),
        ({"window": float("inf")}, ("guard", "window"), "expected a number <= 31536000.0, here inf"),
        ({"source_failures": 0}, ("guard", "source_failures"), "expected a whole number >= 1, here 0"),
        ({"source_failures": 1.5}, ("guard", "source_failures"), "expected a whole number, here 1.5"),
        ({"source_failures": 16**9999}, ("guard", "source_failures"), "here an enormous number"),
        ({"source_failure": 3}, ("guard", "source_failure"), "unknown key; did you mean `source_failures`?"),
        ({"Source-Failures": 3}, ("guard", "Source-Failures"), "did you mean `source_failures`?"),
        ({"networks": []}, ("guard", "networks"), "unknown key here; it belongs in [allowlist]"),
        ({"zzz": 1}, ("guard", "zzz"), "unknown key; known here: distinct_wrong_passwords_per_account, "),
        ({"address": 1}, ("guard", "address"), "it belongs in [[listener]]"),
        ([], ("guard",), "expected a table, [guard], got a list"),
    ],
)
def test_faults(table: object, path: tuple[str, ...], message: str) -> None:
    """Each fault names the key, what was expected and what stands there."""
    faults: list[Fault] = []

    read(GuardConfig, table, ("guard",), faults)

    assert [fault.path for fault in faults] == [path]
    assert message in faults[0].message


def test_all_faults_are_kept() -> None:
    """One fault does not hide another, and what is well formed is still read."""
    faults: list[Fault] = []
    table = {"hostname": "a.test", "listener": {"address": "x"}, "guard": {"ban": 0, "window": []}, "limit": {}}

    values = read(Config, table, (), faults)

    assert values == {"hostname": "a.test"}
    assert [fault.path for fault in faults] == [
        ("limit",),
        ("state",),
        ("listener",),
        ("guard", "window"),
        ("guard", "ban"),
    ]
    assert "[[listener]]" in faults[2].message


def test_a_mistyped_key_is_not_missing_as_well() -> None:
    """`hostnme` is one fault, not an unknown key and a missing one."""
    faults: list[Fault] = []

    read(Config, {"hostnme": "a", "state": "b", "listener": []}, (), faults)

    assert [fault.path for fault in faults] == [("hostnme",)]


def test_elements_have_their_own_faults() -> None:
    """A wrong element of a list is told by its index."""
    faults: list[Fault] = []

    read(Config, {"allowlist": {"networks": ["::/0", 3, "a", None]}, "hostname": 1}, (), faults)

    assert ("allowlist", "networks", 1) in [fault.path for fault in faults]
