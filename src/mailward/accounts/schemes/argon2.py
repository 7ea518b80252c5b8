"""argon2id, argon2i and argon2d (RFC 9106), as PHC strings; also Django's, which names it twice."""

from __future__ import annotations

import re

from mailward.accounts.scheme import Check, Scheme, digest_of, number, octets, unreadable

_FORM = re.compile(r"(?:argon2)?(\$argon2(id|i|d)(?:\$v=(16|19))?\$m=([0-9]+),t=([0-9]+),p=([0-9]+)\$([^$]*)\$([^$]*))")
_MINE = re.compile(r"(?:argon2)?\$argon2")
_MOST_MEMORY_KIB, _MOST_TIME, _MOST_LANES = 1 << 20, 64, 16
_MOST_WORK = 1 << 21  # KiB times passes: some two seconds


def _read(verifier: str) -> Check | None:
    if not _MINE.match(verifier):
        return None
    form = _FORM.fullmatch(verifier)
    if form is None:
        raise unreadable("it is not an argon2 PHC string")
    text, kind, _version, memory, time, lanes, salt, digest = form.groups()
    kib = number(memory, least=8, most=_MOST_MEMORY_KIB, what="memory (KiB)")
    passes = number(time, most=_MOST_TIME, what="passes")
    number(lanes, most=_MOST_LANES, what="lanes")
    if kib * passes > _MOST_WORK:
        raise unreadable("it asks for more time than a login may take")
    digest_of(digest)
    if len(octets(salt, what="salt")) < 8:
        raise unreadable("its salt is shorter than 8 octets")
    return lambda password: _verify(text.encode(), password, kind)


def _verify(verifier: bytes, password: bytes, kind: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError  # noqa: PLC0415
    from argon2.low_level import Type, verify_secret  # noqa: PLC0415  # C extension, only where passwords are

    try:
        return verify_secret(verifier, password, {"id": Type.ID, "i": Type.I, "d": Type.D}[kind])
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError):
        pass  # raised below: an exception raised here would carry argon2's frame, and the password in it
    raise unreadable("it is not what argon2 makes")


SCHEME = Scheme(name="argon2", read=_read)
