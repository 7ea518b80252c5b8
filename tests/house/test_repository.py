"""The files around the code: nothing of one machine in them, every dependency pinned, every fragment well named."""

from __future__ import annotations

import re
import tomllib

from tests.house.tree import ROOT, SRC, files, modules, shown

# Spelled so that the pattern does not find itself.
OF_ONE_MACHINE = re.compile(
    r"/(hom[e]|User[s])/[a-z]+/|/roo[t]/|/wor[k]/|/tm[p]/(bash|spec)|^(--)?(extra-)?index-ur[l]\b|find-link[s]=|pythonhoste[d]"
    r"|https?://[^\s\"']+\.(wh[l]|tar\.g[z])\b",
    re.MULTILINE,
)
FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md")
DECISION = re.compile(r"\d{4}-[a-z0-9-]+\.md")
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)( ; [^\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n", re.MULTILINE)


def test_nothing_of_one_machine() -> None:
    """No path of somebody's machine and no address of a package host stands in the tree."""
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in files()}
    found = {shown(path): match[0] for path, text in texts.items() if (match := OF_ONE_MACHINE.search(text))}

    assert found == {}


def test_dependencies_are_pinned() -> None:
    """Each requirement has an exact version and the hashes of its files, and nothing else stands in those files."""
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()

        assert PIN.search(text), path.name
        assert PIN.sub("", text).strip() == "", path.name


def test_runtime_pins_cover_what_users_install() -> None:
    """Every dependency in pyproject.toml is pinned, and dev.txt pins the same versions."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=!~ \[;]", line, maxsplit=1)[0] for line in declared}
    runtime, build, dev = (_pins(name) for name in ("runtime", "build", "dev"))

    assert names - runtime.keys() == set()
    assert (runtime | build).items() - dev.items() == set()


def test_changelog_fragments_are_well_named() -> None:
    """changelog.d holds its README.md and one file per change: what.kind.md, as that README says."""
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]

    assert [name for name in names if not FRAGMENT.fullmatch(name)] == []


def test_decisions_are_numbered() -> None:
    """docs/adr holds 0001-…, 0002-… without a gap, each with its status."""
    decisions = sorted((ROOT / "docs" / "adr").iterdir())

    assert [path.name for path in decisions if not DECISION.fullmatch(path.name)] == []
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    assert [path.name for path in decisions if "\nStatus: " not in path.read_text()] == []


def test_architecture_names_every_room() -> None:
    """docs/ARCHITECTURE.md has a line for each room, and every module it speaks of is there."""
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    rooms = {f"{path.parent.relative_to(SRC)}/" for path in modules()} - {"./"}
    named = set(re.findall(r"`([a-z_/]+(?:/|\.py))`", page))

    assert rooms - named == set()
    assert [name for name in sorted(named) if not (SRC / name).exists() and not (ROOT / name).exists()] == []


def test_architecture_stays_short() -> None:
    """docs/ARCHITECTURE.md is at most 120 lines, so that it is read and kept true."""
    assert len((ROOT / "docs" / "ARCHITECTURE.md").read_text().splitlines()) <= 120


def _pins(name: str) -> dict[str, str]:
    return {match[1]: match[2] for match in PIN.finditer((ROOT / "requirements" / f"{name}.txt").read_text())}
