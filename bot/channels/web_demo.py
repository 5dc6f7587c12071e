"""A demonstration's ribbon above the chat: who one is, what time it is there, and two forms that change either.

Exists only where a stage is handed in. Without a script both forms lead back to the page; with one the time changes
in place and what it brings arrives as any message does. Must never be part of a service that real people use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.channels.web_guard import Keys, Refused, check_origin, read_form, wants_json
from bot.messages import Address

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NEW = "new"  # somebody of whom nothing is known yet
WEEKDAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "нд")
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody whose chat can be opened: a picture, a name and what they are, and the chat's token."""

    key: str
    picture: str
    name: str
    what: str
    token: str


class Stage(Protocol):
    """What a demonstration lends to its page."""

    @property
    def people(self) -> Sequence[Persona]:
        """Whose chats can be opened; the first is opened first."""
        ...

    def now(self) -> datetime:
        """The demonstration's time, UTC."""
        ...

    @property
    def shift(self) -> timedelta:
        """How far that is ahead of the real time."""
        ...

    async def turn(self, by: str, chat: Address) -> None:
        """Let time pass: "hour", "day", or "next": until something is said in this chat of our own accord."""
        ...


TURNS = ("next", "hour", "day")


@dataclass(frozen=True, slots=True)
class Shown:
    """The ribbon as one person sees it."""

    people: Sequence[Persona]
    me: Persona | None  # nobody: somebody new
    at: str  # „вт 24.11, 9:00“
    shift: int  # milliseconds that the page's clock is behind


class Ribbon:
    """The ribbon's own routes, and what it shows."""

    def __init__(self, stage: Stage, keys: Keys, zone: ZoneInfo) -> None:
        self._stage, self._keys, self._zone = stage, keys, zone
        self._tokens = {persona.key: persona.token for persona in stage.people}

    def routes(self, guarded: Callable[[Endpoint], Endpoint]) -> Sequence[Route]:
        """The two forms. An address that is opened again leads back to the page; a script may ask what time it is."""
        return [
            Route("/demo/clock", guarded(self._clock), methods=["GET", "POST"]),
            Route("/demo/as", guarded(self._as), methods=["GET", "POST"]),
        ]

    @property
    def first(self) -> str:
        """The chat of whoever opens the page for the first time."""
        return self._stage.people[0].token

    def shown(self, token: str) -> Shown:
        """The ribbon above this chat."""
        me = next((persona for persona in self._stage.people if persona.token == token), None)
        return Shown(self._stage.people, me, self._at(), self._shift())

    def _at(self) -> str:
        local = self._stage.now().astimezone(self._zone)
        return f"{WEEKDAYS[local.weekday()]} {local:%d.%m}, {local.hour}:{local:%M}"

    def _shift(self) -> int:
        return round(self._stage.shift / timedelta(milliseconds=1))

    async def _clock(self, request: Request) -> Response:
        if request.method == "POST":
            token, form = await self._form(request)
            by = form.get("by", "")
            if by not in TURNS:
                raise Refused("unclear")
            await self._stage.turn(by, Address("web", token))
        if wants_json(request):
            return JSONResponse({"at": self._at(), "shift": self._shift()})
        return RedirectResponse("/", status_code=303)

    async def _as(self, request: Request) -> Response:
        response = RedirectResponse("/", status_code=303)
        if request.method == "POST":
            _, form = await self._form(request)
            who = form.get("who", "")
            token = self._keys.new_token() if who == NEW else self._tokens.get(who)
            if token is None:
                raise Refused("unclear")
            self._keys.give(response, token)
        return response

    async def _form(self, request: Request) -> tuple[str, dict[str, str]]:
        """A form that our own page made for this chat, and the chat. Raises Refused for any other."""
        check_origin(request)
        token = self._keys.token_of(request)
        if not token:
            raise Refused("forged")
        form = await read_form(request)
        self._keys.form_made(token, form.get("csrf", ""))
        return token, form
