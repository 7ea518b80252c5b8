"""A transport that keeps what it was given, for the tests of who sends mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailward.client.transports.face import Transport

if TYPE_CHECKING:
    from email.message import EmailMessage

    from mailward.client.how import How
    from mailward.client.options import Signer
    from mailward.client.submission import Submission
    from mailward.errors import MailwardError


@dataclass(frozen=True, slots=True)
class Sent:
    """`sender`: "" is the null reverse-path. `content`: the octets, as a server would have got them."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    how: How = field(repr=False)

    @property
    def message(self) -> EmailMessage:
        """The content, parsed."""
        from email import message_from_bytes, policy  # noqa: PLC0415 - large, and not always wanted

        return message_from_bytes(self.content, policy=policy.default)


class MemoryTransport(Transport):
    """`messages`: what was sent, the oldest first. `failures`: errors to be raised by the next sends, one each."""

    name = "memory:"

    def __init__(self, *, failures: Iterable[MailwardError | None] = (), dkim: Signer | Sequence[Signer] = ()) -> None:
        super().__init__(dkim=dkim)
        self.messages: list[Sent] = []
        self._failures = iter(failures)

    def _deliver(self, submission: Submission, pieces: Iterator[bytes]) -> str:
        failure = next(self._failures, None)
        if failure is not None:
            raise failure
        recipients = tuple(str(mailbox) for mailbox in submission.recipients)
        self.messages.append(Sent(str(submission.sender or ""), recipients, b"".join(pieces), submission.how))
        return str(len(self.messages))
