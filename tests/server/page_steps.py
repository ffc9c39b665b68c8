"""What somebody does on the page again and again, and what a result holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.server.chromium import Visit, visit
from tests.server.conftest import KEY, Running


@contextmanager
def open_reader(browser: Browser, served: Running, job: str, **options: Any) -> Iterator[Visit]:
    """A visit by somebody signed in who opens a job."""
    with visit(browser, served.url, f"/#job/{job}", key=KEY, **options) as seen:
        expect(seen.page.locator(".row [data-w]").first).to_be_visible()
        yield seen


def result_of(served: Running, job: str) -> dict[str, Any]:
    found: dict[str, Any] = served.http.get(f"/v1/jobs/{job}/result").json()
    return found


def download(page: Page, label: str) -> tuple[str, str]:
    """Name and text of what the menu gives."""
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as started:
        page.get_by_role("menuitem", name=label).click()
    return started.value.suggested_filename, Path(started.value.path()).read_text("utf-8")


def pick(page: Page, row: int, entry: str) -> None:
    """Choose from the menu of a row."""
    page.locator(".row").nth(row).locator(".speaker").click()
    page.get_by_role("menu").locator(".name").get_by_text(entry, exact=True).click()


def turn_of_diane(result: dict[str, Any]) -> tuple[int, str, str]:
    """Where she says her name, her label, and that of the other one."""
    assert set(result["speakers"]) == {"A", "B"}
    row = next(i for i, u in enumerate(result["utterances"]) if "Diane" in u["text"])
    diane = result["utterances"][row]["speaker"]
    return row, diane, "B" if diane == "A" else "A"


def digit_of(speaker: str) -> int:
    return "AB".index(speaker) + 1


def repeated(result: dict[str, Any], times: int) -> dict[str, Any]:
    """The same conversation again and again."""

    def shifted(value: Any, by: float) -> Any:
        if isinstance(value, list):
            return [shifted(one, by) for one in value]
        if not isinstance(value, dict):
            return value
        moved = {k: v + by if k in ("start", "end") else shifted(v, by) for k, v in value.items()}
        return moved

    lists = {
        key: [one for n in range(times) for one in shifted(result[key], n * result["duration"])]
        for key in ("turns", "exclusive", "utterances")
    }
    return {**result, **lists, "duration": result["duration"] * times}
