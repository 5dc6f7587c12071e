"""What comes before a conversation: stop, coming back, the menu, commands, deep links, old buttons, stray words.

Reads top to bottom in the order of precedence. Must never answer "I don't understand", and must never lose a word that
someone typed: what fits nothing becomes a question for a person.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.abilities import SESSIONS
from bot.alphabets import fold
from bot.chat import Acting, Option, Said, literal, words
from bot.dialog import read_press
from bot.messages import Incoming, Kind
from bot.privacy import HIDDEN, hide_numbers, is_stop
from bot.talks import Command
from bot.visit import HUMAN, MENU, Visit
from storage import feedback, notifications, sessions, staff, stopping, ticket_desk, tickets

RESUME = Option("/resume", "button.resume")
DATA = Option("/data", "menu.data")
FORGET = Option("/forget", "data.delete")
BEGIN = Option("/start", "button.begin")

SOURCE = re.compile(r"[\w.-]{1,64}")  # the code of a poster, a school or a mediator; anything else is rubbish
MISSES = 3  # at one question: then straight to a person, before anybody feels stupid

SAID_FOR = (  # typed words for a command
    ("said.menu", "menu"),
    ("said.data", "data"),
    ("said.forget", "forget"),
    ("said.person", "person"),
)
UNREGISTERED_STOPPED = ("data", "forget", "person", "privacy")  # what they typed so far is theirs to see and delete
LONGEST_COMMENT = 1000  # longer ones are a matter for a person
ANY_WORDS = ("announce", "answer", "write")  # in which „Здравейте“ is what staff want to say, and no greeting to us
WITH_WORDS = ("comment", "question", "registration", "stray")  # conversations that know what to do with any words


def route(visit: Visit) -> None:
    """Decide what one event means, and do it."""
    if visit.event.kind in sessions.LIFE:
        _platform_says(visit)
        return
    _read_caption(visit)
    event = visit.event
    if visit.talk is not None and not visit.may(visit.talk.script):
        visit.leave()  # a role was taken away in the middle; what was meant for it finds no conversation
        visit.say("staff.no_longer", MENU)
    if event.press == "/stop" or (event.kind in (Kind.TEXT, Kind.EDITED) and is_stop(event.text)):
        stop(visit)
    elif _is_stopped(visit):
        _while_stopped(visit)
    else:
        away = visit.known.address_status != "active" or visit.known.status == "blocked"
        if away and not _is_older(event, visit.known.left_at):
            stopping.unblock(visit.connection, acting(visit))
        _route_active(visit)


def _read_caption(visit: Visit) -> None:
    """Words under a photo are words: from here on they count as typed. The channel's name for the thing goes."""
    event = visit.event
    caption = event.text.partition("\n")[2].strip() if event.kind is Kind.OTHER else ""
    if caption:
        visit.event = replace(event, kind=Kind.TEXT, text=caption)


def acting(visit: Visit) -> Acting:
    """For whom a query of storage acts."""
    event = visit.event
    return Acting(visit.contact_id, visit.known.address_id, event.address.channel, visit.language, event.key, visit.now)


def stop(visit: Visit) -> None:
    """„Стоп“ works at once, anywhere, and takes what is queued with it. One confirmation, then silence."""
    if not _is_stopped(visit):
        stopping.stop(visit.connection, acting(visit), form=visit.event.press or "typed word")
    if visit.registered:  # a registration is kept: it goes on when they come back
        visit.leave()
    visit.say("stopped.done", RESUME)


def _is_stopped(visit: Visit) -> bool:
    return "stopped" in (visit.known.status, visit.known.address_status)


def _platform_says(visit: Visit) -> None:
    """What a platform reports of somebody who said nothing, perhaps late: what is known since counts. No word to it."""
    event, known = visit.event, visit.known
    at = sessions.moment(event, visit.now) if event.address.channel in SESSIONS else None
    if event.kind is Kind.OPENED:
        _keep_source(visit, event.text.strip())
    elif event.kind is Kind.BLOCKED and not _is_older(event, known.heard_at):
        stopping.block(visit.connection, acting(visit), at)
    elif event.kind is Kind.UNBLOCKED and not _is_older(event, known.left_at):
        stopping.unblock(visit.connection, acting(visit), at)


def _is_older(event: Incoming, known: datetime | None) -> bool:
    return event.sent_at is not None and known is not None and event.sent_at < known


def _while_stopped(visit: Visit) -> None:
    event = visit.event
    name = _name_of(_line(visit))
    if event.kind is Kind.START or name in ("start", "resume"):
        stopping.resume(visit.connection, acting(visit), form=name or "start")
        visit.say("stopped.resumed")
        _home(visit)
    elif _may_while_stopped(visit, name):
        _route_active(visit)
    else:
        visit.say("stopped.still", RESUME, HUMAN, DATA)


def _may_while_stopped(visit: Visit, name: str) -> bool:
    if not visit.registered:
        return name in UNREGISTERED_STOPPED
    command = visit.world.talks.commands.get(name)
    return (command is not None and command.stopped) or (visit.talk is not None and visit.known.status == "stopped")


def _route_active(visit: Visit) -> None:
    event, line = visit.event, _line(visit)
    if event.hidden:
        _hidden(visit)
    elif line:
        _run_command(visit, line)
    elif event.kind is Kind.PRESS:
        _pressed(visit)
    elif event.kind is Kind.START:
        _started(visit, event.text)
    elif (event.kind in (Kind.TEXT, Kind.EDITED) and _by_staff_code(visit, event.text)) or _answers_a_question(visit):
        return
    elif visit.talk is not None:
        _heard(visit)
    elif not visit.registered:
        visit.open("registration")
    else:
        _stray(visit)


def _stray(visit: Visit) -> None:
    """What came while nothing was asked."""
    event = visit.event
    if event.kind in (Kind.TEXT, Kind.EDITED):
        _stray_words(visit)
    elif event.kind is Kind.PHONE:
        visit.say("stray.phone", DATA, MENU)
    elif event.media is not None:
        visit.open("sent", {"said": {"words": "", "media": event.media.to_json()}})
    else:
        visit.say("stray.media", MENU, HUMAN)


def _hidden(visit: Visit) -> None:
    """An ЕГН, a card or an account number came. It was never stored; the person is told why."""
    rest = visit.event.text.replace(HIDDEN, "")
    if visit.talk is not None or not visit.registered or not fold(rest):
        _again(visit, "privacy.hidden")
    else:
        visit.say("privacy.hidden")
        _stray_words(visit)


def _again(visit: Visit, line: str) -> None:
    """A line, and then the open question once more; or the way home where none is open."""
    if visit.talk is not None:
        visit.put_again(line)
        return
    visit.say(line)
    _return(visit)


def _lost(visit: Visit, line: str) -> None:
    """What leads nowhere: a line that announces the question below it, or the menu where no question follows."""
    if visit.talk is None and visit.registered:
        _home(visit)
    else:
        _again(visit, line)


def _return(visit: Visit) -> None:
    """After an interruption: the way back for whoever stopped, otherwise where they were."""
    if not visit.registered and _is_stopped(visit):
        visit.say("stopped.still", RESUME)
    else:
        _go_on(visit)


def _go_on(visit: Visit) -> None:
    """The open question once more, or the beginning for whoever has not begun."""
    if visit.talk is not None:
        visit.put_again()
    elif not visit.registered:
        visit.open("registration")


# --- buttons ------------------------------------------------------------------------------------------------------


def _pressed(visit: Visit) -> None:
    pressed = read_press(visit.event.press)
    talk = visit.talk
    if pressed and talk and (pressed[0], pressed[1]) == (talk.id, talk.asked):
        visit.hear(pressed[2])
    elif pressed and talk and pressed[0] == talk.id and pressed[1] in talk.answers:
        visit.put_again("stray.answered")
    else:
        _lost(visit, "stray.old_button")


def _heard(visit: Visit) -> None:
    event, talk = visit.event, visit.talk
    assert talk is not None  # noqa: S101  (the caller asks first)
    if event.kind is Kind.OTHER and not visit.takes_media():
        visit.put_again("stray.media_in_talk")
    elif event.kind is Kind.EDITED:
        visit.put_again("stray.edited")
    elif event.kind is Kind.TEXT and (courtesy := _courtesy(visit)):
        visit.put_again(*([courtesy] if talk.asked != "language" else []))
    else:
        visit.hear()
        _after_a_miss(visit, talk.id, talk.script)


def _courtesy(visit: Visit) -> str:
    """The friendly line for a greeting or thanks; empty for all other words, and for „ок“, which may mean yes."""
    said = Said(fold(visit.event.text), visit.world.texts)
    spoken = visit.talk is not None and visit.talk.script in ANY_WORDS
    if spoken or not said.folded or said.is_like("said.yes"):
        return ""
    return "stray.thanks" if said.is_like("said.thanks") else "stray.hi" if said.is_like("said.hello") else ""


def _after_a_miss(visit: Visit, talk_id: int, script: str) -> None:
    """Words that fit no button are a question of their own; where they cannot be, the third brings a person."""
    latest = visit.changes.conversations[-1] if visit.changes.conversations else None
    if not latest or latest["talk"] != talk_id or not latest["missed"]:
        return
    if script in visit.world.talks.roles:  # staff at work: a date with a slip is no question to themselves
        return
    if visit.registered and script not in WITH_WORDS and visit.event.kind is Kind.TEXT:
        visit.messages.clear()
        _stray_words(visit)
    elif latest["missed"] % MISSES == 0:
        asked, visit.messages = visit.messages, []
        visit.open("person")
        visit.messages += asked


# --- commands and the menu ------------------------------------------------------------------------------------------


def _line(visit: Visit) -> str:
    """The command that was pressed or typed, without its slash: itself, a label of the menu, or a word for one."""
    event = visit.event
    if event.press.startswith("/"):
        return event.press[1:]
    text = event.text.strip() if event.kind is Kind.TEXT else ""
    if text.startswith("/"):
        return text[1:].strip() or "menu"
    folded = fold(text)
    if not folded:
        return ""
    script = visit.world.labels.get(folded)
    if script:  # also one that is theirs no more: their keyboard is older than that, and gets a new one
        return visit.world.talks.command_for(script)
    said = Said(folded, visit.world.texts)
    return next((command for key, command in SAID_FOR if said.is_like(key)), "")


def _name_of(line: str) -> str:
    return line.partition(" ")[0].partition("@")[0].lower()  # Telegram may write /menu@the_bot


def _run_command(visit: Visit, line: str) -> None:
    name, words_ = _name_of(line), line.partition(" ")[2]
    command = visit.world.talks.commands.get(name)
    match name:
        case "start":
            _started(visit, words_)
        case "resume" | "menu":
            _home(visit)
        case "forget":
            visit.open("my_data" if visit.registered else "forget")
        case _ if command is None or not visit.may(command.script):
            _lost(visit, "stray.command")
        case _:
            _open(visit, command, words_)


def _open(visit: Visit, command: Command, words_: str) -> None:
    if visit.talk is not None and (visit.talk.script == "stray" or _leads_out(visit, command.script)):
        visit.leave()  # nobody chose to be asked that: it would stand below what they do want, and take its buttons
    before, script = visit.talk, command.script
    if script == "language" and before and before.script == "registration" and "language" in before.answers:
        visit.withdraw("language")
    elif visit.registered or command.unregistered:
        visit.open(script, command.answers(words_))
        if visit.talk is before:  # it only said something
            _return(visit)
    elif script == "my_data":
        visit.say("data.unfinished", FORGET)
        _return(visit)
    else:
        visit.say("menu.first_register")
        _return(visit)


def _leads_out(visit: Visit, script: str) -> bool:
    """Whether it is the way out of what staff do: their own menu."""
    talks = visit.world.talks
    at_work = visit.talk is not None and visit.talk.script in talks.roles
    return at_work and any(script == entry for _, entry in talks.staff_menu)


def _started(visit: Visit, code: str) -> None:
    """The chat was opened, perhaps by a poster's code. Where someone came from first is kept."""
    code = code.strip()
    if _by_staff_code(visit, code):
        return
    _keep_source(visit, code)
    _home(visit)


def _keep_source(visit: Visit, code: str) -> None:
    personal = hide_numbers(code)[1]  # somebody's ЕГН in a link is no poster, and what opens the staff's doors is none
    if SOURCE.fullmatch(code) and not personal and not staff.is_bare_code(code) and not visit.known.source:
        visit.changes.sources.append({"who": visit.contact_id, "to": code})


def _by_staff_code(visit: Visit, text: str) -> bool:
    """Whether a text is a code by which somebody joins the staff; then it is answered, and is no other words."""
    code = staff.find_code(text)
    if code and staff.invited(visit.connection, acting(visit), code=code):
        visit.open("join_team", {"code": code})
    elif code and staff.is_bare_code(text):
        _say_in_passing(visit, "team.code_gone")
    else:
        return False
    return True


def _say_in_passing(visit: Visit, line: str) -> None:
    """A line, with the open question under it if there is one; nobody is led into a registration by it."""
    if visit.talk is not None:
        visit.put_again(line)
    else:
        visit.say(line, *(() if visit.registered else (BEGIN,)))


def _home(visit: Visit) -> None:
    """Where a person stands: the open question of a registration, its beginning, or the menu."""
    if not visit.registered:
        _go_on(visit)
        return
    visit.leave()
    first_name = visit.known.name.partition(" ")[0]  # the chat may be a family's
    visit.say(words("menu.home", name=literal(first_name)))


# --- stray words ----------------------------------------------------------------------------------------------------


def _stray_words(visit: Visit) -> None:
    said = Said(fold(visit.event.text), visit.world.texts)
    if visit.talk is None and (_about_an_event(visit, said) or _comment(visit, said)):
        return
    is_thanks = said.is_like("said.thanks")
    courteous = not said.folded or is_thanks or said.is_like("said.hello")
    if not courteous or visit.event.media is not None:
        _question(visit)
    elif is_thanks and (answered := tickets.answered_lately(visit.connection, acting(visit))):
        visit.open("thanked", {"ticket": str(answered)})
    else:
        visit.say("stray.thanks" if is_thanks else "stray.hello")


def _question(visit: Visit) -> None:
    """Words for a person: more of the question that was asked a moment ago, or first a guess what they mean."""
    event = visit.event
    text: str | dict[str, Any] = event.text
    if event.media is not None:
        text = {"words": event.text, "media": event.media.to_json()}
    replied = event.reply_to and tickets.replied_to(visit.connection, acting(visit), platform_id=event.reply_to)
    if replied:
        visit.open("sent", {"said": text, "ticket": str(replied)})
    elif visit.talk is None and tickets.going_on(visit.connection, acting(visit)):
        visit.open("sent", {"said": text})
    else:
        visit.open("stray", {"text": text})


def _answers_a_question(visit: Visit) -> bool:
    """Whether one of the staff replies to the copy of a question: those are the words of an answer, to be looked at."""
    if not visit.event.reply_to or not visit.known.role:
        return False
    ticket = ticket_desk.replied_to(visit.connection, acting(visit), platform_id=visit.event.reply_to)
    if not ticket:
        return False
    visit.open("answer", {"ticket": str(ticket)})
    if visit.talk is not None and visit.talk.script == "answer":
        visit.messages.clear()  # the question need not be shown to somebody who has answered it
        visit.hear()
    return True


def _comment(visit: Visit, said: Said) -> bool:
    """Words right below „Искате ли да добавите нещо?“ are what was asked for. A question goes to a person as ever."""
    text = visit.event.text.strip()
    courteous = any(said.is_like(key) for key in ("said.yes", "said.no", "said.hello", "said.thanks"))
    if not said.folded or courteous or "?" in text or len(text) > LONGEST_COMMENT:
        return False
    who = feedback.offered(visit.connection, acting(visit))
    if who:
        visit.open("comment", {"who": who, "note": {"words": text, "file": ""}})
    return bool(who)


def _about_an_event(visit: Visit, said: Said) -> bool:
    """„Ще дойда“ or „не мога“, soon after we asked: the answer to that. It opens what the button would have."""
    answer = "yes" if said.is_like("said.coming") else "no" if said.is_like("said.not_coming") else ""
    told = notifications.latest(visit.connection, acting(visit)) if answer else None
    if told is None:
        return False
    event_id, is_invitation = told
    script = "course_rsvp" if is_invitation else "rsvp"  # to a course one is invited as a whole
    visit.open(script, {"guest": f"{event_id}.{visit.contact_id}", "said": answer})
    return True
