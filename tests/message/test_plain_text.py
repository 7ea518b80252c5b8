"""Text beside HTML."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.message.plain_text import plain_text


@pytest.mark.parametrize(
    "html, text",
    [
        ("<p>Hello  <b>Bob</b>,</p><p>yours,<br>Ann", "Hello Bob,\n\nyours,\nAnn\n"),
        ("<ul><li>one<li>two</ul>x", "- one\n- two\n\nx\n"),
        ('Go <a href="https://example.org/?a=1&amp;b=2">here</a>.', "Go here (https://example.org/?a=1&b=2).\n"),
        ('<a href="https://example.org/">https://example.org/</a>', "https://example.org/\n"),
        ('<a href="mailto:ann@x.y">ann@x.y</a>', "ann@x.y\n"),
        ('<a href="javascript:alert(1)">x</a> <a name=y>z</a>', "x z\n"),
        ("<head><title>t</title><style>b{}</style></head><body>x<script>if (a<b) {}</script>y", "xy\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a  b\nc\n"),
        ("a<!-- <p>no</p> -->b", "ab\n"),
        ("1 < 2 &lt; 3 &amp;amp; &uuml;&#252;", "1 < 2 < 3 &amp; üü\n"),
        ("<!DOCTYPE html><?xml x?><h1>T</h1>x", "T\n\nx\n"),
        ("<p>a<p><p><p>b", "a\n\nb\n"),
        ("a<script>never closed", "a\n"),
        ("a<!-- never closed", "a\n"),
        ("a<b never closed", "a\n"),
        ("", "\n"),
    ],
)
def test_what_a_reader_sees(html: str, text: str) -> None:
    """Words, paragraphs, lists, links."""
    assert plain_text(html) == text


@given(st.text("<>/!-ab \n\"'=&;#", max_size=200))
def test_anything_is_read(html: str) -> None:
    """Without an error, and without a tag of what was closed."""
    assert plain_text(html).endswith("\n")


@pytest.mark.parametrize("piece", ["<!--", "<a ", "<script>", "</", "&", "<a href=", "&#", "<p>" * 3, "İ<script>"])
def test_hostile_html_costs_little(piece: str) -> None:
    """E13: time grows with the length alone."""
    html = piece * (500_000 // len(piece))
    begun = time.process_time()
    plain_text(html)

    assert time.process_time() - begun < 1.5
