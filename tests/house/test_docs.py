"""What the documentation tells a reader to type works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

import mailward.server.config_logins
import mailward.server.config_sections
from mailward.server.config_section import Section
from mailward.server.config_sections import GuardConfig
from tests.house.snippets import blocks, commands, read_page, read_page_alone
from tests.house.tree import ROOT, files

PAGES = [
    path for path in files() if path.suffix == ".md" and (path.parent == ROOT or path.is_relative_to(ROOT / "docs"))
]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
RUN = [page for page in PAGES if {"console", "python", "toml"} & {block.language for block in blocks(page.read_text())}]
REFERENCE = (ROOT / "docs" / "reference" / "configuration.md").read_text()
SECTIONS = sorted(
    {
        each
        for module in (mailward.server.config_sections, mailward.server.config_logins)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Section) and each is not Section
    },
    key=lambda section: section.__name__,
)


@pytest.mark.e2e
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path) -> None:
    """Every console, python and toml block of the page, in its order, does what it says."""
    read_page_alone(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_seen(page: Path) -> None:
    """Every fence stands at the start of its line, so that none is passed over, and no-run has its reason."""
    text = page.read_text()
    fences = re.findall(r"^[ >]*```", text, re.MULTILINE)

    assert len(fences) == 2 * len(blocks(text))
    assert [block.line for block in blocks(text) if block.marked("no-run") == [""]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link points at a file of the tree."""
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_the_reference_names_every_key(section: type[Section]) -> None:
    """Each key that mailward.toml may hold stands in docs/reference/configuration.md."""
    keys = set(section.__struct_fields__)
    named = {
        key for key in keys if re.search(rf"`{key}`|^(# )?{key} = |^\[+{key}[\].]|^## {key}$", REFERENCE, re.MULTILINE)
    }

    assert keys - named == set()


def test_the_reference_tells_the_guards_defaults() -> None:
    """The figures in the table of [guard] are those the server begins with."""
    table = REFERENCE.partition("\n## guard\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \| ([^|]+) \|", table, re.MULTILINE)
    told = {
        key: value
        for names, values in rows
        for key, value in zip(re.findall(r"`(\w+)`", names), _figures(values), strict=True)
    }

    assert told == json.loads(msgspec.json.encode(GuardConfig()))


def _figures(text: str) -> list[object]:
    figures: list[object] = [json.loads(text)] if text.startswith("[") else json.loads(f"[{text}]")
    return figures


def test_commands_are_read() -> None:
    """A console block gives its commands, continuation lines included, with the exit code each shall have."""
    console = "$ one \\\n>   --two\nprinted\n$ three  # exit 4\nprinted \\\n$ five\n"

    assert commands(console) == [("one \\\n  --two", 0), ("three", 4), ("five", 0)]


def test_marks_are_read() -> None:
    """A block knows its line and the marks since the block before it."""
    page = "# Page\n\n<!-- setup: touch a -->\nWords.\n\n<!-- file: b.toml -->\n```toml\nhostname = 1\n```\n"

    [block] = blocks(page)

    assert (block.line, block.language, block.body) == (7, "toml", "hostname = 1\n")
    assert (block.marked("setup"), block.marked("file"), block.marked("no-run")) == (["touch a"], ["b.toml"], [])


@pytest.mark.parametrize(
    "page",
    [
        "```console\n$ false\n```\n",
        "```console\n$ true  # exit 1\n```\n",
        "```python\nraise SystemExit(3)\n```\n",
        "```sh\ntrue\n```\n",
    ],
)
def test_a_wrong_page_fails(page: str, tmp_path: Path) -> None:
    """A command with another exit code, code that raises and a block that nobody runs are noticed."""
    with pytest.raises(AssertionError):
        read_page(page, tmp_path)


def test_a_page_shares_its_folder(tmp_path: Path) -> None:
    """What one block leaves, the next one finds; a block marked no-run is only shown."""
    page = (
        "<!-- file: note.txt -->\n```text\nhello\n```\n\n<!-- setup: cp note.txt copy.txt -->\n```python\n"
        "assert open('copy.txt').read() == 'hello\\n'\n```\n\n<!-- no-run: needs a network -->\n"
        "```console\n$ false\n```\n"
    )
    read_page(page, tmp_path)

    assert (tmp_path / "copy.txt").read_text() == "hello\n"
