"""The pages behind our links, in Chromium: a voice note is played, one's own data saved, and what is gone is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from bot.messages import Media
from tests.channels.public_kit import OWN_DATA, Stage
from tests.fakes.sounds import opus
from tests.web.fake_bot import FakeBot, listening
from tests.web.looking import FAILED, LOOKS, PHONE, SIZES, violations

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOTE = Media("voice", number=1)


@dataclass(frozen=True)
class Opened:
    """Somebody's browser, and the site whose links it opens."""

    page: Page
    stage: Stage
    url: str

    async def note(self) -> None:
        """Open the page of a voice note."""
        self.stage.contents.setdefault(1, opus(3))
        await self.open(self.stage.public.player(self.stage.row(7, media=NOTE)))

    async def own_data(self) -> None:
        """Open the page of somebody's own data."""
        await self.open(self.stage.public.link(self.stage.row(8, document=OWN_DATA), None))

    async def gone(self) -> None:
        """Open the page of a voice note that is kept no longer."""
        await self.open(self.stage.public.player(self.stage.row(9, media=Media("voice", number=99))))

    async def busy(self) -> None:
        """Open a page while the database cannot be read."""
        self.stage.down = True
        await self.note()

    async def open(self, link: str) -> None:
        await self.page.goto(self.url + urlsplit(link).path)


@asynccontextmanager
async def opening(browser: Browser, *, tolerated: str = "", **options: Any) -> AsyncIterator[Opened]:
    stage, faults = Stage(), []
    async with listening([*stage.public.routes(), *FakeBot().channel().routes()]) as url:
        context = await browser.new_context(**options)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        try:
            yield Opened(page, stage, url)
        finally:
            await context.close()
    assert [fault for fault in faults if not (tolerated and tolerated in fault)] == []


@SIZES
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
async def test_a_voice_note_can_be_played(browser: Browser, size: dict[str, Any], script: bool) -> None:
    async with opening(browser, java_script_enabled=script, **size) as seen:
        await seen.note()
        player = seen.page.get_by_label("Гласово съобщение")
        box = await player.bounding_box()
        assert box
        assert box["height"] >= 54
        assert box["width"] >= 270
        assert await seen.page.title() == "Гласово съобщение · Община Видин"
        if script:
            ended = "a => { a.muted = true; a.playbackRate = 16; return new Promise(done => {"
            ended += " a.addEventListener('ended', () => done(Math.round(a.duration))); a.play(); }); }"
            assert await player.evaluate(ended) == 3


async def test_a_note_that_is_not_heard_can_be_saved(browser: Browser) -> None:
    async with opening(browser, **PHONE) as seen:
        await seen.note()
        async with seen.page.expect_download() as coming:
            await seen.page.get_by_role("link", name="Свалете записа").click()
        download = await coming.value
        assert download.suggested_filename == "voice.ogg"
        assert (await download.path()).read_bytes() == seen.stage.contents[1]


@SIZES
async def test_ones_own_data_are_saved_by_one_button(browser: Browser, size: dict[str, Any]) -> None:
    async with opening(browser, **size) as seen:
        await seen.own_data()
        async with seen.page.expect_download() as coming:
            await seen.page.get_by_role("button", name="Свали").click()
        download = await coming.value
        assert download.suggested_filename == "moite-danni.json"
        assert (await download.path()).read_text(encoding="utf-8") == OWN_DATA.text


async def test_when_it_could_not_be_opened_one_tap_tries_again(browser: Browser) -> None:
    async with opening(browser, tolerated=FAILED, **PHONE) as seen:
        await seen.busy()
        seen.stage.down = False
        await seen.page.get_by_role("link", name="Опитай пак").click()
        await seen.page.get_by_label("Гласово съобщение").wait_for()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("which", ["note", "own_data", "gone", "busy"])
async def test_everybody_can_use_it_and_nothing_is_cut(
    browser: Browser, look: dict[str, Any], which: str, tmp_path: Path
) -> None:
    async with opening(browser, tolerated=FAILED, **look) as seen:
        await getattr(seen, which)()
        assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await seen.page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "it needs no scrolling"
        assert await violations(seen.page) == []
        await seen.page.screenshot(path=tmp_path / f"{which}.png")
