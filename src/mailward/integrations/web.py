"""What our HTTP doors share: the token before anything else, bodies of bounded size, and every answer in JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from mailward.errors import InputError, InvalidConfig, StoreError
from mailward.integrations.address import DoorAddress
from mailward.integrations.opening import OpenDoor
from mailward.integrations.token import shows
from mailward.printable import printable
from mailward.secret import Secret

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LONGEST_BODY: Final = 65_536  # octets
_MOST_CONNECTIONS: Final = 200
_KEEP_ALIVE: Final = 30  # seconds
_LAST: Final = 5.0  # seconds for what is being answered when the door closes
_log = logging.getLogger("mailward.integrations")


class WebRefusal(InputError):
    """Answered with `status` and the message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, phase="door")
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """`value`: what JSON can hold."""

    value: Any
    status: int = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """query: the first value of each name. body: empty when there is none."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` may hold {names}. method: in capitals."""

    method: str
    path: str
    answer: Callable[[Asked], Awaitable[Answer]]


def web_door(
    name: str, address: DoorAddress, endpoints: Sequence[Endpoint], *, token: Secret, loop: asyncio.AbstractEventLoop
) -> OpenDoor:
    """A door of endpoints, served in this loop. Raises InvalidConfig when the libraries are missing."""
    try:
        from h11 import IDLE, SEND_BODY  # noqa: PLC0415 - only who opens such a door needs them
        from starlette.applications import Starlette  # noqa: PLC0415
        from starlette.routing import Route  # noqa: PLC0415
        from uvicorn import Config  # noqa: PLC0415
        from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415
        from uvicorn.server import ServerState  # noqa: PLC0415
    except ImportError as problem:
        raise InvalidConfig(
            f"doors.{name} needs {problem.name}, which is not installed",
            key=f"doors.{name}",
            advice="pip install 'mailward[web]'",
        ) from problem
    routes = [Route(each.path, _guarded(each, token), methods=[each.method]) for each in endpoints]
    config = Config(
        Starlette(routes=routes, exception_handlers={404: _no_such, 405: _no_such}),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
    )
    config.load()
    state = ServerState()

    async def leave() -> None:
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=_LAST)

    def one_more() -> asyncio.Protocol:
        """Where many are open, those that wait for their client make room: silence shuts out nobody who asks."""
        if len(state.connections) >= _MOST_CONNECTIONS // 2:
            for connection in list(state.connections):
                if isinstance(connection, H11Protocol) and connection.conn.their_state in {IDLE, SEND_BODY}:
                    connection.transport.close()
        return H11Protocol(config=config, server_state=state, app_state={}, _loop=loop)

    return OpenDoor(name, address, one_more, leave=leave)


def _guarded(endpoint: Endpoint, token: Secret) -> Callable[[Request], Awaitable[Response]]:
    """Without the token nobody learns more than that there is one."""

    async def answer(request: Request) -> Response:
        headers = request.headers
        if not shows(token, headers.get("authorization", ""), headers.get("x-api-key", "")):
            return _json(Answer({"error": "a token is needed: Authorization: Bearer …"}, 401))
        try:
            asked = Asked(request.path_params, request.query_params, await _body(request))
            return _json(await endpoint.answer(asked))
        except WebRefusal as refusal:
            return _json(Answer({"error": refusal.message}, refusal.status))
        except InputError as error:
            return _json(Answer({"error": error.message}, 400))
        except StoreError as problem:
            _log.error("a question over HTTP has no answer: %s", problem)
            return _json(Answer({"error": "the store cannot be read or written"}, 503))

    return answer


async def _no_such(_request: Request, exc: Any) -> Response:
    return _json(Answer({"error": "there is nothing of this name"}, exc.status_code))


def _json(answer: Answer) -> Response:
    from starlette.responses import Response  # noqa: PLC0415

    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if answer.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(answer.value), answer.status, headers, media_type="application/json")


async def _body(request: Request) -> Mapping[str, Any]:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LONGEST_BODY:
            raise WebRefusal(413, f"the body has more than {LONGEST_BODY} octets")
    return read_body(bytes(data), request.headers.get("content-type", ""))


def read_body(data: bytes, content_type: str) -> Mapping[str, Any]:
    """A JSON object, whatever the content type claims, or a form. Raises WebRefusal."""
    if not data:
        return {}
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        try:
            return dict(parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise WebRefusal(400, "the body is not a form") from None
    try:
        value = msgspec.json.decode(data.decode(errors="replace"))  # a name that is no UTF-8 is nobody's, and no fault
    except (msgspec.DecodeError, RecursionError):
        raise WebRefusal(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise WebRefusal(400, "the body is not a JSON object")
    return value


def text(body: Mapping[str, Any], *names: str, longest: int = 512, needed: bool = True) -> str:
    """The value of the first of these names that is there. Raises WebRefusal."""
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or len(value) > longest:
            raise WebRefusal(400, f"{name} must be a text of at most {longest} characters")
        return value
    if needed:
        raise WebRefusal(400, f"{names[0]} is missing")
    return ""


def flag(body: Mapping[str, Any], name: str) -> bool | None:
    """True, false, or their words; None when it is not there. Raises WebRefusal."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in {"true", "yes", "1"}:
        return True
    if word in {"false", "no", "0", ""}:
        return False
    raise WebRefusal(400, f"{name} is {printable(word, 40)!r}, neither true nor false")
