from __future__ import annotations

import pytest

from mailward.errors import ProtocolError
from mailward.integrations.policy_request import LONGEST_LINE, PolicyReader, action

REQUEST = b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.7\nsasl_username=\nx=a=b\n\n"
ATTRIBUTES = {
    "request": "smtpd_access_policy",
    "protocol_state": "RCPT",
    "client_address": "192.0.2.7",
    "sasl_username": "",
    "x": "a=b",
}


def test_requests_are_read() -> None:
    """One after the other, in any pieces."""
    reader = PolicyReader()

    found = [each for octet in REQUEST * 2 for each in reader.feed(bytes([octet]))]

    assert found == [ATTRIBUTES, ATTRIBUTES]


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"EHLO x\r\n\n",
        b"client_address=192.0.2.7\n\n",
        b"request=junk\n\n",
        b"request=smtpd_access_policy\nrequest=smtpd_access_policy\n\n",
        b"=x\n",
        b"a=\0\n",
        b"a=" + b"x" * LONGEST_LINE,
        b"".join(b"a%d=x\n" % number for number in range(200)),
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    """Another protocol, and what is out of bounds, is an error whose message is safe to print."""
    with pytest.raises(ProtocolError) as refused:
        list(PolicyReader().feed(data))

    assert str(refused.value).isprintable()


def test_an_action() -> None:
    """One line and an empty one; a line break in it is a bug of ours."""
    assert action("DUNNO") == b"action=DUNNO\n\n"
    with pytest.raises(ValueError, match="one line"):
        action("OK\naction=OK")
