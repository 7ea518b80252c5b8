"""A login, and at most one other: only where the source has another secret than the one refused (RFC 4954)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailward.client.authenticate import authenticate, without_trace
from mailward.client.breaker import BREAKER
from mailward.client.login_refusal import repeats
from mailward.errors import BadCredentials, MailwardError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailward.client.conversation import Conversation
    from mailward.client.credentials import Authority
    from mailward.client.receipt import AuthInfo
    from mailward.net.ports import Ports
    from mailward.sasl.mechanism import Credentials, Mechanism


async def log_in(
    conversation: Conversation,
    authority: Authority,
    *,
    host: str,
    port: int,
    until: float | None,
    certificate: bytes | None,
    ports: Ports,
    check: Callable[[Mechanism, Sequence[str]], None] | None = None,
) -> AuthInfo:
    """Raises AuthError (CredentialsBlocked where nothing was sent), SaslError, MailwardError.

    host, port: the server's, as the client was told. check: is called with the mechanism before anything is said.
    """
    login = _LogIn(conversation, authority, host, until, certificate, ports, check)
    first = await authority.current(ports, until=until, host=host, port=port)
    try:
        return await login.once(first)
    except BadCredentials as error:
        refusal = without_trace(error)
    if not await authority.rejected(first, ports, until=until) or conversation.broken:
        raise refusal
    second = await authority.current(ports, until=until, host=host, port=port)
    if (second.authcid, second.password) == (first.authcid, first.password):
        raise refusal
    return await login.once(second)


@dataclass(frozen=True, slots=True)
class _LogIn:
    conversation: Conversation
    authority: Authority
    host: str
    until: float | None
    certificate: bytes | None
    ports: Ports
    check: Callable[[Mechanism, Sequence[str]], None] | None

    async def once(self, credentials: Credentials) -> AuthInfo:
        observer = self.conversation.observer
        if observer is not None:
            observer.repeats = lambda text: repeats(text, credentials.password)
        try:
            info = await BREAKER.guard(
                self.host, credentials, lambda: self._attempt(credentials), ports=self.ports, until=self.until
            )
        except MailwardError as error:
            raise without_trace(error)  # noqa: B904
        except BaseException as error:  # cancelled, or Ctrl+C: the frames below hold what was said, here too
            error.__context__ = error.__traceback__ = None
            raise
        finally:
            if observer is not None:
                observer.repeats = None
        self.authority.accepted(credentials)
        return info

    async def _attempt(self, credentials: Credentials) -> AuthInfo:
        return await authenticate(
            self.conversation,
            credentials,
            allowed=self.authority.mechanisms,
            certificate=self.certificate,
            ports=self.ports,
            check=self.check,
        )
