from __future__ import annotations

import base64
from dataclasses import replace

import pytest
import scramp

from mailward.errors import SaslError
from mailward.sasl.mechanism import ClientExchange, Mechanism, ProofClaim, ServerExchange, respond
from mailward.sasl.mechanisms import scram_sha_256, scram_sha_256_plus
from mailward.sasl.scram import barred_keys
from tests.sasl.dialogue import (
    ANN,
    BINDING,
    CLIENT_NONCE,
    ITERATIONS,
    OTHER_BINDING,
    SERVER_NONCE,
    Server,
    converse,
    credentials,
    keys_of,
    server_final_of,
    start_client,
)

SCRAM = scram_sha_256.MECHANISM
PLUS = scram_sha_256_plus.MECHANISM


def a_server(password: str = "pencil") -> Server:
    return Server({ANN: keys_of(password)}, bindings=(BINDING,), plus_offered=True)


def until_client_final(server: Server, *, password: str = "pencil") -> tuple[ClientExchange, ServerExchange, str]:
    """Our client and our server up to the point where the proof is to be sent."""
    client = start_client(SCRAM, credentials(ANN, password))
    exchange = server.start(SCRAM, next(client))
    challenge = server.step(exchange, None)
    assert isinstance(challenge, bytes)
    return client, exchange, respond(client, challenge).decode()


@pytest.mark.parametrize("mechanism", [SCRAM, PLUS], ids=["SCRAM", "PLUS"])
@pytest.mark.parametrize("account", [ANN, "nobody@example.test"])
def test_a_wrong_password_and_an_unknown_account_look_alike(mechanism: Mechanism, account: str) -> None:
    """The same messages of the same lengths, the same at each try, and no signature for either."""
    binding = BINDING.type if mechanism is PLUS else None
    tries = []
    for _ in range(2):
        server = a_server()
        client = start_client(mechanism, credentials(account, "wrong"), binding=BINDING, server_offers_plus=True)
        claim = converse(client, mechanism, server)
        assert claim == ProofClaim(account, "", proven=False, channel_binding=binding, final=b"")
        tries.append(server.said)

    assert tries[0] == tries[1]
    (server_first,) = tries[0]
    assert server_first.startswith(f"r={CLIENT_NONCE}{SERVER_NONCE},s=".encode())
    assert server_first.endswith(f",i={ITERATIONS}".encode())
    assert len(server_first) == len(f"r={CLIENT_NONCE}{SERVER_NONCE},s=,i={ITERATIONS}") + 24


@pytest.mark.parametrize("index", range(32))
def test_a_tampered_proof_proves_nothing(index: int) -> None:
    """One bit anywhere in it."""
    server = a_server()
    _, exchange, final = until_client_final(server)
    head, _, proof = final.rpartition("p=")
    octets = bytearray(base64.b64decode(proof))
    octets[index] ^= 0x80

    claim = server.step(exchange, f"{head}p={base64.b64encode(octets).decode()}".encode())

    assert isinstance(claim, ProofClaim)
    assert not claim.proven
    assert claim.final == b""


@pytest.mark.parametrize(
    "nonce",
    [
        CLIENT_NONCE,  # S54: only the client's own half
        SERVER_NONCE,
        CLIENT_NONCE + SERVER_NONCE + "x",
        CLIENT_NONCE + SERVER_NONCE[:-1],
        CLIENT_NONCE + SERVER_NONCE.upper(),
        "12345678",
    ],
)
def test_a_client_that_answers_another_nonce(nonce: str) -> None:
    """S54."""
    server = a_server()
    _, exchange, final = until_client_final(server)

    with pytest.raises(SaslError, match="another nonce"):
        server.step(exchange, final.replace(f"r={CLIENT_NONCE}{SERVER_NONCE}", f"r={nonce}").encode())


def test_a_replayed_login_fails() -> None:
    """S54: the same client messages against a fresh server nonce are refused."""
    server = a_server()
    _, exchange, final = until_client_final(server)
    assert isinstance(server.step(exchange, final.encode()), bytes)
    again = a_server()
    again.nonce = "another server nonce".replace(" ", "-")
    replayed = again.start(SCRAM, f"n,,n={ANN},r={CLIENT_NONCE}".encode())
    again.step(replayed, None)

    with pytest.raises(SaslError, match="another nonce"):
        again.step(replayed, final.encode())


def test_a_replayed_proof_under_the_new_nonce_proves_nothing() -> None:
    """The proof covers the server's nonce."""
    _, _, final = until_client_final(a_server())
    server = a_server()
    server.nonce = "another-server-nonce"
    _, exchange, fresh = until_client_final(server)
    swapped = fresh.rpartition("p=")[0] + "p=" + final.rpartition("p=")[2]

    claim = server.step(exchange, swapped.encode())

    assert isinstance(claim, ProofClaim)
    assert not claim.proven


@pytest.mark.parametrize("header", ["y,,", "n,a=admin,", "p=tls-server-end-point,,", "n,,x"])
def test_the_gs2_header_is_repeated_in_the_proof(header: str) -> None:
    """S54, wrong `c=`: what the client said first is what it must mean."""
    server = a_server()
    _, exchange, final = until_client_final(server)

    with pytest.raises(SaslError, match="someone sits between"):
        server.step(exchange, final.replace("c=biws", f"c={base64.b64encode(header.encode()).decode()}").encode())


def test_a_stripped_plus_is_noticed() -> None:
    """RFC 5802 §6, S54: the client says "y" because the list it saw had no -PLUS, and we offered it."""
    client = start_client(SCRAM, credentials(ANN), binding=BINDING, server_offers_plus=False)

    with pytest.raises(SaslError, match="did not see our -PLUS"):
        converse(client, SCRAM, a_server())


def test_an_edited_flag_is_noticed_too() -> None:
    """Whoever strips -PLUS and also edits "y" to "n" breaks the header the client repeats."""
    client = start_client(SCRAM, credentials(ANN), binding=BINDING, server_offers_plus=False)
    server = a_server()
    exchange = server.start(SCRAM, next(client).replace(b"y,,", b"n,,"))
    challenge = server.step(exchange, None)
    assert isinstance(challenge, bytes)

    with pytest.raises(SaslError, match="someone sits between"):
        server.step(exchange, respond(client, challenge))


def test_y_is_fine_where_plus_was_not_offered() -> None:
    """Without TLS of our own, or a certificate without a binding."""
    client = start_client(SCRAM, credentials(ANN), binding=BINDING, server_offers_plus=False)

    assert converse(client, SCRAM, Server({ANN: keys_of("pencil")})) == ProofClaim(
        ANN, "", proven=True, channel_binding=None, final=server_final_of("y,,")
    )


def test_someone_in_the_middle_is_noticed() -> None:
    """The client's channel ends at another certificate than ours."""
    client = start_client(PLUS, credentials(ANN), binding=OTHER_BINDING, server_offers_plus=True)

    with pytest.raises(SaslError, match="someone sits between"):
        converse(client, PLUS, a_server())


@pytest.mark.parametrize("first", [b"n,,n=ann,r=12345678", b"y,,n=ann,r=12345678", b"p=tls-exporter,,n=ann,r=12345678"])
def test_plus_is_bound_to_a_channel_we_have(first: bytes) -> None:
    """The -PLUS mechanism without a binding, or with a type this channel does not have."""
    server = a_server()

    with pytest.raises(SaslError, match="needs a channel binding"):
        server.step(server.start(PLUS, first), None)


def test_plus_on_a_channel_without_bindings() -> None:
    """Not offered, tried all the same."""
    server = Server({ANN: keys_of("pencil")})

    with pytest.raises(SaslError, match="needs a channel binding"):
        server.step(server.start(PLUS, b"p=tls-server-end-point,,n=ann,r=12345678"), None)


def test_a_binding_belongs_to_plus() -> None:
    """RFC 5802 §6: the name and the flag say the same."""
    server = a_server()

    with pytest.raises(SaslError, match="-PLUS"):
        server.step(server.start(SCRAM, b"p=tls-server-end-point,,n=ann,r=12345678"), None)


def test_a_broken_first_message_asks_for_nobody() -> None:
    """No account is looked up for a client that breaks the rules."""
    server = a_server()
    with pytest.raises(SaslError):
        server.step(server.start(SCRAM, b"y,,n=ann,r=12345678"), None)

    assert server.asked_for == []


def test_words_after_the_end() -> None:
    """After the signature the client has nothing more to say."""
    server = a_server()
    _, exchange, final = until_client_final(server)
    assert isinstance(server.step(exchange, final.encode()), bytes)

    with pytest.raises(SaslError, match="something to add"):
        server.step(exchange, b"more")


def test_a_barred_account_is_not_told_that_its_password_is_right() -> None:
    """The same first message as ever, then the answer to a wrong password."""
    server, barred = a_server(), a_server()
    barred.accounts[ANN] = barred_keys(keys_of("pencil"))

    claim = converse(start_client(SCRAM, credentials(ANN)), SCRAM, barred)

    converse(start_client(SCRAM, credentials(ANN)), SCRAM, server)
    assert claim == ProofClaim(ANN, "", proven=False, channel_binding=None, final=b"")
    assert barred.said == server.said[:1]


def test_a_cancelled_exchange_leaves_nothing_behind() -> None:
    """S53: after `*` the next exchange starts from nothing, whichever it is."""
    server = a_server()
    _, exchange, final = until_client_final(server)
    exchange.close()
    other = server.start(PLUS, None)

    assert server.step(other, None) == b""
    with pytest.raises(SaslError):
        server.step(other, final.encode())


def test_a_server_without_a_proper_nonce_fails_at_once() -> None:
    """A fault of ours is not carried onto the wire."""
    server = a_server()
    server.nonce = "short"

    with pytest.raises(ValueError, match="nonce"):
        server.step(server.start(SCRAM, None), None)


def rotating() -> Server:
    """Ann has two passwords at the moment, and "quill" was one before."""
    server = a_server()
    server.accounts[ANN] = replace(keys_of("pencil"), others=(keys_of("crayon"),), old=(keys_of("quill"),))
    return server


@pytest.mark.parametrize("mechanism", [SCRAM, PLUS], ids=["SCRAM", "PLUS"])
@pytest.mark.parametrize("password, which", [("pencil", 0), ("crayon", 1)])
def test_each_of_two_passwords_logs_in(mechanism: Mechanism, password: str, which: int) -> None:
    """S56: to the end, so with the server's signature by the key of the very password the client has."""
    client = start_client(mechanism, credentials(ANN, password), binding=BINDING, server_offers_plus=True)

    claim = converse(client, mechanism, rotating())

    assert isinstance(claim, ProofClaim)
    assert (claim.proven, claim.which, claim.stale) == (True, which, False)
    if mechanism is SCRAM:
        assert claim.final == server_final_of("n,,", keys_of(password))


@pytest.mark.parametrize("mechanism", [SCRAM, PLUS], ids=["SCRAM", "PLUS"])
def test_an_old_password_is_recognised_and_proves_nothing(mechanism: Mechanism) -> None:
    """S56: on the wire it is a wrong password: the same message, and no signature."""
    tries = {}
    for password in ("quill", "wrong"):
        server = rotating()
        client = start_client(mechanism, credentials(ANN, password), binding=BINDING, server_offers_plus=True)
        claim = converse(client, mechanism, server)
        assert isinstance(claim, ProofClaim)
        assert (claim.proven, claim.which, claim.final) == (False, 0, b"")
        assert claim.stale == (password == "quill")
        tries[password] = server.said

    assert tries["quill"] == tries["wrong"]
    assert len(tries["wrong"]) == 1


def test_a_barred_account_has_no_password_at_all() -> None:
    """S56: neither the second nor an old password is told apart."""
    for password in ("pencil", "crayon", "quill", "wrong"):
        server = rotating()
        server.accounts[ANN] = barred_keys(server.accounts[ANN])
        claim = converse(start_client(SCRAM, credentials(ANN, password)), SCRAM, server)
        assert claim == ProofClaim(ANN, "", proven=False, channel_binding=None, final=b"")


def test_as_many_passwords_as_an_account_can_have() -> None:
    """Two of its own and 25 for applications: the last one works as the first."""
    server = a_server()
    others = tuple(keys_of(f"application {number}") for number in range(26))
    server.accounts[ANN] = replace(keys_of("pencil"), others=others)

    claim = converse(start_client(SCRAM, credentials(ANN, "application 25")), SCRAM, server)

    assert isinstance(claim, ProofClaim)
    assert claim.which == 26


@pytest.mark.parametrize("password", ["pencil", "crayon"])
def test_scramp_logs_in_with_either_password(password: str) -> None:
    """An independent client is satisfied with our signature."""
    server = rotating()
    client = scramp.ScramClient(["SCRAM-SHA-256"], ANN, password, c_nonce=CLIENT_NONCE)
    exchange = server.start(SCRAM, client.get_client_first().encode())
    challenge = server.step(exchange, None)
    assert isinstance(challenge, bytes)
    client.set_server_first(challenge.decode())
    final = server.step(exchange, client.get_client_final().encode())
    assert isinstance(final, bytes)
    client.set_server_final(final.decode())

    claim = server.step(exchange, b"")

    assert isinstance(claim, ProofClaim)
    assert claim.proven


@pytest.mark.parametrize("password, which", [("pencil", 0), ("crayon", 1)])
def test_a_silent_password_is_not_confirmed(password: str, which: int) -> None:
    """S56: who proves what may not log in hears what a wrong password hears; only we know which it was."""
    server = a_server()
    server.accounts[ANN] = replace(keys_of("pencil"), silent=True, others=(replace(keys_of("crayon"), silent=True),))
    wrong = a_server()

    claim = converse(start_client(SCRAM, credentials(ANN, password)), SCRAM, server)
    converse(start_client(SCRAM, credentials(ANN, "wrong")), SCRAM, wrong)

    assert isinstance(claim, ProofClaim)
    assert (claim.proven, claim.final, claim.silent, claim.which) == (False, b"", True, which)
    assert server.said == wrong.said
