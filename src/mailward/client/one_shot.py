"""`mailward.send`: one message, one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from mailward.client.composed import composed
from mailward.client.deliver import Deliverer
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.submission import prepare
from mailward.errors import InputError
from mailward.net.blocking import BlockingPorts, run_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailward.client.composed import AnyAttachments
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
    cc: str | Sequence[str] | None = None,
    bcc: str | Sequence[str] | None = None,
    reply_to: str | Sequence[str] | None = None,
    attach: AnyAttachments | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Unpack[ClientArguments],
) -> Receipt:
    """Connects, sends one message and ends the session, all within `timeout` seconds (900).

    Give `message`, or let one be made of `sender`, `to`, `subject`, `text`, `html` and the others, as in `Message`;
    `attach` takes a path, or several paths and open files. Without `sender` it is the user who logs in, if that is an
    address. The other parameters, the result and the errors are those of `Client` and `Client.send`.
    """
    try:
        parsed = client_options(url_or_host, None, **options)
    finally:
        del url_or_host  # a traceback that shows local variables must not show a password
        options.pop("auth", None)
        options.pop("proxy", None)
        options.pop("cert", None)
    ports = BlockingPorts()
    parts: dict[str, Any] = {"to": to, "cc": cc, "bcc": bcc, "reply_to": reply_to, "subject": subject}
    parts |= {"text": text, "html": html, "attach": attach, "headers": headers}
    if message is None:
        author = sender or _user(parsed)
        message = composed(sender=author, **parts)
        sender = None  # the header has it, without the display name
    elif any(part is not None for part in parts.values()):
        raise InputError("give message, or to, subject, text and its other parts, but not both", phase="options")
    submission = prepare(message, sender=sender, recipients=recipients, ports=ports)
    deliverer = Deliverer(parsed, ports, Pool())
    return run_blocking(deliverer.deliver_once(deliverer.finish(submission)))


def _user(options: ClientOptions) -> str | None:
    user = options.authority.user if options.authority else ""
    return user if "@" in user else None
