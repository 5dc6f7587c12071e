"""People who register: what each wants to say, drawn from a seed, and how they go on from what they see.

A person answers the question that stands on the screen and nothing else. They know no state of the service; what went
wrong on the way they notice in the summary, as people do.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from bot.messages import Button
from bot.texts import Texts
from handlers.words import child_shown, phone_shown
from storage.contacts import Child
from storage.programme import Institution, Programme
from tests.faults.ledger import Ledger
from tests.faults.phones import Act, Phone, Screen

FIRST = ("Мария", "Иванка", "Асен", "Румяна", "Сашо", "Емилия", "Борис", "Радка", "Митко", "Силвия", "Илия", "Жана")
LAST = ("Иванова", "Петрова", "Ангелов", "Тодорова", "Асенов", "Маринова", "Каменов", "Ильова", "Христова", "Цанков")
PURPOSES = ("work", "school", "both", "other")
WORK = ("no_searching", "no_not_searching", "yes", "studying", "skip")
KEYS = ("name", "phone", "settlement", "purpose", "institutions", "work", "interests")
TICK = "☑"


@dataclass(frozen=True, slots=True)
class Pace:
    """How quick people are. Seconds."""

    thought: float = 0.2  # at most, before an answer
    patience: float = 4.0  # at least, until what was not answered is said again
    calm: float = 1.2  # without news, until a puzzled person believes what they see


@dataclass(slots=True)
class Wish:
    """What a person wants to have said in the end."""

    language: str
    name: str
    phone: str  # E.164, or empty
    settlement: str
    purpose: str
    classes: dict[str, list[str]]  # institution → classes or groups; empty: does not know
    work: str
    interests: dict[str, list[str]]  # by purpose

    @property
    def children(self) -> set[Child]:
        if self.purpose not in ("school", "both"):
            return set()
        return {Child(code, group) for code, groups in self.classes.items() for group in groups or [""]}

    @property
    def status(self) -> str:
        """What they said of work, if they were asked."""
        return self.work if self.purpose in ("work", "both") and self.work != "skip" else ""


@dataclass(slots=True)
class Resident:
    """One person."""

    number: int
    chance: random.Random
    programme: Programme
    texts: Texts
    wish: Wish
    reads_more: bool
    goes_back: set[str]  # questions from which they go back once
    change: str  # what they change their mind about at the summary, or nothing
    unsure: bool = False  # their own repetition, or a message seen twice, may have led them astray
    registered: bool = False
    _visits: dict[str, int] = field(default_factory=dict)
    _seen: set[Screen] = field(default_factory=set)
    _mended: set[str] = field(default_factory=set)
    _ticks: dict[str, dict[str, bool]] = field(default_factory=dict)  # question → code → was it ticked, last seen

    async def register(self, phone: Phone, ledger: Ledger, pace: Pace) -> None:
        """From the first message to the menu, however often the service dies meanwhile."""
        await phone.begin()
        act = None
        while not self.registered:
            if not await phone.news(pace.patience * self.chance.uniform(1.0, 1.5)):
                self.unsure = True
                ledger.repeated += 1
                await (phone.act(act) if act else phone.begin())
                continue
            await asyncio.sleep(self.chance.uniform(0.0, pace.thought))
            while phone.screen() in self._seen and await phone.news(pace.calm):
                pass  # "did I not answer that?": look up only once nothing moves any more
            screen = phone.screen()
            self.registered = screen.registered
            if not screen.registered and screen.question:
                before, act = act, self._odd(phone) or self.answer(screen, ledger)
                self.unsure |= act == before  # tapped again before the answer was there: a tick may be off now
                await phone.act(act)
        ledger.note("registered", person=self.number)

    def _odd(self, phone: Phone) -> Act | None:
        """Now and then people press an old button, or send a picture, or ask for a person."""
        dice = self.chance.random()
        if dice < 0.02 and (old := phone.older()):
            self.unsure = True
            return Act(old)
        if dice < 0.04 and phone.address and phone.address.channel != "web":
            return Act(sticker=True)
        return Act(Button("", "/person")) if 0.04 <= dice < 0.05 else None

    def answer(self, screen: Screen, ledger: Ledger) -> Act:
        """What to do about the question on the screen."""
        self.unsure |= screen in self._seen
        self._seen.add(screen)
        key = screen.question
        self._visits[key] = self._visits.get(key, 0) + 1
        if key in self.goes_back:
            self.goes_back.discard(key)
            self.unsure = True  # words on their way may now meet an earlier question
            return _back(screen)
        return self._answers(screen, ledger)[key.partition("-")[0]]()

    def _answers(self, screen: Screen, ledger: Ledger) -> dict[str, Callable[[], Act]]:
        wish, about = self.wish, screen.question.partition("-")[2]
        return {
            "language": lambda: _tap(screen, wish.language),
            "practice": lambda: _tap(screen, "ok"),
            "consent": lambda: _tap(screen, "more" if self.reads_more and screen.button("more") else "yes"),
            "adult": lambda: _tap(screen, "yes"),
            "same": lambda: _tap(screen, "no"),
            "phone": lambda: self._phone(screen),
            "name": lambda: self._name(screen),
            "settlement": lambda: self._settlement(screen),
            "purpose": lambda: _tap(screen, wish.purpose),
            "institutions": lambda: self._many(screen, list(wish.classes)),
            "class": lambda: self._many(screen, wish.classes.get(about, [])),
            "work": lambda: _tap(screen, wish.work),
            "interests": lambda: self._many(screen, wish.interests[about]),
            "confirm": lambda: self._confirm(screen, ledger),
            # Registered, and an old question came again before the news of it: what they typed was for nobody.
            "choice": lambda: Act(next(button for button in screen.buttons if button.press == "/menu")),
        }

    def _name(self, screen: Screen) -> Act:
        offered = next((button for button in screen.buttons if button.label == self.wish.name), None)
        return Act(offered) if offered and self.number % 4 else Act(text=self.wish.name)

    def _phone(self, screen: Screen) -> Act:
        share = next((b for b in screen.buttons if b.shares_phone), None)
        none = next(b for b in screen.buttons if b.label.startswith("🚫"))
        if not self.wish.phone:
            return Act(none)
        return Act(share) if share else Act(text="0" + self.wish.phone.removeprefix("+359"))

    def _settlement(self, screen: Screen) -> Act:
        place = self.programme.settlement(self.wish.settlement)
        if button := screen.button(place.code):
            return Act(button)
        return Act(text=place.name if self._visits["settlement"] % 2 == 0 else place.name[:3])

    def _many(self, screen: Screen, wanted: list[str]) -> Act:
        """Tick one more or one less, leaf on to what is not on this page, and be done when it is as it shall be."""
        shown = {b.press.rpartition(".")[2]: b for b in screen.buttons if b.press.count(".") == 2}
        ticks = self._ticks.setdefault(screen.question, {})
        ticks |= {code: button.label.startswith(TICK) for code, button in shown.items()}
        missing = [code for code in wanted if not ticks.get(code)]
        for code in missing + [code for code, ticked in ticks.items() if ticked and code not in wanted]:
            if code in shown:
                return Act(shown[code])
            if " " in code:  # a class with its letter has no button until it is typed
                ticks[code] = True
                return Act(text=code)
        if missing or (self._visits.get("confirm") and self._unseen(screen.question, ticks)):
            return Act(shown["page"])
        del self._ticks[screen.question]  # asked again, it begins anew
        return Act(shown["done"])

    def _unseen(self, question: str, ticks: Collection[str]) -> bool:
        """Whether something lies on a page not looked at: who corrects must find what they once ticked."""
        kind, _, about = question.partition("-")
        return kind == "interests" and any(a.code not in ticks for a in self.programme.activities_for(about))

    def _confirm(self, screen: Screen, ledger: Ledger) -> Act:
        """Read the summary; change what is not so, or what one thinks better of."""
        wrong = [key for key in KEYS if not self._shows(screen, key)]
        if not self.unsure and (lost := set(wrong) - self._mended):
            ledger.changed.append(f"{self.number}: {', '.join(sorted(lost))}")
        if not wrong and self.change:
            self._change_mind()
            wrong = [key for key in KEYS if not self._shows(screen, key)]
        self._mended = set(wrong)
        if wrong:
            return Act(screen.button("change") or screen.button(wrong[0]) or screen.button("back"))
        return _tap(screen, "yes") if screen.button("yes") else _back(screen)

    def _shows(self, screen: Screen, key: str) -> bool:
        """Whether the summary says this answer as it was meant, no more and no less."""
        wish, programme, lines = self.wish, self.programme, screen.text.splitlines()
        match key:
            case "institutions":
                shown = [child_shown(programme.institution(c.institution), c.group) for c in wish.children]
                return not shown or any(_lists(line, "🏫", shown) for line in lines)
            case "interests":
                names = [programme.activity(code).name for code in wish.interests[wish.purpose]]
                wanted = [names] if names else [[word] for word in self.texts.all("summary.nothing")]
                return any(_lists(line, "⭐", words) for words in wanted for line in lines)
        forms = {
            "name": {f"👤 {wish.name}"},
            "phone": {f"📞 {phone_shown(wish.phone)}"} if wish.phone else self.texts.all("summary.no_phone"),
            "settlement": {f"📍 {programme.settlement(wish.settlement).label}"},
            "purpose": self.texts.all(f"purpose.{wish.purpose}"),
            "work": self.texts.all(f"work.{wish.status}") if wish.status else {""},
        }
        return any(form in screen.text for form in forms[key])

    def _change_mind(self) -> None:
        wish, other = self.wish, draw_wish(self.chance, self.number, self.programme)
        match self.change:
            case "name":
                wish.name += f"-{self.chance.choice(LAST)}"
            case "settlement":
                wish.settlement = other.settlement
            case "purpose":
                wish.purpose = other.purpose
            case "interests":
                wish.interests[wish.purpose] = other.interests[wish.purpose]
        self.change = ""


def draw(seed: str, number: int, programme: Programme, texts: Texts) -> Resident:
    """The person with this number; the same for the same seed."""
    chance = random.Random(f"{seed}:{number}")
    questions = ("practice", "adult", "phone", "name", "settlement", "purpose", "institutions", "work", "confirm")
    back = set(chance.sample(questions, chance.choice((0, 0, 0, 0, 1, 2))))
    change = chance.choice(("", "", "", "", "", "name", "settlement", "purpose", "interests"))
    wish = draw_wish(chance, number, programme)
    return Resident(number, chance, programme, texts, wish, chance.random() < 0.2, back, change)


def draw_wish(chance: random.Random, number: int, programme: Programme) -> Wish:
    """What somebody might want to say."""
    interests = {}
    for purpose in PURPOSES:
        codes = [activity.code for activity in programme.activities_for(purpose)]
        interests[purpose] = chance.sample(codes, chance.choice((0, 1, 1, 2, 2)))
    return Wish(
        language=chance.choice(("bg", "bg", "rom")),
        name=f"{chance.choice(FIRST)} {chance.choice(LAST)}",
        phone=f"+35988{7_000_000 + number}" if chance.random() < 0.8 else "",
        settlement=chance.choice(programme.settlements).code,
        purpose=chance.choice(PURPOSES),
        classes={
            i.code: _classes(chance, i) for i in chance.sample(programme.institutions, chance.choice((1, 1, 1, 2)))
        },
        work=chance.choice(WORK),
        interests=interests,
    )


def _classes(chance: random.Random, institution: Institution) -> list[str]:
    if chance.random() < 0.15:
        return []
    chosen = chance.sample(institution.groups, chance.choice((1, 1, 1, 2)))
    return [f"{g} {chance.choice('абв')}" if g.isdigit() and chance.random() < 0.5 else g for g in chosen]


def _tap(screen: Screen, code: str) -> Act:
    button = screen.button(code)
    assert button, f"{screen.question}: no button {code} among {[b.press for b in screen.buttons]}"
    return Act(button)


def _back(screen: Screen) -> Act:
    """The way back; where there is none, the word for it."""
    labelled = (b for b in screen.buttons if b.label.startswith("⬅"))
    return Act(screen.button("back") or next(labelled, None), text="назад")


def _lists(line: str, icon: str, wanted: list[str]) -> bool:
    """Whether a line of the summary holds these in some order, and nothing else."""
    return line.startswith(icon) and len(line) == len(f"{icon} {', '.join(wanted)}") and all(w in line for w in wanted)
