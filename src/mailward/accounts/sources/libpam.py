"""The few calls of libpam that a login needs, by ctypes (Linux-PAM's pam(3), pam_conv(3))."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from mailward.errors import InvalidConfig
from mailward.secret import Secret

_PROMPT_ECHO_OFF, _PROMPT_ECHO_ON = 1, 2
_RHOST, _FAIL_DELAY = 4, 10
_SILENT, _DISALLOW_NULL_AUTHTOK = 0x8000, 0x0001
_DATA_SILENT = 0x40000000
_MOST_MESSAGES = 32  # PAM_MAX_NUM_MSG
_MOST_PROMPTS = 8  # a module that asks without end is told so


class Code(IntEnum):
    """What libpam returns, as far as it says something about the account."""

    SUCCESS = 0
    BUF_ERR = 5
    PERM_DENIED = 6
    AUTH_ERR = 7
    CRED_INSUFFICIENT = 8
    USER_UNKNOWN = 10
    MAXTRIES = 11
    NEW_AUTHTOK_REQD = 12
    ACCT_EXPIRED = 13
    CONV_ERR = 19
    AUTHTOK_EXPIRED = 27


class _Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_void_p)]


class _Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


_Talk = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.c_void_p,
)
_Delay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class _Conversation(ctypes.Structure):
    _fields_ = [("talk", _Talk), ("data", ctypes.c_void_p)]


@dataclass(frozen=True, slots=True)
class Judged:
    """authenticated: what pam_authenticate returned; permitted: pam_acct_mgmt, None if it was not asked.

    started: False, there is no such service or the stack cannot be loaded.
    """

    started: bool
    authenticated: int
    permitted: int | None
    words: str


class LibPam:
    """confdir: a folder of service files instead of the system's. InvalidConfig: no libpam, or one without that."""

    def __init__(self, service: str, *, confdir: str = "") -> None:
        self._pam, self._libc = _libraries()
        self._service = service.encode()
        self._confdir = confdir.encode()
        if confdir and not hasattr(self._pam, "pam_start_confdir"):
            raise InvalidConfig(
                "this libpam knows no confdir", key="account_source.confdir", advice="Linux-PAM 1.4 or later has it"
            )

    def judge(self, user: str, password: Secret, *, source: str = "") -> Judged:
        """Ask the stack: the password, then whether the account may be used. Blocks as long as its modules do."""
        buffer = ctypes.create_string_buffer(password.reveal().encode())
        try:
            return self._judge(user.encode(), buffer, source.encode())
        finally:
            ctypes.memset(buffer, 0, len(buffer))  # ours; the copies that modules took are theirs to wipe

    def _judge(self, user: bytes, password: ctypes.Array[ctypes.c_char], source: bytes) -> Judged:
        handle = ctypes.c_void_p()
        conversation = _Conversation(_Talk(_talk(self._libc, password)), None)
        started = self._start(user, conversation, handle)
        if started != Code.SUCCESS or handle.value is None:
            return Judged(started=False, authenticated=started, permitted=None, words=self._words(handle, started))
        no_delay = _Delay(lambda _status, _microseconds, _data: None)  # who waits, and how long, is the guard's
        self._pam.pam_set_item(handle, _FAIL_DELAY, ctypes.cast(no_delay, ctypes.c_void_p))
        if source:
            self._pam.pam_set_item(handle, _RHOST, ctypes.c_char_p(source))
        status = authenticated = self._pam.pam_authenticate(handle, _SILENT | _DISALLOW_NULL_AUTHTOK)
        permitted = None
        if authenticated == Code.SUCCESS:
            status = permitted = self._pam.pam_acct_mgmt(handle, _SILENT | _DISALLOW_NULL_AUTHTOK)
        words = self._words(handle, status)
        self._pam.pam_end(handle, status | _DATA_SILENT)
        return Judged(started=True, authenticated=authenticated, permitted=permitted, words=words)

    def _start(self, user: bytes, conversation: _Conversation, handle: ctypes.c_void_p) -> int:
        arguments = (self._service, user, ctypes.byref(conversation))
        if self._confdir:
            return int(self._pam.pam_start_confdir(*arguments, self._confdir, ctypes.byref(handle)))
        return int(self._pam.pam_start(*arguments, ctypes.byref(handle)))

    def _words(self, handle: ctypes.c_void_p, status: int) -> str:
        text = self._pam.pam_strerror(handle, status)
        return text.decode("utf-8", "replace") if text else f"status {status}"


def _talk(libc: Any, password: ctypes.Array[ctypes.c_char]) -> Callable[[int, Any, Any, Any], int]:
    """The conversation: the password where one is asked for without echo, nothing for what is only said."""
    asked = 0

    def talk(count: int, messages: Any, responses: Any, _data: Any) -> int:
        nonlocal asked
        if not 0 < count <= _MOST_MESSAGES:
            return Code.CONV_ERR
        styles = [messages[number].contents.style for number in range(count)]
        prompts = styles.count(_PROMPT_ECHO_OFF)
        asked += prompts
        if _PROMPT_ECHO_ON in styles or asked > _MOST_PROMPTS:
            return Code.CONV_ERR
        return _respond(libc, password, styles, responses)

    return talk


def _respond(libc: Any, password: ctypes.Array[ctypes.c_char], styles: list[int], responses: Any) -> int:
    """The module frees what is given: it must come from the C library's own heap."""
    block = libc.calloc(len(styles), ctypes.sizeof(_Response))
    if not block:
        return Code.BUF_ERR
    filled = ctypes.cast(block, ctypes.POINTER(_Response))
    for number, style in enumerate(styles):
        if style == _PROMPT_ECHO_OFF:
            filled[number].text = libc.strdup(password)
    responses[0] = block
    return Code.SUCCESS


@cache
def _libraries() -> tuple[Any, Any]:
    """libpam and the C library, their signatures told to ctypes: pointers are not ints."""
    name = ctypes.util.find_library("pam")
    if name is None:
        raise InvalidConfig("a source of the kind 'pam' needs libpam, which is not here", key="account_source.kind")
    pam, libc = ctypes.CDLL(name), ctypes.CDLL(None)
    libc.calloc.argtypes, libc.calloc.restype = [ctypes.c_size_t, ctypes.c_size_t], ctypes.c_void_p
    libc.strdup.argtypes, libc.strdup.restype = [ctypes.c_char_p], ctypes.c_void_p
    conversation, handle = ctypes.POINTER(_Conversation), ctypes.POINTER(ctypes.c_void_p)
    pam.pam_start.argtypes = [ctypes.c_char_p, ctypes.c_char_p, conversation, handle]
    if hasattr(pam, "pam_start_confdir"):
        pam.pam_start_confdir.argtypes = [ctypes.c_char_p, ctypes.c_char_p, conversation, ctypes.c_char_p, handle]
    for call in (pam.pam_authenticate, pam.pam_acct_mgmt, pam.pam_end):
        call.argtypes = [ctypes.c_void_p, ctypes.c_int]
    pam.pam_set_item.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    pam.pam_strerror.argtypes, pam.pam_strerror.restype = [ctypes.c_void_p, ctypes.c_int], ctypes.c_char_p
    return pam, libc
