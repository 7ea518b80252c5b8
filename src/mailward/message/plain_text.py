"""The plain text that stands beside HTML: its words, its paragraphs, its lists, and where its links lead."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_TAG = re.compile(r"/?+([A-Za-z][A-Za-z0-9]*+)")
_HREF = re.compile(r"""\shref\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f]++")
_MANY_LINES = re.compile(r"\n{3,}+")
_SILENT: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
_PARAGRAPHS: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "pre", "hr"}
)
_LINES: Final = frozenset({"br", "div", "tr", "li", "section", "article", "header", "footer", "body"})


def plain_text(html: str) -> str:
    """What a reader without HTML should see of `html`. Reads once from left to right, whatever it is given."""
    reader = _Reader(html)
    reader.read()
    lines = (line.strip(" ") for line in "".join(reader.out).split("\n"))
    return _MANY_LINES.sub("\n\n", "\n".join(lines)).strip("\n") + "\n"


class _Reader:
    def __init__(self, html: str) -> None:
        self._html = html
        self._lower = html.lower() if len(html.lower()) == len(html) else html  # a letter may become two
        self.out: list[str] = []
        self._link = ""
        self._linked: list[str] = []

    def read(self) -> None:
        position = 0
        while (start := self._html.find("<", position)) >= 0:
            self._say(self._html[position:start])
            position = self._past(start)
        self._say(self._html[position:])

    def _past(self, start: int) -> int:
        """Where the text goes on behind the tag or comment that begins at `start`."""
        if self._html.startswith("<!--", start):
            return self._behind("-->", start + 4)
        found = _TAG.match(self._html, start + 1)
        if found is None and not self._html.startswith(("<!", "<?"), start):
            self._say("<")
            return start + 1
        end = self._behind(">", start)
        if found is None:
            return end
        name = found[1].lower()
        if name in _SILENT and not self._html.startswith("</", start):
            close = self._lower.find(f"</{name}", end)
            return len(self._html) if close < 0 else self._behind(">", close)
        self._tag(name, self._html[start:end], closing=self._html.startswith("</", start))
        return end

    def _behind(self, what: str, start: int) -> int:
        end = self._html.find(what, start)
        return len(self._html) if end < 0 else end + len(what)

    def _tag(self, name: str, tag: str, *, closing: bool) -> None:
        if name in _PARAGRAPHS:
            self.out.append("\n\n")
        elif name in _LINES and not (closing and name != "div"):
            self.out.append("\n- " if name == "li" else "\n")
        elif name in {"td", "th"} and closing:
            self.out.append("  ")
        elif name == "a":
            self._anchor(tag, closing=closing)

    def _anchor(self, tag: str, *, closing: bool) -> None:
        if closing:
            words = "".join(self._linked).strip()
            if self._link.startswith(("http://", "https://", "mailto:")) and self._link not in {
                words,
                f"mailto:{words}",
            }:
                self.out.append(f" ({self._link})")
        found = None if closing else _HREF.search(tag)
        self._link = unescape(found[1] or found[2] or found[3] or "").strip() if found else ""
        self._linked = []

    def _say(self, text: str) -> None:
        words = _SPACE.sub(" ", unescape(text))
        if words:
            self.out.append(words)
            self._linked.append(words)
