"""How the chat page looks in Chromium: what is in sight, what is large enough, what everybody can use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.messages import Button, Incoming, Outgoing
from tests.web.fake_bot import MENU, registration
from tests.web.looking import FAILED, LOOKS, PHONE, SIZES, in_sight, looking, register, violations

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")


def long_talk(incoming: Incoming) -> Sequence[Outgoing]:
    return [Outgoing(f"{n}. " + "Дълго обяснение на няколко реда. " * 4) for n in range(12)] + list(
        registration(incoming)
    )


@SIZES
async def test_the_newest_question_is_in_sight_and_what_is_tapped_is_large_enough(
    browser: Browser, size: dict[str, Any]
) -> None:
    async with looking(browser, long_talk, **size) as seen:
        await seen.tap("▶ Започни")
        await seen.page.get_by_role("button", name="Български").wait_for()
        await seen.page.reload()
        assert await in_sight(seen.page, "button.answer")
        assert await in_sight(seen.page, ".funding")
        small = await seen.page.evaluate(
            """() => [...document.querySelectorAll("button, input:not([type=hidden]), .dial, .answer")]
                .map(e => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()])
                .filter(([_, box]) => box.width && (box.width < 44 || box.height < 44)).map(([name]) => name)"""
        )
        assert small == []


CONTRACT = "\n".join(f"{n}. Дълго обяснение на няколко реда, което всеки трябва да прочете." for n in range(1, 12))
YES_NO = ((Button("✅ Да", "1.sure.yes"),), (Button("❌ Не", "1.sure.no"),), (Button("☎ Човек", "/person"),))
CARD = ((Button("📅 Събития", "/agenda"),), (Button("⬅ Назад", "/staff"),))


@SIZES
async def test_a_long_text_is_read_whole_from_its_beginning_and_a_way_leads_to_its_buttons(
    browser: Browser, size: dict[str, Any]
) -> None:
    async with looking(browser, lambda _: [Outgoing(CONTRACT, YES_NO)], **size) as seen:
        way = seen.page.get_by_role("button", name="Към бутоните")
        await seen.tap("▶ Започни")
        await seen.sees("1. Дълго")
        for again in (False, True):
            if again:
                await seen.page.reload()
            await way.wait_for()
            assert await top_of_the_newest(seen.page) >= 0, "its beginning is in sight"
            assert not await in_sight(seen.page, ".answers button"), "and none of its words is behind a button"
            assert await seen.page.evaluate("document.querySelector('.down').getBoundingClientRect().width") >= 44
            assert await violations(seen.page) == []
            await way.click()
            await way.wait_for(state="hidden")
            assert await in_sight(seen.page, ".answers button")
            assert await seen.page.evaluate("document.activeElement.textContent") == "✅ Да"
        await seen.page.evaluate("document.querySelector('.scroll').scrollTop = -9999")
        await way.wait_for()
        await way.focus()
        await seen.page.keyboard.press("Enter")
        assert await in_sight(seen.page, ".answers button"), "by keyboard too"


async def test_without_a_script_the_end_of_a_long_text_and_its_buttons_are_in_sight(browser: Browser) -> None:
    async with looking(browser, lambda _: [Outgoing(CONTRACT, YES_NO)], java_script_enabled=False, **PHONE) as seen:
        seen.bot.now += timedelta(seconds=5)
        await seen.tap("▶ Започни")
        await seen.sees("1. Дълго")
        assert await in_sight(seen.page, ".answers button")
        assert not await seen.page.locator(".down").is_visible(), "it could do nothing"


async def top_of_the_newest(page: Page) -> float:
    return float(
        await page.evaluate(
            """() => document.querySelector(".line.ours:last-child .words").getBoundingClientRect().top
                - document.querySelector(".scroll").getBoundingClientRect().top"""
        )
    )


async def test_the_menu_gives_way_to_a_question_and_to_nothing_else(browser: Browser) -> None:
    async with looking(browser, lambda _: [Outgoing("Здравейте!", menu=MENU)], **PHONE) as seen:
        menu = seen.page.get_by_role("button", name="🎓 Дейности")
        await seen.tap("▶ Започни")
        await menu.wait_for()
        for rows, hides in ((YES_NO, True), (CARD, False)):
            await seen.bot.say(seen.address, Outgoing(f"Ето: {rows[0][0].label}", rows))
            await seen.sees(f"Ето: {rows[0][0].label}")
            for again in (False, True):
                if again:
                    await seen.page.reload()
                assert await menu.is_visible() != hides
                assert await in_sight(seen.page, ".answers button")


async def test_a_screen_above_a_question_can_be_pressed_too(browser: Browser) -> None:
    async with looking(browser, lambda _: [Outgoing("Здравейте!")], **PHONE) as seen:
        await seen.tap("▶ Започни")
        await seen.sees("Здравейте!")
        for words, rows in (("Стар екран", CARD), ("Екран", CARD), ("Въпрос", YES_NO), ("Пак въпросът", YES_NO)):
            await seen.bot.say(seen.address, Outgoing(words, rows))
            await seen.sees(words)
        for again in (False, True):
            if again:
                await seen.page.reload()
            shown = await seen.page.locator("form.answers").evaluate_all("all => all.map(one => one.innerText.trim())")
            assert [CARD[0][0].label in one for one in shown] == [True, False]


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_text_twice_as_large_needs_no_sideways_scrolling(browser: Browser, width: int) -> None:
    async with looking(browser, viewport={"width": width, "height": 740}) as seen:
        await register(seen)
        await seen.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await seen.page.evaluate(
            "document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth"
        )


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing(browser: Browser, look: dict[str, Any]) -> None:
    # what changes its colour under the pointer would be looked at half way
    async with looking(browser, tolerated=FAILED, reduced_motion="reduce", **look) as seen:
        assert await violations(seen.page) == [], "the first page"
        await seen.tap("▶ Започни")
        await seen.page.get_by_role("button", name="Български").wait_for()
        await seen.sees_no_wait()
        assert await violations(seen.page) == [], "a question"
        await seen.tap("🇧🇬 Български")
        await seen.tap("👍 Ето така")
        await seen.tap("✅ Да")
        await seen.write("Мария")
        await seen.page.get_by_role("button", name="☎ Човек").wait_for()
        await seen.context.set_offline(True)
        await seen.write("Кога?")
        await seen.page.get_by_text("Няма връзка").wait_for()
        assert await violations(seen.page) == [], "links, a menu, and a lost line"
        await seen.context.set_offline(False)
        await seen.page.goto(f"{seen.url}/chat/file/999")
        assert await violations(seen.page) == [], "a friendly refusal"
