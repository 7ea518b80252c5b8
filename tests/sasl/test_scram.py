from __future__ import annotations

import base64
import time
from dataclasses import replace

import pytest
import scramp

from mailward.errors import InputError
from mailward.sasl import scram
from mailward.sasl.mechanism import ScramKeys
from tests.sasl.dialogue import ITERATIONS, SALT, SITE_SECRET, keys_of

RFC_7677_AUTH_MESSAGE = (
    b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)
RFC_7677_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
RFC_7677_PROOF = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
RFC_7677_SIGNATURE = base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_the_proof_and_signature_of_rfc_7677() -> None:
    """The numbers of §3."""
    salted = scram.salted_password("pencil", RFC_7677_SALT, 4096)

    assert scram.client_proof(salted, RFC_7677_AUTH_MESSAGE) == RFC_7677_PROOF
    assert scram.server_signature(scram.server_key(salted), RFC_7677_AUTH_MESSAGE) == RFC_7677_SIGNATURE


def test_the_proof_and_signature_of_rfc_5802() -> None:
    """The numbers of §5, by SHA-1."""
    signed = (
        b"n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
    )
    salted = scram.salted_password("pencil", base64.b64decode("QSXCR+Q6sek8bf92"), 4096, hash_name="sha1")
    proof = scram.client_proof(salted, signed, hash_name="sha1")
    key = scram.server_key(salted, hash_name="sha1")

    assert base64.b64encode(proof) == b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert base64.b64encode(scram.server_signature(key, signed, hash_name="sha1")) == b"rmF9pqV8S7suAoZWja4dJRkFsKQ="


def test_derived_keys_take_the_proof_of_rfc_7677() -> None:
    """What the server stores verifies it, and signs as the RFC says."""
    keys = scram.derive_keys("pencil", RFC_7677_SALT, 4096)

    assert scram.proves(keys, RFC_7677_PROOF, RFC_7677_AUTH_MESSAGE)
    assert scram.server_signature(keys.server_key, RFC_7677_AUTH_MESSAGE) == RFC_7677_SIGNATURE


@pytest.mark.parametrize("octet", range(32))
def test_a_changed_octet_of_the_proof_proves_nothing(octet: int) -> None:
    """Each of them counts."""
    proof = bytearray(RFC_7677_PROOF)
    proof[octet] ^= 1
    keys = scram.derive_keys("pencil", RFC_7677_SALT, 4096)

    assert not scram.proves(keys, bytes(proof), RFC_7677_AUTH_MESSAGE)


@pytest.mark.parametrize(
    "password", ["pencil", "pässwörd", "pa\u0308sswo\u0308rd", "ｆｕｌｌ ｗｉｄｔｈ", "密码", "\u05d0\u05d1", "a,b=c"]
)
def test_derived_keys_are_those_of_scramp(password: str) -> None:
    """The oracle stores the same for every password, non-ASCII ones included."""
    expected = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(password, iteration_count=ITERATIONS, salt=SALT)
    keys = keys_of(password)

    assert (keys.salt, keys.stored_key, keys.server_key, keys.iterations) == expected


@pytest.mark.parametrize("salt, iterations", [(b"", 4096), (SALT, 4095), (SALT, 1), (SALT, -1), (SALT, 1_000_001)])
def test_weak_or_absurd_parameters_are_refused(salt: bytes, iterations: int) -> None:
    """We store nothing our own client would not accept."""
    with pytest.raises(InputError):
        scram.derive_keys("pencil", salt, iterations)


@pytest.mark.parametrize("password", ["", "\u00ad", "bell\x07", "\ue000"])
def test_a_password_without_one_spelling_is_refused(password: str) -> None:
    """RFC 5802 §2.2: SASLprep gives it its one spelling, or none."""
    with pytest.raises(InputError):
        scram.derive_keys(password, SALT, ITERATIONS)


def test_fake_keys_are_the_same_at_every_try() -> None:
    """Byte for byte, so that asking twice does not tell an unknown account from a known one (S54)."""
    assert scram.fake_keys(SITE_SECRET, "nobody") == scram.fake_keys(SITE_SECRET, "nobody")


def test_fake_keys_look_like_real_ones() -> None:
    """Same iterations as those we derive by default, same lengths."""
    fake = scram.fake_keys(SITE_SECRET, "nobody")
    real = scram.derive_keys("pencil", bytes(scram.SALT_OCTETS))

    assert fake.iterations == real.iterations == scram.DEFAULT_ITERATIONS == 100_000
    assert len(fake.salt) == len(real.salt) == scram.SALT_OCTETS
    assert len(fake.stored_key) == len(real.stored_key)
    assert len(fake.server_key) == len(real.server_key)


def test_fake_keys_differ_by_name_and_by_site() -> None:
    """A shared salt would be recognised, and so would one that anybody can compute."""
    one, other = scram.fake_keys(SITE_SECRET, "nobody"), scram.fake_keys(SITE_SECRET, "noone")
    elsewhere = scram.fake_keys(b"another site", "nobody")

    assert len({one.salt, other.salt, elsewhere.salt}) == 3
    assert len({one.salt, one.stored_key[:16], one.server_key[:16]}) == 3


def test_case_does_not_change_fake_keys() -> None:
    """Accounts are found in any case, with one salt; an unknown one must not be told by having two."""
    assert scram.fake_keys(SITE_SECRET, "Nobody@Example.TEST") == scram.fake_keys(SITE_SECRET, "nobody@example.test")


def test_unknown_accounts_cost_no_more_than_known_ones() -> None:
    """Neither takes the slow step on the server: checking a proof is a few hashes, fake keys three more."""
    keys = keys_of("pencil")

    def fastest(fake: bool) -> float:
        times = []
        for _ in range(50):
            begin = time.perf_counter()
            scram.proves(scram.fake_keys(SITE_SECRET, "nobody") if fake else keys, bytes(32), RFC_7677_AUTH_MESSAGE)
            times.append(time.perf_counter() - begin)
        return min(times)

    assert fastest(fake=True) - fastest(fake=False) < 0.0002


def test_keys_do_not_show_themselves() -> None:
    """A repr in a log or a traceback holds neither key."""
    keys = keys_of("pencil")

    assert repr(keys) == f"ScramKeys(salt={SALT!r}, iterations=4096)"


def several(*, others: tuple[str, ...] = (), old: tuple[str, ...] = ()) -> ScramKeys:
    """Of an account whose password is "pencil"."""
    every = {name: scram.derive_keys(name, RFC_7677_SALT, 4096) for name in ("pencil", *others, *old)}
    return replace(every["pencil"], others=tuple(every[o] for o in others), old=tuple(every[o] for o in old))


def proof_of(password: str) -> bytes:
    return scram.client_proof(scram.salted_password(password, RFC_7677_SALT, 4096), RFC_7677_AUTH_MESSAGE)


@pytest.mark.parametrize(
    "password, expected",
    [
        ("pencil", (0, False)),
        ("crayon", (1, False)),
        ("marker", (2, False)),
        ("quill", (None, True)),
        ("stylus", (None, True)),
        ("brush", (None, False)),
    ],
)
def test_which_of_several_passwords(password: str, expected: tuple[int | None, bool]) -> None:
    """The present ones by number, the old ones recognised, a strange one neither."""
    keys = several(others=("crayon", "marker"), old=("quill", "stylus"))

    assert scram.proved(keys, proof_of(password), RFC_7677_AUTH_MESSAGE) == expected


def test_a_password_that_is_present_and_old_is_present() -> None:
    """Set again where the history allows it."""
    keys = several(others=("crayon",), old=("crayon", "pencil"))

    assert scram.proved(keys, proof_of("crayon"), RFC_7677_AUTH_MESSAGE) == (1, False)
    assert scram.proved(keys, proof_of("pencil"), RFC_7677_AUTH_MESSAGE) == (0, False)


@pytest.mark.parametrize("password", ["pencil", "crayon", "quill", "brush"])
def test_barred_keys_bar_every_password(password: str) -> None:
    """Neither a present nor an old one is told apart from a strange one."""
    keys = scram.barred_keys(several(others=("crayon",), old=("quill",)))

    assert scram.proved(keys, proof_of(password), RFC_7677_AUTH_MESSAGE) == (None, False)


@pytest.mark.parametrize("count", [0, 1, 26, 31, 32])
def test_as_many_checks_for_each_account(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """One password, two, 25 application passwords or nobody's: the number of checks does not tell."""
    checked: list[ScramKeys] = []
    proves = scram.proves

    def counted(keys: ScramKeys, proof: bytes, auth_message: bytes) -> bool:
        checked.append(keys)
        return proves(keys, proof, auth_message)

    monkeypatch.setattr(scram, "proves", counted)
    keys = replace(several(), others=(scram.fake_keys(b"secret", "other", 4096),) * count)

    for password in ("pencil", "brush"):
        checked.clear()
        scram.proved(keys, proof_of(password), RFC_7677_AUTH_MESSAGE)
        assert len(checked) == (32 if count < 32 else 64)


def test_keys_show_nothing_of_the_others() -> None:
    """A log line with keys in it tells no verifier."""
    assert "others" not in repr(several(others=("crayon",), old=("quill",)))
