"""Settings of the guard as they are typed: `source_failures=3`, `ring_factors=3,9`."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec

from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.guard.settings import GuardSettings
    from mailward.server.config_sections import GuardConfig


def changed(present: GuardConfig, changes: Sequence[str]) -> GuardConfig:
    """Raises InputError that names the setting, or the nearest one."""
    values: dict[str, Any] = msgspec.structs.asdict(present)
    for change in changes:
        name, equals, text = change.removeprefix("guard.").partition("=")
        name = name.strip()
        if not equals:
            raise InputError(f"{printable(change, 80)!r} sets nothing", advice="write --set source_failures=3")
        if name not in values:
            near = get_close_matches(name, values, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(values)}"
            raise InputError(f"guard has no setting {printable(name, 80)!r}", advice=advice)
        several = isinstance(values[name], tuple)
        values[name] = [part.strip() for part in text.strip(" []").split(",")] if several else text.strip()
        try:
            msgspec.convert({name: values[name]}, type(present), strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"guard.{name}: {printable(str(error).partition(' - at ')[0], 200)}") from None
    return msgspec.convert(values, type(present), strict=False)


def settings_of(config: GuardConfig) -> GuardSettings:
    from mailward.guard.settings import GuardSettings  # noqa: PLC0415

    return GuardSettings(**msgspec.structs.asdict(config))
