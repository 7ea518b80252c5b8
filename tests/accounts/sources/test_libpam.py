"""The calls of libpam. What its stacks say is in test_pam.py."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from mailward.accounts.sources.libpam import Code, LibPam, _libraries, _Message, _Response, _talk
from mailward.secret import Secret

pytestmark = pytest.mark.peer("pam")
ECHO_OFF, ECHO_ON, ERROR, TEXT = 1, 2, 3, 4


def converse(styles: list[int], *, times: int = 1) -> tuple[int, list[bytes | None]]:
    """What a module hears that says messages of these styles; what it is given is freed as a module frees it."""
    _, libc = _libraries()
    libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
    talk = _talk(libc, ctypes.create_string_buffer(b"hush"))
    messages = (ctypes.POINTER(_Message) * max(1, len(styles)))(
        *(ctypes.pointer(_Message(style, None)) for style in styles)
    )
    code, heard = 0, []
    for _ in range(times):
        responses = (ctypes.c_void_p * 1)()
        code = talk(len(styles), messages, responses, None)
        if code == Code.SUCCESS:
            given = ctypes.cast(responses[0] or 0, ctypes.POINTER(_Response))
            texts = [given[number].text for number in range(len(styles))]
            heard = [ctypes.string_at(text) if text else None for text in texts]
            for text in (*texts, responses[0]):
                libc.free(text)
    return code, heard


def test_only_a_prompt_without_echo_hears_the_password() -> None:
    """What is only said, error or text, is answered with nothing."""
    assert converse([TEXT, ECHO_OFF, ERROR]) == (Code.SUCCESS, [None, b"hush", None])
    assert converse([TEXT] * 32) == (Code.SUCCESS, [None] * 32)


@pytest.mark.parametrize("styles", [[ECHO_ON], [ECHO_OFF, ECHO_ON], [], [TEXT] * 33])
def test_other_questions_end_the_conversation(styles: list[int]) -> None:
    """Nothing is shown to a prompt that echoes, and no count is absurd."""
    assert converse(styles) == (Code.CONV_ERR, [])


def test_questions_without_end() -> None:
    """A module that asks again and again is told so."""
    assert converse([ECHO_OFF], times=8)[0] == Code.SUCCESS
    assert converse([ECHO_OFF], times=9)[0] == Code.CONV_ERR


def test_a_service(tmp_path: Path) -> None:
    """Authentication and the account's own phase are asked; a denied password leaves the second out."""
    (tmp_path / "yes").write_text("auth required pam_permit.so\naccount required pam_permit.so\n")
    (tmp_path / "no").write_text("auth required pam_deny.so\naccount required pam_permit.so\n")

    yes = LibPam("yes", confdir=str(tmp_path)).judge("ann", Secret("pässword"), source="192.0.2.1")
    no = LibPam("no", confdir=str(tmp_path)).judge("ann", Secret("password"))

    assert (yes.started, yes.authenticated, yes.permitted) == (True, Code.SUCCESS, Code.SUCCESS)
    assert (no.started, no.authenticated, no.permitted) == (True, Code.AUTH_ERR, None)
    assert no.words
