"""Pictures, voice notes and files on the chat page in Chromium, and what is taken away again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bot.messages import Button, Media, Outgoing
from tests.fakes.pictures import OGG, PDF, png
from tests.web.looking import FAILED, LOOKS, PHONE, SIZES, Seen, looking, violations

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")
PICTURE, NOTE, FILE = (
    Media("photo", number=1),
    Media("voice", number=2),
    Media("document", number=3, filename="план.pdf"),
)
CONTENTS = {1: png(1600, 1200), 2: OGG, 3: PDF}
YES_NO = ((Button("👍 Интересува ме", "/heard 1.1 interested"), Button("👎 Не", "/heard 1.1 no")),)


async def told(seen: Seen, *messages: Outgoing) -> None:
    """Somebody who has begun is written to by staff."""
    seen.bot.contents |= CONTENTS
    await seen.tap("▶ Започни")
    await seen.sees("Изберете език")
    for message in messages:
        await seen.bot.say(seen.address, message)


async def drawn(seen: Seen) -> int:
    """How wide the picture is, once it is there."""
    later = "new Promise(done => i.addEventListener('load', () => done(i.naturalWidth)))"
    found = await seen.page.locator(".photo img").evaluate(f"i => (i.complete && i.naturalWidth) || {later}")
    return int(found)


@SIZES
async def test_a_photo_of_staff_arrives_as_a_picture_and_stays_one(browser: Browser, size: dict[str, Any]) -> None:
    async with looking(browser, **size) as seen:
        await told(seen, Outgoing("Обучение в петък", YES_NO, media=PICTURE))
        for again in (False, True):
            if again:
                await seen.page.reload()
            image = seen.page.get_by_role("img", name="Снимка")
            await image.wait_for()
            assert await drawn(seen) == 1600
            box = await image.bounding_box()
            assert box
            assert 0 < box["width"] <= size["viewport"]["width"] * 0.86
            assert abs(box["width"] / box["height"] - 4 / 3) < 0.02, "nothing is squeezed"
            assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await seen.page.get_by_role("button", name="Интересува ме").wait_for()
        async with seen.context.expect_page() as opening:
            await image.click()
        larger = await opening.value
        await larger.wait_for_load_state()
        assert larger.url == f"{seen.url}/chat/media/2"


async def test_a_voice_note_can_be_played_and_a_file_saved(browser: Browser) -> None:
    async with looking(browser, **PHONE) as seen:
        await told(seen, Outgoing("", media=NOTE), Outgoing("Вижте", media=FILE))
        player = seen.page.get_by_label("Гласово съобщение")
        await player.wait_for()
        assert await player.evaluate("e => [e.tagName, e.controls, e.preload]") == ["AUDIO", True, "none"]
        async with seen.page.expect_download() as coming:
            await seen.page.get_by_role("link", name="план.pdf").click()
        download = await coming.value
        assert download.suggested_filename == "план.pdf"
        assert (await download.path()).read_bytes() == PDF


async def test_live_and_reloaded_pictures_look_the_same(browser: Browser) -> None:
    shape = "Array.from(document.querySelectorAll('.photo, .photo img, .voice, .file, .words'), e => e.outerHTML)"
    gone = Outgoing("Стара", media=Media("photo", "telegram", "AgAC"))
    async with looking(browser, **PHONE) as seen:
        await told(seen, Outgoing("Ето", media=PICTURE), Outgoing("", media=NOTE), Outgoing("", media=FILE), gone)
        await seen.sees("Стара")
        live = await seen.page.evaluate(shape)
        assert [name for line in live for name in re.findall('class="([a-z]+)"', line)[:1]] == [
            *("words", "words", "photo", "words", "voice", "words", "file", "words", "file", "words"),
        ], "the words stand under it"
        await seen.page.reload()
        as_sorted = "h => { const e = new DOMParser().parseFromString(h, 'text/html').body.firstChild;"
        as_sorted += " return [e.tagName, ...Array.from(e.attributes, a => a.name + '=' + a.value).sort()].join(' '); }"
        reloaded = await seen.page.evaluate(shape)
        for before, after in zip(live, reloaded, strict=True):
            assert await seen.page.evaluate(as_sorted, before) == await seen.page.evaluate(as_sorted, after)


async def test_a_picture_that_is_still_on_its_way_is_asked_for_again(browser: Browser) -> None:
    async with looking(browser, tolerated=FAILED, **PHONE) as seen:
        await told(seen)
        del seen.bot.contents[1]
        async with seen.page.expect_response("**/chat/media/2") as refused:
            await seen.bot.say(seen.address, Outgoing("Ето", media=PICTURE))
        assert (await refused.value).status == 404
        seen.bot.contents |= CONTENTS
        assert await drawn(seen) == 1600


async def test_what_is_taken_away_leaves_the_open_page_too(browser: Browser) -> None:
    async with looking(browser, **PHONE) as seen:
        await told(seen, Outgoing("Грешка", YES_NO, media=PICTURE), Outgoing("Вярно"))
        await seen.sees("Вярно")
        await seen.bot.say(seen.address, Outgoing("", removes="2"))
        await seen.page.locator(".photo").wait_for(state="detached")
        for again in (False, True):
            if again:
                await seen.page.reload()
            said = await seen.bubbles()
            assert "Вярно" in said
            assert "Грешка" not in said
            assert await seen.page.get_by_role("button", name="Интересува ме").count() == 0


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing(browser: Browser, look: dict[str, Any]) -> None:
    async with looking(browser, reduced_motion="reduce", **look) as seen:
        lost = Outgoing("", media=Media("voice", "telegram", "AwAC"))
        await told(
            seen, Outgoing("Ето", YES_NO, media=PICTURE), Outgoing("", media=NOTE), Outgoing("", media=FILE), lost
        )
        await seen.page.get_by_text("вече не се пази").wait_for()
        assert await drawn(seen) == 1600
        assert await violations(seen.page) == []
        await seen.page.reload()
        assert await violations(seen.page) == []
