"""Any text is a verifier that can be checked within its bounds, or StoreError, whatever octets the password is."""

from __future__ import annotations

from mailward.accounts import verifiers
from mailward.errors import StoreError

SEEDS = [
    b"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    b"{BLF-CRYPT}$2y$04$bHoKW3dIYXsoImq/RkJ1KeiYtQ35qKQsasIDj7sTIhSLQNeUlwLRa",
    b"$6$rounds=1000$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    b"$y$j75$RbLe/.ytN7D1HirU5AUnB1$6vMDPm6cjmaOE.KU82GOCKKgdKareaJEJmIZss2W8K2",
    b"$7$2/..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
    b"$scrypt$ln=4,r=8,p=1$c2FsdA$YWFhYWFhYWFhYWFhYWFhYWFhYWFh",
    b"$pbkdf2-sha256$10$c2FsdA$YWFhYWFhYWFhYWFhYWFhYWFhYWFh",
    b"{PBKDF2}$1$salt$10$4b007901b765489abead49d926f721d065a429c1",
    b"{SSHA.HEX}84fd9afac66279f18ace0b1d93aabfe406b403a26791",
    b"{SCRAM-SHA-256}4096,c2FsdA==,YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=,YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
]


def target(data: bytes) -> None:
    try:
        verifier = verifiers.read(data.decode("utf-8", "surrogateescape"))
        if verifier.check(data[:64] + b"\0"):
            raise AssertionError(data)
    except StoreError as error:
        if not error.message.isprintable():
            raise AssertionError(error.message) from None
