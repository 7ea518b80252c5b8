"""What became of a message, told to people and to programs; whether that could be printed changes nothing of it."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mailward.cli import output, streams
from mailward.cli.interruption import Interrupted
from mailward.errors import MailwardError, OutcomeUnknown
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.client.receipt import Receipt

_STYLES = {"accepted": "green", "partial": "yellow"}


def as_told(error: MailwardError) -> BaseException:
    """An interruption before the content was on its way is one; later nobody knows."""
    if not isinstance(error, Interrupted):
        return error
    if error.phase != "data":
        return KeyboardInterrupt()
    return OutcomeUnknown(
        "interrupted while the content was being sent",
        phase="data",
        advice="it may or may not have been accepted; sending it again may deliver it twice",
    )


def tell_failure(error: MailwardError, *, as_json: bool) -> None:
    """The error itself is told on standard error by whoever catches it."""
    told = as_told(error)
    with suppress(OSError):
        if as_json:
            output.say_json(_receipt_of(error, unknown=isinstance(told, OutcomeUnknown)))
        elif isinstance(told, OutcomeUnknown) and error.receipt is not None:
            _say(replace(error.receipt, outcome=type(error.receipt.outcome).UNKNOWN))


def tell(receipt: Receipt, *, as_json: bool) -> None:
    """What became of the message decides how the command ends, not whether that could be printed."""
    try:
        if as_json:
            output.say_json(receipt.as_dict())
        else:
            _say(receipt)
        heard = not streams.was_closed()
    except OSError:
        streams.abandon(sys.stdout)
        heard = False
    if not heard:
        streams.say_error(f"mailward: {_named(receipt)}; the receipt could not be printed")


def _receipt_of(error: MailwardError, *, unknown: bool) -> dict[str, object]:
    from mailward.client.receipt import Outcome, Receipt  # noqa: PLC0415

    receipt: Receipt = error.receipt or Receipt(outcome=Outcome.NOT_SENT, error=error.message)
    return (replace(receipt, outcome=Outcome.UNKNOWN) if unknown else receipt).as_dict()


def _named(receipt: Receipt) -> str:
    return f"{receipt.outcome} as {printable(receipt.queue_id, 200)}" if receipt.queue_id else str(receipt.outcome)


def _say(receipt: Receipt) -> None:
    mark = "✔" if receipt.ok else "!"
    output.say(f"{mark} {_named(receipt)}", style=_STYLES.get(receipt.outcome.value, "red"))
    if receipt.tls is None:
        output.say("  in clear text: everyone on the path can read it", style="yellow")
    else:
        output.say(f"  {receipt.tls.version} {receipt.tls.cipher}, certificate verified by {receipt.tls.verified_by}")
    if receipt.auth is not None:
        binding = f", bound to this channel ({receipt.auth.channel_binding})" if receipt.auth.channel_binding else ""
        output.say(f"  login by {receipt.auth.mechanism}{binding}")
    for each in receipt.recipients:
        reply = f"  {each.reply}" if each.reply is not None else ""
        output.say(f"  {'✔' if each.accepted else '✘'} {each.address}{reply}", style="" if each.accepted else "red")
