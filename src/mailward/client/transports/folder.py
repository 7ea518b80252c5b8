"""Folders: a Maildir (https://cr.yp.to/proto/maildir.html), and a pickup folder whose files another program sends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.client.transports.face import Transport
from mailward.store.directory import make_directory, sync_directory
from mailward.store.fault import store_error

if TYPE_CHECKING:
    from mailward.client.options import Signer
    from mailward.client.submission import Submission


class _Folder(Transport):
    """A file appears whole, under a name of its own, readable by its owner only, and is on disk by then (fsync)."""

    scheme = ""

    def __init__(self, path: str | os.PathLike[str], *, dkim: Signer | Sequence[Signer] = ()) -> None:
        super().__init__(dkim=dkim)
        self.path = Path(path).absolute()
        self.name = f"{self.scheme}:{self.path}"

    def _places(self, name: str) -> tuple[Path, Path]:
        """Where a file is written, and where it appears."""
        raise NotImplementedError

    def _lines(self, submission: Submission, pieces: Iterator[bytes]) -> Iterator[bytes]:
        raise NotImplementedError

    def _deliver(self, submission: Submission, pieces: Iterator[bytes]) -> str:
        name = f"{self._ports.utc().timestamp():.6f}.{self._ports.nonce()}.mailward"
        beside, goal = self._places(name)
        try:
            make_directory(beside.parent)
            make_directory(goal.parent)
            _write(beside, self._lines(submission, pieces))
            beside.rename(goal)
            sync_directory(goal.parent)
        except OSError as error:
            raise store_error(error, goal) from error
        finally:
            with suppress(OSError):
                beside.unlink()
        return goal.name


class Maildir(_Folder):
    """Delivers to `path`/new, with LF as line break and the reverse-path in Return-Path."""

    scheme = "maildir"

    def _places(self, name: str) -> tuple[Path, Path]:
        make_directory(self.path / "cur")
        return self.path / "tmp" / name, self.path / "new" / name

    def _lines(self, submission: Submission, pieces: Iterator[bytes]) -> Iterator[bytes]:
        yield f"Return-Path: <{submission.sender or ''}>\n".encode()
        for piece in pieces:
            yield piece.replace(b"\r\n", b"\n")


class PickupFolder(_Folder):
    """Puts NAME.eml into `path`: the envelope as x-sender and x-receiver, then the octets, as such services read it."""

    scheme = "pickup"

    def _places(self, name: str) -> tuple[Path, Path]:
        return self.path / f"{name}.part", self.path / f"{name}.eml"

    def _lines(self, submission: Submission, pieces: Iterator[bytes]) -> Iterator[bytes]:
        yield f"x-sender: {submission.sender or '<>'}\r\n".encode()
        for mailbox in submission.recipients:
            yield f"x-receiver: {mailbox}\r\n".encode()
        yield from pieces


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123  # nobody else may read it even for a moment
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
