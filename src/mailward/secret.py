"""A text that cannot be printed, formatted, pickled or compared by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Holds a password or token. `reveal()` is the only way to the text; `repr`, `str` and `format` hide it."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    @classmethod
    def of(cls, value: str | Secret) -> Secret:
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        return self.__text

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # surrogates too: an encoding error would carry the text
        return hmac.compare_digest(*(each.__text.encode("utf-8", "surrogatepass") for each in (self, other)))

    __hash__ = None  # type: ignore[assignment]  # a secret as a dictionary key would be kept for ever

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

    def __getstate__(self) -> NoReturn:  # object's own would hand out the slot
        raise TypeError("a Secret cannot be pickled or copied")
