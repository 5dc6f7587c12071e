"""What it costs, in words: under an announcement and an event before they go, and for coordinators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot import abilities, calendar, money
from bot.chat import Chat, literal, words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Texts, Words
from handlers.audience import people
from handlers.results import month_name
from storage import costs
from storage.costs import Cost, Paid
from storage.money_notes import NEAR, is_near
from storage.spending import BALANCE, BUDGET, QUOTA, State

if TYPE_CHECKING:
    from bot.money import Tariff
    from storage.events import Draft
    from storage.money_notes import Told
    from storage.programme import Programme

COUNTED = frozenset({"3d", "1d", "2h"})  # reminders that everybody gets
_WHY = {QUOTA: "costs.why_quota", BALANCE: "costs.why_balance", BUDGET: "costs.why_budget"}
_NOTICE = {NEAR: "costs.near", BUDGET: "costs.no_budget", QUOTA: "costs.no_quota", BALANCE: "costs.no_balance"}


async def bill(chat: Chat, paid: Paid, at: datetime | None = None) -> list[Words]:
    """What messages cost at most, what is left of the month at a time (UTC), and how many people that leaves out."""
    if not paid:
        return []
    states: Mapping[str, State] = await chat.fetch(costs.states, tariffs=chat.tariffs, at=at)
    known = [(name, cost) for name, cost in paid.items() if name in chat.tariffs]
    return [line for name, cost in known for line in _bill(name, cost, chat.tariffs[name], states[name])]


def _bill(channel: str, cost: Cost, tariff: Tariff, state: State) -> list[Words]:
    title = literal(abilities.of(channel).title)
    if state.why:
        return [words("costs.paused", channel=title, why=_why(state, tariff)), *_without(cost)]
    euros = literal(money.shown(tariff.cost(cost.messages)))
    lines = [words("costs.bill", channel=title, number=cost.messages, cost=euros)]
    if state.left is None:
        return lines
    lines.append(words("costs.left", left=literal(money.shown(tariff.price * state.left))))
    over = cost.messages - state.left
    return [*lines, words("costs.too_few", number=over), *_after(cost, over)] if over > 0 else lines


def _why(state: State, tariff: Tariff) -> Words:
    """„парите за месеца свършиха, до 1 декември“. Nobody knows when an account is paid."""
    if state.why == BUDGET and not tariff.messages:
        return words("costs.why_none")
    why = words(_WHY[state.why])
    if state.resumes is None:
        return why
    return words("costs.until", why=why, month=month_name(state.resumes.month))


def _without(cost: Cost) -> list[Words]:
    """Nothing is paid: who gets it free elsewhere, and who does not get it at all."""
    free = cost.people - cost.stuck
    lines = [words("costs.elsewhere", people=people(free))] if free else []
    return [*lines, words("costs.to_call", people=people(cost.stuck))] if cost.stuck else lines


def _after(cost: Cost, over: int) -> list[Words]:
    """It does not do for all: who of them that is shows when it goes."""
    return [words("costs.then", people=people(min(cost.stuck, over)))] if cost.stuck else [words("costs.all_free")]


async def bill_of_event(chat: Chat, draft: Draft, now: datetime, *, invited: bool) -> list[Words]:
    """What an event's invitation, reminders and question afterwards cost. Seven days before hear only few."""
    if not chat.tariffs:
        return []
    rules, utc = chat.programme.rules, now.astimezone(UTC)
    dates = draft.dates if draft.kind == "course" else draft.dates[:1]  # of an appointment everybody has one slot
    wanted = {*COUNTED & set(draft.offsets), calendar.AFTER}
    coming = [m for starts, ends in dates for m in calendar.moments(rules, starts, ends, offsets=wanted, now=utc)]
    coming += calendar.sundays(rules, [starts for starts, _ in dates], utc)
    times = [*([utc] if invited else []), *(moment.due for moment in coming)]
    whom = {"group": draft.audience, "kind": draft.kind, "hosts": [draft.mediator_id] if draft.mediator_id else []}
    return await bill(chat, await chat.fetch(costs.of_group, **whom, times=times))


async def shortage(chat: Chat) -> list[Words]:
    """A line of a coordinator's day, where money is short."""
    if not chat.tariffs:
        return []
    states: Mapping[str, State] = await chat.fetch(costs.for_staff, tariffs=chat.tariffs)
    return [
        words(
            "costs.short",
            channel=literal(abilities.of(name).title),
            why=_why(state, chat.tariffs[name]) if state.why else words("costs.why_near"),
        )
        for name, state in states.items()
        if _is_news(state, chat.tariffs[name])
    ]


def _is_news(state: State, tariff: Tariff) -> bool:
    """A budget of nothing was wished so."""
    return is_near(state, tariff) or bool(state.why and (state.why != BUDGET or tariff.messages))


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
