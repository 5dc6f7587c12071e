"""After an activity: what came of it. The person answers two or three questions, staff confirm or ask by telephone.

What is kept are facts as they were said; what they count as is reckoned elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.chat import Chat, Choice, Finish, Option, literal, words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Phrase, Texts, Words, day
from handlers.registration import WORK
from handlers.words import activity_label, number_of, phone_shown
from storage import followups
from storage.followups import FollowUp, Result
from storage.results import ANSWERED, ASKED, CONFIRMED, DROPPED, WEEKS

if TYPE_CHECKING:
    from storage.programme import Programme

JOB = ("better", "same", "worse")
OWN = {"work": "result.work", "document": "result.document", "job": "result.job"}  # how somebody is asked themselves
OTHERS = {"work": "result.their_work", "document": "result.their_document", "job": "result.their_job"}
YES_NO = {"yes": "button.yes", "no": "button.no"}
RESULTS = 8  # on one screen
MENU = Option("/menu", "button.menu")
STAFF = Option("/staff", "button.back")
LIST = Option("/results", "button.back")


def compose_followup(texts: Texts, programme: Programme, facts: FollowUp, now: datetime) -> Outgoing:
    """The message that asks somebody for a minute. A confidential activity is not named: others may read along."""
    activity = programme.activity(facts.activity)
    where = words("result.quietly") if activity.confidential else words("result.where", activity=activity.name)
    first_name = facts.name.partition(" ")[0]
    said = words("result.hello", name=literal(first_name) if first_name else words("notice.hello"), where=where)
    labels = (("button.answer", f"/result {facts.result_id}"), ("button.person", "/person"))
    rows = tuple((Button(texts(label, facts.language), press=press),) for label, press in labels)
    return Outgoing(texts(said, facts.language), rows)


# --- the person -----------------------------------------------------------------------------------------------------


async def result(chat: Chat) -> Finish | None:
    """What came of it, by the person's own word."""
    number = number_of(chat.given("result"))
    mine: Result | None = await chat.fetch(followups.mine, result_id=number) if number else None
    if mine is None or mine.state != ASKED:
        known = mine is not None and mine.state in (ANSWERED, CONFIRMED)
        chat.card("result.already" if known else "result.gone", [MENU])
        return None
    lately = await chat.fetch(followups.said_lately, contact_id=mine.contact_id)
    facts = await _facts(chat, mine, lately, OWN)
    chat.say("result.thanks", apart=True)
    return Finish(followups.answer, {"result_id": mine.id, "facts": facts})


async def _facts(chat: Chat, about: Result, lately: Mapping[str, str], prompts: Mapping[str, Phrase]) -> dict[str, str]:
    """Two or three facts. What somebody said lately about another activity is not asked again."""
    facts = {"work": lately.get("work", "")}
    if not facts["work"]:
        facts["work"] = await chat.ask("work", Choice(prompts["work"], [Option(w, f"work.{w}") for w in WORK]))
    if about.due == WEEKS and about.trained:
        yes_no = [Option(code, label) for code, label in YES_NO.items()]
        facts["document"] = await chat.ask("document", Choice(prompts["document"], yes_no))
    if about.due != WEEKS and about.worked and facts["work"] == "yes":
        facts["job"] = await chat.ask("job", Choice(prompts["job"], [Option(j, f"job.{j}") for j in JOB]))
    return facts


# --- staff ----------------------------------------------------------------------------------------------------------


async def results_list(chat: Chat) -> None:
    """What waits for a confirmation, and whom to call because nobody has heard of them."""
    every: Sequence[Result] = await chat.fetch(followups.listed)
    answered = sum(r.state == ANSWERED for r in every)
    last = max(0, len(every) - 1) // RESULTS
    page = min(number_of(chat.given("page")), last)
    shown = [[_to(r)] for r in every[page * RESULTS : (page + 1) * RESULTS]]
    leaf = [Option(f"/results {page - 1}", "button.leaf_back")] if page else []
    leaf += [Option(f"/results {page + 1}", "button.leaf")] if page < last else []
    said = words("result.list", answered=answered, silent=len(every) - answered)
    chat.card(said if every else "result.list_empty", *shown, leaf, [STAFF])


def _to(about: Result) -> Option:
    label = "button.to_confirm" if about.state == ANSWERED else "button.to_call"
    return Option(f"/confirm {about.id}", words(label, name=literal(about.name)))


async def confirm(chat: Chat) -> Finish | None:
    """One person's answers: right as they are, or entered by whoever called."""
    about = await _of_staff(chat)
    if about is None:
        return None
    if chat.given("sure") == "yes" and about.state == ANSWERED:
        return Finish(followups.confirm, {"result_id": about.id}, then="results_list")
    right = [[Option(f"/confirm {about.id} yes", "button.confirm")]] if about.state == ANSWERED else []
    label = "button.correct" if about.answers else "button.enter"
    enter = [] if about.state == DROPPED else [Option(f"/result_facts {about.id}", label)]
    call = [Option(f"tel:{about.phone}", "button.call")] if about.phone else []
    chat.card(Lines(tuple(_shown(chat, about))), *right, enter, call, [LIST])
    return Finish(followups.looked_at, {"result_id": about.id})


def _shown(chat: Chat, about: Result) -> list[Words]:
    exit_day, last_day = (literal(day(at.astimezone(chat.programme.zone))) for at in (about.exit_at, about.until))
    activity = activity_label(chat.programme.activity(about.activity))
    phone = literal(phone_shown(about.phone)) if about.phone else words("summary.no_phone")
    parts = [
        words("result.who", name=literal(about.name), phone=phone),
        words("result.after_weeks" if about.due == WEEKS else "result.after_months", activity=activity, day=exit_day),
    ]
    if about.state == DROPPED:
        return [*parts, words("result.late")]
    if not about.answers:
        return [*parts, words("result.silent", day=last_day)]
    return [*parts, *_said(about.answers), words("result.confirmed" if about.state == CONFIRMED else "result.unsure")]


def _said(answers: Mapping[str, str]) -> list[Words]:
    said = [words("result.said_work", answer=words(f"work.{answers['work']}"))]
    if "document" in answers:
        said.append(words("result.said_document", answer=words(YES_NO[answers["document"]])))
    return [*said, words("result.said_job", answer=words(f"job.{answers['job']}"))] if "job" in answers else said


async def result_facts(chat: Chat) -> Finish | None:
    """The same questions, answered by whoever talked to the person."""
    about = await _of_staff(chat)
    if about is None:
        return None
    if about.state == DROPPED:
        chat.card("result.late", [LIST])
        return None
    prompts = {key: words(prompt, name=literal(about.name)) for key, prompt in OTHERS.items()}
    facts = await _facts(chat, about, {}, prompts)
    return Finish(followups.enter, {"result_id": about.id, "facts": facts}, then="results_list")


async def _of_staff(chat: Chat) -> Result | None:
    number = number_of(chat.given("result"))
    about: Result | None = await chat.fetch(followups.of_staff, result_id=number) if number else None
    if about is None:
        chat.card("result.unknown", [LIST])
    return about
