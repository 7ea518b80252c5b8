"""The four messages of a SCRAM exchange, read strictly (RFC 5802 §5.1, §7). Malformed: SaslError."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from mailward.errors import InputError, SaslError
from mailward.sasl.saslprep import prepare_name
from mailward.sasl.scram import MAX_ITERATIONS, MIN_ITERATIONS

MAX_MESSAGE = 4096  # octets: the longest name, escaped, twice, and as much again for extensions
PROOF_OCTETS = 32
MIN_NONCE = 8  # characters; shorter ones repeat

_ATTRIBUTE = re.compile(r"[A-Za-z]=[^\0,]+")
_NONCE = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_BINDING_TYPE = re.compile(r"[A-Za-z0-9.-]+")
_RESERVED = frozenset("aceimnprsv")  # §5.1: each has its one place
_POSITIVE = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """gs2_flag: "n" no channel binding, "y" the client could but thinks the server cannot, "p" bound by `binding_type`.

    gs2_header and bare are the two halves of the message as they came.
    """

    gs2_flag: str
    binding_type: str
    authzid: str
    authcid: str
    nonce: str
    gs2_header: str
    bare: str


@dataclass(frozen=True, slots=True)
class ServerFirst:
    nonce: str
    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """without_proof: the part of the message that the proof covers."""

    binding: bytes
    nonce: str
    proof: bytes = field(repr=False)
    without_proof: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerFinal:
    """Either a signature or the name of the server's error."""

    signature: bytes
    error: str = ""


def parse_client_first(message: bytes) -> ClientFirst:
    text = _text(message, "client-first")
    parts = text.split(",", 2)
    if len(parts) != 3:
        raise _malformed("client-first", "it has no GS2 header")
    flag, authzid, bare = parts
    name, nonce = _values(bare, "nr", "client-first")
    return ClientFirst(
        gs2_flag=flag[:1],
        binding_type=_binding_type(flag),
        authzid=_authzid(authzid),
        authcid=_unescape(name),
        nonce=_nonce(nonce, "client-first"),
        gs2_header=f"{flag},{authzid},",
        bare=bare,
    )


def parse_server_first(message: bytes) -> ServerFirst:
    where = "server-first"
    nonce, salt, iterations = _values(_text(message, where), "rsi", where)
    if not _POSITIVE.fullmatch(iterations) or not MIN_ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
        raise _malformed(where, f"the iteration count is not within {MIN_ITERATIONS} and {MAX_ITERATIONS}")
    return ServerFirst(_nonce(nonce, where), decode_base64(salt, where), int(iterations))


def parse_client_final(message: bytes) -> ClientFinal:
    where = "client-final"
    without_proof, _, last = _text(message, where).rpartition(",")
    if not last.startswith("p="):
        raise _malformed(where, "it does not end with a proof")
    binding, nonce = _values(without_proof, "cr", where)
    proof = decode_base64(last[2:], where)
    if len(proof) != PROOF_OCTETS:
        raise _malformed(where, "the proof has the wrong length")
    return ClientFinal(decode_base64(binding, where), _nonce(nonce, where), proof, without_proof)


def parse_server_final(message: bytes) -> ServerFinal:
    where = "server-final"
    text = _text(message, where)
    if text.startswith("e="):
        (error,) = _values(text, "e", where)
        return ServerFinal(b"", error)
    (signature,) = _values(text, "v", where)
    return ServerFinal(decode_base64(signature, where))


def escape(name: str) -> str:
    """saslname: "," and "=" have a meaning of their own in a message."""
    return name.replace("=", "=3D").replace(",", "=2C")


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, where: str) -> bytes:
    """Only the one spelling of each value: the standard library also takes wrong trailing bits."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or encode_base64(data) != text:
        raise _malformed(where, "a value is not base64")
    return data


def fresh_nonce(nonce: str) -> str:
    """Our own part of the nonce, checked: it comes from outside this floor."""
    if len(nonce) < MIN_NONCE or not _NONCE.fullmatch(nonce):
        raise InputError(f"a nonce is {MIN_NONCE} or more printable characters without a comma", phase="auth")
    return nonce


def _text(message: bytes, where: str) -> str:
    if not message:
        raise SaslError(f"the SCRAM {where} message is missing", phase="auth")
    if len(message) > MAX_MESSAGE:
        raise _malformed(where, f"it is longer than {MAX_MESSAGE} octets")
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise _malformed(where, "it is not UTF-8") from None


def _values(text: str, names: str, where: str) -> list[str]:
    """The values of the attributes `names`, which come first and in this order; extensions after them are ignored."""
    attributes = text.split(",")
    if not all(map(_ATTRIBUTE.fullmatch, attributes)):
        raise _malformed(where, "an attribute is not a letter, =, and a value")
    found = "".join(attribute[0] for attribute in attributes)
    if "m" in found:
        raise _malformed(where, "it demands an extension we do not know")
    extensions = found[len(names) :]
    if not found.startswith(names) or len(set(extensions)) != len(extensions) or _RESERVED.intersection(extensions):
        raise _malformed(where, f"its attributes are not {', '.join(names)}")
    return [attribute[2:] for attribute in attributes[: len(names)]]


def _binding_type(flag: str) -> str:
    if flag in {"n", "y"}:
        return ""
    if not (flag.startswith("p=") and _BINDING_TYPE.fullmatch(flag[2:])):
        raise _malformed("client-first", "its GS2 flag is none of n, y, p=")
    return flag[2:]


def _authzid(field_text: str) -> str:
    if not field_text:
        return ""
    if not field_text.startswith("a="):
        raise _malformed("client-first", "its GS2 header has something else in the place of the authzid")
    return _unescape(field_text[2:])


def _unescape(saslname: str) -> str:
    pieces = saslname.split("=")
    if not all(piece.startswith(("2C", "3D")) for piece in pieces[1:]):
        raise _malformed("client-first", "a name has an = that escapes nothing")
    try:
        return prepare_name(saslname.replace("=2C", ",").replace("=3D", "="))
    except InputError as error:
        raise SaslError(f"SCRAM client-first message: {error.message}", phase="auth") from error


def _nonce(text: str, where: str) -> str:
    if len(text) < MIN_NONCE or not _NONCE.fullmatch(text):
        raise _malformed(where, "the nonce is too short or not printable")
    return text


def _malformed(where: str, why: str) -> SaslError:
    return SaslError(f"malformed SCRAM {where} message: {why}", phase="auth")
