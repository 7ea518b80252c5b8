"""How much may be on the way at once over one connection: more with each success, half after a refusal for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mailward.errors import MailwardError

FIRST: Final = 16  # messages
MOST: Final = 64  # messages; what a lost connection leaves unknown stays within it
OCTETS: Final = 512 * 1024


class Window:
    """`size`: messages that may be on the way."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = FIRST

    def has_room(self, messages: int, octets: int) -> bool:
        """Beside so many that are on the way."""
        return messages == 0 or (messages < self.size and octets < OCTETS)

    def heed(self, error: MailwardError | None) -> None:
        """What became of a message."""
        if error is None:
            self.accepted()
        elif error.retryable:
            self.deferred()

    def accepted(self) -> None:
        if self.size < MOST:
            self.size += 1

    def deferred(self) -> None:
        self.size = max(1, self.size // 2)
