"""Broadcasts: one announcement to a group, from its words to the moment it is over.

Rights are asked at every step: a mediator writes to their own people and briefly, a trainer to the guests of an event
of theirs, a coordinator to all. Must never send: storage.deliveries enters rows into the outbox when its time comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, false, func, insert, or_, select, true, update

from bot import calendar
from bot.calendar import Rules
from bot.chat import Acting, Conflict
from bot.messages import Media
from storage import audiences, deliveries, media, orphans, wording
from storage import staff as roles
from storage.audiences import SAME, Wish
from storage.deliveries import Removed
from storage.tables import broadcasts

Group = Mapping[str, Any]

ANSWERS = ("interested", "no", "call")  # the buttons that a broadcast may have
LONGEST, SHORT = wording.LONGEST, wording.SHORT
MANY, HOLD = deliveries.MANY, deliveries.HOLD
UNDO = timedelta(seconds=30)
WAITING, RUNNING, PAUSED, DONE, STOPPED, REFUSED = "waiting", "running", "paused", "done", "stopped", "refused"


@dataclass(frozen=True, slots=True)
class Draft:
    """An announcement before it is published. Words and media by language: "bg", "rom"."""

    words: Mapping[str, str]
    media: Mapping[str, Media]
    buttons: Sequence[str]  # of ANSWERS
    audience: Group
    again: bool = False  # also to those who got the same words within a day
    corrects: int = 0  # the broadcast whose recipients get it, and nobody else


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One announcement as it stands. Times are UTC."""

    id: int
    by_id: int | None  # None: whoever wrote it was erased
    words: Mapping[str, str]
    media: Mapping[str, Media]
    buttons: Sequence[str]
    audience: Group
    again: bool
    corrects: int  # 0: none
    status: str  # waiting, running, paused, done, stopped (also one that was taken back), refused
    due_at: datetime
    held: bool  # more than MANY people: until due_at a colleague may approve or refuse it
    approved_by: int | None
    created_at: datetime
    started_at: datetime | None  # when its recipients were fixed; None: not yet, or never
    ended_at: datetime | None
    version: int  # rises when what was sent is changed
    deleted_at: datetime | None = None  # when it was last taken out of the chats

    @property
    def is_questioned(self) -> bool:
        """Whether its words were changed on the way to many, and wait for a second person until due_at."""
        return deliveries.is_questioned(self)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who would get a broadcast now, and why others would not. Each of `people` stands in exactly one number."""

    people: int  # own people in the group, whoever writes left out
    get: int
    stopped: int
    unreached: int  # blocked us, or no channel reaches them
    told_today: int  # got the same words within a day
    week_full: int  # have heard enough this week
    household: int = 0  # somebody at the same address gets it for them


# --- before it is published -----------------------------------------------------------------------------------------


def reach(
    connection: Connection, acting: Acting, *, audience: Group, words: Mapping[str, str], rules: Rules,
    media: Mapping[str, Media] = audiences.NONE, again: bool = False, corrects: int = 0,
) -> Reach:  # fmt: skip
    """Whom this would reach if whoever acts published it now. Only their own people are counted."""
    wish = wish_for(connection, acting, Draft(words, media, (), audience, again, corrects))
    if not _may_address(connection, acting, wish):
        return Reach(0, 0, 0, 0, 0, 0)
    who = audiences.chosen(wish, acting.now, rules).subquery()
    counted = select(who.c.reason, func.count()).group_by(who.c.reason)
    by_reason = {reason: number for reason, number in connection.execute(counted) if reason != "self"}
    return Reach(
        sum(by_reason.values()), by_reason.get("", 0), by_reason.get("stopped", 0),
        by_reason.get("blocked", 0) + by_reason.get("no_channel", 0), by_reason.get("told_today", 0),
        by_reason.get("week_full", 0), by_reason.get("household", 0),
    )  # fmt: skip


def sent_before(
    connection: Connection, acting: Acting, *, words: Mapping[str, str], audience: Group,
    media: Mapping[str, Media] = audiences.NONE,
) -> tuple[datetime, int] | None:  # fmt: skip
    """When the same words last went to some of these people within a day, and to how many of them; None: to nobody.

    Of a picture without words: when the same picture did.
    """
    wish = wish_for(connection, acting, Draft(words, media, (), audience))
    if not (any(words.values()) or media) or not audiences.may_write(wish, connection):
        return None
    told = audiences.same_words(wish.fingerprint, acting.now - SAME).subquery()
    these = told.c.contact_id.in_(audiences.own_people(wish))
    last, number = connection.execute(
        select(func.max(told.c.at), func.count(told.c.contact_id.distinct())).where(these)
    ).one()
    return (last, number) if last else None


def publish(connection: Connection, acting: Acting, *, draft: Draft, starts: datetime | None, rules: Rules) -> None:
    """Let a broadcast come at `starts` (UTC), or after UNDO when it is None; after HOLD when it goes to many.

    Held ones are shown to colleagues, who may approve or refuse. In quiet hours it starts when they end. A correction
    ends what it corrects, if that still runs: nobody else gets the wrong words.

    Raises Conflict: on "words" ("announce.no_words", "announce.unknown_mark", "announce.too_many",
    "announce.over_caption"), on "audience" ("announce.nobody", "announce.not_yours", and as of may_correct).
    """
    wish = wish_for(connection, acting, draft)
    wording.check(connection, acting, draft.words, draft.audience, wish.role, has_media=bool(draft.media))
    wrong = deliveries.taken(connection, draft.corrects) if draft.corrects else None
    if not _may_address(connection, acting, wish):
        raise Conflict("audience", _no_correction(connection, wrong, acting.now) or "announce.not_yours")
    found = reach(
        connection, acting, audience=draft.audience, words=draft.words, rules=rules, media=draft.media,
        again=draft.again, corrects=draft.corrects,
    )  # fmt: skip
    if not found.get:
        raise Conflict("audience", "announce.nobody")
    held = found.get > MANY
    due = comes(starts, acting.now, rules, held=held)
    number = _enter(connection, acting, draft, wish, due, held=held)
    if held:
        opens = calendar.next_open(rules, acting.now)
        deliveries.ask_colleagues(connection, number, acting.contact_id, acting.now, due, opens=opens)
    if wrong is not None and wrong.status in (RUNNING, PAUSED):
        _end(connection, acting, wrong)
    roles.audit(connection, acting, "announce", f"broadcast:{number}")


def comes(starts: datetime | None, now: datetime, rules: Rules, *, held: bool) -> datetime:
    """When one that is published now comes, UTC. Colleagues, who are not woken, have HOLD to say no to a held one."""
    soonest = calendar.next_open(rules, now) + HOLD if held else now + UNDO
    return calendar.next_open(rules, max(starts or now, soonest))


def _enter(connection: Connection, acting: Acting, draft: Draft, wish: Wish, due: datetime, *, held: bool) -> int:
    numbers = {language: media.keep(connection, one, acting.now) for language, one in draft.media.items()}
    row = {
        "by_id": acting.contact_id, "words": dict(draft.words), "media_id": numbers.get("bg") or None,
        "media_rom_id": numbers.get("rom") or None, "buttons": list(draft.buttons), "audience": dict(draft.audience),
        "again": draft.again, "fingerprint": wish.fingerprint, "corrects_id": draft.corrects or None,
        "status": WAITING, "due_at": due, "held": held, "created_at": acting.now,
    }  # fmt: skip
    number: int = connection.execute(insert(broadcasts).values(row).returning(broadcasts.c.id)).scalar_one()
    return number


def wish_for(connection: Connection, acting: Acting, draft: Draft) -> Wish:
    """Whom a draft of whoever acts is for, by the role that they have now."""
    role = roles.role_of(connection, acting.contact_id)
    mark = audiences.fingerprint(connection, draft.words, draft.media)
    is_personal = deliveries.is_personal(draft.words)
    return Wish(acting.contact_id, role, draft.audience, mark, draft.again, draft.corrects, is_personal)


def _may_address(connection: Connection, acting: Acting, wish: Wish) -> bool:
    """Whether these people are for whoever acts to write to: a correction is, where the wrong one was theirs."""
    if wish.corrects:
        wrong = _row(connection, wish.corrects)
        mine = wrong is not None and _is_theirs(wrong, acting, wish.role)
        return bool(mine and not _no_correction(connection, wrong, acting.now))
    return audiences.may_write(wish, connection)


def may_correct(connection: Connection, acting: Acting, *, broadcast_id: int) -> str:
    """Why whoever sees it cannot send a correction after it; empty where they can.

    There is one of each, within two days: it goes to all who got what was wrong, whatever else they were told. Of a
    correction there is one more, and that is the last.
    """
    return _no_correction(connection, _row(connection, broadcast_id), acting.now)


def _no_correction(connection: Connection, wrong: Any, now: datetime) -> str:
    if wrong is None or wrong.started_at is None:
        return "announce.not_yours"
    if wrong.deleted_at:
        return "announce.was_deleted"
    if wrong.started_at <= now - deliveries.DELETABLE:
        return "announce.too_old"
    sent = or_(broadcasts.c.started_at.is_not(None), broadcasts.c.status == WAITING)
    again = select(broadcasts.c.id).where(broadcasts.c.corrects_id == wrong.id, sent)
    before = _row(connection, wrong.corrects_id) if wrong.corrects_id else None
    if connection.execute(again).first() or (before is not None and before.corrects_id):
        return "announce.was_corrected"
    return ""


# --- reading ---------------------------------------------------------------------------------------------------------


def for_staff(connection: Connection, acting: Acting, broadcast_id: int) -> Broadcast | None:
    """One broadcast, for its author, a coordinator, or of a held one whoever may approve it; None for others."""
    row = _row(connection, broadcast_id)
    role = roles.role_of(connection, acting.contact_id)
    if row is None or not (_is_theirs(row, acting, role) or _may_approve(row, acting, role)):
        return None
    return of_row(connection, row)


def latest(connection: Connection, acting: Acting) -> Broadcast | None:
    """The one that whoever acts published last."""
    found = _newest(connection, broadcasts.c.by_id == acting.contact_id, 1)
    return found[0] if found else None


def recent(connection: Connection, acting: Acting, *, limit: int) -> list[Broadcast]:
    """What whoever acts may see, of a coordinator everybody's: what waits first, by its hour, then the newest."""
    seen = _seen_by(acting.contact_id, roles.role_of(connection, acting.contact_id))
    waits = broadcasts.c.status == WAITING
    order = (case((waits, 0), else_=1), case((waits, broadcasts.c.due_at)), broadcasts.c.id.desc())
    found = connection.execute(select(broadcasts).where(seen).order_by(*order).limit(limit)).all()
    return [of_row(connection, row) for row in found]


def seen(connection: Connection, acting: Acting, *, broadcast_ids: Sequence[int]) -> list[int]:
    """Which of these whoever acts may see."""
    mine = _seen_by(acting.contact_id, roles.role_of(connection, acting.contact_id))
    return list(connection.execute(select(broadcasts.c.id).where(broadcasts.c.id.in_(broadcast_ids), mine)).scalars())


def written(connection: Connection, acting: Acting, *, limit: int) -> list[Broadcast]:
    """The newest that whoever acts wrote themselves, without corrections."""
    mine = (broadcasts.c.by_id == acting.contact_id) & broadcasts.c.corrects_id.is_(None)
    return _newest(connection, mine, limit)


def may_approve(connection: Connection, acting: Acting, *, broadcast_id: int) -> bool:
    """Whether whoever acts may approve or refuse it now: it waits for a second person, who is not its author."""
    row = _row(connection, broadcast_id)
    return row is not None and _may_approve(row, acting, roles.role_of(connection, acting.contact_id))


def of_row(connection: Connection, row: Any) -> Broadcast:
    """A row of the table, with what is sent along."""
    numbers = {"bg": row.media_id, "rom": row.media_rom_id}
    found = {language: media.load(connection, number) for language, number in numbers.items() if number}
    return Broadcast(
        row.id, row.by_id, row.words, {language: one for language, one in found.items() if one}, tuple(row.buttons),
        row.audience, row.again, row.corrects_id or 0, row.status, row.due_at, row.held, row.approved_by,
        row.created_at, row.started_at, row.ended_at, row.version, row.deleted_at,
    )  # fmt: skip


def _newest(connection: Connection, which: ColumnElement[bool], limit: int) -> list[Broadcast]:
    wanted = select(broadcasts).where(which).order_by(broadcasts.c.id.desc()).limit(limit)
    return [of_row(connection, row) for row in connection.execute(wanted).all()]


def _row(connection: Connection, broadcast_id: int) -> Any:
    return connection.execute(select(broadcasts).where(broadcasts.c.id == broadcast_id)).one_or_none()


def _seen_by(staff_id: int, role: str) -> ColumnElement[bool]:
    if role == roles.COORDINATOR:
        return true()
    return broadcasts.c.by_id == staff_id if role in _WRITERS else false()


def _is_theirs(row: Any, acting: Acting, role: str) -> bool:
    return bool(role == roles.COORDINATOR or (role in _WRITERS and row.by_id == acting.contact_id))


def _may_approve(row: Any, acting: Acting, role: str) -> bool:
    return bool(_waits(row) and role in roles.LEADS and row.by_id != acting.contact_id)


def _waits(row: Any) -> bool:
    """Whether it waits for a second person: before it starts, or with other words on its way."""
    is_open = row.held and row.approved_by is None
    return bool(is_open and (row.status == WAITING or deliveries.is_questioned(row)))


_WRITERS = frozenset({roles.COORDINATOR, roles.MEDIATOR, roles.TRAINER})


# --- acts: each by whoever may see it; Conflict on "sure" when it is too late -----------------------------------------


def take_back(connection: Connection, acting: Acting, *, broadcast_id: int) -> None:
    """Undo it before it starts. Conflict "announce.started" when it has."""
    row = _own(connection, acting, broadcast_id)
    _change(connection, row, (WAITING,), "announce.started", status=STOPPED, ended_at=acting.now)
    roles.audit(connection, acting, "announce_undo", f"broadcast:{broadcast_id}")


def colleagues(connection: Connection, acting: Acting, *, broadcast_id: int = 0) -> int:
    """How many may approve one; without a number, one that whoever acts would write."""
    row = _row(connection, broadcast_id) if broadcast_id else None
    return len(deliveries.colleagues(connection, (row.by_id or 0) if row else acting.contact_id))


def goes_at(connection: Connection, acting: Acting, *, broadcast_id: int) -> datetime | None:
    """When one that whoever acts has approved goes, UTC; None where it has begun, or for others."""
    row = _row(connection, broadcast_id)
    mine = row is not None and row.approved_by == acting.contact_id and row.status == WAITING
    return row.due_at if mine else None


def approve(connection: Connection, acting: Acting, *, broadcast_id: int, rules: Rules) -> None:
    """Let a held one go, UNDO after it was published at the earliest; or let its new words stand.

    Conflict "announce.approve_own" for its author, "announce.decided" when it waits for nobody any more.
    """
    row = _judged(connection, acting, broadcast_id)
    if deliveries.is_questioned(row):
        _change(connection, row, (PAUSED,), "announce.decided", approved_by=acting.contact_id, approved_at=acting.now)
        deliveries.settle(connection, row, acting.now, rules)
        roles.audit(connection, acting, "announce_approve", f"broadcast:{broadcast_id}")
        return
    hurries = row.due_at <= row.created_at + HOLD  # it was not meant for a later hour
    due = max(row.created_at + UNDO, acting.now) if hurries else row.due_at
    values = {"approved_by": acting.contact_id, "approved_at": acting.now, "due_at": min(due, row.due_at)}
    _change(connection, row, (WAITING,), "announce.decided", **values)
    roles.audit(connection, acting, "announce_approve", f"broadcast:{broadcast_id}")


def refuse(connection: Connection, acting: Acting, *, broadcast_id: int) -> None:
    """Let a held one not go at all, or end it where its new words are not right; its author is told.

    Conflicts as of approve.
    """
    row = _judged(connection, acting, broadcast_id)
    if deliveries.is_questioned(row):  # the report comes when what is on the wire has arrived
        _end(connection, acting, row)
        roles.audit(connection, acting, "announce_refuse", f"broadcast:{broadcast_id}")
        return
    _change(connection, row, (WAITING,), "announce.decided", status=REFUSED, ended_at=acting.now)
    if row.by_id:
        deliveries.tell(connection, f"{deliveries.PROGRESS}:{broadcast_id}:end", [row.by_id], acting.now)
    roles.audit(connection, acting, "announce_refuse", f"broadcast:{broadcast_id}")


def pause_(connection: Connection, acting: Acting, *, broadcast_id: int) -> None:
    """Hold what has not gone out yet, at once. Conflict "announce.not_running"."""
    row = _own(connection, acting, broadcast_id)
    _change(connection, row, (RUNNING,), "announce.not_running", status=PAUSED)
    orphans.hold(connection, broadcast_id)
    roles.audit(connection, acting, "announce_pause", f"broadcast:{broadcast_id}")


def go_on(connection: Connection, acting: Acting, *, broadcast_id: int, rules: Rules) -> None:
    """Go on with a paused one. Conflict "announce.not_paused"; "announce.waits" while a second person is asked."""
    row = _own(connection, acting, broadcast_id)
    if _waits(row):
        raise Conflict("sure", "announce.waits")
    _change(connection, row, (PAUSED,), "announce.not_paused", status=RUNNING)
    deliveries.release(connection, broadcast_id, acting.now, rules)
    roles.audit(connection, acting, "announce_go_on", f"broadcast:{broadcast_id}")


def stop(connection: Connection, acting: Acting, *, broadcast_id: int) -> None:
    """End a running or paused one for good: whoever has not got it gets nothing. Conflict "announce.over"."""
    row = _own(connection, acting, broadcast_id)
    _end(connection, acting, row)
    roles.audit(connection, acting, "announce_stop", f"broadcast:{broadcast_id}")


def _end(connection: Connection, acting: Acting, row: Any) -> None:
    due = row.started_at if deliveries.is_questioned(row) else row.due_at
    _change(connection, row, (RUNNING, PAUSED), "announce.over", status=STOPPED, due_at=due, ended_at=None)
    deliveries.cancel(connection, row.id, acting.now)


def change_sent(connection: Connection, acting: Acting, *, broadcast_id: int, words: Mapping[str, str]) -> None:
    """Change the words where they stand, on channels that can; what waits goes out with the new ones.

    Of one that goes to many its author's new words wait for a second person, as the first did, where there is one.
    Conflicts on "words" as of publish; on "sure" "announce.nothing_to_change" before it starts, "announce.was_deleted",
    "announce.correct_instead" of such a one that was stopped.
    """
    row = _own(connection, acting, broadcast_id)
    role = roles.role_of(connection, acting.contact_id)
    wording.check(connection, acting, words, row.audience, role, has_media=bool(row.media_id))
    _refuse_deleted(row)
    is_asked = _needs_a_second(connection, acting, row)
    if is_asked and row.status == STOPPED:
        raise Conflict("sure", "announce.correct_instead")
    mark, version = audiences.fingerprint(connection, words), row.version + 1
    values = {"words": dict(words), "version": version} | ({"fingerprint": mark} if any(words.values()) else {})
    _change(connection, row, _BEGUN, "announce.nothing_to_change", **values)
    if is_asked:
        deliveries.question(connection, row, version, acting.now)
    else:
        deliveries.call_back(connection, broadcast_id)
        deliveries.enter_edits(connection, broadcast_id, version, acting.now)
    roles.audit(connection, acting, "announce_change", f"broadcast:{broadcast_id}")


def needs_a_second(connection: Connection, acting: Acting, *, broadcast_id: int) -> bool:
    """Whether other words of it, by whoever acts, would wait for a second person."""
    row = _row(connection, broadcast_id)
    return row is not None and _needs_a_second(connection, acting, row)


def _needs_a_second(connection: Connection, acting: Acting, row: Any) -> bool:
    return bool(row.held and row.by_id == acting.contact_id and deliveries.colleagues(connection, acting.contact_id))


def delete_sent(connection: Connection, acting: Acting, *, broadcast_id: int) -> None:
    """Take it out of the chats, on channels that can, where it is younger than 48 hours; stops it first if it runs.

    Once more, it is tried where it failed. Conflict "announce.nothing_to_change" before it starts.
    """
    row = _own(connection, acting, broadcast_id)
    if row.status in (RUNNING, PAUSED):
        _end(connection, acting, row)
    version = row.version + 1
    gone = {"deleted_at": acting.now, "version": version}
    _change(connection, row, _BEGUN, "announce.nothing_to_change", **gone)
    deliveries.enter_removals(connection, broadcast_id, version, acting.now)
    roles.audit(connection, acting, "announce_delete", f"broadcast:{broadcast_id}")


def removed(connection: Connection, acting: Acting, *, broadcast_id: int) -> Removed:
    """What came of taking it out of the chats; all zeros for who may not see it."""
    seen = for_staff(connection, acting, broadcast_id)
    return deliveries.removed(connection, broadcast_id) if seen and seen.deleted_at else Removed(0, 0, 0)


def _refuse_deleted(row: Any) -> None:
    if row.deleted_at:
        raise Conflict("sure", "announce.was_deleted")


_BEGUN = (RUNNING, PAUSED, DONE, STOPPED)


def _own(connection: Connection, acting: Acting, broadcast_id: int) -> Any:
    """The row, locked: whoever acts may have lost their role, or another may be changing it at this moment."""
    row = deliveries.taken(connection, broadcast_id)
    if row is None or not _is_theirs(row, acting, roles.role_of(connection, acting.contact_id)):
        raise Conflict("sure", "announce.gone")
    return row


def _judged(connection: Connection, acting: Acting, broadcast_id: int) -> Any:
    """The row, locked, of one that whoever acts may approve or refuse."""
    row = deliveries.taken(connection, broadcast_id)
    if row is None or roles.role_of(connection, acting.contact_id) not in roles.LEADS:
        raise Conflict("sure", "announce.gone")
    if row.by_id == acting.contact_id:
        raise Conflict("sure", "announce.approve_own")
    if not _waits(row):
        raise Conflict("sure", "announce.decided")
    return row


def _change(connection: Connection, row: Any, allowed: Sequence[str], why: str, **values: Any) -> None:
    if row.status not in allowed or (allowed is _BEGUN and row.started_at is None):
        raise Conflict("sure", why)
    connection.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(values))
