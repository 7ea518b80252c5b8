"""A Kerberos or NTLM security context made by pyspnego, with errors of ours (RFC 2743).

Kerberos asks the system for its tickets and the key distribution centre over the network, in the library.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from mailward.errors import (
    AuthError,
    AuthUnavailable,
    BadCredentials,
    InputError,
    MailwardError,
    MechanismUnavailable,
    SaslError,
)
from mailward.printable import printable
from mailward.sasl.channel_binding import TYPE

if TYPE_CHECKING:
    from spnego import ContextProxy

    from mailward.sasl.mechanism import ChannelBinding, Credentials

T = TypeVar("T")

MAX_TOKEN = 65_536  # octets; a ticket with its groups may be 64 KiB

_SYSTEM = (("krb5", "Krb5Error"), ("gssapi.raw.misc", "GSSError"))
_UNREACHABLE = -1765328228  # KRB5_KDC_UNREACH
_WRONG_PASSWORD = (-1765328360, -1765328353)  # KRB5KDC_ERR_PREAUTH_FAILED, KRB5KRB_AP_ERR_BAD_INTEGRITY
# What the library raises for octets that are no token of the mechanism.
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, struct.error)


class Context(Protocol):
    """`step` takes the peer's token, None at the start, and gives ours. `mutual`: the peer has proved itself."""

    @property
    def complete(self) -> bool: ...

    @property
    def mutual(self) -> bool: ...

    def step(self, token: bytes | None) -> bytes: ...

    def wrap(self, data: bytes) -> bytes: ...

    def unwrap(self, data: bytes) -> bytes: ...


def kerberos(credentials: Credentials) -> Context:
    """With the ticket the system keeps (of `authcid`, if that is given), or one bought with the password."""
    if not credentials.host:
        raise InputError("a Kerberos login needs the server's name", phase="auth")
    return _opened("kerberos", credentials, None)


def ntlm(credentials: Credentials, *, binding: ChannelBinding | None) -> Context:
    """`authcid` may be DOMAIN\\user. binding: of this TLS channel, so that nobody can hand the login on."""
    if not credentials.authcid or not credentials.password:
        raise InputError("a user name and a password are needed to log in by NTLM", phase="auth")
    return _opened("ntlm", credentials, binding)


class _Spnego:
    def __init__(self, proxy: ContextProxy, mutual_flag: int) -> None:
        proxy._is_wrapped = True  # the library then logs no tokens, of which a password can be guessed in peace
        self._proxy = proxy
        self._mutual_flag = mutual_flag

    @property
    def complete(self) -> bool:
        return self._proxy.complete

    @property
    def mutual(self) -> bool:
        return bool(self._proxy.context_attr & self._mutual_flag)

    def step(self, token: bytes | None) -> bytes:
        if token is not None and not 0 < len(token) <= MAX_TOKEN:
            raise SaslError(f"the server's token is empty or longer than {MAX_TOKEN} octets", phase="auth")
        return _asked(lambda: self._proxy.step(token) or b"", ours=token is None)

    def wrap(self, data: bytes) -> bytes:
        return _asked(lambda: self._proxy.wrap(data, encrypt=False).data)

    def unwrap(self, data: bytes) -> bytes:
        return _asked(lambda: self._proxy.unwrap(data).data)


def _opened(protocol: Literal["kerberos", "ntlm"], credentials: Credentials, binding: ChannelBinding | None) -> Context:
    try:
        import spnego  # noqa: PLC0415 - an extra
        from spnego.channel_bindings import GssChannelBindings  # noqa: PLC0415
    except ImportError:
        raise _missing(protocol) from None
    bound = binding is not None and binding.type == TYPE
    data = f"{TYPE}:".encode() + binding.data if binding is not None and bound else None

    def opened() -> ContextProxy:
        return spnego.client(
            credentials.authcid or None,
            credentials.password.reveal() or None,
            hostname=credentials.host or "unspecified",
            service="smtp",
            protocol=protocol,
            channel_bindings=GssChannelBindings(application_data=data) if data else None,
            options=spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.none,
        )

    try:
        proxy = _asked(opened, ours=True)
    except ImportError:  # its own bindings to the system's Kerberos
        proxy = None
    if proxy is None:
        raise _missing(protocol)
    return _Spnego(proxy, spnego.ContextReq.mutual_auth)


def _asked(work: Callable[[], T], *, ours: bool = False) -> T:
    """What the library gives, or an error in few words: its own drag frames along that hold the password.

    ours: nothing of the server's was looked at, so that it is AuthError: there is no ticket, or the password is wrong.
    """
    from spnego.exceptions import SpnegoError  # noqa: PLC0415

    code = 0
    try:
        return work()
    except SpnegoError as error:
        problem = printable(str(error.message), 200)
    except _of_the_system() as error:
        problem = printable(str(error), 200)
        code = getattr(error, "err_code", 0)
    except _BROKEN as error:
        problem = f"the server's token is none ({type(error).__name__})"
    raise _failed(f"the security context failed: {problem}", ours=ours, code=code)


def _failed(message: str, *, ours: bool, code: int) -> MailwardError:
    if code == _UNREACHABLE:
        return AuthUnavailable(message, phase="auth", advice="the Kerberos realm cannot be asked now; try later")
    if code in _WRONG_PASSWORD:
        return BadCredentials(message, phase="auth", advice="check user name and password at the Kerberos realm")
    if ours:
        return AuthError(message, phase="auth", advice="see klist for the tickets there are, and get one by kinit")
    return SaslError(message, phase="auth")


def _of_the_system() -> tuple[type[Exception], ...]:
    """What the bindings to the system's Kerberos raise, where they are loaded; the library lets some of it through."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _SYSTEM)
    return tuple(each for each in found if isinstance(each, type) and issubclass(each, Exception))


def _missing(protocol: str) -> MechanismUnavailable:
    what, more = (
        ("GSSAPI", " 'pyspnego[kerberos]', on the system's Kerberos") if protocol == "kerberos" else ("NTLM", "")
    )
    return MechanismUnavailable(
        f"{what} logins need a library that is not installed",
        phase="auth",
        advice=f"pip install 'mailward[kerberos]'{more}",
    )
