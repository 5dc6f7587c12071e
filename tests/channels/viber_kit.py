"""What the tests of the Viber channel share: a channel whose links are plain, signed callbacks, a desk for receipts."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette

from bot.channels import Unavailable
from bot.channels.viber import ViberChannel, Welcome
from bot.messages import Address, Delivery, Lane, Outgoing, Receipt
from tests.channels.telegram_kit import Inbox, Pauses
from tests.fakes.viber import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.routing import BaseRoute

PATH = "p" * 20
SITE = "https://bot.example"
BOT = hashlib.sha256(TOKEN.encode()).hexdigest()[:12]
USER = "AAAAAAAAAAAAAAAAAAAAAA=="
TOKEN_OF_IT = 5_851_650_804_048_782_321
NOW = 1_790_000_000_000
NAME = "Община Видин"
SENDER = {"name": NAME}
PAPER, SURFACE, INK = "#efe9dc", "#fffdf8", "#12616b"


class Links:
    """Links that say what they lead to."""

    def link(self, delivery: Delivery, content: bytes | None) -> str:
        if delivery.message.document:
            return f"{SITE}/f/{delivery.id}/{delivery.message.document.filename}"
        assert delivery.message.media
        ending = "jpg" if delivery.message.media.kind == "photo" else "pdf"
        return f"{SITE}/f/{delivery.message.media.number or delivery.id}/file.{ending}"

    def player(self, delivery: Delivery) -> str:
        return f"{SITE}/f/{delivery.id}/chuite"

    def routes(self) -> Sequence[BaseRoute]:
        return ()


class Desk:
    """Stands for `report`: keeps receipts, refuses while told to."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.refuses = False

    async def __call__(self, receipt: Receipt) -> None:
        if self.refuses:
            raise Unavailable
        self.receipts.append(receipt)


def channel(inbox: Inbox | None = None, desk: Desk | None = None, **more: Any) -> ViberChannel:
    settings: dict[str, Any] = {
        "name": NAME, "public_url": SITE, "path_secret": PATH, "public": Links(), "pause": Pauses(),
        "welcome": Welcome("Здравейте! 👋", "▶ Започни"), **more,
    }  # fmt: skip
    return ViberChannel(settings.pop("token", TOKEN), inbox or Inbox(), desk or Desk(), **settings)


def signature(body: bytes, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), body, "sha256").hexdigest()


def raw(**fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


class Hook:
    """Posts callbacks as Viber does."""

    def __init__(self, viber: ViberChannel) -> None:
        transport = httpx.ASGITransport(Starlette(routes=list(viber.routes())))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://bot")

    async def post(self, body: bytes, sign: Callable[[bytes], str] | None = signature) -> httpx.Response:
        headers = {"X-Viber-Content-Signature": sign(body).encode("latin-1")} if sign else {}
        return await self.http.post(f"/viber/{PATH}", content=body, headers=headers)

    async def tell(self, **fields: Any) -> httpx.Response:
        return await self.post(raw(**fields))


def delivery(
    text: str = "Здравейте", *, lane: Lane = Lane.REPLY, row: int = 1, user: str = USER, **more: Any
) -> Delivery:
    return Delivery(row, Address("viber", user), Outgoing(text, **more), lane)


def button(label: str, body: str, columns: int = 6, action: str = "reply", rows: int = 1) -> dict[str, Any]:
    """A button as Viber gets it."""
    return {
        "Columns": columns, "Rows": rows, "ActionType": action, "ActionBody": body, "BgColor": SURFACE,
        "Text": f'<font color="{INK}">{label}</font>', "TextSize": "regular",
    }  # fmt: skip


def board(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "keyboard", "DefaultHeight": False, "BgColor": PAPER, "Buttons": list(buttons)}
