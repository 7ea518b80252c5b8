"""`Client`: sending from plain code, in any thread, and inside a running event loop too."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, Unpack

from mailward.client.deliver import Deliverer, Delivery, unusable
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.submission import Submission, prepare
from mailward.errors import InputError
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import too_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from mailward.client.options import ClientArguments
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, AnyRecipients


class Client:
    """Sends through one server. Connects when `with` is entered, else at the first `send`, and keeps the session.

    host_or_url: `smtp.example.org`, `smtps://user:password@smtp.example.org`, `smtp://127.0.0.1:2525`.
    options: each by its name, as `mailward.client.options.ClientArguments` tells them.
    """

    def __init__(self, host_or_url: str, port: int | None = None, **options: Unpack[ClientArguments]) -> None:
        try:
            parsed = client_options(host_or_url, port, **options)
        finally:
            del host_or_url  # a traceback that shows local variables must not show a password
            options.pop("auth", None)
        self._deliverer = Deliverer(parsed, BlockingPorts(), Pool())
        self._slots = threading.BoundedSemaphore(parsed.limits.connections)

    def __repr__(self) -> str:
        told = getattr(self, "_deliverer", "…")  # a traceback shows us even where the options were refused
        return f"{type(self).__name__}({told})"

    def __enter__(self) -> Self:
        until = self._slot()
        try:
            run_blocking(self._deliverer.warm(until=until))
        finally:
            self._slots.release()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self, message: AnyMessage, *, sender: str | None = None, recipients: AnyRecipients | None = None
    ) -> Receipt:
        """Sends `message` (EmailMessage, Message or bytes) once and tells what became of it.

        sender, recipients: the envelope; from the header where they are None. A sender of "" is the null reverse-path.
        Some recipients refused is an outcome of "partial". Nobody accepted raises RecipientsRefused, PermanentReply
        or TransientReply; a lost verdict raises OutcomeUnknown; each carries `.receipt`. Nothing is sent twice.
        """
        return self._deliver(prepare(message, sender=sender, recipients=recipients)).result()

    def send_many(
        self,
        messages: Iterable[AnyMessage],
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
    ) -> Iterator[Receipt]:
        """Sends one message after the other and gives a receipt for each, in order, as they are asked for.

        A message that is refused, cannot be used, or is lost on the way does not stop the rest: see its receipt.
        Raises what would befall all the rest too: no connection, no TLS, no login.
        """
        for message in messages:
            try:
                submission = prepare(message, sender=sender, recipients=recipients)
            except InputError as error:
                yield unusable(error)
            else:
                yield self._deliver(submission).receipt

    def close(self) -> None:
        """Ends the sessions that are open. The client may be used again, and then connects anew."""
        run_blocking(self._deliverer.close())

    def _deliver(self, submission: Submission) -> Delivery:
        until = self._slot()
        try:
            return run_blocking(self._deliverer.deliver(submission, until=until))
        finally:
            self._slots.release()

    def _slot(self) -> float | None:
        """Waits until one more connection may be used; gives the end of this call."""
        until = self._deliverer.end_of_call()
        if not self._slots.acquire(timeout=self._deliverer.total):
            raise too_late("waiting for a connection of this client to be free")
        return until
