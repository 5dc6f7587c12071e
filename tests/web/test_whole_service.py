"""A whole registration in Chromium against the whole service, on a phone-sized screen: by finger, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select

from bot.app import running
from bot.messages import Address, Lane, Media, Outgoing
from bot.settings import Settings
from storage import media, outbox
from storage.database import Database
from storage.outbox import Draft
from storage.tables import addresses, contacts
from tests.fakes.pictures import png
from tests.fakes.telegram import FakeTelegram
from tests.registration import steps
from tests.web import BROWSER_ARGS, need_browser

if TYPE_CHECKING:
    from playwright.async_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
Act = Callable[["Page", str], Awaitable[None]]
STEPS = (("Започни", "Изберете език"), *steps("= 0888 123 456"))


@asynccontextmanager
async def opened(folder: Path, **more: Any) -> AsyncIterator[tuple[Page, Callable[[], Awaitable[list[str]]], Database]]:
    """The service and a phone with its page; the names that are registered; and the database."""
    path = need_browser()
    from playwright.async_api import async_playwright

    settings = Settings(database_url=f"sqlite+aiosqlite:///{folder}/bot.db", data_dir=folder, port=0, **more)
    async with running(settings) as service, async_playwright() as playwright:

        async def names() -> list[str]:
            found = await service.database.read(lambda c: list(c.execute(select(contacts.c.name)).scalars()))
            return [name for name in found if name]

        chromium = await playwright.chromium.launch(executable_path=path, args=list(BROWSER_ARGS))
        page = await chromium.new_page(viewport={"width": 360, "height": 740})
        await page.goto(service.address)
        yield page, names, service.database
        await chromium.close()


async def by_finger(page: Page, label: str) -> None:
    await page.get_by_role("button", name=label).last.click()


async def by_keyboard(page: Page, label: str) -> None:
    """Tab until the button has the focus, as somebody does who has no mouse."""
    for _ in range(40):
        focused = await page.evaluate(
            "document.activeElement?.tagName === 'BUTTON' && document.activeElement.innerText"
        )
        if focused and label in focused:
            await page.keyboard.press("Enter")
            return
        await page.keyboard.press("Shift+Tab")
    raise AssertionError(f"the keyboard never reached {label!r}")


@pytest.mark.parametrize("act", [by_finger, by_keyboard])
async def test_a_mother_registers_from_the_first_message_to_the_menu(tmp_path: Path, act: Act) -> None:
    async with opened(tmp_path) as (page, names, _):
        for number, (step, answer) in enumerate(STEPS):
            before = await page.locator(".words").count()
            if step.startswith("= "):
                await page.get_by_label("Вашето съобщение").focus()
                await page.keyboard.type(step[2:])
                await page.keyboard.press("Enter")
            else:
                await page.get_by_role("button", name=step).last.wait_for()
                await act(page, step)
            said = page.locator(".words").filter(has_text=re.compile(answer))
            await page.wait_for_function("n => document.querySelectorAll('.words').length > n", arg=before)
            await said.last.wait_for()
            assert number == 0 or "Изберете език" not in await page.locator(".words").last.inner_text()
        await page.get_by_role("button", name="Моите данни").wait_for()
        assert await names() == ["Мария Иванова"]
        await page.evaluate(AXE.read_text())
        found = await page.evaluate("axe.run().then(r => r.violations.map(v => v.id))")
        assert found == []


async def test_a_number_that_was_not_kept_does_not_stay_on_the_screen(tmp_path: Path) -> None:
    """On a borrowed phone the next person would read it; and what the bot says of it would be untrue."""
    async with opened(tmp_path) as (page, *_):
        await by_finger(page, "Започни")
        await page.locator(".words").filter(has_text="Изберете език").wait_for()
        await page.get_by_label("Вашето съобщение").fill("моето ЕГН е 7501020018")
        await page.keyboard.press("Enter")
        await page.locator(".words").filter(has_text="[скрито]").wait_for()
        await page.locator(".words").filter(has_text="не").last.wait_for()
        assert "7501020018" not in await page.inner_text("body")


async def test_a_photo_sent_to_telegram_arrives_as_a_picture_on_the_page(tmp_path: Path) -> None:
    """From the platform that brought it, through the database, to whoever has neither."""
    async with FakeTelegram() as fake:
        handle = fake.files.add("photo", png(640, 480)).id
        telegram = {"telegram_token": SecretStr(fake.token), "telegram_api_url": fake.url}
        async with opened(tmp_path, **telegram) as (page, _, database):
            await by_finger(page, "Започни")
            await page.locator(".words").filter(has_text="Изберете език").wait_for()
            await database.write(lambda c: announce(c, handle))
            await fake.wait_call("file", timeout=20)
            await page.locator(".words").filter(has_text="Обучение в петък").wait_for()
            image = page.get_by_role("img", name="Снимка")
            later = "new Promise(done => i.addEventListener('load', () => done(i.naturalWidth)))"
            assert await image.evaluate(f"i => (i.complete && i.naturalWidth) || {later}") == 640


def announce(connection: Connection, handle: str) -> None:
    """What staff sent reaches somebody on the page; as an answer, which no quiet hours hold back."""
    now = datetime.now(UTC)
    number = media.keep(connection, Media("photo", "telegram", handle), now)
    to = connection.execute(select(addresses.c.id, addresses.c.contact_id, addresses.c.external)).one()
    message = Outgoing("Обучение в петък", media=Media("photo", "telegram", handle, number))
    draft = Draft("test", Address("web", to.external), to.id, to.contact_id, message, Lane.REPLY)
    outbox.enqueue(connection, [draft], now, {})
