"""What the page is served with, and whether its colours can be read."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright", reason="pip install 'who-said-what[test-page]'")

from tests.server.chromium import chromium, visit
from tests.server.conftest import Running

PAIRS = [
    ("ink", "ground"), ("ink", "surface"), ("ink", "sunken"), ("soft", "ground"),
    ("soft", "surface"), ("soft", "sunken"), ("accent", "ground"), ("accent", "surface"),
    ("on-accent", "accent"), ("ink", "accent-wash"), ("mark-ink", "mark"),
    ("danger", "danger-wash"), ("unknown", "surface"),
    *((f"s{n}", "surface") for n in range(8)), *(("on-speaker", f"s{n}") for n in range(8)),
]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_text(running: Running, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    with chromium() as browser, visit(browser, running.url, color_scheme=scheme) as seen:
        values = seen.page.evaluate(
            "names => names.map(n => getComputedStyle(document.documentElement)"
            ".getPropertyValue('--' + n).trim())",
            [name for pair in PAIRS for name in pair],
        )
    found = dict(zip(PAIRS, zip(values[::2], values[1::2], strict=True), strict=True))
    weak = {pair: contrast(*colours) for pair, colours in found.items()}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def contrast(one: str, two: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(w * s for w, s in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_policy_that_the_page_is_served_with(running: Running) -> None:
    policy = running.http.get("/").headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    page = running.http.get("/").text
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?://", page) == []
    assert running.http.post("/v1/nothing").status_code == 404
