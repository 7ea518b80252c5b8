"""Answers of a hostile name server: what no signature ties to the anchor is not believed, and nothing breaks."""

from __future__ import annotations

import dns.exception
import dns.message
import dns.name

from mailward.net.dnssec import ROOT_ANCHORS, Bogus, Validator

_QUERY = dns.message.make_query("example.test.", "TLSA", want_dnssec=True, id=1)
_LINES = """id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
example.test. IN TLSA
;ANSWER
"""
SEEDS: list[bytes] = [
    dns.message.from_text(_LINES + rest).to_wire()
    for rest in (
        "example.test. 60 IN TLSA 3 1 1 " + "ab" * 32,
        "example.test. 60 IN CNAME example.test.",
        ";AUTHORITY\nexample.test. 60 IN NSEC z.test. A\nexample.test. 60 IN RRSIG NSEC 15 2 60 9 1 1 test. AAAA",
        ";AUTHORITY\n0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.test. 60 IN NSEC3 1 1 1 ab 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS",
        ". 60 IN DNSKEY 257 3 8 AwEAAag=\n. 60 IN RRSIG DNSKEY 8 0 60 20300101000000 20200101000000 20326 . AAAA",
        "test. 60 IN DNAME test.\nexample.test. 60 IN CNAME example.test.",
    )
]


def target(data: bytes) -> None:
    """The same message in answer to every question."""
    try:
        message = dns.message.from_wire(data, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, EOFError):
        return  # the library's resolver turns it away before we see it

    async def ask(_name: dns.name.Name, _kind: str) -> dns.message.Message:
        return message

    checking = Validator(ask, ROOT_ANCHORS, 1_767_225_600.0).answer(dns.name.from_text("example.test."), "TLSA")
    try:
        checking.send(None)
    except StopIteration:
        raise AssertionError("an answer under the root's key, which nobody has") from None
    except Bogus:
        return
    raise AssertionError("it waits for something")
