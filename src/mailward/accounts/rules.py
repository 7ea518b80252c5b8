"""The rules for passwords, each a named setting: NIST SP 800-63B-4 unless a profile says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias, get_args

from mailward.accounts.range_service import is_service_url
from mailward.errors import InputError
from mailward.printable import printable

Profile: TypeAlias = Literal["nist", "pci", "legacy"]
MOST_CHARACTERS = 256
_NO_FEWER_THAN = 64  # SP 800-63B-4 §3.1.1.2: no verifier may refuse a password for being longer than that

_RANGES = {
    "minimum_length": (1, MOST_CHARACTERS),
    "minimum_length_with_second_factor": (1, MOST_CHARACTERS),
    "maximum_length": (_NO_FEWER_THAN, MOST_CHARACTERS),
    "minimum_score": (0, 4),
    "character_classes": (0, 4),
    "history": (0, 50),
    "maximum_age_days": (0, 3650),
    "minimum_age_days": (0, 365),
    "warn_days": (0, 365),
    "grace_days": (0, 365),
}
_PROFILES: Mapping[Profile, Mapping[str, Any]] = {
    "nist": {},
    "pci": {  # PCI DSS 4 §8.3.6, §8.3.7, §8.3.9
        "minimum_length": 12,
        "minimum_length_with_second_factor": 12,
        "letters_and_digits": True,
        "history": 4,
        "maximum_age_days": 90,
        "warn_days": 14,
    },
    "legacy": {
        "minimum_length": 8,
        "minimum_length_with_second_factor": 8,
        "character_classes": 3,
        "history": 24,
        "maximum_age_days": 90,
        "minimum_age_days": 1,
        "warn_days": 14,
        "grace_days": 7,
    },
}


@dataclass(frozen=True, kw_only=True)
class PasswordRules:
    """Lengths are characters. Ages are days, and 0 switches the rule off.

    minimum_score: of zxcvbn's 0 to 4. character_classes: how many of small letters, capitals, digits and others.
    history: how many former passwords may not come again. warn_days: before the end of a password's age;
    grace_days: after it. words: what no password may be built on. breached: look into the list that comes with
    Mailward. breached_files: filters made by `mailward breached build`. breached_range_service: an https URL that is
    asked for the first five digits of a SHA-1, or None.
    """

    profile: Profile = "nist"
    minimum_length: int = 15
    minimum_length_with_second_factor: int = 8
    maximum_length: int = MOST_CHARACTERS
    minimum_score: int = 3
    character_classes: int = 0
    letters_and_digits: bool = False
    history: int = 5
    maximum_age_days: int = 0
    minimum_age_days: int = 0
    warn_days: int = 14
    grace_days: int = 0
    words: tuple[str, ...] = ()
    breached: bool = True
    breached_files: tuple[str, ...] = ()
    breached_range_service: str | None = None
    breached_range_timeout: float = 3.0

    def __post_init__(self) -> None:
        """InputError: a setting out of its range, or two that contradict each other."""
        if self.profile not in get_args(Profile):
            raise _wrong("profile", f"is {_shown(self.profile)}", f"one of {', '.join(get_args(Profile))}")
        for setting, (least, most) in _RANGES.items():
            value = getattr(self, setting)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise _wrong(setting, f"is {_shown(value)}", f"a whole number from {least} to {most}")
        self._check_together()
        if not 0.1 <= self.breached_range_timeout <= 60:
            raise _wrong("breached_range_timeout", f"is {self.breached_range_timeout}", "0.1 to 60 seconds")
        service = self.breached_range_service
        if service is not None and not is_service_url(service):
            raise _wrong("breached_range_service", f"is {_shown(service)}", "an https:// URL without a user, ? and #")

    @classmethod
    def of(cls, profile: Profile = "nist", **overrides: Any) -> PasswordRules:
        """The rules of a profile, but for the settings in `overrides`; one that is None is as the profile has it."""
        for name in overrides.keys() - {each.name for each in fields(cls)}:
            raise _wrong(printable(name), "is no rule for passwords", ", ".join(each.name for each in fields(cls)))
        if profile not in _PROFILES:
            raise _wrong("profile", f"is {_shown(profile)}", f"one of {', '.join(_PROFILES)}")
        given = {name: value for name, value in overrides.items() if value is not None}
        values = {**_PROFILES[profile], **given}
        _follow(values, "minimum_length_with_second_factor", "minimum_length", given)
        _follow(values, "warn_days", "maximum_age_days", given)
        return replace(cls(), profile=profile, **values)

    def least(self, *, second_factor: bool) -> int:
        """The fewest characters a password may have."""
        return self.minimum_length_with_second_factor if second_factor else self.minimum_length

    def _check_together(self) -> None:
        for setting in ("minimum_length", "minimum_length_with_second_factor"):
            if getattr(self, setting) > self.maximum_length:
                raise _wrong(setting, "is above maximum_length", f"at most {self.maximum_length}")
        if self.minimum_length_with_second_factor > self.minimum_length:
            raise _wrong(
                "minimum_length_with_second_factor", "is above minimum_length", f"at most {self.minimum_length}"
            )
        if self.maximum_age_days:
            if self.minimum_age_days >= self.maximum_age_days:
                raise _wrong("minimum_age_days", "is not below maximum_age_days", f"below {self.maximum_age_days}")
            if self.warn_days > self.maximum_age_days:
                raise _wrong("warn_days", "is above maximum_age_days", f"at most {self.maximum_age_days}")


NIST = PasswordRules()


def _follow(values: dict[str, Any], setting: str, most: str, given: Mapping[str, Any]) -> None:
    """A `setting` that nobody gave is lowered with the one that was given and that it may not be above."""
    if setting not in given and isinstance(given.get(most), int) and given[most] > 0:
        values[setting] = min(values.get(setting, getattr(NIST, setting)), given[most])


def rules_of(section: object) -> PasswordRules:
    """The rules that a `[passwords]` section stands for; a setting it has not, or has as None, is the profile's."""
    names = [each.name for each in fields(PasswordRules) if each.name != "profile"]
    profile: Profile = getattr(section, "profile", "nist")
    return PasswordRules.of(profile, **{name: getattr(section, name, None) for name in names})


def _wrong(setting: str, what: str, instead: str) -> InputError:
    return InputError(f"passwords.{setting} {what}", phase="password", advice=f"give {instead}")


def _shown(value: object) -> str:
    return printable(repr(value), 60)
