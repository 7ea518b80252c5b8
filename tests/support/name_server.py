"""A name server on a UDP port of loopback: it says what a table tells it, and counts its questions."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """`zone`: (name, type) to TTL and data. `rcode` instead of any answer; `silent`: none at all.

    `signed`: domains whose names it vouches for (the AD bit), but for those `unsigned`. `bogus`: (name, type) that it
    says DNSSEC found forged. `failing`: (name, type) it has no answer for.
    """

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self.rcode: dns.rcode.Rcode | None = None
        self.silent = False
        self.signed: set[str] = set()
        self.unsigned: set[str] = set()
        self.bogus: set[tuple[str, str]] = set()
        self.failing: set[tuple[str, str]] = set()
        self.questions: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65536)
            if not data:
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
            self.questions.append((name, kind))
            if not self.silent:
                self._socket.sendto(self._answer(query, name, kind).to_wire(), peer)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        rcode = dns.rcode.SERVFAIL if (name, kind) in self.failing | self.bogus else self.rcode
        if rcode is not None:
            answer.set_rcode(rcode)
            if (name, kind) in self.bogus:
                answer.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "forged")])
            return answer
        vouched = self._vouches(name)
        if not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        while kind != "CNAME" and (name, "CNAME") in self.zone:
            ttl, data = self.zone[name, "CNAME"]
            answer.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", "CNAME", *data))
            name = data[0].rstrip(".").lower()
            vouched = vouched and self._vouches(name)
        if (name, kind) in self.zone:
            ttl, data = self.zone[name, kind]
            answer.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *data))
        if vouched:
            answer.flags |= dns.flags.AD
        return answer

    def _vouches(self, name: str) -> bool:
        return name not in self.unsigned and any(
            name == domain or name.endswith(f".{domain}") for domain in self.signed
        )
