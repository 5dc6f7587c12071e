"""A whole registration in Chromium against the whole service, on a phone-sized screen: by finger, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from bot.app import running
from bot.settings import Settings
from storage.tables import contacts
from tests.web import BROWSER_ARGS, need_browser

if TYPE_CHECKING:
    from playwright.async_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
Act = Callable[["Page", str], Awaitable[None]]
STEPS = (  # a button's words, or "= words to type"; then what the answer must say
    ("Започни", "Изберете език"),
    ("Български", "Натиснете"),
    ("Опитвам", "програма"),
    ("Да, пишете", "14"),
    ("Да, 14", "телефон"),
    ("= 0888 123 456", "казвате"),
    ("= Мария Иванова", "живеете"),
    ("= gen", "Това ли е"),
    ("с. Генерал", "идвате"),
    ("Училището", "учи"),
    ("Врачански", "учи"),
    ("Готово", "клас"),
    ("= 3а", "клас"),
    ("Готово", "интересува"),
    ("Срещи за родители", "интересува"),
    ("Готово", "Вярно"),
    ("Всичко", "записахме"),
)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Page, Callable[[], Awaitable[list[str]]]]]:
    """The service and a phone with its page; and the names that are registered."""
    path = need_browser()
    from playwright.async_api import async_playwright

    settings = Settings(database_url=f"sqlite+aiosqlite:///{folder}/bot.db", data_dir=folder, port=0)
    async with running(settings) as service, async_playwright() as playwright:

        async def names() -> list[str]:
            found = await service.database.read(lambda c: list(c.execute(select(contacts.c.name)).scalars()))
            return [name for name in found if name]

        chromium = await playwright.chromium.launch(executable_path=path, args=list(BROWSER_ARGS))
        page = await chromium.new_page(viewport={"width": 360, "height": 740})
        await page.goto(service.address)
        yield page, names
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
    async with opened(tmp_path) as (page, names):
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
    async with opened(tmp_path) as (page, _):
        await by_finger(page, "Започни")
        await page.locator(".words").filter(has_text="Изберете език").wait_for()
        await page.get_by_label("Вашето съобщение").fill("моето ЕГН е 7501020018")
        await page.keyboard.press("Enter")
        await page.locator(".words").filter(has_text="[скрито]").wait_for()
        await page.locator(".words").filter(has_text="не").last.wait_for()
        assert "7501020018" not in await page.inner_text("body")
