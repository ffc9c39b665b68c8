"""The page in several tabs, beside others who delete, and with a service that does not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install 'who-said-what[test-page]'")

from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.server.chromium import PATIENCE_MS, chromium, visit
from tests.server.conftest import Running, service
from tests.server.page_steps import pick, result_of
from tests.server.sounds import DIALOGUE, spoken

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS)

CLIP = spoken(DIALOGUE)
PHONE = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with service(tmp_path_factory.mktemp("tabs")) as running:
        yield running


@pytest.fixture(scope="module")
def done(served: Running) -> str:
    """A job with a transcript of two people."""
    job = submit(served, "dialogue.wav")
    served.http.get(f"/v1/jobs/{job}/events")
    said = [utterance["speaker"] for utterance in result_of(served, job)["utterances"]]
    assert set(said) == {"A", "B"}
    assert said[0] != said[1]
    return job


@pytest.fixture
def queued(served: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Three jobs that nobody begins with."""
    monkeypatch.setattr(served.app.state.jobs.store, "claim", lambda: None)
    jobs = [submit(served, f"talk {n}.wav") for n in range(3)]
    yield jobs
    for job in jobs:
        served.http.delete(f"/v1/jobs/{job}")


def submit(served: Running, name: str) -> str:
    job: str = served.http.post("/v1/jobs", files={"file": (name, CLIP)}).json()["id"]
    return job


def listed(served: Running) -> Any:
    return served.http.get("/v1/jobs?limit=100").json()


def card_of(page: Page, name: str) -> Locator:
    return page.locator(".job").filter(has_text=name)


def test_many_tabs_while_there_is_work(
    browser: Browser, served: Running, done: str, queued: list[str]
) -> None:
    """More than a browser has connections for."""
    with visit(browser, served.url) as seen:
        tabs = [seen.page, *(seen.context.new_page() for _ in range(7))]
        for tab in tabs:
            tab.goto("/")
            expect(card_of(tab, "talk 2.wav").locator(".left")).to_have_text("2 before it")
        tabs[0].goto(f"/#job/{done}")
        expect(tabs[0].get_by_role("heading", name="dialogue.wav")).to_be_focused()
        card_of(tabs[7], "talk 0.wav").get_by_role("button", name="Stop").click()
        for tab in tabs[1:]:
            expect(card_of(tab, "talk 0.wav")).to_contain_text("stopped")


def test_what_is_deleted_elsewhere_goes(
    browser: Browser, served: Running, queued: list[str]
) -> None:
    with visit(browser, served.url) as seen:
        page = seen.page
        expect(card_of(page, "talk 0.wav")).to_be_visible()
        served.http.delete(f"/v1/jobs/{queued[0]}")
        expect(card_of(page, "talk 0.wav")).to_have_count(0)
        expect(card_of(page, "talk 1.wav")).to_be_visible()

        # What the page is told goes through here, so that no look is under way when one is deleted.
        page.route("**/v1/jobs?*", lambda route: route.fulfill(json=listed(served)))
        page.reload()
        card_of(page, "talk 1.wav").get_by_role("button", name="Stop").click()
        card_of(page, "talk 2.wav").get_by_role("button", name="Stop").click()
        expect(card_of(page, "talk 2.wav")).to_contain_text("stopped")
        before = listed(served)
        page.route("**/v1/jobs?*", lambda route: route.fulfill(json=before))
        served.http.delete(f"/v1/jobs/{queued[1]}")
        card_of(page, "talk 1.wav").get_by_role("button", name="Delete talk 1.wav").click()
        expect(card_of(page, "talk 1.wav")).to_have_count(0)
        expect(page.locator("#toast")).to_be_hidden()


def test_work_that_is_too_old_to_be_listed(
    browser: Browser, served: Running, queued: list[str]
) -> None:
    with visit(browser, served.url) as seen:
        page = seen.page
        expect(card_of(page, "talk 1.wav").locator(".left")).to_have_text("1 before it")
        newer = [{"id": f"{n:032x}", "state": "cancelled"} for n in range(100)]
        page.route("**/v1/jobs?*", lambda route: route.fulfill(json={"jobs": newer}))
        served.http.delete(f"/v1/jobs/{queued[0]}")
        expect(card_of(page, "talk 0.wav")).to_have_count(0)
        served.http.post(f"/v1/jobs/{queued[1]}/cancel")
        expect(card_of(page, "talk 1.wav")).to_contain_text("stopped")
        expect(card_of(page, "talk 2.wav").locator(".stage-now")).to_have_text("Waiting …")


def test_what_keeps_work_waiting(browser: Browser, served: Running, queued: list[str]) -> None:
    answer = listed(served)
    answer["jobs"][0]["error"] = {"message": "the disk is full"}
    with visit(browser, served.url) as seen:
        seen.page.route("**/v1/jobs?*", lambda route: route.fulfill(json=answer))
        told = card_of(seen.page, "talk 2.wav").locator(".stage-now")
        expect(told).to_have_text("the disk is full")


def test_a_service_that_goes_and_comes_back(
    browser: Browser, served: Running, queued: list[str]
) -> None:
    with visit(browser, served.url) as seen:
        told = card_of(seen.page, "talk 0.wav").locator(".stage-now")
        expect(told).to_have_text("Waiting …")
        seen.context.set_offline(True)
        expect(told).to_have_text("The connection to the service is lost: trying again …")
        seen.context.set_offline(False)
        expect(told).to_have_text("Waiting …")


def test_a_recording_is_not_sent_again_and_again(browser: Browser, served: Running) -> None:
    with visit(browser, served.url) as seen:
        page = seen.page
        sent: list[str] = []
        ready = iter(["not_ready", "model_not_available"])

        def refuse(route: Route) -> None:
            sent.append(route.request.method)
            code = "not_ready"
            route.fulfill(status=503, body=problem(code), headers={"Retry-After": "1"})

        page.route("**/v1/jobs", refuse)
        page.route("**/readyz", lambda route: route.fulfill(status=503, body=problem(next(ready))))
        choose(page, "a.wav")
        expect(card_of(page, "a.wav").locator(".stage-now")).to_have_text("It says not_ready.")
        expect(card_of(page, "a.wav").locator(".error")).to_have_text(
            "It says model_not_available."
        )
        assert sent == ["POST"]

        page.unroute("**/v1/jobs")
        page.route("**/v1/jobs", lambda r: r.fulfill(status=500, body=problem("model_lost")))
        choose(page, "b.wav")
        expect(card_of(page, "b.wav").locator(".error")).to_have_text("It says model_lost.")


def problem(code: str) -> str:
    return json.dumps({"error": {"code": code, "message": f"it says {code}"}})


def choose(page: Page, name: str, content: bytes = CLIP) -> None:
    file = {"name": name, "mimeType": "audio/wav", "buffer": content}
    page.get_by_label("Choose recordings").set_input_files(file)


def test_corrections_in_two_tabs(browser: Browser, served: Running, done: str) -> None:
    """Nothing that is done in one is overwritten in the other."""
    with visit(browser, served.url, f"/#job/{done}") as seen:
        one, two = seen.page, seen.context.new_page()
        two.goto(f"/#job/{done}")
        expect(two.locator(".row [data-w]").first).to_be_visible()
        rename(one, 0, "Diane")
        expect(two.locator(".row .name").first).to_have_text("Diane")
        rename(two, 1, "Sheila")
        for tab in (one, two):
            expect(tab.locator("#corrected")).to_have_text("2 corrections")
            assert tab.locator(".row .name").all_text_contents()[:2] == ["Diane", "Sheila"]
        one.reload()
        expect(one.locator("#corrected")).to_have_text("2 corrections")


def test_a_correction_of_which_this_tab_has_not_heard(
    browser: Browser, served: Running, done: str
) -> None:
    first, second = [one["speaker"] for one in result_of(served, done)["utterances"]][:2]
    renamed = {"type": "rename", "from": first, "to": "Diane"}
    kept = json.dumps({"commands": [renamed], "position": 1})
    with visit(browser, served.url, f"/#job/{done}") as seen:
        page = seen.page
        names = page.locator(".row .name")
        expect(names.first).to_have_text(first)
        page.evaluate(
            "kept => localStorage.setItem(...kept)", [f"diarize-corrections-{done}", kept]
        )
        rename(page, 1, "Sheila")
        expect(page.locator("#toast")).to_contain_text("Another tab has corrected this transcript")
        assert names.all_text_contents()[:2] == ["Diane", second]
        rename(page, 1, "Sheila")
        expect(page.locator("#corrected")).to_have_text("2 corrections")


def rename(page: Page, row: int, name: str) -> None:
    pick(page, row, "Rename …")
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_long_file_names_on_a_phone(browser: Browser, served: Running) -> None:
    with visit(browser, served.url, **PHONE) as seen:
        page = seen.page
        choose(page, f"WhatsApp Audio 2026-11-22 {'at 10.33.12 ' * 9}.mp4")
        choose(page, f"{'x' * 100}.wav", b"no sound")
        expect(card_of(page, "xxx").locator(".error")).to_contain_text("xxx")
        expect(card_of(page, "WhatsApp").locator(".job-name .quiet")).to_contain_text("seconds")
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_help_opens_at_its_beginning(browser: Browser, served: Running) -> None:
    with visit(browser, served.url, **PHONE) as seen:
        page = seen.page
        page.get_by_role("button", name="Keys and help").tap()
        expect(page.get_by_role("heading", name="Keys", exact=True)).to_be_focused()
        assert page.locator("#help-dialog").evaluate("dialog => dialog.scrollTop") == 0
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Keys and help")).to_be_focused()


def test_recordings_older_than_the_newest_hundred(
    browser: Browser, served: Running, queued: list[str]
) -> None:
    for n in range(100):
        queued.append(submit(served, f"newer {n}.wav"))
        served.http.post(f"/v1/jobs/{queued[-1]}/cancel")
    with visit(browser, served.url) as seen:
        page = seen.page
        expect(page.locator(".job")).to_have_count(100)
        expect(page.locator(".job").last).to_contain_text("newer 0.wav")
        page.get_by_role("button", name="Show older recordings").click()
        expect(page.locator(".job").nth(100)).to_contain_text("talk 2.wav")
        expect(page.get_by_role("button", name="Delete talk 2.wav")).to_be_focused()
        expect(page.get_by_role("button", name="Show older recordings")).to_be_hidden()
        card_of(page, "talk 1.wav").get_by_role("button", name="Stop").click()
        expect(card_of(page, "talk 1.wav")).to_contain_text("stopped")
