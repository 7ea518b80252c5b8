"""`mailward.send`: one message, one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mailward.client.composed import composed
from mailward.client.deliver import Deliverer
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.submission import prepare
from mailward.errors import InputError
from mailward.net.blocking import BlockingPorts, run_blocking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.options import ClientArguments, ClientOptions
    from mailward.client.receipt import Receipt
    from mailward.client.submission import AnyMessage, AnyRecipients


def send(
    url_or_host: str,
    message: AnyMessage | None = None,
    *,
    sender: str | None = None,
    recipients: AnyRecipients | None = None,
    to: str | Sequence[str] | None = None,
    subject: str | None = None,
    text: str | None = None,
    html: str | None = None,
    **options: Unpack[ClientArguments],
) -> Receipt:
    """Connects, sends one message and ends the session, all within `timeout` seconds (300).

    Give `message`, or let one be made of `sender`, `to`, `subject`, `text` and `html`. Without `sender` it is the user
    who logs in, if that is an address. The other parameters, the result and the errors are those of `Client` and
    `Client.send`.
    """
    try:
        parsed = client_options(url_or_host, None, **options)
    finally:
        del url_or_host  # a traceback that shows local variables must not show a password
        options.pop("auth", None)
    ports = BlockingPorts()
    if message is None:
        author = sender or _user(parsed)
        message = composed(ports, sender=author, to=to, subject=subject, text=text, html=html)
        sender = None  # the header has it, without the display name
    elif not (to is None and subject is None and text is None and html is None):
        raise InputError("give message, or to, subject, text and html, but not both", phase="options")
    submission = prepare(message, sender=sender, recipients=recipients)
    return run_blocking(Deliverer(parsed, ports, Pool()).deliver_once(submission))


def _user(options: ClientOptions) -> str | None:
    user = options.credentials.authcid if options.credentials else ""
    return user if "@" in user else None
