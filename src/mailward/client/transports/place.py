"""`mailward.transport(url)`: a Client or another transport, by what its URL says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mailward.client.transports.face import Transport
from mailward.errors import InvalidUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.facade_sync import Client
    from mailward.client.options import ClientArguments, Signer


def transport(url: str, **options: Unpack[ClientArguments]) -> Client | Transport:
    """smtp:, smtps: and lmtp: URLs give a Client with `options`; dkim= alone is an option of the others.

    sendmail: or sendmail:/usr/sbin/sendmail, maildir:/path, pickup:/path, memory:
    """
    scheme, colon, path = url.partition(":")
    if not colon or scheme.lower() not in ("sendmail", "maildir", "pickup", "memory"):
        from mailward.client.facade_sync import Client  # noqa: PLC0415 - loads what only SMTP needs

        return Client(url, **options)
    dkim = options.pop("dkim", None) or ()
    if options:
        raise TypeError(f"{scheme}: has no option {', '.join(sorted(options))}")
    return _made(scheme.lower(), path, dkim)


def _made(scheme: str, path: str, dkim: Signer | Sequence[Signer]) -> Transport:
    from mailward.client.transports.folder import Maildir, PickupFolder  # noqa: PLC0415 - loaded by who uses them
    from mailward.client.transports.memory import MemoryTransport  # noqa: PLC0415
    from mailward.client.transports.sendmail import Sendmail  # noqa: PLC0415

    if scheme == "memory" and not path:
        return MemoryTransport(dkim=dkim)
    if scheme == "sendmail" and not path:
        return Sendmail(dkim=dkim)
    if scheme == "memory" or not path.startswith("/") or path.startswith("//") or "\0" in path:
        raise InvalidUrl(f"a {scheme}: URL is followed by one absolute path, such as {scheme}:/var/mail")
    if scheme == "sendmail":
        return Sendmail(path, dkim=dkim)
    return Maildir(path, dkim=dkim) if scheme == "maildir" else PickupFolder(path, dkim=dkim)
