"""Debian's Chromium, headless, driven by playwright (which brings no browser of its own here)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 90_000
"""Machines that run tests are busy; what goes wrong is told after this time."""


@dataclass
class Visit:
    """A page of the service, with what it asked for and what went wrong in it."""

    page: Page
    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; `DIARIZE_CHROMIUM` names another one."""
    found = os.environ.get("DIARIZE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(
            "the tests of the page need Chromium: apt-get install chromium, "
            "or leave them out with `pytest -m 'not browser'`"
        )
    # Root, as in containers, cannot have Chromium's sandbox; the page under test is our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@contextmanager
def visit(
    browser: Browser, url: str, path: str = "/", key: str | None = None, **options: Any
) -> Iterator[Visit]:
    """Open a page as somebody new, who has typed `key` before.

    In the end nothing may have gone wrong unseen: no exception, no violation of the content
    security policy, no request to another machine.
    """
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(PATIENCE_MS)
    if key is not None:
        context.add_init_script(f"sessionStorage.setItem('diarize-api-key', {json.dumps(key)})")
    page = context.new_page()
    seen = Visit(page, context)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("pageerror", lambda error: seen.failures.append(str(error)))
    page.on(
        "console",
        lambda message: seen.failures.append(message.text) if _is_policy(message.text) else None,
    )
    try:
        page.goto(path)
        yield seen
        assert seen.failures == []
        own = (url.rstrip("/") + "/", f"blob:{url.rstrip('/')}/")
        assert [request for request in seen.requests if not request.startswith(own)] == []
    finally:
        context.close()


def _is_policy(text: str) -> bool:
    return "Content Security Policy" in text or "TrustedHTML" in text
