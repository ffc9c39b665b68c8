"""The page in a real browser against a running service: from the upload to the corrected download.

One recording goes through the page at the beginning (`uploaded`); what follows opens its result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="pip install 'who-said-what[test-page]'")

from playwright.sync_api import Browser, Page, expect

from tests.server.chromium import PATIENCE_MS, Visit, chromium, visit
from tests.server.conftest import KEY, KEYS, Running, service
from tests.server.page_steps import (
    digit_of,
    download,
    open_reader,
    pick,
    repeated,
    result_of,
    turn_of_diane,
)
from tests.server.sounds import SAMPLE, call

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS)

EVIL = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of our own: it gets to remember voices."""
    with service(tmp_path_factory.mktemp("page"), keys=KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def uploaded(browser: Browser, served: Running) -> str:
    """A recording sent through the page by somebody who mistypes the key at first: its job."""
    with visit(browser, served.url) as seen:
        page = seen.page
        dialog = page.get_by_role("dialog", name="API key")
        for key in ("wrong", KEY):
            dialog.get_by_label("Key", exact=True).fill(key)
            dialog.get_by_role("button", name="Use this key").click()
            if key == "wrong":
                expect(dialog.get_by_role("alert")).to_contain_text("does not know this key")
        expect(dialog).to_be_hidden()
        expect(page.get_by_text("None yet.")).to_be_visible()

        page.get_by_text("What do you know about it?").click()
        page.get_by_role("combobox", name="Speakers").select_option("exactly")
        page.get_by_label("How many").fill("2")
        page.get_by_role("combobox", name="Language").select_option("en")
        page.get_by_label("Choose recordings").set_input_files(SAMPLE)
        card = page.get_by_role("listitem").filter(has_text="sample.wav").first
        expect(card.get_by_role("progressbar", name="Progress of sample.wav")).to_be_visible()
        expect(card.locator("[aria-current=step]")).to_have_text("Words")
        expect(page.get_by_role("status")).to_contain_text("sample.wav: ")

        page.wait_for_url("**/#job/*", timeout=5 * PATIENCE_MS)  # the only one opens by itself
        expect(page.get_by_role("heading", name="sample.wav")).to_be_focused()
        expect(page.locator("#facts")).to_contain_text("30 seconds · 2 speakers · English")
        play_from_a_word(page)
        return page.url.rpartition("/")[2]


def play_from_a_word(page: Page) -> None:
    """The file is at hand: it was just sent."""
    word = page.get_by_text("originally", exact=True).first
    word.click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function("document.querySelector('#audio').currentTime > 14.5")
    expect(page.locator(".heard")).to_have_count(1)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


@pytest.fixture
def reader(browser: Browser, served: Running, uploaded: str) -> Iterator[Visit]:
    with open_reader(browser, served, uploaded) as seen:
        yield seen


def test_from_upload_to_corrected_download(
    reader: Visit, served: Running, uploaded: str, browser: Browser
) -> None:
    page = reader.page
    before = result_of(served, uploaded)
    row, diane, other = turn_of_diane(before)

    pick(page, row, "Rename …")
    dialog = page.get_by_role("dialog", name=f"Who is {diane}?")
    dialog.get_by_role("textbox", name="Name").fill("Diane")
    dialog.get_by_label("Remember this voice").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The voice of Diane is remembered.")).to_be_visible()

    page.locator(".row").nth(row).locator("[data-w]").nth(2).click()
    title = f"{other} ({digit_of(other)})"
    page.get_by_role("toolbar", name="What is selected").get_by_title(title).click()
    names = page.locator(".row .name")
    expect(names.nth(row + 1)).to_have_text(other)
    expect(page.locator("#corrected")).to_have_text("2 corrections")

    name, text = download(page, "Everything, exactly")
    assert name == "sample.json"
    after = json.loads(text)
    word = before["utterances"][row]["words"][2]
    speakers = [utterance["speaker"] for utterance in after["utterances"]]
    assert speakers[row : row + 3] == ["Diane", other, "Diane"]
    assert after["utterances"][row + 1]["words"] == [{**word, "speaker": other}]
    assert set(after["speakers"]) == {other, "Diane"}
    said = " ".join(u["text"] for u in after["utterances"])
    assert said == " ".join(u["text"] for u in before["utterances"])

    name, text = download(page, "SubRip subtitles")
    assert name == "sample.srt"
    assert "\n[Diane]: " in text
    assert f"[{diane}]: " not in text

    page.reload()  # corrections outlive it
    expect(page.locator("#corrected")).to_have_text("2 corrections")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(names.nth(row)).to_have_text(diane)
    page.keyboard.press("Control+Shift+z")
    expect(names.nth(row)).to_have_text("Diane")

    assert served.http.get(f"/v1/jobs/{uploaded}/result").json() == before
    with SAMPLE.open("rb") as file:  # and next time the name appears by itself
        job = served.http.post("/v1/jobs", files={"file": file}, data={"words": "false"}).json()
    served.http.get(f"/v1/jobs/{job['id']}/events")
    assert "Diane" in result_of(served, job["id"])["speakers"]


def test_merge_unknown_and_somebody_new(reader: Visit, served: Running, uploaded: str) -> None:
    page = reader.page
    gone = result_of(served, uploaded)["utterances"][1]["speaker"]
    kept = "B" if gone == "A" else "A"
    pick(page, 0, "UNKNOWN")
    expect(page.locator(".row").first.locator(".name")).to_have_text("UNKNOWN")
    expect(page.locator("#lane-names")).to_contain_text("UNKNOWN")
    expect(page.locator("#timeline-text")).to_contain_text("UNKNOWN: ")

    pick(page, 1, "Merge with …")
    page.get_by_role("menuitem", name=kept, exact=True).click()
    names = page.locator(".row .name")
    assert set(names.all_text_contents()) == {"UNKNOWN", kept}

    page.locator(".row").last.locator("[data-w]").first.click()
    page.keyboard.press("t")
    page.keyboard.press("n")
    page.get_by_role("dialog", name="Who is it?").get_by_role("textbox", name="Name").fill(
        "Zoë  O’Hara"
    )
    page.keyboard.press("Enter")
    expect(names.last).to_have_text("Zoë  O’Hara")
    _, text = download(page, "NIST turns")
    assert {line.split()[7] for line in text.splitlines()} == {"UNKNOWN", kept, "Zoë%20%20O’Hara"}


def test_a_name_that_is_markup_stays_text(reader: Visit) -> None:
    page = reader.page
    pick(page, 0, "Rename …")
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill(EVIL)
    page.keyboard.press("Enter")
    expect(page.locator(".row").first.locator(".name")).to_have_text(EVIL)
    page.locator(".row").first.locator("[data-w]").first.click()
    page.locator("#lane-names button").first.click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert page.locator("img").count() == 1  # ours, in the head of the page
    assert page.title() == "sample.wav – Who said what"
    page.keyboard.press("Escape")
    _, text = download(page, "WebVTT subtitles")
    assert "&lt;img src=x" in text


def test_with_the_keyboard_alone(reader: Visit, served: Running, uploaded: str) -> None:
    page = reader.page
    result = result_of(served, uploaded)
    row, diane, other = turn_of_diane(result)
    words, rows = result["utterances"][row]["words"], len(result["utterances"])
    expect(page.get_by_role("heading", name="sample.wav")).to_be_focused()
    page.get_by_role("slider", name="Place in the recording").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    slider = page.get_by_role("slider", name="Place in the recording")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^0:10 of 0:30, .* speaking$"))
    for _ in range(3):  # the speaker's menu, the time, the words
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.w") == "0"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # the focus is seen
    for _ in range(row):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == words[0]["text"]
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == words[1]["text"]
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator(".chosen").all_inner_texts() == [words[1]["text"], words[2]["text"]]
    page.keyboard.press(str(digit_of(other)))
    names = page.locator(".row .name")
    expect(names).to_have_count(rows + 2)  # one row is three
    for place, who in enumerate([diane, other, diane], row):
        expect(names.nth(place)).to_have_text(who)
    page.keyboard.press("Control+z")
    expect(names).to_have_count(rows)
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar", name="What is selected")).to_be_hidden()


def test_what_goes_wrong_is_said_in_a_sentence(browser: Browser, served: Running) -> None:
    with visit(browser, served.url, key=KEY) as seen:
        page = seen.page
        files = page.get_by_label("Choose recordings")
        files.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
        card = page.get_by_role("listitem").filter(has_text="notes.txt").first
        expect(card.locator(".error")).to_contain_text("'notes.txt' ")
        expect(card.get_by_role("progressbar")).to_be_hidden()

        page.get_by_text("What do you know about it?").click()
        page.get_by_role("combobox", name="Speakers").select_option("between")
        page.get_by_label("At least").fill("5")
        page.get_by_label("At most").fill("2")
        files.set_input_files(SAMPLE)
        expect(page.locator("#ask-error")).to_have_text(
            "The fewest speakers are more than the most."
        )

        page.goto("/#job/0123456789abcdef")
        expect(page.locator("#toast")).to_contain_text("There is no such job.")


def test_many_recordings_at_once(browser: Browser, served: Running) -> None:
    """More than a browser has connections for: all are sent, watched, and can be stopped."""
    with visit(browser, served.url, key=KEY) as seen:
        page = seen.page
        expect(page.get_by_role("listitem").first).to_be_visible()
        files = [
            {"name": f"talk {n}.wav", "mimeType": "audio/wav", "buffer": SAMPLE.read_bytes()}
            for n in range(8)
        ]
        page.get_by_label("Choose recordings").set_input_files(files)
        cards = [page.locator(".job").filter(has_text=f"talk {n}.wav") for n in range(8)]
        expect(cards[7].locator(".stage-now")).to_have_text("Waiting …")
        for card in reversed(cards[1:]):
            card.get_by_role("button", name="Stop").click()
            expect(card).to_contain_text("stopped")
        expect(cards[0].get_by_role("link", name="talk 0.wav")).to_have_attribute(
            "href", re.compile("#job/")
        )
        cards[7].get_by_role("button", name="Delete talk 7.wav").click()
        expect(cards[7]).to_have_count(0)
        assert "#" not in page.url  # of several none opens by itself


def test_a_call_with_a_person_on_each_channel(browser: Browser, served: Running) -> None:
    with visit(browser, served.url, key=KEY) as seen:
        page = seen.page
        page.get_by_text("What do you know about it?").click()
        page.get_by_label("One person per channel").check()
        page.get_by_label("Write down the words").uncheck()
        file = {"name": "call.wav", "mimeType": "audio/wav", "buffer": call()}
        page.get_by_label("Choose recordings").set_input_files(file)
        page.wait_for_url("**/#job/*", timeout=5 * PATIENCE_MS)
        expect(page.locator("#facts")).to_contain_text("2 speakers")
        turns = result_of(served, page.url.rpartition("/")[2])["turns"]
        assert sum(t["end"] - t["start"] for t in turns) > 9.5  # of 8.5 s: both at once


def test_hours_of_speech(browser: Browser, served: Running, uploaded: str) -> None:
    """Words are elements only near the window, and every word can be reached all the same."""
    once = result_of(served, uploaded)
    times = 120  # an hour, 10,000 words
    kept = Path(served.app.state.service.settings.data) / "jobs" / uploaded / "result.json"
    short = kept.read_text("utf-8")
    kept.write_text(json.dumps(repeated(once, times)), "utf-8")
    try:
        with open_reader(browser, served, uploaded) as seen:
            page = seen.page
            assert page.locator(".row").count() == len(once["utterances"]) * times
            assert page.locator("[data-w]").count() < 2000
            page.get_by_role("slider").focus()
            page.keyboard.press("+")
            expect(page.locator("#overview")).to_be_visible()
            page.keyboard.press("End")
            page.locator(".row").last.scroll_into_view_if_needed()
            expect(page.locator(".row").last.locator("[data-w]").first).to_be_visible()
            assert page.locator("[data-w]").count() < 2000
    finally:
        kept.write_text(short, "utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Browser, served: Running, uploaded: str, scheme: str) -> None:
    phone = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}
    with open_reader(browser, served, uploaded, **phone, color_scheme=scheme) as seen:
        page = seen.page
        assert page.locator("html").get_attribute("data-theme") == scheme
        page.locator(".row [data-w]").first.tap()
        expect(page.get_by_role("toolbar", name="What is selected")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        small = "[...document.querySelectorAll('#dock button, #dock select, .row button')]"
        heights = page.evaluate(f"{small}.filter(b => b.offsetHeight).map(b => b.offsetHeight)")
        assert min(heights) >= 24  # WCAG 2.5.8
        other = "dark" if scheme == "light" else "light"
        page.get_by_role("button", name=f"{other.title()} colours").tap()
        assert page.locator("html").get_attribute("data-theme") == other


def test_everything_has_a_name(reader: Visit) -> None:
    """Landmarks, and a name for whatever can be used (WCAG 1.3.1, 4.1.2)."""
    page = reader.page
    for role in ("banner", "main"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("region", name="Player")).to_be_visible()
    expect(page.get_by_role("region", name="Who spoke when")).to_be_visible()
    tree = page.locator("body").aria_snapshot()
    nameless = [
        line
        for line in tree.splitlines()
        if re.search(r"- (button|link|slider|combobox)(:|$)", line)
    ]
    assert nameless == []
