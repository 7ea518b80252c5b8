"""A receipt is a value that can be kept, compared and written as JSON."""

from __future__ import annotations

import json
import pickle

import pytest

from mailward.client.receipt import AuthInfo, Outcome, Receipt, RecipientResult, TlsInfo, queue_id_in
from mailward.errors import OutcomeUnknown, RecipientsRefused
from mailward.wire.reply import Reply

RECEIPT = Receipt(
    outcome=Outcome.PARTIAL,
    recipients=(
        RecipientResult("a@example.test", accepted=True, reply=Reply(250, "OK", "2.1.5")),
        RecipientResult("b@example.test", accepted=False, reply=Reply(550, ("no\x1b", "such user"), "5.1.1")),
    ),
    tls=TlsInfo("TLSv1.3", "TLS_AES_256_GCM_SHA384", "ca=", "sha256/x"),
    auth=AuthInfo("SCRAM-SHA-256-PLUS", "tls-server-end-point"),
    queue_id="4F",
    sender="c@example.test",
    reply=Reply(250, "queued as 4F", "2.0.0"),
    error="1 of 2 recipients were refused",
    host="mx.example.test",
    message_id="<1@example.test>",
    requiretls=True,
    dkim=("s1._domainkey.example.test",),
    envid="E1",
    idempotency_key="k",
    not_offered=("MT-PRIORITY",),
)


def test_as_dict_is_json() -> None:
    """Every value of it, with peer text escaped."""
    told = json.loads(json.dumps(RECEIPT.as_dict()))

    assert told == {
        "outcome": "partial",
        "sender": "c@example.test",
        "recipients": [
            {
                "address": "a@example.test",
                "accepted": True,
                "outcome": "accepted",
                "code": 250,
                "enhanced_code": "2.1.5",
                "reply": "OK",
            },
            {
                "address": "b@example.test",
                "accepted": False,
                "outcome": "rejected",
                "code": 550,
                "enhanced_code": "5.1.1",
                "reply": "no\\x1b; such user",
            },
        ],
        "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "verified_by": "ca=", "pin": "sha256/x"},
        "auth": {"mechanism": "SCRAM-SHA-256-PLUS", "channel_binding": "tls-server-end-point"},
        "queue_id": "4F",
        "code": 250,
        "enhanced_code": "2.0.0",
        "reply": "queued as 4F",
        "error": "1 of 2 recipients were refused",
        "host": "mx.example.test",
        "message_id": "<1@example.test>",
        "requiretls": True,
        "dkim": ["s1._domainkey.example.test"],
        "envid": "E1",
        "idempotency_key": "k",
        "not_offered": ["MT-PRIORITY"],
    }


def test_an_empty_receipt_is_json_too() -> None:
    """Nothing is left out, what there is not is null."""
    told = Receipt(outcome=Outcome.NOT_SENT).as_dict()

    assert told["outcome"] == "not-sent"
    assert told["tls"] is told["auth"] is told["queue_id"] is told["code"] is told["reply"] is None


@pytest.mark.parametrize("outcome", list(Outcome))
def test_ok_means_accepted_for_everyone(outcome: Outcome) -> None:
    """A partial success is not ok."""
    assert Receipt(outcome=outcome).ok is (outcome is Outcome.ACCEPTED)


def test_it_is_a_value() -> None:
    """Equal when equal, unchangeable, and it may be pickled."""
    assert pickle.loads(pickle.dumps(RECEIPT)) == RECEIPT  # noqa: S301  # our own octets
    with pytest.raises(AttributeError):
        RECEIPT.outcome = Outcome.ACCEPTED  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "queue_id"),
    [
        ("Queued as 01J8-x.y", "01J8-x.y"),
        ("Ok: queued as 4FdQ1z0", "4FdQ1z0"),
        ("OK id=1tFabc-0001-Ab", "1tFabc-0001-Ab"),
        ("4AOE0Bxx Message accepted for delivery", "4AOE0Bxx"),
        ("OK", None),
        ("void=x", None),
        ("queued as \x1b[2J", None),
        ("queued as " + "a" * 200, "a" * 100),
    ],
)
def test_queue_ids(text: str, queue_id: str | None) -> None:
    """As the servers of the field write them; nothing that could not be a name."""
    assert queue_id_in(Reply(250, text)) == queue_id


def test_partial_is_an_error_for_whoever_asks() -> None:
    """`raise_for_recipients` names who was refused and carries the receipt; accepted for all, it does nothing."""
    with pytest.raises(RecipientsRefused, match=r"b@example\.test: 550 5\.1\.1") as caught:
        RECEIPT.raise_for_recipients()

    assert caught.value.receipt is RECEIPT
    assert caught.value.outcome == "partial"
    assert not caught.value.retryable
    assert [result.address for result in RECEIPT.refused] == ["b@example.test"]
    Receipt(outcome=Outcome.ACCEPTED).raise_for_recipients()


def test_an_unknown_outcome_is_told_as_one() -> None:
    """It is not a refusal: nobody may send it again because of it."""
    receipt = Receipt(outcome=Outcome.UNKNOWN, error="the reply never came")
    with pytest.raises(OutcomeUnknown, match="never came") as caught:
        receipt.raise_for_recipients()
    assert caught.value.receipt is receipt


def test_the_outcome_for_each_recipient() -> None:
    """A refusal stands whatever became of the rest; who was not refused shares what is not known."""
    assert RECEIPT.outcome_of("a@example.test") is Outcome.ACCEPTED
    assert RECEIPT.outcome_of("b@example.test") is Outcome.REJECTED
    refused = RecipientResult("b@example.test", accepted=False, reply=Reply(550, "no", "5.1.1"))
    lost = Receipt(outcome=Outcome.UNKNOWN, recipients=(RecipientResult("a@example.test", accepted=False), refused))
    assert lost.outcome_of("a@example.test") is Outcome.UNKNOWN
    assert lost.outcome_of("b@example.test") is Outcome.REJECTED
    with pytest.raises(KeyError):
        lost.outcome_of("eve@example.test")
