"""The chat page in Chromium: by mouse, by finger and by keyboard, through reloads and lost lines, without a fault.

One browser serves all tests; each has a context of its own. A violated content policy, an error in the console or an
exception in the page's script fails the test that caused it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from bot.messages import Address, Button, Incoming, Kind, Outgoing
from tests.web import BROWSER_ARGS, need_browser
from tests.web.fake_bot import MENU, FakeBot, registration, serving

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
FAILED = "Failed to load resource"
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = need_browser()
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=list(BROWSER_ARGS))
        yield chromium
        await chromium.close()


@dataclass(frozen=True)
class Seen:
    """One person's page, and the bot behind it."""

    page: Page
    context: BrowserContext
    bot: FakeBot
    url: str

    @property
    def address(self) -> Address:
        return self.bot.accepted[0].address

    async def tap(self, label: str) -> None:
        await self.page.get_by_role("button", name=label).click()

    async def write(self, text: str) -> None:
        await self.page.get_by_label("Вашето съобщение").fill(text)
        await self.page.get_by_label("Вашето съобщение").press("Enter")

    async def sees(self, text: str) -> None:
        """Wait until a bubble says so."""
        await self.page.locator(".words").filter(has_text=re.compile(f"^{re.escape(text)}")).last.wait_for()

    async def sees_no_wait(self) -> None:
        """Wait until everything said has its tick."""
        await self.page.locator(".waiting").first.wait_for(state="detached")

    async def bubbles(self) -> list[str]:
        return await self.page.locator(".words").all_inner_texts()


@asynccontextmanager
async def looking(
    browser: Browser, answers: Any = registration, *, path: str = "/", tolerated: str = "", **options: Any
) -> AsyncIterator[Seen]:
    """Open the page for somebody new. `tolerated` is what the console may say of faults that are made on purpose."""
    bot = FakeBot(answers=answers)
    faults: list[str] = []
    async with serving(bot.channel()) as url:
        context = await browser.new_context(**options)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None
        )
        try:
            await page.goto(url + path)
            yield Seen(page, context, bot, url)
        finally:
            await context.close()
    assert [fault for fault in faults if not (tolerated and tolerated in fault)] == []


async def register(seen: Seen) -> None:
    """From the first tap to the menu."""
    for label in ("▶ Започни", "🇧🇬 Български", "👍 Ето така", "✅ Да"):
        await seen.tap(label)
    await seen.sees("Как се казвате?")
    await seen.write("Мария")
    await seen.page.get_by_role("button", name="☎ Човек").wait_for()
    await seen.sees_no_wait()


WHOLE_TALK = [
    (Kind.START, "poster-7", "", ""),
    (Kind.PRESS, "", "lang:bg", "1"),
    (Kind.PRESS, "", "try", "2"),
    (Kind.PRESS, "", "yes", "4"),
    (Kind.TEXT, "Мария", "", ""),
]


def talk(bot: FakeBot) -> list[tuple[Kind, str, str, str]]:
    return [(event.kind, event.text, event.press, event.shown) for event in bot.accepted]


@SIZES
async def test_a_person_registers_by_tapping(browser: Browser, size: dict[str, Any]) -> None:
    async with looking(browser, path="/?code=poster-7", **size) as seen:
        await register(seen)
        assert talk(seen.bot) == WHOLE_TALK
        assert seen.page.url == f"{seen.url}/", "the code has been carried"
        ticks = await seen.page.locator(".mine .tick").all_inner_texts()
        assert [tick[0] for tick in ticks] == ["✓"] * 5
        assert await seen.page.locator("form.answers, form.start").count() == 0


async def test_a_person_registers_with_the_keyboard_alone(browser: Browser) -> None:
    async with looking(browser, path="/?code=poster-7", **DESK) as seen:
        for label in ("▶ Започни", "🇧🇬 Български", "👍 Ето така", "✅ Да"):
            await seen.page.get_by_role("button", name=label).wait_for()
            await tab_to(seen.page, label)
            await seen.page.keyboard.press("Enter")
        await seen.sees("Как се казвате?")
        assert await focused(seen.page) == "input", "after an answer the words go into the field at once"
        await seen.page.keyboard.type("Мария")
        await seen.page.keyboard.press("Enter")
        await seen.page.get_by_role("button", name="☎ Човек").wait_for()
        await tab_to(seen.page, "📅 Събития")
        await seen.page.keyboard.press("Space")
        await seen.page.locator(".mine", has_text="📅 Събития").wait_for()
        await seen.sees_no_wait()
        assert talk(seen.bot) == [*WHOLE_TALK, (Kind.TEXT, "📅 Събития", "", "")]


async def tab_to(page: Page, label: str) -> None:
    """Go backwards from the field, as a reader of the newest message does, until this button has the visible focus."""
    for _ in range(20):
        await page.keyboard.press("Shift+Tab")
        found = "e => [e.textContent.trim(), e.matches(':focus-visible') && getComputedStyle(e).outlineStyle]"
        text, outline = await page.evaluate(f"({found})(document.activeElement)")
        if text == label:
            assert outline == "solid"
            return
    pytest.fail(f"the keyboard does not reach {label}")


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.tagName.toLowerCase()"))


async def test_on_a_phone_a_tap_opens_no_keyboard(browser: Browser) -> None:
    async with looking(browser, **PHONE) as seen:
        await seen.tap("▶ Започни")
        await seen.sees("Изберете език")
        assert await focused(seen.page) != "input"


@SIZES
async def test_a_reload_keeps_every_line_and_the_open_question(browser: Browser, size: dict[str, Any]) -> None:
    async with looking(browser, **size) as seen:
        await seen.tap("▶ Започни")
        await seen.tap("🇧🇬 Български")
        await seen.sees("Натиснете бутона")
        await seen.page.get_by_label("Вашето съобщение").fill("започнато")
        before = await seen.bubbles()
        await seen.page.reload()
        assert await seen.bubbles() == before
        assert len(before) == 4
        assert await seen.page.get_by_label("Вашето съобщение").input_value() == "започнато"
        await seen.page.get_by_label("Вашето съобщение").fill("")
        await seen.tap("👍 Ето така")
        await seen.sees("Съгласни ли сте")


async def test_a_message_written_without_a_line_is_sent_once_when_it_returns(browser: Browser) -> None:
    async with looking(browser, tolerated=FAILED, **PHONE) as seen:
        await register(seen)
        await seen.context.set_offline(True)
        await seen.write("Кога е срещата?")
        await seen.write("И къде?")
        await seen.page.get_by_text("Няма връзка. Ще опитаме пак.").wait_for()
        assert await seen.page.get_by_text("изпраща се").count() == 2
        kept = len(seen.bot.accepted)
        await seen.context.set_offline(False)
        await seen.sees_no_wait()
        await seen.page.get_by_text("Няма връзка").wait_for(state="detached")
        assert [event.text for event in seen.bot.accepted[kept:]] == ["Кога е срещата?", "И къде?"]


async def test_a_message_that_could_not_be_sent_survives_a_reload(browser: Browser) -> None:
    async with looking(browser, tolerated=FAILED, **PHONE) as seen:
        await register(seen)
        seen.bot.down = True
        await seen.write("Кога е срещата?")
        await seen.page.get_by_text("Ще опитаме пак").wait_for()
        unsent = await seen.page.locator(".waiting").get_attribute("data-client")
        seen.bot.down = False
        await seen.page.reload()
        await seen.sees_no_wait()
        event = seen.bot.accepted[-1]
        assert event.text == "Кога е срещата?"
        assert event.key.endswith(f":{unsent}"), "the same id, so that it cannot be kept twice"
        assert (await seen.bubbles()).count("Кога е срещата?") == 1
        assert await seen.page.evaluate("localStorage.length") == 0


async def test_a_reply_that_was_lost_on_its_way_back_is_not_said_twice(browser: Browser) -> None:
    async with looking(browser, tolerated=FAILED, **PHONE) as seen:
        await register(seen)
        tried = 0

        async def lose_the_first(route: Any) -> None:
            nonlocal tried
            tried += 1
            await route.fetch()
            await (route.abort() if tried == 1 else route.continue_())

        await seen.page.route("**/chat/send", lose_the_first)
        before = len(seen.bot.accepted)
        await seen.write("Само веднъж")
        await seen.page.get_by_text("Няма връзка").wait_for()
        await seen.sees_no_wait()
        assert [event.text for event in seen.bot.accepted[before:]] == ["Само веднъж"]
        await seen.page.reload()
        assert (await seen.bubbles()).count("Само веднъж") == 1


async def test_an_answer_that_overtakes_the_acknowledgement_leaves_no_dots(browser: Browser) -> None:
    async with looking(browser, **PHONE) as seen:
        await register(seen)

        async def hold_back(route: Any) -> None:
            answer = await route.fetch()
            await seen.sees("Готово!")
            await route.fulfill(response=answer)

        await seen.page.evaluate("document.querySelectorAll('.line').forEach(line => line.remove())")
        await seen.page.route("**/chat/send", hold_back)
        await seen.write("Кога е срещата?")
        await seen.sees_no_wait()
        assert await seen.page.locator(".typing").count() == 0


async def test_a_message_arrives_by_itself_and_an_edit_takes_its_place(browser: Browser) -> None:
    async with looking(browser, lambda _: (), **PHONE) as seen:
        await seen.tap("▶ Започни")
        await seen.page.locator(".typing").wait_for()
        first = await seen.bot.say(seen.address, Outgoing("Кои? 0", ((Button("☐ Работа", "a"),),)))
        await seen.sees("Кои? 0")
        assert await seen.page.locator(".typing").count() == 0
        await seen.bot.say(seen.address, Outgoing("Кои? 1", ((Button("☑ Работа", "a"),),), replaces=str(first)))
        await seen.sees("Кои? 1")
        await seen.bot.say(seen.address, Outgoing("Кои? 2", ((Button("☑ Обучение", "b"),),), replaces=str(first)))
        await seen.sees("Кои? 2")
        live = await seen.bubbles()
        assert live == ["▶ Започни", "Кои? 2"]
        assert await seen.page.locator("button.answer").all_inner_texts() == ["☑ Обучение"]
        await seen.page.reload()
        assert await seen.bubbles() == live


async def test_what_arrived_while_the_line_was_cut_is_there_when_it_returns(browser: Browser) -> None:
    async with looking(browser, tolerated=FAILED, **PHONE) as seen:
        await register(seen)
        await seen.context.set_offline(True)
        await seen.page.get_by_text("Няма връзка").wait_for()
        await seen.bot.say(seen.address, Outgoing("Срещата е утре, 17:30."))
        await seen.context.set_offline(False)
        await seen.sees("Срещата е утре")


async def test_live_lines_and_reloaded_lines_look_the_same(browser: Browser) -> None:
    rows = ((Button("✅ Да", "yes"), Button("❌ Не", "no")), (Button("🗺 Карта", url="https://vidin.bg/karta"),))
    message = Outgoing("Питайте 094 600 000\nили https://vidin.bg.", rows, menu=MENU)
    async with looking(browser, lambda _: [message], **PHONE) as seen:
        await seen.tap("▶ Започни")
        await seen.sees("Питайте")
        await seen.sees_no_wait()
        live = await shape(seen.page)
        await seen.page.reload()
        assert await shape(seen.page) == live
        assert ["a", "tel:094600000", "094 600 000"] in live
        assert ["a", "https://vidin.bg/karta", "🗺 Карта"] in live


async def shape(page: Page) -> list[list[str]]:
    return list(
        await page.evaluate(
            """() => [...document.querySelectorAll(".log a, .words, .log button, .menu button")].map(
                e => [e.tagName.toLowerCase(), e.getAttribute("href") || e.value || "", e.innerText])"""
        )
    )


async def test_hostile_text_stays_text(browser: Browser) -> None:
    nasty = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    reply = Outgoing(nasty, ((Button(nasty, "x"),),), menu=((nasty,),))
    async with looking(browser, lambda _: [reply], **PHONE) as seen:
        await seen.tap("▶ Започни")
        await seen.sees(nasty)
        await seen.write(nasty)
        await seen.sees_no_wait()
        await seen.page.reload()
        assert (await seen.bubbles()).count(nasty) == 3
        assert await seen.page.locator(".log img, .log script").count() == 0


async def test_the_policy_refuses_foreign_code(browser: Browser) -> None:
    async with looking(browser, tolerated="Content Security Policy", **PHONE) as seen:
        blocked = await seen.page.evaluate(
            """() => new Promise(done => {
                document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
                const image = new Image();
                image.src = "https://elsewhere.example/pixel.png";
            })"""
        )
        assert blocked == "img-src"


async def test_a_forgotten_chat_begins_anew_and_keeps_the_words(browser: Browser) -> None:
    async with looking(browser, tolerated=FAILED, **PHONE) as seen:
        await register(seen)
        await seen.context.clear_cookies()
        await seen.write("Важни думи")
        await seen.page.get_by_role("button", name="▶ Започни").wait_for()
        assert await seen.page.get_by_label("Вашето съобщение").input_value() == "Важни думи"


async def test_a_file_is_downloaded(browser: Browser) -> None:
    async with looking(browser, **PHONE) as seen:
        await register(seen)
        await seen.tap("👤 Моите данни")
        async with seen.page.expect_download() as coming:
            await seen.page.get_by_role("link", name="моите-данни.txt").click()
        download = await coming.value
        assert download.suggested_filename == "моите-данни.txt"
        assert _text(await download.path()) == "Име: проба"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@SIZES
async def test_without_a_script_it_works_too(browser: Browser, size: dict[str, Any]) -> None:
    async with looking(browser, path="/?code=poster-7", java_script_enabled=False, **size) as seen:
        seen.bot.now += timedelta(seconds=5)
        await register_plainly(seen)
        assert talk(seen.bot) == WHOLE_TALK
        await seen.page.get_by_role("link", name="Обнови").click()
        assert len(await seen.bubbles()) == 11


async def register_plainly(seen: Seen) -> None:
    for label in ("▶ Започни", "🇧🇬 Български", "👍 Ето така", "✅ Да"):
        await seen.tap(label)
    await seen.write("Мария")
    await seen.page.get_by_role("button", name="☎ Човек").wait_for()


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


async def in_sight(page: Page, query: str) -> bool:
    return bool(
        await page.evaluate(
            """query => [...document.querySelectorAll(query)].every(e => {
                const box = e.getBoundingClientRect();
                const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
                return e.contains(top) && box.bottom <= innerHeight;
            })""",
            query,
        )
    )


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_text_twice_as_large_needs_no_sideways_scrolling(browser: Browser, width: int) -> None:
    async with looking(browser, viewport={"width": width, "height": 740}) as seen:
        await register(seen)
        await seen.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await seen.page.evaluate(
            "document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth"
        )


LOOKS = [
    pytest.param({**size, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, size in (("phone", PHONE), ("desk", DESK))
    for scheme in ("light", "dark")
]


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


async def violations(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [f"{v['id']}: {node['html'][:120]}" for v in found["violations"] for node in v["nodes"]]
