"""Templates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailward.errors import InputError, InvalidMessage
from mailward.message.templates import Template

FROM = "shop@example.test"


def template(**changes: Any) -> Template:
    parts = {"from_": FROM, "to": "{{ email }}", "subject": "Order {{ number }}", "text": "Hi {{ name }}"}
    return Template(**(parts | changes))


DATA = {"email": "bob@example.test", "number": 7, "name": "Bob"}


def test_places_are_filled() -> None:
    """Envelope, headers and both bodies."""
    message = template(
        html="<p>Hi {{ name }}</p>",
        cc="{{ copy }}",
        reply_to="orders+{{ number }}@example.test",
        headers={"X-Order": "{{ number }}"},
        list_unsubscribe=("https://example.test/u?{{ number }}", "mailto:leave@example.test?subject={{ number }}"),
        priority="high",
    ).render(**DATA, copy="Eve <eve@example.test>")
    found = (
        message.as_email_message() if message.message_id else message.complete(_clock, lambda: "1").as_email_message()
    )

    assert [str(each) for each in message.envelope.recipients] == ["bob@example.test", "eve@example.test"]
    assert (found["Subject"], found["X-Order"], found["X-Priority"]) == ("Order 7", "7", "1 (Highest)")
    assert found["Reply-To"] == "orders+7@example.test"
    assert found["List-Unsubscribe"] == "<mailto:leave@example.test?subject=7>, <https://example.test/u?7>"
    assert (message.text, message.html) == ("Hi Bob", "<p>Hi Bob</p>")


def _clock() -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime(2025, 11, 24, tzinfo=UTC)


def test_text_is_made_of_html() -> None:
    """Of the HTML with its data in it, which shows as it was given."""
    message = template(text=None, html="<p>Hi <b>{{ name }}</b></p>\n").render(**DATA | {"name": "<Bob> & {{ 7*7 }}"})

    assert message.html == "<p>Hi <b>&lt;Bob&gt; &amp; {{ 7*7 }}</b></p>\n"
    assert message.text == "Hi <Bob> & {{ 7*7 }}\n"


def test_who_may_come_from_the_data() -> None:
    """From and To are data where the template does not say them."""
    message = Template(subject="x", text="y").render(from_="a@b.c", to="Bob <d@e.f>")

    assert (str(message.envelope.sender), str(message.envelope.recipients[0])) == ("a@b.c", "d@e.f")


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "7\r\nBcc: e@x.test"},
        {"number": "7\n\nbody"},
        {"number": "\x00"},
        {"email": "bob@example.test\r\nBcc: e@x.test"},
        {"email": "bob@example.test, e@x.test"},
        {"email": "bob@example.test>, <e@x.test"},
        {"email": ""},
    ],
)
def test_data_is_no_header(changes: dict[str, str]) -> None:
    """E08: not in the subject, not as a second recipient."""
    with pytest.raises(InputError):
        template().render(**DATA | changes).as_octets()


@pytest.mark.parametrize("name", ["<e@x.test>", "e@x.test,", "x <e@x.test> (", '"', "e@x.test", "a\\", ";", ":"])
def test_a_name_is_no_recipient(name: str) -> None:
    """Beside the address in one field: quoted it is a name, else refused; never somebody else."""
    with pytest.raises(InputError):
        template(to="{{ name }} <{{ email }}>").render(**DATA | {"name": name})
    try:
        message = template(to='"{{ name }}" <{{ email }}>').render(**DATA | {"name": name})
    except InputError:
        return
    assert [str(each) for each in message.envelope.recipients] == ["bob@example.test"]


@pytest.mark.parametrize(
    "data",
    [
        "{{ 7*7 }}",
        "{% include '/etc/passwd' %}",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "{{ ''.__class__ }}",
    ],
)
def test_data_is_never_a_template_or_a_file(data: str) -> None:
    """E12: it is shown as it is."""
    message = template(html="{{ name }}").render(**DATA | {"name": data})

    assert message.text == f"Hi {data}"
    assert message.attachments == ()


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ name.__init__ }}",
        "{{ f.__globals__ }}",
        "{{ rows.append(1) }}",
        "{% include '/etc/passwd' %}",
        "{% include '../secret.txt' %}",
        "{% extends name %}",
        "{% import 'os' as os %}",
        "{{ range(10**9) | list }}",
    ],
)
def test_a_template_sees_nothing_but_its_data(tmp_path: Path, source: str) -> None:
    """Sandboxed: no Python behind the data, no change of it, no file outside the folder."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "folder").mkdir()
    rows: list[int] = []
    for folder in (None, tmp_path / "folder"):
        with pytest.raises(InvalidMessage, match="template text, line 2"):
            template(text=f"\n{source}", folder=folder).render(**DATA, f=_clock, rows=rows)

    assert rows == []


def test_files_of_the_folder(tmp_path: Path) -> None:
    """May be included and extended; data in them is escaped as everywhere, and their mistakes named by their lines."""
    (tmp_path / "frame.html").write_text("<html>{% block body %}{% endblock %}{% include 'foot.html' %}</html>")
    (tmp_path / "foot.html").write_text("\n<i>{{ name }}</i>")
    page = template(html="{% extends 'frame.html' %}{% block body %}<p>{{ name }}{% endblock %}", folder=tmp_path)

    assert page.render(**DATA | {"name": "<b>"}).html == "<html><p>&lt;b&gt;\n<i>&lt;b&gt;</i></html>"
    (tmp_path / "broken.html").write_text("\n\n{{ nobody }}")
    with pytest.raises(InvalidMessage, match=r"template broken\.html, line 3: 'nobody' is undefined"):
        template(html="{% include 'broken.html' %}", folder=tmp_path).render(**DATA)


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"html": "a\n{{ nam }}"}, "template html, line 2: 'nam' is undefined"),
        ({"subject": "{{ name.x }}"}, "template subject, line 1: 'str object' has no attribute 'x'"),
        ({"text": "a\n\n{{ 1 // zero }}"}, "template text, line 3: ZeroDivisionError"),
        ({"headers": {"X-A": "{{ oops }}"}}, "template header X-A, line 1: 'oops' is undefined"),
        ({"text": "{{ 'x' * 20_000_000 }}"}, "more than 16777216 characters"),
    ],
)
def test_a_mistake_is_placed(changes: dict[str, Any], told: str) -> None:
    """The template's name and line, when it is rendered …"""
    with pytest.raises(InvalidMessage, match=told):
        template(**changes).render(**DATA, zero=0)


@pytest.mark.parametrize("source", ["\n{{ x", "\n{% if %}", "\n{% nothing %}", "\n{{ x | nofilter }}"])
def test_a_broken_template_is_told_at_once(source: str) -> None:
    """… and when it is made."""
    with pytest.raises(InvalidMessage, match="template html, line 2"):
        template(html=source)


def test_something_to_say() -> None:
    """A template without a body is none."""
    with pytest.raises(InvalidMessage, match="neither text nor html"):
        template(text=None)


def test_without_jinja2(tmp_path: Path) -> None:
    """The extra is named; and nothing else needs it."""
    (tmp_path / "jinja2.py").write_text("raise ImportError")
    code = (
        "from mailward.message.templates import Template\n"
        "try: Template(subject='x', text='y')\n"
        "except Exception as error: print(type(error).__name__, error, error.advice)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )

    assert done.stdout.startswith("InputError templates need Jinja2")
    assert "mailward[templates]" in done.stdout
