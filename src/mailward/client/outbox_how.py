"""How a message of an outbox is to be treated, kept as JSON until it is sent."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from mailward.client.how import Dsn, How, SendArguments
from mailward.wire.parameters import DeliverBy

if TYPE_CHECKING:
    from collections.abc import Iterable


def stored(how: How) -> str:
    """Everything but the key, which is the ticket's."""
    kept: dict[str, Any] = {}
    if how.dsn is not None:
        kept["dsn"] = _dsn(how.dsn)
    if how.requiretls:
        kept["requiretls"] = True
    if how.once:
        kept["exactly_once"] = True
    if how.holdfor is not None or how.holduntil is not None:
        kept["hold"] = how.holdfor if how.holduntil is None else how.holduntil.isoformat()
    if how.by is not None:
        kept["deliver_by"] = [how.by.seconds, how.by.notify, how.by.trace]
    if how.priority is not None:
        kept["priority"] = how.priority
    return json.dumps(kept)


def restored(text: str, *, key: str | None, once: bool) -> SendArguments:
    """What `send` is to be told."""
    kept = json.loads(text)
    arguments: dict[str, Any] = {
        name: kept[name] for name in ("requiretls", "exactly_once", "priority") if name in kept
    }
    if "dsn" in kept:
        arguments["dsn"] = Dsn(**kept["dsn"])
    if "hold" in kept:
        hold = kept["hold"]
        arguments["hold"] = datetime.fromisoformat(hold) if isinstance(hold, str) else hold
    if "deliver_by" in kept:
        arguments["deliver_by"] = DeliverBy(*kept["deliver_by"])
    if key is not None:
        arguments["idempotency_key"] = key
    if once:
        arguments["exactly_once"] = True
    return cast("SendArguments", arguments)


def _dsn(dsn: Dsn) -> dict[str, Any]:
    return {
        "notify": _words(dsn.notify),
        "ret": dsn.ret,
        "envid": dsn.envid,
        "recipients": {address: _words(notify) for address, notify in dsn.recipients.items()},
        "original": dict(dsn.original),
    }


def _words(notify: str | Iterable[str]) -> str:
    return notify if isinstance(notify, str) else ",".join(notify)
