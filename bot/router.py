"""What comes before a conversation: stop, coming back, the menu, commands, deep links, old buttons, stray words.

Reads top to bottom in the order of precedence. Must never answer "I don't understand", and must never lose a word that
someone typed: what fits nothing becomes a question for a person.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.alphabets import fold
from bot.chat import Acting, Option, Said, literal, words
from bot.dialog import read_press
from bot.messages import Kind
from bot.privacy import is_stop
from bot.visit import HUMAN, MENU, Visit
from storage import contacts

RESUME = Option("/resume", "button.resume")

COMMANDS = {  # what may be typed or tapped anywhere → the conversation that it opens
    "about": "about",
    "activities": "activities",
    "ask": "question",
    "data": "my_data",
    "events": "my_events",
    "help": "person",
    "language": "language",
    "person": "person",
    "privacy": "privacy",
}


def route(visit: Visit) -> None:
    """Decide what one event means, and do it."""
    event = visit.event
    if event.kind in (Kind.BLOCKED, Kind.UNBLOCKED):
        _platform_says(visit)
    elif event.kind is Kind.TEXT and is_stop(event.text):
        stop(visit)
    elif "stopped" in (visit.known.status, visit.known.address_status):
        _while_stopped(visit)
    else:
        if visit.known.address_status != "active" or visit.known.status == "blocked":
            contacts.unblock(visit.connection, acting(visit))
        _route_active(visit)


def acting(visit: Visit) -> Acting:
    """For whom a query of storage acts."""
    event = visit.event
    return Acting(visit.contact_id, visit.known.address_id, event.address.channel, visit.language, event.key, visit.now)


def stop(visit: Visit) -> None:
    """„Стоп“ works at once, anywhere, and takes what is queued with it. One confirmation, then silence."""
    contacts.stop(visit.connection, acting(visit), form=visit.event.press or "typed word")
    visit.say("stopped.done", RESUME)


def _platform_says(visit: Visit) -> None:
    change = contacts.block if visit.event.kind is Kind.BLOCKED else contacts.unblock
    change(visit.connection, acting(visit))


def _while_stopped(visit: Visit) -> None:
    event = visit.event
    if event.kind is Kind.START or event.press == RESUME.code:
        contacts.resume(visit.connection, acting(visit), form=event.press or "start")
        visit.say("stopped.resumed")
        _home(visit)
    else:
        visit.say("stopped.still", RESUME)


def _route_active(visit: Visit) -> None:
    event = visit.event
    if event.hidden:
        _hidden(visit)
    elif event.kind is Kind.PRESS:
        _pressed(visit)
    elif event.kind is Kind.START:
        _started(visit)
    elif event.kind is Kind.TEXT and (command := _command(visit)):
        command(visit)
    elif event.kind is Kind.EDITED:
        _again(visit, "stray.edited")
    elif visit.talk is not None:
        _heard(visit)
    elif not visit.registered:
        visit.open("registration")
    elif event.kind is Kind.TEXT:
        _stray_words(visit)
    else:
        visit.say("stray.phone" if event.kind is Kind.PHONE else "stray.media", MENU, HUMAN)


def _hidden(visit: Visit) -> None:
    """An ЕГН, a card or an account number came. It was never stored; the person is told why."""
    _again(visit, "privacy.hidden")


def _again(visit: Visit, *above: str) -> None:
    """A line, and then the open question once more; or the way home where none is open."""
    if visit.talk is not None:
        visit.put_again(*above)
    elif visit.registered:
        visit.say(above[0], MENU)
    else:
        for line in above:
            visit.say(line)
        visit.open("registration")


# --- buttons ------------------------------------------------------------------------------------------------------


def _pressed(visit: Visit) -> None:
    data = visit.event.press
    if data.startswith("/"):
        _run_command(visit, data[1:])
        return
    pressed = read_press(data)
    talk = visit.talk
    if pressed and talk and (pressed[0], pressed[1]) == (talk.id, talk.asked):
        visit.hear(pressed[2])
    elif pressed and talk and pressed[0] == talk.id and pressed[1] in talk.answers:
        visit.put_again("stray.answered")
    else:
        _again(visit, "stray.old_button")


def _heard(visit: Visit) -> None:
    event, talk = visit.event, visit.talk
    assert talk is not None  # noqa: S101  (the caller asks first)
    if event.kind is Kind.OTHER:
        visit.put_again("stray.media_in_talk")
        return
    visit.hear()
    if visit.talk is not None and visit.talk.id == talk.id and _missed_often(visit):
        visit.open("person")


def _missed_often(visit: Visit) -> bool:
    """Three misses at one question: straight to a person, before anybody feels stupid."""
    latest = visit.changes.conversations[-1] if visit.changes.conversations else None
    return bool(
        latest and visit.talk and latest["talk"] == visit.talk.id and latest["missed"] % 3 == 0 and latest["missed"]
    )


# --- commands and the menu ------------------------------------------------------------------------------------------


def _command(visit: Visit) -> Callable[[Visit], None] | None:
    """What typed words ask for, if they are a command, a label of the menu or a word for one."""
    text = visit.event.text.strip()
    if text.startswith("/"):
        return lambda v: _run_command(v, text[1:])
    folded = fold(text)
    script = visit.world.labels.get(folded)
    if script and (visit.registered or visit.talk is None):
        return lambda v: _open(v, script)
    said = Said(folded, visit.world.texts)
    for key, command in (("said.menu", "menu"), ("said.data", "data"), ("said.person", "person")):
        if folded and said.is_like(key):
            return lambda v, c=command: _run_command(v, c)  # type: ignore[misc]
    return None


def _run_command(visit: Visit, line: str) -> None:
    name, _, argument = line.partition(" ")
    name = name.partition("@")[0].lower()  # Telegram may write /menu@the_bot
    if name == "start":
        _started(visit, argument)
    elif name == "stop":
        stop(visit)
    elif name == RESUME.code[1:] or name == "menu":
        _home(visit)
    elif name == "activity":
        _open(visit, "activities", {"kind": "all", "which": argument})
    elif name in COMMANDS:
        _open(visit, COMMANDS[name])
    else:
        _again(visit, "stray.command")


def _open(visit: Visit, script: str, given: dict[str, str] | None = None) -> None:
    if visit.registered:
        visit.open(script, given)
        return
    if script == "language" and visit.talk is not None and "language" in visit.talk.answers:
        visit.withdraw("language")
        return
    if script in ("about", "person", "privacy"):  # these only say something, so nothing is left behind
        visit.open(script)
    else:
        visit.say("menu.first_register")
    _home(visit)


def _started(visit: Visit, code: str = "") -> None:
    """The chat was opened, perhaps by a poster's code. Where someone came from first is kept."""
    code = (code or visit.event.text if visit.event.kind is Kind.START else code).strip()[:64]
    if code and not visit.known.source:
        visit.changes.sources.append({"who": visit.contact_id, "to": code})
    _home(visit)


def _home(visit: Visit) -> None:
    """Where a person stands: the open question of a registration, its beginning, or the menu."""
    if not visit.registered:
        visit.put_again() if visit.talk is not None else visit.open("registration")
        return
    visit.leave()
    visit.say(words("menu.home", name=literal(visit.known.name)))


# --- stray words ----------------------------------------------------------------------------------------------------


def _stray_words(visit: Visit) -> None:
    said = Said(fold(visit.event.text), visit.world.texts)
    if not said.folded or said.is_like("said.hello") or said.is_like("said.thanks"):
        visit.say("stray.thanks" if said.is_like("said.thanks") else "stray.hello")
    else:
        visit.open("question", {"text": visit.event.text, "typed": True})
