"""Any octets are policy requests or ProtocolError, the same in one piece or in two, and bounded."""

from __future__ import annotations

from mailward.errors import ProtocolError
from mailward.integrations.policy_request import PolicyReader

SEEDS = [
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.7\nsasl_username=ann\nx=a=b\n\n",
    b"request=smtpd_access_policy\n\nrequest=smtpd_access_policy\nclient_address=\xff\n\n",
    b"request=junk\n\n",
    b"=\n",
    b"EHLO x\r\n",
]


def target(data: bytes) -> None:
    whole = _read([data])
    cut = len(data) // 3
    if _read([data[:cut], data[cut:]]) != whole:
        raise AssertionError(data)


def _read(parts: list[bytes]) -> list[object]:
    reader = PolicyReader()
    found: list[object] = []
    try:
        for part in parts:
            for request in reader.feed(part):
                if request["request"] != "smtpd_access_policy" or len(request) > 100 or "\n" in "".join(request):
                    raise AssertionError(request)
                found.append(request)
    except ProtocolError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from error
        return [*found, "broken"]
    return found
