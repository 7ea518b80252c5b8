"""A channel that keeps what is said, and a login that does what the test wants."""

from __future__ import annotations

from collections.abc import Sequence

from mailward.login.peer import Peer
from mailward.login.step import FAILED, Outcome, Step


class Written:
    """A channel of `mailward.integrations.opening`."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """What was written since the last time."""
        data, self.data = self.data, b""
        return data


class Scripted:
    """An exchange that gives these steps, one after the other, and tells what it was told."""

    def __init__(self, peer: Peer, mechanism: str, steps: Sequence[Step]) -> None:
        self.peer = peer
        self.mechanism = mechanism
        self.heard: list[object] = []
        self._steps = list(steps)

    async def begin(self, initial_response: bytes | None) -> Step:
        self.heard.append(initial_response)
        return self._steps.pop(0)

    async def respond(self, response: bytes | None) -> Step:
        self.heard.append(response)
        return self._steps.pop(0) if self._steps else FAILED

    def exposed(self) -> Outcome:
        self.heard.append("exposed")
        return FAILED

    def lost(self) -> None:
        self.heard.append("lost")

    def fault(self) -> None:
        self.heard.append("fault")
