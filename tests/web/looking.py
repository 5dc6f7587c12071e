"""What tests of the page share: one person's page in Chromium with the bot behind it, and what can be seen there.

A violated content policy, an error in the console or an exception in the page's script fails the test that caused it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.messages import Address
from tests.web.fake_bot import FakeBot, registration, serving

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
FAILED = "Failed to load resource"
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
LOOKS = [
    pytest.param({**size, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, size in (("phone", PHONE), ("desk", DESK))
    for scheme in ("light", "dark")
]


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


async def violations(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [f"{v['id']}: {node['html'][:120]}" for v in found["violations"] for node in v["nodes"]]
