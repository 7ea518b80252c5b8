"""Names in filters and distinguished names."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mailward.accounts.sources.ldap_text import escaped, fill, names_the_user


def test_the_signs_of_a_filter_and_of_a_name() -> None:
    """RFC 4515 §3 and RFC 4514 §2.4 both read a backslash and two hexadecimal digits as one octet."""
    assert escaped("*)(uid=*") == "\\2a\\29\\28uid\\3d\\2a"
    assert escaped('a,b+c"d\\e<f>g;h #i\0') == "a\\2cb\\2bc\\22d\\5ce\\3cf\\3eg\\3bh\\20\\23i\\00"
    assert escaped("änn@example.test") == "\\c3\\a4nn@example.test"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_an_escaped_value_is_inert_and_means_itself(value: str) -> None:
    """Whatever comes in, only harmless ASCII goes out, and it reads back as what it was."""
    text = escaped(value)

    assert re.fullmatch(r"(?:[A-Za-z0-9@._-]|\\[0-9a-f]{2})*", text)
    octets = re.sub(rb"\\([0-9a-f]{2})", lambda pair: bytes.fromhex(pair[1].decode()), text.encode())
    assert octets == value.encode()


def test_a_place_is_filled_once() -> None:
    """A name that looks like a place of the template is text."""
    values = {"user": "{domain}*", "local_part": "l", "domain": "d.test"}

    assert fill("(|(mail={user})(uid={local_part}))", values) == "(|(mail=\\7bdomain\\7d\\2a)(uid=l))"
    assert [names_the_user(text) for text in ("{user}", "{local_part}", "{domain}", "none")] == [
        True,
        True,
        False,
        False,
    ]
