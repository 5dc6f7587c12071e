"""The verdict over a year: everybody heard what they should, once, at a decent hour, or it is written down why not.

Believes the acts, and checks every line of the ledger and every message against them. Must never ask the code whose
work it judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from tests.faults import year_history as happened
from tests.faults.year_books import A_WEEK, APART, HOUSEHOLD, TOLD, Books, Message
from tests.faults.year_history import (
    AFTER,
    CHANGE,
    INVITE,
    MISSED,
    PLACE,
    REMINDERS,
    TIMED,
    WEEK,
    Facts,
    History,
    Planned,
    Row,
    base_of,
)
from tests.faults.year_hours import DAY, first_allowed, local
from tests.faults.year_model import SEAT
from tests.faults.year_plans import faults_of

AHEAD = APART + timedelta(minutes=15)  # what is due so soon is told in the same message
PROMPT = timedelta(seconds=5)  # a message that a crash has met rests for two
AFTERWARDS = (AFTER, MISSED)  # what is asked of those who said no too, if they came


class Judge(Books):
    """Goes through a history from its beginning. `wrong` holds a sentence for each broken rule."""

    def take(self, entry: happened.Entry) -> None:  # noqa: C901, PLR0912, PLR0915  (one line for each kind of entry)
        """One entry."""
        self.counts[type(entry).__name__] += 1
        at: datetime = entry.at
        match entry:
            case happened.Registered(contact=who):
                self.model.register(entry)
                if entry.told or entry.welcome:
                    self._told(at, INVITE, {(event, who) for event in self.model.welcome(who, at)}, entry.told)
            case happened.Joined(contact=who):
                self.model.join(who, entry.activity)
                self._told(at, INVITE, {(event, who) for event in self.model.welcome(who, at)}, entry.told)
            case happened.Published():
                self.model.publish(entry.events)
                for event in entry.events:
                    self._plan(at, event, [p for p in entry.planned if p.event == event.id])
            case happened.Changed():
                self._change(entry)
            case happened.Answered():
                lucky = self.model.answer(entry.event, entry.contact, entry.said, at, whole=entry.whole)
                self._told(at, PLACE, lucky, entry.told)
            case happened.TookSlot():
                self.model.take_slot(entry.lead, entry.slot, entry.contact, at)
            case happened.Marked():
                self.model.came(entry.event, entry.contact)
            case happened.Finished():
                self.model.finish(entry.event)
                for moment in entry.planned:  # who came is asked how it was, also where that was asked too early
                    self._pending[moment.event, moment.offset] = moment
                    self._since[moment.event, moment.offset] = at
            case happened.Stopped():
                self.model.stop(entry.contact, entry.address)
            case happened.Resumed():
                self.model.resume(entry.contact, entry.address)
            case happened.Blocked():
                here = self.model.homes[entry.address].residents
                self.model.block(entry.address, here)
            case happened.Unblocked():
                self.model.unblock(entry.address)
            case happened.Erased():
                lucky = self.model.leave(entry.contact, at)
                self.model.erase(entry.contact)
                self._told(at, PLACE, lucky, entry.told)
                for lines in self._ledger.values():
                    lines.pop(entry.contact, None)
            case happened.Silent():
                self._up = entry.until
            case happened.Decided():
                self._decided(entry)
            case happened.Closed():
                self._close(entry)
            case happened.Sent():
                self._sent(entry)
            case happened.Dropped():
                self._dropped(entry)

    # --- what is planned ------------------------------------------------------------------------------------------

    def _plan(self, at: datetime, event: Facts, planned: Sequence[Planned]) -> None:
        """A new timetable."""
        for wrong in faults_of(at, event, planned, self._told_at(at, event, planned)):
            self.say(at, wrong)
        self._expect(at, event.id, planned)

    def _change(self, entry: happened.Changed) -> None:
        for row in entry.reopened:
            key = (row.event, row.offset)
            self._ledger[key].pop(row.contact, None)
            if key in self._closed and self._closed[key].until > entry.at:
                self._pending[key] = self._closed.pop(key)
                self._since[key] = entry.at
        self._hand_over(entry)
        for event in entry.events:
            before = self.model.events[event.id]
            self.model.events[event.id] = event
            planned = [p for p in entry.planned if p.event == event.id]
            names = {p.offset for p in planned}
            if f"{CHANGE}@{event.version}" not in names:
                self.say(entry.at, f"event {event.id} changed and nobody is to be told")
            if event.status == "cancelled":
                if len(names) > 1:
                    self.say(entry.at, f"event {event.id} is cancelled, and {names} are still to come")
            elif event.starts != before.starts:
                self.model.forget_answers(event.id)
                old = [n for n in names if base_of(n) in (*TIMED, AFTER) and not n.endswith(f"@{event.version}")]
                if old:
                    self.say(entry.at, f"event {event.id} was moved, and {old} of its old time are still to come")
                self._plan(entry.at, event, planned)
                continue
            kept = {key[1] for key in self._pending if key[0] == event.id and base_of(key[1]) != CHANGE}
            if event.status == "published" and kept - names:
                self.say(entry.at, f"event {event.id} has a new place, and {kept - names} are gone")
            self._expect(entry.at, event.id, planned)

    def _hand_over(self, entry: happened.Changed) -> None:
        """What was yet to be said of a whole course comes with another date when the first is cancelled."""
        for moment in entry.planned:
            key = (moment.event, moment.offset)
            if moment.event not in {event.id for event in entry.events} and key not in self._pending:
                if base_of(moment.offset) not in (INVITE, WEEK):
                    self.say(entry.at, f"event {moment.event}: {moment.offset} is to come though nothing changed")
                self._pending[key] = moment
                self._since[key] = entry.at

    # --- what is decided ------------------------------------------------------------------------------------------

    def _decided(self, entry: happened.Decided) -> None:
        at, key, base = entry.at, (entry.event, entry.offset), base_of(entry.offset)
        moment = self._pending.get(key)
        if moment is None:
            self.say(at, f"event {entry.event}: {entry.offset} came although it was not to come")
            return
        due = first_allowed(base, max(moment.due, self._up, self._since.get(key, moment.due)))
        late = first_allowed(base, at) >= moment.until
        if at < moment.due or (at - due > PROMPT and not late):
            self.say(at, f"event {entry.event}: {entry.offset} came at another time than {local(due):%d.%m. %H:%M}")
        if base in (*REMINDERS, INVITE):
            self.model.fill(entry.event, at, whole=base == INVITE)
        meant, maybe = self._meant(entry.event, base, at)
        told = {row.contact for row in entry.rows if row.status in TOLD}
        for row in entry.rows:
            if row.contact not in meant | maybe:
                self.say(at, f"{row.name} does not concern them")
            if row.contact not in self.model.guests[entry.event] and base != WEEK:
                continue
            self._line(at, row, moment.until, late=late, told=told)
        for row in entry.joint:
            self._joint(at, row)

    def _line(self, at: datetime, row: Row, until: datetime, *, late: bool, told: Collection[int]) -> None:
        """One line of the ledger: its reason is true, or there was none."""
        self._enter(at, row)
        base = base_of(row.offset)
        reasons = self._reasons(at, row, told)
        if row.status == "skipped":
            if row.reason not in reasons:
                self.say(at, f"{row.name} was left out for {row.reason!r}, which is not so")
        elif row.status == "expired":
            if not late or row.reason != "late":
                self.say(at, f"{row.name} was given up, but it was not too late")
        elif row.status == "queued":
            if late:
                self.say(at, f"{row.name} was queued too late to be of use")
            if reasons - {"household"}:
                self.say(at, f"{row.name} was queued, though {' and '.join(sorted(reasons))}")
            if row.message != f"reminder:{row.event}:{row.offset}:{row.contact}" or row.message in self._messages:
                self.say(at, f"{row.name} has the key {row.message}, which is not its own")
            version = self.model.events[row.event].version
            self._messages[row.message] = Message(at, row.event, base, row.contact, until, version)
            self._waiting[row.contact].add(row.message)
            self._about[row.event].append(row.message)
        self.counts[row.reason or row.status] += 1

    def _joint(self, at: datetime, row: Row) -> None:
        """A line that another's message tells: due so soon, or the same reminder of another event of that day."""
        self._enter(at, row)
        message, moment = self._messages.get(row.message), self._pending.get((row.event, row.offset))
        guest = self.model.guests[row.event].get(row.contact)
        if message is None or message.at != at or message.contact != row.contact:
            self.say(at, f"{row.name} is told in a message that was not for them")
            return
        if moment is None or guest is None:
            self.say(at, f"{row.name} is told besides, though it is not to come")
            return
        base, event, about = base_of(row.offset), self.model.events[row.event], self.model.events[message.event]
        same_day = base == message.base and local(event.starts).date() == local(about.starts).date()
        if not (moment.due <= at + AHEAD and moment.until > at) and not same_day:
            self.say(at, f"{row.name} is told besides, and much too early")
        reasons = self._reasons(at, row, ()) - {"household", "too_close", "week_full"}
        if reasons or event.status != "published":
            self.say(at, f"{row.name} is told besides, though {' and '.join(sorted(reasons)) or 'it is cancelled'}")
        self.counts["joint"] += 1

    def _close(self, entry: happened.Closed) -> None:
        """A moment is over: nobody whom it concerns was forgotten."""
        moment = self._pending.pop((entry.event, entry.offset), None)
        if moment is None:
            return
        self._closed[entry.event, entry.offset] = moment
        base = base_of(entry.offset)
        if base in (*REMINDERS, INVITE):
            self.model.fill(entry.event, entry.at, whole=base == INVITE)
        meant, _ = self._meant(entry.event, base, entry.at)
        forgotten = meant - self._ledger[entry.event, entry.offset].keys()
        if forgotten:
            who = ", ".join(map(str, sorted(forgotten)[:5]))
            self.say(entry.at, f"event {entry.event}: {entry.offset} forgot {len(forgotten)}: {who}")
        late = first_allowed(base, entry.at) >= moment.until
        if (entry.state == "expired") != late:
            self.say(entry.at, f"event {entry.event}: {entry.offset} ended as {entry.state}")

    def _told(self, at: datetime, base: str, wanted: Iterable[tuple[int, int]], rows: Sequence[Row]) -> None:
        """Somebody was told something at once: a place that came free, or what is coming when they register."""
        wanted = list(wanted)
        have = Counter((row.event, row.contact) for row in rows)
        if have != Counter(wanted):
            self.say(at, f"{base}: told were {sorted(have.elements())} instead of {sorted(wanted)}")
        told = {row.contact for row in rows if row.status in TOLD}
        for row in sorted(rows, key=lambda row: row.status == "joint"):
            if (row.event, row.contact) not in wanted:
                continue
            starts = self.model.events[row.event].starts
            if row.status == "joint":
                self._enter(at, row)
                message = self._messages.get(row.message)
                if message is None or message.contact != row.contact:
                    self.say(at, f"{row.name} is told in a message that was not for them")
                continue
            self._line(at, row, starts, late=first_allowed(base, at, starts) >= starts, told=told)

    # --- what is sent ---------------------------------------------------------------------------------------------

    def _sent(self, entry: happened.Sent) -> None:
        at, message = entry.at, self._messages.get(entry.key)
        if message is None or message.state != "waiting":
            self.say(at, f"{entry.key} was sent {'twice' if message else 'and nobody had decided it'}")
            return
        self._leaves(entry.key, message, "sent")
        person = self.model.people[entry.contact]
        rules = {
            f"to somebody who is {person.status}": person.status != "active",
            "to an address of which we know that it is not theirs, or gone": entry.address
            not in self.model.reached(entry.contact),
            "in the quiet hours": first_allowed(message.base, at, message.until) != at,
            "too late to be of use": at >= message.until,
            "later than it could": at - self._could(message) > PROMPT,
            "in another language": entry.language != person.traits.language,
            "and says nothing": not entry.parts,
        }
        for broken, is_so in rules.items():
            if is_so:
                self.say(at, f"{entry.key} went {broken}")
        self._parts(entry)
        self._limits(entry, message)
        self.counts["sent"] += 1

    def _parts(self, entry: happened.Sent) -> None:  # noqa: C901  (one line for each kind of part)
        """What a message says is what is true now, of everything that it was to tell."""
        bases = {(row.event, base_of(row.offset)) for row in self._lines[entry.key]}
        bases |= {(date, WEEK) for number, base in bases if base == WEEK for date in self.model.course(number)}
        for part in entry.parts:
            event, guest = self.model.events[part.event], self.model.guests[part.event][entry.contact]
            if (part.event, part.base) not in bases:
                self.say(entry.at, f"{entry.key} tells of event {part.event}, which nobody decided")
            if (part.starts, part.place, part.status) != (event.starts, event.place, event.status):
                self.say(entry.at, f"{entry.key} says of event {part.event} what is no longer so")
            if event.status == "cancelled" and part.base != CHANGE:
                self.say(entry.at, f"{entry.key} tells of event {part.event}, which was cancelled")
            if guest.said == "no" and part.base not in AFTERWARDS:
                self.say(entry.at, f"{entry.key} went to somebody who said no to event {part.event}")
            if part.base in TIMED and event.starts <= entry.at:
                self.say(entry.at, f"{entry.key} reminds of event {part.event}, which has begun")
            before = self._heard.get((part.event, entry.contact))
            # A slot's change tells of its appointment's; and the ledger may say why somebody heard of none.
            known = part.base == CHANGE or event.kind == "appointment" or self._has_change(part.event, entry.contact)
            if before and before.starts != part.starts and not known:
                self.say(entry.at, f"{entry.key} tells of a new time of event {part.event} as if it were known")
            if part.base != WEEK:  # that is about the course, and only names its dates
                self._heard[part.event, entry.contact] = part
        told = {part.event for part in entry.parts}
        for row in self._lines[entry.key]:
            weekly = base_of(row.offset) == WEEK and told & set(self.model.course(row.event))
            if row.event not in told and not weekly and not self._is_moot(row):
                self.say(entry.at, f"{entry.key} was to tell of event {row.event} too")

    def _limits(self, entry: happened.Sent, message: Message) -> None:
        at, contact = entry.at, entry.contact
        if message.base in REMINDERS:
            mine = self._reminded[contact]
            if mine and at - mine[-1] < APART:
                self.say(at, f"{entry.key} came {at - mine[-1]} after another reminder")
            mine.append(at)
            self._of[contact].add(message.event)
        if message.base == INVITE:
            mine = self._invited[contact]
            mine.append(at)
            if message.event in self._of[contact]:
                self.say(at, f"{entry.key} invites to what they were reminded of before")
            if sum(then > at - 7 * DAY for then in mine[-A_WEEK - 1 :]) > A_WEEK:
                self.say(at, f"{entry.key} is one invitation too many in a week")
        for row in self._lines[entry.key]:
            base = base_of(row.offset)
            if base in (INVITE, CHANGE):
                self._own[row.event, contact].append(at)
            if self.model.events[row.event].kind == "meeting" and base in HOUSEHOLD:
                home = (row.event, row.offset, entry.address)
                if home in self._homes:
                    self.say(at, f"{entry.key}: this home has heard of the meeting {row.event} ({row.offset}) before")
                self._homes.add(home)

    def _dropped(self, entry: happened.Dropped) -> None:
        """A message that was queued will not go out: nothing was left to say, or nobody to say it to, or no time."""
        message = self._messages.get(entry.key)
        if message is None or message.state != "waiting":
            self.say(entry.at, f"{entry.key} ended as {entry.status} and was not waiting")
            return
        self._leaves(entry.key, message, entry.status)
        could = self._could(message)
        gone = self.model.people[message.contact].status != "active"
        here = self.model.reached(message.contact)
        fine = {
            "expired": could >= message.until,
            "cancelled": (
                gone or not here or self._says_nothing(entry.key, message, entry.at) or self._lost_address(message)
            ),
            "failed": self._lost_address(message),
            "uncertain": True,
        }
        if not fine.get(entry.status, False):
            self.say(entry.at, f"{entry.key} ended as {entry.status}, and for no reason")
        self.counts[entry.status] += 1

    # --- the end --------------------------------------------------------------------------------------------------

    def close(self, history: History) -> None:
        """Nothing was left behind, and the seats stand as the answers say."""
        assert history.ends is not None
        for (event, offset), moment in self._pending.items():
            base = base_of(offset)
            if first_allowed(base, max(moment.due, self._up)) < history.ends:
                self.say(history.ends, f"event {event}: {offset} never came")
        for key, message in self._messages.items():
            could = self._could(message)
            if message.state == "waiting" and could + PROMPT < history.ends:
                self.say(history.ends, f"{key} was left behind")
        mine = {(n, c): (g.said, g.seat) for n, guests in self.model.guests.items() for c, g in guests.items()}
        for guest in sorted(mine.keys() | history.seats.keys()):
            said, kept = mine.get(guest), history.seats.get(guest)
            if said != kept:
                self.say(history.ends, f"event, contact {guest}: {kept} instead of {said}")
        for number, guests in self.model.guests.items():
            room = self.model.events[number].capacity
            if room is not None and sum(g.seat == SEAT for g in guests.values()) > room:
                self.say(history.ends, f"event {number} has more guests than {room} seats")


def judge(history: History) -> Judge:
    """Go through a whole history."""
    found = Judge()
    for entry in history.entries:
        found.take(entry)
    found.close(history)
    return found
