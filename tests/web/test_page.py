"""The chat page in Chromium: by mouse, by finger and by keyboard, through reloads and lost lines, without a fault."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.messages import Button, Kind, Outgoing
from tests.web.fake_bot import MENU, FakeBot
from tests.web.looking import DESK, FAILED, PHONE, SIZES, Seen, focused, looking, register, tab_to

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

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
