"""Any octets are messages of the Dovecot protocol or ProtocolError, the same in one piece or in two."""

from __future__ import annotations

from mailward.errors import ProtocolError
from mailward.integrations.dovecot_message import LONGEST_LINE, Begin, Reader, failure, success

HELLO = b"VERSION\t1\t1\nCPID\t4711\n"
SEEDS = [
    HELLO + b"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=192.0.2.7\tsecured\tresp=AGFubgBwdw==\n",
    HELLO + b"AUTH\t1\tLOGIN\tresp=\nCONT\t1\tYW5u\nCANCEL\t1\n",
    HELLO + b"AUTH\t4294967295\tPLAIN\tclient_id=a\1tb\1nc\0011\tresp==\n",
    b"VERSION\t2\t0\n",
    b"EHLO x\r\n",
    HELLO + b"NEWS\n\nAUTH\t1\tPLAIN\tresp=A\n",
]


def target(data: bytes) -> None:
    whole = _read([data])
    cut = len(data) // 2
    if _read([data[:cut], data[cut:]]) != whole:
        raise AssertionError(data)


def _read(parts: list[bytes]) -> list[object]:
    reader = Reader()
    found: list[object] = []
    try:
        for part in parts:
            for message in reader.feed(part):
                found.append(message)
                _check(message)
    except ProtocolError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from error
        return [*found, "broken"]
    return found


def _check(message: object) -> None:
    if not isinstance(message, Begin):
        return
    if message.malformed and message.response is not None:
        raise AssertionError(message)
    if sum(map(len, message.parameters.values())) > LONGEST_LINE:
        raise AssertionError(len(message.parameters))
    name = message.mechanism + "".join(message.parameters.values()).encode("utf-8", "replace").decode()
    for said in (success(message.id, name), failure(message.id, reason=name)):
        if said.count(b"\n") != 1 or said.count(b"\t") != 2 or b"\r" in said or b"\0" in said:
            raise AssertionError(said)
