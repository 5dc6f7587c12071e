"""What it costs, in words: under an announcement and an event before they go, and for coordinators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot import abilities, money
from bot.chat import Chat, literal, words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Texts, Words
from storage import costs
from storage.costs import Paid
from storage.money_notes import NEAR, is_near
from storage.spending import BALANCE, BUDGET, QUOTA, State

if TYPE_CHECKING:
    from bot.money import Tariff
    from storage.money_notes import Told
    from storage.programme import Programme

_WHY = {QUOTA: "costs.why_quota", BALANCE: "costs.why_balance"}
_NOTICE = {NEAR: "costs.near", BUDGET: "costs.no_budget", QUOTA: "costs.no_quota", BALANCE: "costs.no_balance"}


async def bill(chat: Chat, paid: Paid, times: int = 1) -> list[Words]:
    """What messages to these people cost at most, what is left, and whom that leaves out. `times`: to each."""
    if not paid or not times:
        return []
    states: Mapping[str, State] = await chat.fetch(costs.states, tariffs=chat.tariffs)
    known = [(name, number * times) for name, number in paid.items() if name in chat.tariffs]
    return [line for name, number in known for line in _bill(name, number, chat.tariffs[name], states[name])]


def _bill(channel: str, number: int, tariff: Tariff, state: State) -> list[Words]:
    said = {"channel": literal(abilities.of(channel).title), "number": number}
    if state.paused_until:
        return [words("costs.paused", **said, why=words(_WHY[state.why]))]
    lines = [words("costs.bill", **said, cost=literal(money.shown(tariff.cost(number))))]
    if state.left is None:
        return lines
    lines.append(words("costs.left", left=literal(money.shown(tariff.price * state.left))))
    return [*lines, words("costs.too_few", number=number - state.left)] if number > state.left else lines


async def shortage(chat: Chat) -> list[Words]:
    """A line of a coordinator's day, where money is short."""
    if not chat.tariffs:
        return []
    states: Mapping[str, State] = await chat.fetch(costs.for_staff, tariffs=chat.tariffs)
    return [
        words("costs.short", channel=literal(abilities.of(name).title), why=words(_short(state)))
        for name, state in states.items()
        if state.why or is_near(state, chat.tariffs[name])
    ]


def _short(state: State) -> str:
    return _WHY.get(state.why, "costs.why_budget" if state.why else "costs.why_near")


async def month(chat: Chat) -> list[Words]:
    """What a channel has cost this month, for a coordinator."""
    if not chat.tariffs:
        return []
    states: Mapping[str, State] = await chat.fetch(costs.for_staff, tariffs=chat.tariffs)
    return [
        words(
            "costs.month", channel=literal(abilities.of(name).title), number=state.charged,
            cost=literal(money.shown(chat.tariffs[name].cost(state.charged))),
        )
        for name, state in states.items()
    ]  # fmt: skip


def compose_money(texts: Texts, programme: Programme, told: Told, now: datetime) -> Outgoing:
    """What a coordinator is told of money. `now` is in UTC."""
    title = literal(abilities.of(told.channel).title)
    lines: Sequence[Words] = [words(_NOTICE[told.what], channel=title)]
    button = Button(texts("menu.staff", told.language), press="/staff")
    return Outgoing(texts(Lines(tuple(lines)), told.language), ((button,),))
