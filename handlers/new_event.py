"""A new event: a dozen short questions, a look at the invitation, and it is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from bot import calendar, when
from bot.asking import Length, Number, Paged, Slots, Title, When, clock
from bot.chat import Chat, Choice, Finish, Many, Option, Summary, Text, literal, words
from bot.texts import Label, Lines, Words
from handlers import notices
from handlers.audience import ask_audience, for_whom, keys_of, left_out, people
from handlers.costs import bill_of_event
from handlers.events import (
    KINDS,
    LEADERS,
    REMINDERS,
    SEATS,
    ask_place,
    here,
    lasting,
    local,
    reminders,
    sealed,
    where,
)
from handlers.words import activity_label
from storage import contacts, digests, events, groups, moments, staff
from storage.events import Draft, Event
from storage.groups import Reach
from storage.staff import MEDIATOR, Member
from storage.telling import About, Facts

if TYPE_CHECKING:
    from storage.programme import Activity

USUAL_REMINDERS = ("3d", "1d", "2h")
OPEN = ("meeting", "outreach", "public")  # kinds with as many places as people come, unless somebody says otherwise
SIMPLE = ("meeting", "public")  # kinds to which people come with empty hands
LIKELY: Mapping[str, tuple[str, ...]] = {  # by whom an activity is for: the kinds that come first
    "work": ("training", "course", "appointment"),
    "school": ("meeting", "training", "course"),
    "everyone": ("public", "outreach", "appointment"),
}
TITLES: Mapping[str, str] = {
    "training": "event.title_training",
    "course": "event.title_course",
    "meeting": "event.title_meeting",
    "outreach": "event.title_outreach",
}
LENGTHS: Mapping[str, tuple[int, ...]] = {
    "meeting": (60, 90, 120),
    "outreach": (120, 240, 480),
    "public": (120, 180, 480),
}
DATES = 20  # of a course, typed one by one
WEEKS = 40


async def begin_event(chat: Chat) -> Finish:
    """With answers that are nearly always the same given already: they stand in the summary and can be changed."""
    usual = [offset for offset in USUAL_REMINDERS if offset in chat.programme.rules.offsets]
    given: dict[str, Any] = {"offsets": usual}
    given |= {f"capacity-{kind}": None for kind in OPEN} | {f"bring-{kind}": "" for kind in SIMPLE}
    if chat.person.role == MEDIATOR:
        given["mediator"] = str(chat.person.contact_id)
    return Finish(then="new_event", given=given)


async def new_event(chat: Chat) -> Finish:
    """From the activity to the invitations."""
    now = await here(chat)
    offered = [Option(a.code, activity_label(a)) for a in chat.programme.activities]
    activity = chat.programme.activity(await chat.ask("activity", Paged("event.ask_activity", offered)))
    kind = await chat.ask("kind", Choice("event.ask_kind", [Option(k, KINDS[k]) for k in _kinds(activity)]))
    title = await chat.ask("title", _title(activity, kind))
    schools = [i.name for i in chat.programme.institutions] if "school" in activity.audience else []
    place, landmark = await ask_place(chat, "event.ask_place", schools)
    starts = _moment(chat, await chat.ask("starts", When("event.ask_when", now)))
    dates = await _dates(chat, kind, starts, now)
    audience = await ask_audience(chat, activity, kind)
    draft = Draft(
        kind=kind, activity=activity.code, title=title, place=place, landmark=landmark, dates=dates, audience=audience,
        capacity=await _capacity(chat, kind), mediator_id=await _mediator(chat), bring=await _bring(chat, kind),
        offsets=await _offsets(chat),
    )  # fmt: skip
    await _preview(chat, draft, now)
    await chat.ask(sealed("confirm", draft), await _summary(chat, draft, now))
    given = {"event": "latest", "note": "published"}
    return Finish(digests.publish, {"draft": draft, "rules": chat.programme.rules}, then="event_card", given=given)


# --- what ------------------------------------------------------------------------------------------------------------


def _kinds(activity: Activity) -> list[str]:
    """All six, those first that suit whom the activity is for; what is confidential happens between two people."""
    first = ["appointment"] if activity.confidential else []
    first += [kind for whom in activity.audience for kind in LIKELY.get(whom, ())]
    return list(dict.fromkeys((*first, *KINDS)))


def _title(activity: Activity, kind: str) -> Title:
    named = [words(TITLES[kind], activity=activity.name)] if kind in TITLES else []
    return Title("event.ask_title", max_length=120, letters=True, suggested=[*named, literal(activity.name)])


# --- when ------------------------------------------------------------------------------------------------------------


def _moment(chat: Chat, answer: str) -> datetime:
    """A kept answer in the programme's zone."""
    return datetime.fromisoformat(answer).replace(tzinfo=chat.programme.zone)


async def _dates(chat: Chat, kind: str, starts: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """Every date or slot, with its end, in UTC."""
    begins = literal(when.full(starts, now))
    if kind == "appointment":
        slot = await chat.ask("slot", Length(words("event.ask_slot", when=begins), (15, 20, 30, 45, 60, 90)))
        number = await chat.ask("slots", Slots("event.ask_slots", starts, slot))
        first, length = starts.astimezone(UTC), timedelta(minutes=slot)
        return [(first + n * length, first + (n + 1) * length) for n in range(number)]
    offers = LENGTHS.get(kind, (60, 120, 240, 480))
    minutes = await chat.ask("length", Length(words("event.ask_length", when=begins), offers))
    every = await _repeated(chat, starts, now) if kind == "course" else [starts]
    return [(at.astimezone(UTC), at.astimezone(UTC) + timedelta(minutes=minutes)) for at in every]


async def _repeated(chat: Chat, starts: datetime, now: datetime) -> list[datetime]:
    """A course's dates: every week at the same local hour, or one by one."""
    ways = [Option("weekly", "event.weekly"), Option("other", "event.other_dates")]
    if await chat.ask("repeat", Choice(words("event.ask_repeat", first=_short(starts, now)), ways)) == "weekly":
        times = await chat.ask("times", Number("event.ask_times", 2, WEEKS, (4, 6, 8, 10, 12, 16)))
        return [starts + timedelta(weeks=n) for n in range(times)]
    dates, hour = [starts], time(starts.hour, starts.minute)
    for n in range(2, DATES + 1):
        asked = words("event.ask_date", dates=Lines(tuple(_short(at, now) for at in dates)))
        question = When(asked, now, at=hour, after=dates[-1], skip="event.dates_done")
        answer = await chat.ask(f"date{n}", question)
        if not answer:
            break
        at = _moment(chat, answer)
        dates += [at] if at > dates[-1] else []  # an earlier one was changed since
    return dates


def _short(at: datetime, now: datetime) -> Words:
    return literal(f"📅 {when.day_label(at.date(), now)} {clock(at)}")


# --- what is nearly always the same ----------------------------------------------------------------------------------


async def _capacity(chat: Chat, kind: str) -> int | None:
    if kind == "appointment":
        return None
    question = Number("event.ask_capacity", 1, SEATS, (10, 12, 15, 20, 25, 30), none="event.no_limit")
    seats: int | None = await chat.ask(f"capacity-{kind}", question)
    return seats


async def _mediator(chat: Chat) -> int:
    """Who leads it. Somebody who has left the team since leads nothing."""
    me, others = chat.person.contact_id, await _colleagues(chat)
    if not others:
        return me
    named = [Option(str(m.contact_id), literal(f"👤 {m.name}")) for m in others]
    chosen = await chat.ask("mediator", Paged("event.ask_leader", [Option(str(me), "event.leader_me"), *named]))
    return int(chosen) if any(chosen == option.code for option in named) else me


async def _colleagues(chat: Chat) -> list[Member]:
    """Who else could lead it."""
    team: list[Member] = await chat.fetch(staff.members)
    return [m for m in team if m.role in LEADERS and m.contact_id != chat.person.contact_id]


async def _bring(chat: Chat, kind: str) -> str:
    what: str = await chat.ask(f"bring-{kind}", Text("event.ask_bring", max_length=200, skip="button.skip"))
    return what


async def _offsets(chat: Chat) -> list[str]:
    known = [offset for offset in REMINDERS if offset in chat.programme.rules.offsets]
    options = [Option(offset, words("event.remind", before=REMINDERS[offset])) for offset in known]
    usual = [offset for offset in USUAL_REMINDERS if offset in known]
    question = Many("event.ask_reminders", options, none="event.no_reminders", start=usual)
    chosen: list[str] = await chat.ask("offsets", question)
    return chosen


# --- the invitation and the summary ----------------------------------------------------------------------------------


async def _preview(chat: Chat, draft: Draft, now: datetime) -> None:
    """The invitation as people will see it, with their buttons; here these only say that."""
    (starts, ends), me = draft.dates[0], chat.person
    event = Event(
        0, draft.kind, draft.activity, draft.title, draft.place, draft.landmark, draft.bring, starts, ends,
        draft.capacity, draft.mediator_id, draft.audience, tuple(draft.offsets), events.PUBLISHED, 1,
    )  # fmt: skip
    leader = await chat.fetch(contacts.name_of, contact_id=draft.mediator_id)
    about = About(event, moments.INVITE, rsvp="", seat="", leave_at="", mediator=leader.partition(" ")[0])
    facts = Facts(me.contact_id, me.name, me.language, (about,))
    note = notices.note_of(chat.programme, facts, now.astimezone(UTC))
    buttons = [Option("/example", option.label) for row in note.rows for option in row]
    chat.say(Lines(tuple(note.lines)), buttons=buttons, apart=True)


async def example(chat: Chat) -> None:
    """A button of a preview was pressed."""
    chat.say("event.only_example")


@dataclass(frozen=True, slots=True)
class Change:
    """An answer that the summary can take back, with the answers that hang on it."""

    label: Label
    keys: tuple[str, ...]


async def _summary(chat: Chat, draft: Draft, now: datetime) -> Summary:
    hosts = [draft.mediator_id] if draft.mediator_id else []
    whom = {"group": draft.audience, "rules": chat.programme.rules, "kind": draft.kind, "hosts": hosts}
    reach: Reach = await chat.fetch(groups.reach, **whom)
    changes = _changes(chat, draft.kind, alone=not await _colleagues(chat))
    told = reach.told if _in_time(chat, draft, now) else 0
    publish = words("event.publish", people=people(told)) if told else "event.publish_quietly"
    return Summary(
        words("event.confirm", lines=Lines(tuple(await _lines(chat, draft, reach, now)))),
        [Option(code, change.label) for code, change in changes.items()],
        {code: change.keys for code, change in changes.items()},
        yes=publish,
        by_number=False,
    )


def _in_time(chat: Chat, draft: Draft, now: datetime) -> bool:
    """Whether people can still hear of it before it begins; of a course, of one of its dates."""
    opens = calendar.next_open(chat.programme.rules, now)
    return any(opens < starts for starts, _ in (draft.dates if draft.kind == "course" else draft.dates[:1]))


def _changes(chat: Chat, kind: str, *, alone: bool = False) -> dict[str, Change]:
    later = tuple(f"date{n}" for n in range(2, DATES + 1))
    found = {
        "activity": Change("event.change_activity", ("activity",)),
        "kind": Change("event.change_kind", ("kind",)),
        "title": Change("event.change_title", ("title",)),
        "place": Change("event.change_place", ("place", "landmark")),
        "starts": Change("event.change_when", ("starts", "slots", *later)),
        "length": Change("event.change_length", ("length",)),
        "slot": Change("event.change_slots", ("slot", "slots")),
        "dates": Change("event.change_dates", ("repeat", "times", *later)),
        "who": Change("event.change_who", keys_of(chat)),
        "capacity": Change("event.change_capacity", (f"capacity-{kind}",)),
        "mediator": Change("event.change_leader", ("mediator",)),
        "bring": Change("event.change_bring", (f"bring-{kind}",)),
        "offsets": Change("event.change_reminders", ("offsets",)),
    }
    absent = ["length", "capacity"] if kind == "appointment" else ["slot"]
    absent += [*([] if kind == "course" else ["dates"]), *(["mediator"] if alone else [])]
    return {code: change for code, change in found.items() if code not in absent}


async def _lines(chat: Chat, draft: Draft, reach: Reach, now: datetime) -> list[Words]:
    leader = next((m.name for m in await chat.fetch(staff.members) if m.contact_id == draft.mediator_id), "")
    first, last = draft.dates[0], draft.dates[-1]
    is_appointment = draft.kind == "appointment"
    return [
        literal(f"{chat.programme.activity(draft.activity).emoji} {draft.title}".strip()),
        lasting(chat, first[0], (last if is_appointment else first)[1], now),
        *_dates_shown(chat, draft, now),
        where(draft.place, draft.landmark),
        for_whom(chat.programme, draft.audience),
        *left_out(reach),
        *([] if is_appointment else [_seats(draft.capacity)]),
        words("event.line_leads", name=literal(leader)),
        *([words("event.line_bring", what=literal(draft.bring))] if draft.bring else []),
        reminders(draft.offsets),
        *await bill_of_event(chat, draft, now, invited=_in_time(chat, draft, now)),
    ]


def _dates_shown(chat: Chat, draft: Draft, now: datetime) -> list[Words]:
    """How many slots or dates there are, and when the last one is."""
    if len(draft.dates) == 1:
        return []
    last = literal(when.day_label(local(chat, draft.dates[-1][0]).date(), now))
    if draft.kind == "appointment":
        return [words("event.line_slots", number=len(draft.dates))]
    return [words("event.line_dates", number=len(draft.dates), last=last)]


def _seats(capacity: int | None) -> Words:
    return words("event.line_seats", number=capacity) if capacity else Words("event.line_no_limit")
