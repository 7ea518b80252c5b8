"""Handing a queued message to the next server, with the client's own flow (RFC 5321 §4.5.4, smarthost delivery)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.client.deliver import Deliverer, Delivery
from mailward.client.options import ClientOptions, Limits, client_options
from mailward.client.pool import Pool
from mailward.client.submission import Submission
from mailward.client.url import parse_target
from mailward.errors import InputError, InvalidConfig, MailwardError
from mailward.net.aio import AioPorts
from mailward.printable import printable
from mailward.secret import Secret
from mailward.server import state_directory
from mailward.store.message import BOUNCED, DEFERRED, DELIVERED, StoredMessage
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from mailward.client.receipt import RecipientResult
    from mailward.server.config import DeliveryConfig
    from mailward.server.queue.manager import Results
    from mailward.wire.reply import Reply

_OURS: Final = frozenset({530, 534, 535, 538})  # our login is wrong, not the message: keep it until that is mended
_REST: Final = 20.0  # seconds after the last delivery when the sessions are ended


class Relay:
    """Sessions to one next server, kept while there is something to send."""

    def __init__(self, options: ClientOptions) -> None:
        self._deliverer = Deliverer(options, AioPorts(), Pool())
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._resting: asyncio.Task[None] | None = None

    @classmethod
    def to(cls, delivery: DeliveryConfig, *, hostname: str, sessions: int) -> Relay:
        """Raises InvalidConfig when the URL, the CA or the password file cannot be used."""
        try:
            options = client_options(
                delivery.to,
                None,
                auth=_auth(delivery),
                tls="auto",
                ca=delivery.ca,
                timeout=None,
                limits=Limits(connections=sessions),
                local_address=None,
                ehlo_name=hostname,
            )
        except InvalidConfig:
            raise
        except InputError as problem:
            raise InvalidConfig(problem.message, key="delivery.to", advice=problem.advice) from problem
        return cls(options)

    async def deliver(self, message: StoredMessage, content: bytes, addresses: tuple[str, ...]) -> Results:
        """What became of each of `addresses`. A reply that never came is tried again: at least once, never not."""
        self._under_way += 1
        try:
            submission = Submission.of(
                Mailbox.parse(message.envelope_from) if message.envelope_from else None,
                tuple(map(Mailbox.parse, addresses)),
                content,
            )
            delivery = await self._deliverer.deliver(submission, until=self._deliverer.end_of_call())
        except InputError as problem:
            return dict.fromkeys(addresses, (BOUNCED, f"local: {printable(problem.message)}"))
        except MailwardError as problem:
            return dict.fromkeys(addresses, (DEFERRED, f"local: {printable(problem.message)}"))
        finally:
            self._under_way -= 1
            self._rest_later()
        return {
            address: _verdict(result, delivery)
            for address, result in zip(addresses, delivery.receipt.recipients, strict=True)
        }

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._deliverer.close()

    def _rest_later(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(_REST, self._rest)

    def _rest(self) -> None:
        if not self._under_way:
            self._resting = asyncio.get_running_loop().create_task(self._deliverer.close())


def _verdict(result: RecipientResult, delivery: Delivery) -> tuple[str, str]:
    if result.accepted:
        return DELIVERED, str(delivery.receipt.reply or "")
    reply = _deciding_reply(result, delivery)
    if reply is not None:
        final = reply.permanent and reply.code not in _OURS
        return (BOUNCED if final else DEFERRED), str(reply)
    error = delivery.error
    said = f"local: {printable(error.message)}" if error is not None else "local: no reply"
    return (BOUNCED if isinstance(error, InputError) else DEFERRED), said


def _deciding_reply(result: RecipientResult, delivery: Delivery) -> Reply | None:
    """Once MAIL is refused, what RCPT hears (503, as a rule) says nothing of the recipient: MAIL's reply decides."""
    if delivery.error is not None and delivery.error.phase == "mail":
        return delivery.receipt.reply or result.reply
    return result.reply or delivery.receipt.reply


def _auth(delivery: DeliveryConfig) -> tuple[str, Secret] | None:
    user = parse_target(delivery.to).user
    if user is None:
        return None
    if delivery.password_file is None:
        raise InvalidConfig(
            "delivery.to names a user", key="delivery.password_file", advice="say where its password is"
        )
    path = Path(delivery.password_file)
    fault = state_directory.private_fault(path)
    if fault is not None:
        raise InvalidConfig(fault, key="delivery.password_file")
    try:
        return user, Secret(state_directory.read_bounded(path).decode().rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidConfig(f"{path} cannot be read", key="delivery.password_file") from problem
