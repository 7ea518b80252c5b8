"""What the number a command ends with means."""

from __future__ import annotations

from mailward.errors import (
    AuthError,
    InputError,
    MailwardError,
    OutcomeUnknown,
    PasswordRefused,
    RecipientsRefused,
    ReplyError,
    StoreError,
)

OK = 0
REFUSED = 1
USAGE = 2
NO_CONNECTION = 3
UNKNOWN = 4
INTERRUPTED = 130  # as a shell reports SIGINT

EPILOG = """\b
Exit codes:
  0  done; the message was accepted for every recipient
  1  refused: by a server, or a password by the policy
  2  usage, configuration or state directory; nothing was changed
  3  could not connect or secure the connection; nothing was sent
  4  the outcome is unknown: the message may or may not have been accepted
  130  interrupted by ctrl-c; a message being sent had not left
"""

_OF_ERRORS: tuple[tuple[type[MailwardError], int], ...] = (
    (PasswordRefused, REFUSED),
    (InputError, USAGE),
    (StoreError, USAGE),
    (OutcomeUnknown, UNKNOWN),
    (AuthError, REFUSED),
    (ReplyError, REFUSED),
    (RecipientsRefused, REFUSED),
)


def exit_code(error: MailwardError) -> int:
    """The first class in the list that fits; every other error is one of the connection."""
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), NO_CONNECTION)
