"""Where a secret can be seen in an object: what it shows of itself, and everything that can be reached from it."""

from __future__ import annotations

import base64
import contextlib
import pickle
import traceback
import types
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from mailward.secret import Secret

_ENDS = (type, types.ModuleType, types.BuiltinFunctionType, int, float, bool, type(None))
_OURS = "/src/mailward/"
_MOST = 200_000  # objects


def disguises(secret: str) -> list[bytes]:
    """The secret in each form it may have on its way: plain, base64 at each offset, hexadecimal, in a URL."""
    octets = secret.encode()
    found = [octets, octets.hex().encode(), quote(secret, safe="").encode(), quote_plus(secret).encode()]
    for before in range(3):
        coded = base64.b64encode(b"x" * before + octets)
        found.append(coded[4 if before else 0 : -4])  # without what its neighbours make of it
    found.append(base64.b64encode(secret.encode("utf-16-le"))[:-4])
    return [each for each in found if len(each) > 5]


def seen_in(shown: str | bytes, secrets: Iterable[str]) -> bool:
    octets = shown if isinstance(shown, bytes) else shown.encode("utf-8", "replace")
    return any(each in octets for secret in secrets for each in disguises(secret))


def findings(error: BaseException, secrets: Iterable[str], *roots: object) -> list[str]:
    """Where one of the secrets is seen in what is told of `error`, or can be reached from it or from `roots`."""
    secrets = tuple(secrets)
    found = [f"{what}: {shown[:200]!r}" for what, shown in _told(error) if seen_in(shown, secrets)]
    for path, value in _reachable(error, *roots):
        if seen_in(value, secrets):
            found.append(f"{path} = {value[:200]!r}")
    return found


def _told(error: BaseException) -> Iterator[tuple[str, str | bytes]]:
    yield "str", str(error)
    yield "repr", repr(error)
    yield "dict", repr(vars(error))
    for each in _chain(error):
        told = traceback.TracebackException.from_exception(each, capture_locals=True)
        for frame in told.stack:
            if _OURS in frame.filename:
                yield f"traceback {frame.name}", repr(frame.locals)
        yield "message", "".join(told.format_exception_only())
    with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
        yield "pickle", pickle.dumps(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue = [error]
    while queue:
        each = queue.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            queue += [each.__cause__, each.__context__]


def _reachable(*roots: object) -> Iterator[tuple[str, str | bytes]]:
    """Every text and octets to be reached from the roots, but through a Secret and through frames that are not ours."""
    seen: set[int] = set()
    kept: list[object] = []
    queue: list[tuple[str, object]] = [(type(root).__name__, root) for root in roots]
    while queue:
        path, value = queue.pop()
        if id(value) in seen or isinstance(value, (Secret, *_ENDS)):
            continue
        seen.add(id(value))
        kept.append(value)  # so that no other object gets its id
        assert len(kept) < _MOST
        if isinstance(value, str | bytes | bytearray):
            yield path, bytes(value) if isinstance(value, bytearray) else value
        else:
            queue += [(f"{path}{name}", part) for name, part in _parts(value)]


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    match value:
        case dict():
            for key, each in list(value.items()):
                yield f"[{key!r:.40}]", each
                yield ".key", key
        case list() | tuple() | set() | frozenset():
            yield from ((f"[{number}]", each) for number, each in enumerate(value))
        case types.TracebackType():
            yield ".tb_next", value.tb_next
            yield ".tb_frame", value.tb_frame
        case types.FrameType():
            if _OURS in value.f_code.co_filename:
                yield from ((f" in {value.f_code.co_name}: {name}", each) for name, each in value.f_locals.items())
        case types.FunctionType():
            yield from ((".closure", cell.cell_contents) for cell in value.__closure__ or () if _filled(cell))
        case types.MethodType():
            yield ".self", value.__self__
        case types.GeneratorType() | types.CoroutineType():
            yield ".frame", getattr(value, "gi_frame", None) or getattr(value, "cr_frame", None)
        case _:
            yield from _attributes(value)


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseException):
        yield ".args", value.args
        yield ".cause", value.__cause__
        yield ".context", value.__context__
        yield ".traceback", value.__traceback__
    if type(value).__module__.startswith(("mailward", "tests")) or isinstance(value, BaseException):
        yield from ((f".{name}", each) for name, each in list(getattr(value, "__dict__", {}).items()))
        for kind in type(value).__mro__:
            for name in getattr(kind, "__slots__", ()):
                yield f".{name}", getattr(value, name, None)


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
