"""How the attempts on the addresses of a host are shared out and told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailward.errors import ConnectError
from mailward.net.ports import too_late
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.errors import MailwardError


class Attempts:
    """The account of connecting to one host: what failed on which address, and why."""

    def __init__(self, host: str, port: int) -> None:
        self._target = f"{printable(host)} port {port}"
        self._failures: list[str] = []
        self._time_ran_out = False

    @staticmethod
    def share(left: float | None, waiting: int) -> float | None:
        """The seconds one attempt may take when `left` must do for `waiting` addresses, this one included."""
        return None if left is None else max(left, 0.0) / waiting

    def failed(self, ip: str, error: OSError) -> None:
        self._time_ran_out = isinstance(error, TimeoutError) and error.errno is None
        self._failures.append(f"{ip}: {_reason(error)}")

    def error(self) -> MailwardError:
        """What to raise when no address is left: DeadlineExceeded if time ran out on the last one."""
        told = "; ".join(self._failures) or "the name has no address"
        if self._time_ran_out:
            return too_late(f"connecting to {self._target} ({told})")
        return ConnectError(
            f"cannot connect to {self._target}: {told}",
            phase="connect",
            advice="check host and port, that the server runs, and that no firewall stands between",
        )


def _reason(error: OSError) -> str:
    if error.errno is None:
        return "no answer in time" if isinstance(error, TimeoutError) else str(error)
    return os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)  # below 0: the resolver's
