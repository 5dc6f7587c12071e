"""The demonstration in Chromium against the whole service: what a newcomer presses in the first two minutes.

The words are looked up in the catalogues, so that a better one spoils nothing here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from bot import demo
from bot.settings import Settings
from bot.texts import Texts, words
from tests.web import BROWSER_ARGS, need_browser

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
NEXT, HOUR, DAY = "До следващото напомняне", "+1 час", "+1 ден"
MEETING = "Родителска среща"
TEXTS = Texts.load()


def t(key: str, **values: Any) -> str:
    """A text as the service says it."""
    return TEXTS(words(key, **values), "bg")


@dataclass(frozen=True)
class Seen:
    """A newcomer's page."""

    page: Page

    @property
    def ribbon(self) -> Any:
        return self.page.get_by_role("region", name="Демонстрация")

    async def press(self, label: str) -> None:
        """A button of the ribbon."""
        await self.ribbon.get_by_role("button", name=label).click()

    async def becomes(self, name: str) -> None:
        await self.press(name)
        await self.ribbon.locator("[aria-current]", has_text=name).wait_for()

    async def is_at(self, pattern: str) -> None:
        await self.page.locator(".now", has_text=re.compile(f"^{pattern}$")).wait_for()

    async def tap(self, label: str) -> None:
        """The newest button of the talk that says so."""
        await self.page.locator(".log button", has_text=label).last.click()

    async def sees(self, text: str) -> None:
        """Wait until the newest message begins so."""
        begins = re.compile(f"^{re.escape(text)}")
        await self.page.locator(".line.ours:last-child .words", has_text=begins).wait_for()

    async def newest(self) -> str:
        return str(await self.page.locator(".line.ours .words").last.inner_text())

    async def writes(self, text: str) -> None:
        await self.page.get_by_label("Вашето съобщение").fill(text)
        await self.page.get_by_label("Вашето съобщение").press("Enter")

    async def faults(self) -> list[str]:
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("axe.run()")
        assert len(found["passes"]) > 10
        return [f"{v['id']}: {node['html'][:120]}" for v in found["violations"] for node in v["nodes"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = need_browser()
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=list(BROWSER_ARGS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """A demonstration of one's own, to turn its clock."""
    async with demo.opened(Settings(data_dir=tmp_path, port=0)) as service:
        yield service.address


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A demonstration in which nobody turns the clock."""
    async with demo.opened(Settings(data_dir=tmp_path_factory.mktemp("still"), port=0)) as service:
        yield service.address


@asynccontextmanager
async def looking(browser: Browser, address: str, **options: Any) -> AsyncIterator[Seen]:
    """Somebody opens the page for the first time. An error on the page fails the test."""
    wrong: list[str] = []
    context = await browser.new_context(reduced_motion="reduce", **options)
    page = await context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    try:
        await page.goto(address)
        yield Seen(page)
    finally:
        await context.close()
    assert wrong == []


async def test_a_reminder_arrives_and_a_mother_answers_it(browser: Browser, address: str) -> None:
    async with looking(browser, address, **PHONE) as seen:
        await seen.is_at("вт .*, 9:00")
        await seen.page.evaluate("window.same = true")
        await seen.press(NEXT)
        await seen.sees("Мария")
        await seen.is_at("ср .*, 17:3.")
        assert MEETING in await seen.newest()
        assert "(утре)" in await seen.newest()
        assert await seen.page.evaluate("window.same"), "it came by itself, on the page that was open"
        today = (await seen.page.locator(".now").inner_text())[3:8]
        assert (await seen.page.locator(".day").last.inner_text()).startswith(today), "under the day that it is now"
        await seen.tap(t("button.coming"))
        await seen.sees(t("rsvp.yes"))
        own = await seen.page.locator(".mine time").last.inner_text()
        assert own.startswith("17:3"), "what the person says bears the demonstration's time"
        await seen.tap(t("button.leave_at", at="17:00"))
        await seen.page.locator(".line.ours:last-child .words", has_text="17:00").wait_for()
        assert await seen.faults() == []
        await seen.tap(t("button.changed_mind"))
        await seen.sees("❌ Няма да дойдете")
        await seen.tap(t("button.coming"))
        await seen.sees(t("rsvp.yes"))


async def test_the_evening_after_it_she_is_asked_how_it_was(browser: Browser, address: str) -> None:
    async with looking(browser, address, **PHONE) as seen:
        await seen.press(NEXT)
        await seen.is_at("ср .*")
        await seen.tap(t("button.coming"))
        await seen.sees(t("rsvp.yes"))
        await seen.press(NEXT)
        await seen.is_at("чт .*, 15:3.")
        await seen.press(NEXT)
        await seen.is_at("чт .*, 19:0.")
        faces = [t(f"button.face_{face}") for face in ("good", "so_so", "bad")]
        for face in faces:
            await seen.page.get_by_role("button", name=face).wait_for()
        await seen.tap(faces[0])
        await seen.sees(t("feedback.thanks", face=faces[0]).partition("\n")[0])
        assert await seen.faults() == []


async def test_the_mediator_sees_who_comes_and_marks_who_came(browser: Browser, address: str) -> None:
    async with looking(browser, address, **PHONE) as seen:
        await seen.press(NEXT)
        await seen.is_at("ср .*")
        await seen.tap(t("button.coming"))
        await seen.sees(t("rsvp.yes"))
        await seen.becomes("Ани")
        await seen.writes("/agenda")
        await seen.sees(t("agenda.title"))
        await seen.tap(MEETING)
        await seen.tap(t("event.act_who"))
        await seen.page.get_by_text("✅ Мария Примерова").wait_for()
        assert await seen.faults() == []
        await seen.press(DAY)
        await seen.is_at("чт .*, 17:3.")
        await seen.writes("/agenda")
        await seen.tap(MEETING)
        await seen.tap(t("event.act_attend"))
        await seen.tap("⬜ Мария Примерова")
        await seen.page.get_by_role("button", name="☑️ Мария Примерова").wait_for()
        assert await seen.faults() == []
        await seen.tap(t("button.done"))
        await seen.sees(t("attend.finished", came=1, absent=5).partition(".")[0])


async def test_without_a_script_the_same_two_forms_do_it(browser: Browser, address: str) -> None:
    async with looking(browser, address, java_script_enabled=False, **PHONE) as seen:
        await seen.press(NEXT)
        await seen.is_at("ср .*, 17:3.")
        assert "(утре)" in await seen.newest()
        await seen.tap(t("button.coming"))
        await seen.sees(t("rsvp.yes"))
        await seen.becomes("Иван")
        assert (await seen.newest()).startswith("Иван")
        await seen.becomes("Нов човек")
        await seen.page.get_by_role("button", name="▶ Започни").wait_for()


async def test_everybody_has_a_chat_of_their_own_and_somebody_new_registers(browser: Browser, still: str) -> None:
    async with looking(browser, still, **DESK) as seen:
        await seen.page.get_by_label("Вашето съобщение").fill("думи на Мария")
        for name in ("Иван", "Ани", "Петя"):
            await seen.becomes(name)
            greeting = t("menu.home", name=name).partition("\n")[0]
            assert greeting in await seen.page.locator(".log").inner_text()
            assert await seen.page.get_by_label("Вашето съобщение").input_value() == ""
        await seen.becomes("Нов човек")
        await seen.tap("▶ Започни")
        await seen.page.get_by_role("button", name="🇧🇬 Български").wait_for()
        await seen.becomes("Мария")
        assert MEETING in await seen.newest()


# --- how it looks -----------------------------------------------------------------------------------------------------

LOOKS = [
    pytest.param({**size, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, size in (("phone", PHONE), ("desk", DESK))
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize("look", LOOKS)
async def test_the_ribbon_leaves_the_chat_its_room_and_axe_finds_nothing(
    browser: Browser, still: str, look: dict[str, Any]
) -> None:
    async with looking(browser, still, **look) as seen:
        assert "измислени хора" in await seen.ribbon.inner_text()
        assert await seen.faults() == []
        found = await seen.page.evaluate(
            """() => {
                const [ribbon, phone, write] = [".demo", ".phone", ".write"]
                    .map(query => document.querySelector(query).getBoundingClientRect());
                const { scrollWidth, scrollHeight } = document.documentElement;
                return {
                    above: ribbon.bottom <= phone.top, whole: write.bottom <= innerHeight,
                    slim: ribbon.height < phone.height / 4,
                    still: scrollWidth <= innerWidth && scrollHeight <= innerHeight,
                };
            }"""
        )
        assert found == dict.fromkeys(("above", "whole", "slim", "still"), True)
        small = await seen.page.evaluate(
            """() => [...document.querySelectorAll(".demo button")].map(e => [e.innerText, e.getBoundingClientRect()])
                .filter(([_, box]) => box.width < 36 || box.height < 36).map(([name]) => name)"""
        )
        assert small == []


async def test_it_can_be_folded_and_stays_so(browser: Browser, still: str) -> None:
    async with looking(browser, still, **PHONE) as seen:
        await seen.ribbon.locator("summary").click()
        await seen.page.wait_for_function("sessionStorage.getItem('demo:folded')")  # it is kept a moment after the fold
        await seen.page.reload()
        await seen.ribbon.get_by_role("button", name=NEXT).wait_for(state="hidden")
        assert "вт" in await seen.page.locator(".now").inner_text()
        assert (await seen.ribbon.bounding_box())["height"] < 50
        await seen.ribbon.locator("summary").click()
        await seen.ribbon.get_by_role("button", name=NEXT).wait_for()


async def test_the_keyboard_reaches_it_first_and_turns_the_clock(browser: Browser, address: str) -> None:
    async with looking(browser, address, **DESK) as seen:
        await seen.page.evaluate("document.activeElement.blur(); document.querySelector('.demo summary').focus()")
        await seen.page.keyboard.press("Tab")
        focused = "e => [e.innerText.trim(), e.matches(':focus-visible') && getComputedStyle(e).outlineStyle]"
        assert await seen.page.evaluate(f"({focused})(document.activeElement)") == [f"⏩ {NEXT}", "solid"]
        await seen.page.keyboard.press("Enter")
        await seen.is_at("ср .*, 17:3.")
        assert (await seen.page.evaluate(f"({focused})(document.activeElement)"))[0] == f"⏩ {NEXT}", "the focus stays"
        assert re.search("17:3", await seen.page.get_by_role("status").first.inner_text()), "and it is said aloud"


async def test_another_page_learns_that_the_clock_was_turned(browser: Browser, address: str) -> None:
    async with looking(browser, address, **DESK) as seen:
        other = await seen.page.context.new_page()
        await other.goto(address)
        await seen.press(DAY)
        await seen.is_at("ср .*")
        assert (await other.locator(".now").inner_text()).startswith("вт")
        await other.evaluate("dispatchEvent(new Event('focus'))")  # somebody goes over to it
        await other.locator(".now", has_text="ср").wait_for()


@pytest.mark.parametrize("width", [320, 768, 1280])
async def test_text_twice_as_large_needs_no_sideways_scrolling(browser: Browser, still: str, width: int) -> None:
    async with looking(browser, still, viewport={"width": width, "height": 740}) as seen:
        await seen.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
