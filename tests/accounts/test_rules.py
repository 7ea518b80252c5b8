"""The rules for passwords as settings."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from mailward.accounts.rules import NIST, PasswordRules, Profile, rules_of
from mailward.errors import InputError


def test_nist_is_the_default() -> None:
    """SP 800-63B-4: 15 characters alone, 8 with a second factor, at least 64 allowed, no classes, no expiry."""
    rules = PasswordRules.of()

    assert rules == NIST == PasswordRules()
    assert (rules.least(second_factor=False), rules.least(second_factor=True)) == (15, 8)
    assert rules.maximum_length >= 128
    assert (rules.character_classes, rules.letters_and_digits, rules.maximum_age_days) == (0, False, 0)
    assert (rules.minimum_score, rules.history, rules.breached, rules.breached_range_service) == (3, 5, True, None)


def test_pci() -> None:
    """PCI DSS 4: 12 characters with letters and digits, 90 days, none of the last four."""
    rules = PasswordRules.of("pci")

    assert (rules.minimum_length, rules.least(second_factor=True), rules.letters_and_digits) == (12, 12, True)
    assert (rules.maximum_age_days, rules.history) == (90, 4)


def test_legacy() -> None:
    """What older rule books ask: 8 characters, three classes, a minimum and a maximum age, 24 former passwords."""
    rules = PasswordRules.of("legacy")

    assert (rules.minimum_length, rules.character_classes, rules.history) == (8, 3, 24)
    assert (rules.minimum_age_days, rules.maximum_age_days) == (1, 90)


def test_a_setting_wins_over_the_profile() -> None:
    """Each rule can be set; what is None is as the profile has it."""
    rules = PasswordRules.of("pci", history=10, minimum_length=None, words=("initech",))

    assert (rules.profile, rules.history, rules.minimum_length, rules.words) == ("pci", 10, 12, ("initech",))


def test_what_nobody_set_follows() -> None:
    """A lower minimum_length or maximum_age_days takes its companion along; one that was set is not moved."""
    assert PasswordRules.of(minimum_length=6).minimum_length_with_second_factor == 6
    assert PasswordRules.of(maximum_age_days=7).warn_days == 7
    assert PasswordRules.of("pci", minimum_length=20).minimum_length_with_second_factor == 12
    with pytest.raises(InputError, match="minimum_length_with_second_factor"):
        PasswordRules.of(minimum_length=6, minimum_length_with_second_factor=7)


@pytest.mark.parametrize(
    "setting,value",
    [
        ("minimum_length", 0),
        ("minimum_length", 257),
        ("minimum_length", True),
        ("minimum_length", "15"),
        ("minimum_length_with_second_factor", 0),
        ("maximum_length", 63),
        ("maximum_length", 257),
        ("minimum_score", 5),
        ("minimum_score", -1),
        ("character_classes", 5),
        ("history", 51),
        ("history", -1),
        ("maximum_age_days", -1),
        ("maximum_age_days", 3651),
        ("minimum_age_days", 366),
        ("warn_days", 366),
        ("grace_days", -1),
        ("breached_range_timeout", 0.0),
        ("breached_range_service", "http://range.example.test/range"),
        ("breached_range_service", "https://range.example.test:port/range"),
        ("breached_range_service", "https://"),
        ("length", 3),
    ],
)
def test_a_wrong_setting_is_named(setting: str, value: Any) -> None:
    """The error says which one, and what is right."""
    with pytest.raises(InputError, match=rf"^passwords\.{setting} ") as caught:
        PasswordRules.of(**{setting: value})

    assert caught.value.advice.startswith("give ")


@pytest.mark.parametrize(
    "settings,named",
    [
        ({"minimum_length": 100, "maximum_length": 64}, "minimum_length"),
        ({"minimum_length": 20, "minimum_length_with_second_factor": 21}, "minimum_length_with_second_factor"),
        ({"maximum_age_days": 5, "minimum_age_days": 5}, "minimum_age_days"),
        ({"maximum_age_days": 5, "warn_days": 6}, "warn_days"),
    ],
)
def test_contradictions(settings: dict[str, Any], named: str) -> None:
    """Two settings that cannot both hold are refused."""
    with pytest.raises(InputError, match=rf"^passwords\.{named} "):
        PasswordRules.of(**settings)


def test_an_unknown_profile() -> None:
    """The error tells the three there are."""
    unknown: Any = "iso"
    with pytest.raises(InputError) as caught:
        PasswordRules.of(unknown)

    assert "nist, pci, legacy" in caught.value.advice
    with pytest.raises(InputError, match="profile"):
        PasswordRules(profile=unknown)


def test_of_a_section() -> None:
    """A section of the configuration becomes rules; no section at all means NIST's."""
    section = SimpleNamespace(profile="legacy", history=3, minimum_length=None)

    assert rules_of(section) == PasswordRules.of("legacy", history=3)
    assert rules_of(None) == NIST


@pytest.mark.parametrize("profile", ["nist", "pci", "legacy"])
def test_each_profile_is_sound(profile: Profile) -> None:
    """Its settings pass their own checks, and say which profile they are of."""
    rules = PasswordRules.of(profile)

    assert PasswordRules(**asdict(rules)) == rules
    assert rules.profile == profile
