"""The server of Postfix's policy delegation: a banned source is turned away before it says a word about a password."""

from __future__ import annotations

import logging
from typing import Final

from mailward.errors import InputError, ProtocolError, StoreError
from mailward.guard.source import canonical_source
from mailward.integrations.clearance import Clearance
from mailward.integrations.opening import Channel
from mailward.integrations.policy_request import PolicyReader, action
from mailward.printable import printable

LISTENER: Final = "postfix-policy"
_DUNNO = "DUNNO"
_UNAVAILABLE = "DEFER_IF_PERMIT 4.3.0 The policy cannot be looked up"
_log = logging.getLogger("mailward.integrations")


class PostfixPolicy:
    """One connection. Each request is answered before the next is heard."""

    def __init__(self, clearance: Clearance, channel: Channel) -> None:
        self._clearance = clearance
        self._channel = channel
        self._reader = PolicyReader()

    def received(self, data: bytes) -> None:
        try:
            for attributes in self._reader.feed(data):
                self._channel.write(action(judgement(self._clearance, attributes)))
        except ProtocolError as problem:
            _log.warning("a connection was closed: %s", problem)
            self._channel.close()

    def lost(self) -> None:
        """Nothing is under way."""


def judgement(clearance: Clearance, attributes: dict[str, str]) -> str:
    """The action of access(5) for one request, whatever the stage it comes from."""
    try:
        source = canonical_source(attributes.get("client_address", ""))
    except InputError:
        _log.warning("no policy for client_address=%s", printable(attributes.get("client_address", ""), 80))
        return _DUNNO
    try:
        return clearance.refusal(source, LISTENER, name=attributes.get("sasl_username", "")) or _DUNNO
    except StoreError as problem:
        _log.error("no policy: %s", problem)
        return _UNAVAILABLE
