"""A sendmail program: never through a shell, and nothing that a mailbox says is an option to it (RUSTSEC-2020-0069)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailward.client.receipt import Outcome
from mailward.client.transports.face import Transport
from mailward.errors import ConnectError, InputError, InvalidAddress, OutcomeUnknown, PermanentReply, TransientReply
from mailward.printable import printable

if TYPE_CHECKING:
    from typing import BinaryIO

    from mailward.client.options import Signer
    from mailward.client.submission import Submission

_TRANSIENT: Final = frozenset({69, 70, 71, 73, 74, 75})  # of sysexits.h: what may be otherwise later
_MOST_TOLD = 1000


class Sendmail(Transport):
    """`program`: called as `program -i -f SENDER -- RECIPIENT…`, with `arguments` before; it gets LF as line break.

    An exit code of 0 is its word that it has the message. `timeout`: seconds after which it is ended, and nobody knows.
    """

    def __init__(
        self,
        program: str | os.PathLike[str] = "/usr/sbin/sendmail",
        *,
        arguments: Sequence[str] = (),
        timeout: float = 300.0,
        dkim: Signer | Sequence[Signer] = (),
    ) -> None:
        super().__init__(dkim=dkim)
        if isinstance(arguments, str):
            raise InputError("sendmail: arguments= must be a list, one argument to a string", phase="options")
        self.name = os.fspath(program)
        self._arguments = tuple(arguments)
        self._timeout = timeout

    def _deliver(self, submission: Submission, pieces: Iterator[bytes]) -> str:
        command = self._command(submission)
        with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as told:
            for piece in pieces:
                content.write(piece.replace(b"\r\n", b"\n"))
            content.flush()
            content.seek(0)
            code = self._run(submission, command, content, told)
            if code != 0:
                told.seek(max(0, told.seek(0, os.SEEK_END) - _MOST_TOLD))
                self._refused(submission, code, printable(told.read().strip(), _MOST_TOLD))
        return ""

    def _command(self, submission: Submission) -> list[str]:
        sender = "<>" if submission.sender is None else str(submission.sender)
        recipients = [str(mailbox) for mailbox in submission.recipients]
        for address in (sender, *recipients):
            if address.startswith("-"):
                raise InvalidAddress(
                    f"{printable(address, 80)} begins with -, and could be read as an option by {self.name}"
                )
        body = ["-B8BITMIME"] if submission.eight_bit else []
        return [self.name, *self._arguments, "-i", *body, "-f", sender, "--", *recipients]

    def _run(self, submission: Submission, command: list[str], content: BinaryIO, told: BinaryIO) -> int:
        try:
            process = subprocess.Popen(  # noqa: S603  # a list and no shell; its addresses were read as mailboxes
                command, stdin=content, stdout=told, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            raise ConnectError(
                f"{self.name} cannot be run: {error.strerror}", phase="connect", advice="check program="
            ) from error
        try:
            return process.wait(self._timeout)
        except subprocess.TimeoutExpired as error:
            raise self._unknown(submission, f"{self.name} did not end within {self._timeout:g} seconds") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _refused(self, submission: Submission, code: int, told: str) -> None:
        if code < 0:
            raise self._unknown(submission, f"{self.name} was ended by signal {-code}")
        kind = TransientReply if code in _TRANSIENT else PermanentReply
        error = kind(f"{self.name} ended with {code}: {told or 'it said nothing'}", phase="content")
        error.receipt = self._receipt(submission, Outcome.REJECTED, error=error.message)
        raise error

    def _unknown(self, submission: Submission, why: str) -> OutcomeUnknown:
        unknown = OutcomeUnknown(
            why, phase="content", advice="it may or may not have the message; sending it again may deliver it twice"
        )
        unknown.receipt = self._receipt(submission, Outcome.UNKNOWN, error=why)
        return unknown
