"""Any octets are a password file whose lines are accounts, none, or bad, in order; or InputError."""

from __future__ import annotations

from mailward.accounts import import_formats
from mailward.accounts.imported import BadLine, Entry, numbered
from mailward.errors import InputError

SEEDS = [
    b"ann@example.test:{SSHA}YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh:1:1::/home/ann::allow_nets=192.0.2.0/24 nologin=y\n",
    b"bob:{PLAIN.HEX}7061737320776f7264\neve:{PLAIN.B64}cGFzcw==\njoe:{SCRAM-SHA-256}4096,c2FsdA==,YWFh,YWFh\n",
    b"root:*:19000:0:99999:7:::\nann:!$y$j9T$a$b:19000:0:99999:7::100:\n",
    b"ann:$2y$05$C5toDU5XGrf2VWM2rme.LO7C6u1m6n4O6rcnJor2js5Z3JmONIM76\r\nbob:$apr1$a$b\n",
    b"VERSION=3\nformat=print\ntype=hash\nHEADER=END\n ann\\00example.test\\00userPassword\n p\\5c\\\\ 1\nDATA=END\n",
    b"VERSION=3\nformat=bytevalue\nHEADER=END\n 616e6e0072007573657250617373776f7264\n 70\nDATA=END\n",
]


def target(data: bytes) -> None:
    for form in import_formats.known().values():
        last = 0
        try:
            for told in form.read(numbered([data[:100], data[100:]]), 0):
                if told.line < last:
                    raise AssertionError(told)
                last = told.line
                if isinstance(told, BadLine) and not told.why.isprintable():
                    raise AssertionError(told)
                if isinstance(told, Entry) and (told.verifier is None) == (told.password is None):
                    raise AssertionError(told)
        except InputError as error:
            if not error.message.isprintable():
                raise AssertionError(error.message) from None
