"""Accounts by PAM: the real libpam, with stacks of the tests' own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mailward.accounts.sources.pam import Pam, PamSettings
from mailward.accounts.sources.source import UNKNOWN, OutOfOrder, SourceAnswer
from mailward.errors import InvalidConfig
from tests.support.account_sources import question

pytestmark = [pytest.mark.asyncio, pytest.mark.peer("pam")]

# pam_exec hands the password to the script, NUL at its end; a script that fails sends the stack to pam_deny.
EXEC = "auth [success=1 default=ignore] pam_exec.so expose_authtok quiet {script}\nauth requisite pam_deny.so\n"
SCRIPT = """\
#!/bin/sh
password=$(tr -d '\\000')
printf '%s|%s|%s\\n' "$PAM_USER" "$PAM_RHOST" "$PAM_SERVICE" >> {log}
[ "$PAM_USER/$password" = "{user}/{password}" ]
"""


class Stack:
    """Service files in a folder; `log`: what the script was asked."""

    def __init__(self, directory: Path, *, user: str = "ann", password: str = "four words of ann") -> None:
        self.directory = directory
        self.log = directory / "asked"
        self.script = directory / "script"
        self.script.write_text(SCRIPT.format(log=self.log, user=user, password=password))
        self.script.chmod(0o755)

    def source(self, stack: str, *, domain: str = "example.test", connections: int = 4) -> Pam:
        (self.directory / "mail").write_text(stack.format(script=self.script))
        return Pam(PamSettings(service="mail", domain=domain, confdir=str(self.directory), connections=connections))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


@pytest.mark.e2e
async def test_a_script_judges_the_password(stack: Stack) -> None:
    """The module sees user, password, client and service; its verdict is the answer."""
    source = stack.source(EXEC + "auth required pam_permit.so\naccount required pam_permit.so\n")
    right = SourceAnswer("ann@example.test", right=True, senders=("ann@example.test",))

    assert await source.ask(question(source="192.0.2.7")) == right
    assert await source.ask(question("ann")) == right
    wrong = await source.ask(question(password="wrong"))
    assert (wrong.account, wrong.right) == ("ann@example.test", False)
    assert stack.log.read_text() == "ann|192.0.2.7|mail\n" + "ann||mail\n" * 2


@pytest.mark.e2e
@pytest.mark.parametrize("password", ["$(id) `id` ; 'x' \"y\" \\", "pässwörd – ☃", "p" * 400])
async def test_any_password_arrives_whole(tmp_path: Path, password: str) -> None:
    """Signs of shells and octets beyond ASCII are the password's own."""
    stack = Stack(tmp_path)
    (tmp_path / "expected").write_text(password)
    stack.script.write_text(f"#!/bin/sh\ntr -d '\\000' | cmp -s - {tmp_path}/expected\n")
    source = stack.source(EXEC + "auth required pam_permit.so\naccount required pam_permit.so\n")

    assert (await source.ask(question(password=password))).right
    assert not (await source.ask(question(password=password + "x"))).right


@pytest.mark.parametrize(
    ("lines", "right", "disabled"),
    [
        ("auth required pam_permit.so\naccount required pam_permit.so\n", True, False),
        ("auth required pam_permit.so\naccount required pam_deny.so\n", True, True),
        ("auth required pam_deny.so\naccount required pam_permit.so\n", False, False),
    ],
)
async def test_both_phases_count(stack: Stack, lines: str, *, right: bool, disabled: bool) -> None:
    """A right password of an account that may not be used is told apart inside, and logs nobody in."""
    answer = await stack.source(lines).ask(question())

    assert (answer.account, answer.right, answer.disabled) == ("ann@example.test", right, disabled)


async def test_many_at_once(stack: Stack) -> None:
    """Each login has a handle of its own; none hears another's verdict."""
    script = "auth required pam_succeed_if.so quiet_fail user = ann\naccount required pam_permit.so\n"
    source = stack.source(script, connections=20)

    answers = await asyncio.gather(*(source.ask(question(name)) for name in ("ann", "daemon") * 20))

    assert [answer.right for answer in answers] == [True, False] * 20


async def test_messages_are_only_heard(stack: Stack) -> None:
    """A module that says something, at length, is answered and nothing breaks."""
    (stack.directory / "message").write_text("Authorised use only.\n" * 50)
    echo = f"auth required pam_echo.so file={stack.directory}/message\n"
    source = stack.source(echo * 3 + "auth required pam_permit.so\naccount required pam_permit.so\n")

    for _ in range(20):
        assert (await source.ask(question())).right


@pytest.mark.skipif(os.geteuid() != 0, reason="pam_unix reads the shadow file")
async def test_the_machines_own_accounts(stack: Stack) -> None:
    """pam_unix: a user the machine does not know is unknown; one without a password that works is refused, and the
    module's pause of two seconds is not waited for."""
    source = stack.source("auth required pam_unix.so\naccount required pam_unix.so\n", domain="")

    async with asyncio.timeout(1.5):
        assert await source.ask(question("nobody-has-this-name", "x")) == UNKNOWN
        refused = await source.ask(question("daemon", "x"))
    assert (refused.account, refused.right) == ("daemon", False)


async def test_a_broken_stack_is_no_wrong_password(stack: Stack) -> None:
    """A module that is missing and a script that cannot run are outages."""
    with pytest.raises(OutOfOrder, match="mail"):
        await stack.source("auth required pam_no_such_module.so\naccount required pam_permit.so\n").ask(question())
    stack.script.unlink()
    with pytest.raises(OutOfOrder):
        await stack.source("auth required pam_exec.so {script}\naccount required pam_permit.so\n").ask(question())


async def test_a_service_nobody_wrote(stack: Stack) -> None:
    """libpam would ask the service `other` instead, which may let everybody in: it does not come to that."""
    (stack.directory / "other").write_text("auth required pam_permit.so\naccount required pam_permit.so\n")
    source = stack.source("auth required pam_permit.so\naccount required pam_permit.so\n")
    (stack.directory / "mail").unlink()

    with pytest.raises(OutOfOrder, match="/mail any more"):
        await source.ask(question())
    with pytest.raises(InvalidConfig, match="there is no"):
        Pam(PamSettings(service="mail", confdir=str(stack.directory)))


@pytest.mark.e2e
async def test_a_module_that_hangs_is_given_up(stack: Stack) -> None:
    """The login ends at its time limit; the threads that hang are bounded, and come back when the module does."""
    stack.script.write_text(
        f"#!{sys.executable}\nimport time, pathlib\n"
        f"while not pathlib.Path('{stack.log}').exists():\n    time.sleep(0.02)\n"
    )
    source = stack.source("auth required pam_exec.so quiet {script}\naccount required pam_permit.so\n", connections=1)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.ask(question()), 0.05)
    with pytest.raises(OutOfOrder, match="hang"):
        await source.ask(question())

    stack.log.touch()
    async with asyncio.timeout(5):
        while source._threads.running:
            await asyncio.sleep(0.01)
    assert (await source.ask(question())).right


async def test_names_of_other_domains(stack: Stack) -> None:
    """ann@elsewhere.test is not the machine's ann."""
    source = stack.source("auth required pam_permit.so\naccount required pam_permit.so\n")

    assert await source.ask(question("ann@elsewhere.test")) == UNKNOWN


@pytest.mark.parametrize("service", ["../passwd", "", "a/b", ".hidden"])
async def test_a_service_is_a_name(service: str) -> None:
    """Not a path."""
    with pytest.raises(InvalidConfig, match="service"):
        Pam(PamSettings(service=service))
