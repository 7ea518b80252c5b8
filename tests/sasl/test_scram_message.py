from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, SaslError
from mailward.sasl import scram_message as message
from mailward.sasl.scram_message import ClientFirst, ServerFirst

NONCE = "rOprNGfwEbeRWgbNEkqO"


def test_a_client_first_message() -> None:
    """RFC 7677 §3, taken apart."""
    assert message.parse_client_first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == ClientFirst(
        gs2_flag="n",
        binding_type="",
        authzid="",
        authcid="user",
        nonce="rOprNGfwEbeRWgbNEkqO",
        gs2_header="n,,",
        bare="n=user,r=rOprNGfwEbeRWgbNEkqO",
    )


def test_names_are_unescaped() -> None:
    """saslname, RFC 5802 §5.1; "=3D2C" is "=2C", not a comma."""
    first = message.parse_client_first(b"y,a=b=3Dc=2Cd,n==3D2Cx=2C=3D,r=rOprNGfwEbeRWgbNEkqO")

    assert first.authzid == "b=c,d"
    assert first.authcid == "=2Cx,="


def test_optional_extensions_are_ignored() -> None:
    """RFC 5802 §5.1: they come last, and are covered by the proof all the same."""
    first = message.parse_client_first(b"p=tls-exporter,,n=u,r=12345678,x=1,y=2")
    final = message.parse_client_final(b"c=biws,r=12345678,x=1,p=" + b"A" * 43 + b"=")

    assert (first.gs2_flag, first.binding_type, first.bare) == ("p", "tls-exporter", "n=u,r=12345678,x=1,y=2")
    assert final.without_proof == "c=biws,r=12345678,x=1"
    assert message.parse_server_first(b"r=12345678,s=QQ==,i=4096,x=1") == ServerFirst("12345678", b"A", 4096)
    assert message.parse_server_final(b"v=QQ==,x=1").signature == b"A"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=user",
        "n,,r=12345678,n=user",
        "n,,n=user,r=",
        "n,,n=,r=12345678",
        "n,,m=must,n=user,r=12345678",  # S54: a mandatory extension
        "n,,n=user,r=12345678,m=must",
        "n,,n=user,r=1234567",  # S54: short nonce
        "n,,n=user,r=1234 5678",
        "n,,n=user,r=1234567é",
        "n,,n=user,r=12345678,r=87654321",
        "n,,n=user,r=12345678,n=admin",
        "n,,n=user,r=12345678,x=1,x=2",
        "n,,n=user,r=12345678,",
        "n,,n=user,r=12345678,xy",
        "n,,n=user,r=12345678,1=2",
        "n,,n=us=er,r=12345678",
        "n,,n=us=2cer,r=12345678",
        "n,,n=user=,r=12345678",
        "n,,n=us\0er,r=12345678",
        "n,,n=us\x01er,r=12345678",
        "n,,n=us\u202eer,r=12345678",
        "n,,n=user ,r=12345678",
        "n,,n=" + "u" * 257 + ",r=12345678",
        "n,admin,n=user,r=12345678",
        "n,a=,n=user,r=12345678",
        "n,a=a=b,n=user,r=12345678",
        "x,,n=user,r=12345678",
        "N,,n=user,r=12345678",
        "p,,n=user,r=12345678",
        "p=,,n=user,r=12345678",
        "p=tls unique,,n=user,r=12345678",
        "yes,,n=user,r=12345678",
        ",,n=user,r=12345678",
        "n=user,r=12345678",
        "n,,n=user,r=12345678,x=" + "y" * 4096,
    ],
)
def test_broken_client_first(text: str) -> None:
    """Rows S51 and S54."""
    with pytest.raises(SaslError):
        message.parse_client_first(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r=12345678,s=QQ==",
        "r=12345678,i=4096,s=QQ==",
        "r=12345678,s=,i=4096",  # C16: empty salt
        "r=12345678,s=====,i=4096",
        "r=12345678,s=QR==,i=4096",  # another spelling of QQ==
        "r=12345678,s=QQ,i=4096",
        "r=12345678,s=Q Q=,i=4096",
        "r=12345678,s=QQ==\n,i=4096",
        "r=12345678,s=éé==,i=4096",
        "r=12345678,s=QQ==,i=4294967295",  # C16
        "r=12345678,s=QQ==,i=1000001",
        "r=12345678,s=QQ==,i=4095",
        "r=12345678,s=QQ==,i=1",
        "r=12345678,s=QQ==,i=0",
        "r=12345678,s=QQ==,i=-1",
        "r=12345678,s=QQ==,i=+4096",
        "r=12345678,s=QQ==,i=04096",
        "r=12345678,s=QQ==,i=4_096",
        "r=12345678,s=QQ==,i=4096.0",
        "r=12345678,s=QQ==,i=٤٠٩٦",
        "r=12345678,s=QQ==,i=" + "9" * 3000,
        "m=must,r=12345678,s=QQ==,i=4096",
        "e=unknown-user",
    ],
)
def test_broken_server_first(text: str) -> None:
    """Row C16: nothing is computed with such numbers."""
    with pytest.raises(SaslError):
        message.parse_server_first(text.encode())


def test_a_mandatory_extension_is_named_as_the_cause() -> None:
    """S54: RFC 5802 §5.1 has us fail, and the operator should know it is no rubbish."""
    with pytest.raises(SaslError, match="demands an extension"):
        message.parse_client_first(b"n,,m=must,n=user,r=12345678")


@pytest.mark.parametrize("iterations", [4096, 10_000, 1_000_000])
def test_iterations_we_accept(iterations: int) -> None:
    """From RFC 7677's least to what takes a third of a second."""
    assert message.parse_server_first(f"r=12345678,s=QQ==,i={iterations}".encode()).iterations == iterations


PROOF = "p=" + "A" * 43 + "="


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROOF,
        "c=biws,r=12345678",  # S54: missing proof
        "c=biws,r=12345678,p=",
        "c=biws,r=12345678,p=QQ==",
        f"c=biws,r=12345678,{PROOF},x=1",
        f"c=biws,r=12345678,{PROOF},{PROOF}",
        f"c=biws,{PROOF}",
        f"c=,r=12345678,{PROOF}",
        f"c=biwt=,r=12345678,{PROOF}",
        f"r=12345678,c=biws,{PROOF}",
        f"m=must,c=biws,r=12345678,{PROOF}",
        "c=biws,r=12345678,p=" + "A" * 42 + "B=",  # another spelling of the same octets
        "c=biws,r=12345678,p=" + "A" * 64,
    ],
)
def test_broken_client_final(text: str) -> None:
    """Row S54."""
    with pytest.raises(SaslError):
        message.parse_client_final(text.encode())


@pytest.mark.parametrize(
    "text", ["", "v=", "v", "x=1", "v=Q", "v=QR==", "v=QQ==,v=QQ==", "m=must,v=QQ==", "e=", "e=a,v=QQ=="]
)
def test_broken_server_final(text: str) -> None:
    """Row C16."""
    with pytest.raises(SaslError):
        message.parse_server_final(text.encode())


def test_a_server_error() -> None:
    """RFC 5802 §7: instead of a signature."""
    final = message.parse_server_final(b"e=invalid-proof")

    assert (final.error, final.signature) == ("invalid-proof", b"")


@pytest.mark.parametrize("nonce", ["", "1234567", "1234,5678", "1234 5678", "1234567é", "1234567\n"])
def test_a_nonce_of_ours_is_checked(nonce: str) -> None:
    """It comes from outside; a weak one must not pass in silence."""
    with pytest.raises(InputError):
        message.fresh_nonce(nonce)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=80))
def test_escaping_round_trip(name: str) -> None:
    """Every name comes back."""
    first = f"n,,n={message.escape(name)},r={NONCE}"

    assert message.parse_client_first(first.encode()).authcid == name


@given(st.binary(max_size=80) | st.text("nyparcsiv=,mx0123456789QA+/", max_size=80).map(str.encode))
def test_whatever_comes_is_read_or_refused(octets: bytes) -> None:
    """No other error from any of the four."""
    for parse in (
        message.parse_client_first,
        message.parse_server_first,
        message.parse_client_final,
        message.parse_server_final,
    ):
        try:
            parse(octets)
        except SaslError as error:
            assert error.phase == "auth"
