"""A SCRAM exchange as each side speaks it, the server for SHA-256 only; with a channel binding or not (RFC 5802 §5)."""

from __future__ import annotations

import hmac
from collections.abc import Generator

from mailward.errors import SaslError
from mailward.printable import printable
from mailward.sasl import scram
from mailward.sasl import scram_message as message
from mailward.sasl.mechanism import (
    Answer,
    Challenge,
    ChannelBinding,
    ClientExchange,
    Credentials,
    ProofClaim,
    Refused,
    ScramKeys,
    ServerExchange,
    ask,
    find_keys,
)
from mailward.sasl.saslprep import prepare_name, prepare_password


def client_exchange(
    credentials: Credentials, *, gs2_flag: str, binding: bytes, nonce: str, hash_name: str = scram.DEFAULT_HASH
) -> ClientExchange:
    """gs2_flag: "n", "y" or "p=<type>"; binding: the channel binding's data for "p", empty otherwise."""
    prepare_password(credentials.password.reveal())  # a password SCRAM cannot carry is told before anything is sent
    authzid = f"a={message.escape(prepare_name(credentials.authzid))}" if credentials.authzid else ""
    gs2_header = f"{gs2_flag},{authzid},"
    bare = f"n={message.escape(prepare_name(credentials.authcid))},r={message.fresh_nonce(nonce)}"

    server_first = yield (gs2_header + bare).encode()
    terms = message.parse_server_first(server_first)
    if not terms.nonce.startswith(nonce) or terms.nonce == nonce:
        raise SaslError("the server's nonce does not continue ours", phase="auth")

    salted = scram.salted_password(credentials.password.reveal(), terms.salt, terms.iterations, hash_name=hash_name)
    without_proof = f"c={message.encode_base64(gs2_header.encode() + binding)},r={terms.nonce}"
    signed = _auth_message(bare, server_first, without_proof)
    proof = message.encode_base64(scram.client_proof(salted, signed, hash_name=hash_name))
    server_final = yield f"{without_proof},p={proof}".encode()

    own_key = scram.server_key(salted, hash_name=hash_name)
    expected = scram.server_signature(own_key, signed, hash_name=hash_name)
    return (yield from _verify(server_final, expected))


def _verify(server_final: bytes, expected: bytes) -> ClientExchange:
    if not server_final:
        raise SaslError("the server never proved that it knows the password; it may be an impostor", phase="auth")
    outcome = message.parse_server_final(server_final)
    if outcome.error:
        try:
            yield b""  # its refusal follows as a reply; anything but a refusal is a contradiction
        except Refused:
            return f"the server says {printable(outcome.error, 60)}"
        raise SaslError("the server went on after it had reported an error", phase="auth")
    if not hmac.compare_digest(outcome.signature, expected):
        raise SaslError("the server's signature is wrong: it does not know the password", phase="auth")
    yield b""
    return None


def server_exchange(
    initial_response: bytes | None, *, plus: bool, bindings: tuple[ChannelBinding, ...], plus_offered: bool, nonce: str
) -> ServerExchange:
    """plus: whether the client named the -PLUS mechanism."""
    own_nonce = message.fresh_nonce(nonce)
    if initial_response is None:
        initial_response = yield from ask(b"")
    first = message.parse_client_first(initial_response)
    binding = _agreed_binding(first, plus=plus, bindings=bindings, plus_offered=plus_offered)

    keys = yield from find_keys(first.authcid)
    whole_nonce = first.nonce + own_nonce
    server_first = f"r={whole_nonce},s={message.encode_base64(keys.salt)},i={keys.iterations}".encode()
    final = message.parse_client_final((yield from ask(server_first)))
    _refuse_other_channel(final, first, binding)
    if not hmac.compare_digest(final.nonce.encode(), whole_nonce.encode()):
        raise SaslError("the client answers another nonce than ours", phase="auth")

    signed = _auth_message(first.bare, server_first, final.without_proof)
    bound = binding.type if binding else None
    which, stale = scram.proved(keys, final.proof, signed)
    if which is None:
        return ProofClaim(first.authcid, first.authzid, False, bound, b"", stale=stale)  # noqa: FBT003  # not proven
    proved = (keys, *keys.others)[which]
    if proved.silent:
        return ProofClaim(first.authcid, first.authzid, False, bound, b"", which, silent=True)  # noqa: FBT003
    server_final = yield from _prove_ourselves(proved, signed)
    return ProofClaim(first.authcid, first.authzid, True, bound, server_final, which)  # noqa: FBT003  # proven


def _agreed_binding(
    first: message.ClientFirst, *, plus: bool, bindings: tuple[ChannelBinding, ...], plus_offered: bool
) -> ChannelBinding | None:
    if plus:
        for binding in bindings:
            if binding.type == first.binding_type:
                return binding
        raise SaslError("a -PLUS mechanism needs a channel binding of a type this channel has", phase="auth")
    if first.gs2_flag == "p":
        raise SaslError("channel binding belongs to the -PLUS mechanism", phase="auth")
    if first.gs2_flag == "y" and plus_offered:
        # RFC 5802 §6: somebody took -PLUS out of the list the client saw.
        raise SaslError("the client did not see our -PLUS mechanism: someone sits in the channel", phase="auth")
    return None


def _refuse_other_channel(
    final: message.ClientFinal, first: message.ClientFirst, binding: ChannelBinding | None
) -> None:
    expected = first.gs2_header.encode() + (binding.data if binding else b"")
    if not hmac.compare_digest(final.binding, expected):
        raise SaslError("the client's end of the channel is not ours: someone sits between", phase="auth")


def _prove_ourselves(keys: ScramKeys, signed: bytes) -> Generator[Challenge, Answer, bytes]:
    signature = scram.server_signature(keys.server_key, signed)
    server_final = f"v={message.encode_base64(signature)}".encode()
    if (yield from ask(server_final, proven=True)):
        raise SaslError("the client has something to add to a finished exchange", phase="auth")
    return server_final


def _auth_message(client_first_bare: str, server_first: bytes, client_final_without_proof: str) -> bytes:
    return b",".join((client_first_bare.encode(), server_first, client_final_without_proof.encode()))
