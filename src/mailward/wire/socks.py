"""SOCKS 4, 4a and 5 from the client's side, without I/O (RFC 1928, RFC 1929, and the memos of SOCKS 4 and 4A)."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from mailward.errors import InputError, ProxyError
from mailward.wire.tunnel import Ask, Destination, Exchange, Login, broken, turned_away, unreached

_CONNECT: Final = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_NO_LOGIN, _PASSWORD, _NONE_OF_THEM = 0x00, 0x02, 0xFF
_LONGEST: Final = 255
_REFUSALS: Final = {
    1: ("it failed, and says no more", True),
    2: ("its rules do not allow it", False),
    3: ("the network is unreachable", True),
    4: ("the host is unreachable", True),
    5: ("the connection was refused", True),
    6: ("the connection timed out on its way", True),
    7: ("it does not know CONNECT", False),
    8: ("it does not know this kind of address", False),
}
_IDENT: Final = {92: "it found no identd on this machine", 93: "identd names another user than proxy="}


def socks4(destination: Destination, login: Login | None) -> Exchange:
    """With SOCKS 4 the destination must be an IPv4 address; a name makes it SOCKS 4a, whose proxy looks it up."""
    ip = destination.ip
    if ip is not None and not isinstance(ip, IPv4Address):
        raise InputError("SOCKS 4 knows no IPv6", phase="options", advice="use a socks5:// proxy")
    request = bytes((4, _CONNECT)) + destination.port.to_bytes(2, "big")
    request += (ip or IPv4Address("0.0.0.1")).packed + _user_id(login) + b"\0"
    if ip is None:
        request += destination.host.encode("ascii") + b"\0"
    answer = yield Ask(request, 8)
    if answer[0] != 0:
        raise broken("this is no reply of SOCKS 4")
    if answer[1] in _IDENT:
        raise turned_away(_IDENT[answer[1]])
    if answer[1] != 90:
        raise unreached(destination, "it was refused, or failed")


def socks5(destination: Destination, login: Login | None) -> Exchange:
    """A name is looked up by the proxy."""
    password = _password_request(login)
    methods = bytes((_NO_LOGIN, _PASSWORD) if login else (_NO_LOGIN,))
    answer = yield Ask(bytes((5, len(methods))) + methods, 2)
    if answer[0] != 5:
        raise broken("this is no reply of SOCKS 5")
    if answer[1] == _NONE_OF_THEM:
        raise turned_away("it takes no login with a password" if login else "it wants a login")
    if answer[1] not in methods:
        raise broken("it chose a way to log in that we do not have")
    if answer[1] == _PASSWORD:
        answer = yield Ask(password, 2)
        if answer[0] != 1:
            raise broken("this is no reply to a login")
        if answer[1] != 0:
            raise turned_away("it refused user and password")
    yield from _connect5(destination)


def _connect5(destination: Destination) -> Exchange:
    request = bytes((5, _CONNECT, 0)) + _address(destination) + destination.port.to_bytes(2, "big")
    answer = yield Ask(request, 5)  # of the address that follows, the first octet may be its length
    if answer[0] != 5:
        raise broken("this is no reply of SOCKS 5")
    if answer[1] != 0:
        raise _refusal(destination, answer[1])
    more = {_IPV4: 3, _IPV6: 15, _NAME: answer[4]}.get(answer[3])
    if more is None:
        raise broken("its reply has an address of no known kind")
    yield Ask(b"", more + 2)


def _refusal(destination: Destination, code: int) -> ProxyError:
    why, retryable = _REFUSALS.get(code, (f"reply {code}, which says nothing", False))
    return unreached(destination, why, retryable=retryable)


def _address(destination: Destination) -> bytes:
    ip = destination.ip
    if ip is not None:
        return bytes((_IPV4 if ip.version == 4 else _IPV6,)) + ip.packed
    name = destination.host.encode("ascii")
    return bytes((_NAME, len(name))) + name


def _user_id(login: Login | None) -> bytes:
    if login is None:
        return b""
    user = login.user.encode()
    if login.password is not None or b"\0" in user or len(user) > _LONGEST:
        raise InputError(
            "SOCKS 4 knows a user name of 255 octets at the most, and no password",
            phase="options",
            advice="use a socks5:// proxy",
        )
    return user


def _password_request(login: Login | None) -> bytes:
    if login is None:
        return b""
    user, password = login.user.encode(), login.password.reveal().encode() if login.password else b""
    if not (0 < len(user) <= _LONGEST and 0 < len(password) <= _LONGEST):
        raise InputError("SOCKS 5 takes a user and a password of 1 to 255 octets each", phase="options")
    return bytes((1, len(user))) + user + bytes((len(password),)) + password
