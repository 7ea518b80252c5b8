"""`mailward.check`, `mailward.discover` and `mailward.explain`: questions about servers, one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mailward.client.check import check as check_flow
from mailward.client.discover import discover as discover_flow
from mailward.client.knowledge import explain
from mailward.client.options import client_options
from mailward.net.blocking import BlockingPorts, run_blocking

if TYPE_CHECKING:
    from mailward.client.check import CheckReport
    from mailward.client.discover import Found
    from mailward.client.options import ClientArguments

__all__ = ["check", "discover", "explain"]


def check(host_or_url: str, port: int | None = None, **options: Unpack[ClientArguments]) -> CheckReport:
    """Does everything a send does but the mail: connects, secures, looks at the offers, logs in once, leaves.

    The parameters are those of `Client`; without `auth` and a user in the URL no login is tried. What is wrong with the
    server is in the report, not raised; only InputError is.
    """
    try:
        parsed = client_options(host_or_url, port, **options)
    finally:
        del host_or_url  # a traceback that shows local variables must not show a password
        options.pop("auth", None)
        options.pop("proxy", None)
        options.pop("cert", None)
    ports = BlockingPorts()
    total = parsed.timeout.total
    return run_blocking(check_flow(parsed, ports, until=None if total is None else ports.now() + total))


def discover(address: str, **options: Unpack[ClientArguments]) -> tuple[Found, ...]:
    """Where the user of `address` sends mail, what works first; each `.url` is one for `Client`.

    Asked are SRV records, the domain's autoconfig file, the provider behind its MX, and usual names; each answer is
    tried up to TLS, without a login and without the certificate of `cert=`. Take one that is not `.ours` only if a
    person knows it. Raises InputError for what is no address.
    """
    return run_blocking(discover_flow(address, BlockingPorts(), options))
