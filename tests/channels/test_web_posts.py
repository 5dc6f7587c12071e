"""What the web chat takes in, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import httpx
import pytest

from bot.channels.web import Rates
from bot.messages import Kind, Outgoing
from tests.channels.web_visitor import URL, Visitor, visiting
from tests.web.fake_bot import NOON, FakeBot, registration


@dataclass(frozen=True)
class Said:
    label: str
    fields: dict[str, str]
    kind: Kind
    text: str = ""
    press: str = ""
    shown: str = ""
    hidden: tuple[str, ...] = ()


SAID = [
    Said("typed words", {"text": "Искам работа"}, Kind.TEXT, text="Искам работа"),
    Said("a label of the menu", {"text": "☎ Човек"}, Kind.TEXT, text="☎ Човек"),
    Said(
        "a button, and under which message",
        {"press": "q:12:yes", "shown": "31"},
        Kind.PRESS,
        press="q:12:yes",
        shown="31",
    ),
    Said("a button beside half-typed words", {"press": "yes", "text": "да"}, Kind.PRESS, press="yes"),
    Said("shown that is no number", {"press": "yes", "shown": "31x"}, Kind.PRESS, press="yes"),
    Said("the first tap", {"press": "/start"}, Kind.START),
    Said("the first tap from a poster", {"press": "/start", "code": "poster-7"}, Kind.START, text="poster-7"),
    Said("a code in the press", {"press": "/start sou-5b", "code": "x"}, Kind.START, text="sou-5b"),
    Said("a code that cannot be ours", {"press": "/start", "code": "<b>"}, Kind.START),
    Said("an ЕГН as the code", {"press": "/start", "code": "7501020018"}, Kind.START, hidden=("egn",)),
    Said("an ЕГН as the code in the press", {"press": "/start 7501020018"}, Kind.START, hidden=("egn",)),
    Said("a start of 64 letters at most", {"press": "/start", "code": "a" * 65}, Kind.START),
    Said("10,000 letters are cut to 4,096", {"text": "ж" * 10_000}, Kind.TEXT, text="ж" * 4096),
    Said("emoji", {"text": "😀👍🏽"}, Kind.TEXT, text="😀👍🏽"),
    Said("an ЕГН is taken out", {"text": "ЕГН 7501020018"}, Kind.TEXT, text="ЕГН [скрито]", hidden=("egn",)),
]


@pytest.mark.parametrize("case", SAID, ids=lambda case: case.label)
async def test_what_a_person_does_arrives_as_one_event(case: Said) -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        response = await visitor.json(id="client-id-1", **case.fields)
    shown = {"text": case.text} if case.hidden else {}
    assert (response.status_code, response.json()) == (200, {"ok": True} | shown)
    (event,) = bot.accepted
    assert (event.kind, event.text, event.press, event.shown, event.hidden) == (
        case.kind,
        case.text,
        case.press,
        case.shown,
        case.hidden,
    )
    assert re.fullmatch(r"web:[0-9a-f]{16}:client-id-1", event.key)
    assert event.sent_at == NOON


@dataclass(frozen=True)
class Bad:
    label: str
    status: int
    fields: dict[str, str] = field(default_factory=lambda: {"text": "да"})
    headers: dict[str, str] = field(default_factory=dict)


BAD = [
    Bad("no forgery token", 403, {"text": "да", "csrf": ""}),
    Bad("a made-up forgery token", 403, {"text": "да", "csrf": "18f.aGVsbG8"}),
    Bad("a forgery token in Cyrillic", 403, {"text": "да", "csrf": "18f.жаба"}),
    Bad("another site's form, by Sec-Fetch-Site", 403, headers={"Sec-Fetch-Site": "cross-site"}),
    Bad("a sister site's form", 403, headers={"Sec-Fetch-Site": "same-site"}),
    Bad("another site's form, by Origin", 403, headers={"Origin": "https://evil.example"}),
    Bad("an origin whose name begins like ours", 403, headers={"Origin": f"{URL}.evil.example"}),
    Bad("no message id", 400, {"text": "да", "id": ""}),
    Bad("a short message id", 400, {"text": "да", "id": "1234567"}),
    Bad("a long message id", 400, {"text": "да", "id": "a" * 65}),
    Bad("a message id with other letters", 400, {"text": "да", "id": "абвгдежз"}),
    Bad("a colon in the message id", 400, {"text": "да", "id": "12345678:9"}),
    Bad("a press of more than 64 bytes", 400, {"press": "ж" * 33}),
    Bad("a press with control characters", 400, {"press": "yes\0"}),
    Bad("nothing said", 400, {}),
    Bad("only spaces", 400, {"text": " \n\t "}),
    Bad("only letters of no width", 400, {"text": "\u200b\u200d\ufeff"}),
    Bad("a body above 64 KiB", 413, {"text": "a" * 70_000}),
    Bad("more fields than any form of ours", 400, {f"f{n}": "x" for n in range(30)}),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.label)
async def test_what_our_page_cannot_have_sent_is_refused_in_friendly_words(case: Bad) -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        page = await visitor.post(case.headers, **case.fields)
        told = await visitor.post(case.headers | {"Accept": "application/json"}, **case.fields)
    assert bot.accepted == []
    assert (page.status_code, told.status_code) == (case.status, case.status)
    assert '<html lang="bg">' in page.text
    assert "Към чата" in page.text
    assert told.json()["ok"] is False
    assert re.search("[а-я]{3}", told.json()["text"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": URL},
        {"Origin": "null"},
    ],
    ids=[
        "a browser of today",
        "a form sent again by the person",
        "an older browser",
        "an older browser without referrers",
    ],
)
async def test_our_own_form_is_taken_from_every_browser(headers: dict[str, str]) -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        assert (await visitor.post(headers, text="да")).status_code == 303
    assert len(bot.accepted) == 1


@pytest.mark.parametrize(
    ("body", "mime"),
    [
        (b'{"text":"x"}', "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"text=\xff\xfe", "application/x-www-form-urlencoded"),
        (b"text=%FF%FE", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
    ids=["JSON", "multipart", "bytes that are no letters", "escapes that are no letters", "nothing"],
)
async def test_a_body_that_is_no_form_is_refused(body: bytes, mime: str) -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        response = await visitor.http.post("/chat/send", content=body, headers={"Content-Type": mime})
    assert response.status_code in {400, 403}
    assert bot.accepted == []


async def test_without_a_cookie_nothing_is_taken() -> None:
    bot = FakeBot()
    channel = bot.channel()
    async with visiting(channel) as visitor, visiting(channel) as stranger:
        await visitor.open()
        stranger.csrf = visitor.csrf
        assert (await stranger.post(text="да")).status_code == 403
    assert bot.accepted == []


async def test_a_forgery_token_is_bound_to_its_chat() -> None:
    bot = FakeBot()
    channel = bot.channel()
    async with visiting(channel) as one, visiting(channel) as two:
        await one.open()
        await two.open()
        two.csrf = one.csrf
        assert (await two.post(text="да")).status_code == 403
    assert bot.accepted == []


@pytest.mark.parametrize("made_up", ["A" * 32, "A" * 32 + ".c2lnbmF0dXJl", "", "жаба", "../../etc"])
async def test_a_made_up_cookie_starts_a_new_chat(made_up: str) -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        response = await visitor.http.get("/", headers={"Cookie": f"chat={quote(made_up)}"})
        assert response.status_code == 200
        assert response.cookies["chat"].partition(".")[0] != made_up[:32]
        for path in ("/chat/messages", "/chat/live", "/chat/file/1"):
            refused = await visitor.http.get(path, headers={"Cookie": f"chat={quote(made_up)}"})
            assert refused.status_code == 403, path
    assert bot.asked == []


async def test_a_repeated_message_is_acknowledged_and_carries_the_same_key() -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        for _ in range(3):
            assert (await visitor.json(id="the-same-id", text="да")).status_code == 200
        keys = [event.key for event in bot.accepted]
        (lines,) = bot.lines.values()
    assert len(keys) == 1
    assert [line.message.text for line in lines] == ["да"]


async def test_what_cannot_be_kept_now_is_offered_again_under_the_same_id() -> None:
    bot = FakeBot(down=True)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        told = await visitor.json(text="да")
        page = await visitor.post(id="the-same-id", text="„да“ & <не>", code="poster-7")
        assert (told.status_code, told.headers["retry-after"]) == (503, "2")
        assert page.status_code == 503
        again = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        bot.down = False
        bot.now += timedelta(seconds=2)
        response = await visitor.http.post("/chat/send", data={name: unescape(value) for name, value in again.items()})
    assert response.status_code == 303
    (event,) = bot.accepted
    assert event.key.endswith(":the-same-id")
    assert event.text == "„да“ & <не>"


async def test_twenty_messages_a_minute_are_taken_and_the_next_is_asked_to_wait() -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        taken = [(await visitor.json(text=str(n))).status_code for n in range(21)]
        told = await visitor.json(text="още")
        page = await visitor.post(text="още")
        bot.now += timedelta(seconds=4)
        later = await visitor.json(text="още")
    assert taken == [200] * 20 + [429]
    assert told.status_code == page.status_code == 429
    assert 1 <= int(told.headers["retry-after"]) <= 4
    assert "по-бавно" in told.json()["text"]
    assert 'value="още"' in page.text
    assert later.status_code == 200


async def test_sixty_attempts_in_a_moment_are_not_even_read() -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        for n in range(60):
            await visitor.json(text=str(n))
        flood = await visitor.json(text="x" * 70_000)  # would be 413, were it read
    assert (flood.status_code, flood.headers["retry-after"]) == (429, "60")
    assert len(bot.accepted) == 20


async def test_newcomers_from_one_internet_address_are_limited_and_known_people_are_not() -> None:
    bot = FakeBot()
    channel = bot.channel(rates=Rates(newcomers_burst=2, newcomers_each=0.1))
    statuses: list[int] = []
    for number, host in enumerate(["203.0.113.7", "203.0.113.7", "203.0.113.7", "198.51.100.1"]):
        async with visiting(channel, host=host) as visitor:
            await visitor.open()
            statuses.append((await visitor.json(text="да")).status_code)
            if number == 0:
                assert (await visitor.json(text="и още")).status_code == 200
    assert statuses == [200, 200, 429, 200]


async def test_one_household_is_one_internet_address_in_ipv6() -> None:
    bot = FakeBot()
    channel = bot.channel(rates=Rates(newcomers_burst=1, newcomers_each=0.1))
    statuses: list[int] = []
    for host in ("2001:db8:1:2::a", "2001:db8:1:2:ffff::b", "2001:db8:1:3::a"):
        async with visiting(channel, host=host) as visitor:
            await visitor.open()
            statuses.append((await visitor.json(text="да")).status_code)
    assert statuses == [200, 429, 200]


async def test_a_form_filled_in_no_time_needs_one_more_tap_before_somebody_new_is_stored() -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        quick = await visitor.post({"X-Chat": ""}, text="да")
        bot.now += timedelta(seconds=1)
        slow = await visitor.post({"X-Chat": ""}, text="да")
        await visitor.open()
        known = await visitor.post({"X-Chat": ""}, text="не")
    assert (quick.status_code, slow.status_code, known.status_code) == (429, 303, 303)
    assert "Натиснете още веднъж" in quick.text
    assert len(bot.accepted) == 2


async def test_nothing_is_asked_or_kept_before_the_first_message() -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
    assert (bot.accepted, bot.asked) == ([], [])


async def test_without_a_script_a_person_registers_by_plain_forms() -> None:
    bot = FakeBot(answers=registration)
    async with visiting(bot.channel()) as visitor:
        await visitor.open("/?code=poster-7")
        bot.now += timedelta(seconds=5)
        step = await press(visitor, "start")
        assert (step.status_code, step.headers["location"]) == (303, "/")
        for label in ("🇧🇬 Български", "👍 Ето така", "✅ Да"):
            await visitor.open()
            assert (await press(visitor, "answers", label)).status_code == 303
        await visitor.open()
        form = hidden_fields(visitor.html, "write")
        await visitor.http.post("/chat/send", data=form | {"text": "Мария"})
        await visitor.open()
    assert [(e.kind, e.text or e.press) for e in bot.accepted] == [
        (Kind.START, "poster-7"),
        (Kind.PRESS, "lang:bg"),
        (Kind.PRESS, "try"),
        (Kind.PRESS, "yes"),
        (Kind.TEXT, "Мария"),
    ]
    assert [e.shown for e in bot.accepted] == ["", "1", "2", "4", ""]
    assert "☎ Човек" in visitor.html
    assert "👍 Ето така" in visitor.html


async def test_a_code_stays_in_the_address_until_the_start_carried_it() -> None:
    bot = FakeBot()
    async with visiting(bot.channel()) as visitor:
        await visitor.open("/?code=poster-7")
        typed = await visitor.post(text="здравейте", code="poster-7")
        await visitor.open(typed.headers["location"])
        assert 'value="/start"' in visitor.html
        started = await visitor.post(press="/start", code="poster-7")
    assert typed.headers["location"] == "/?code=poster-7"
    assert started.headers["location"] == "/"


async def test_a_refusal_opened_again_by_its_address_leads_back_to_the_chat() -> None:
    async with visiting(FakeBot().channel()) as visitor:
        response = await visitor.http.get("/chat/send")
    assert (response.status_code, response.headers["location"]) == (303, "/")


async def test_two_chats_never_see_each_other() -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("само за Вас")])
    channel = bot.channel()
    async with visiting(channel) as one, visiting(channel) as two:
        await one.open()
        await two.open()
        await one.json(text="тайна")
        await two.open()
        messages = await two.http.get("/chat/messages")
    assert "тайна" not in two.html
    assert messages.json() == []
    assert len(bot.lines) == 1


def hidden_fields(html: str, form: str) -> dict[str, str]:
    found = re.search(rf'<form class="{form}".*?</form>', html, re.DOTALL)
    assert found, form
    return {n: unescape(v) for n, v in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[0])}


async def press(visitor: Visitor, form: str, label: str = "") -> httpx.Response:
    found = re.search(rf'<form class="{form}".*?</form>', visitor.html, re.DOTALL)
    assert found, form
    buttons = re.findall(r'<button[^>]*name="(\w+)" value="([^"]*)">([^<]*)</button>', found[0])
    name, value = next((name, value) for name, value, text in buttons if not label or unescape(text) == label)
    return await visitor.http.post("/chat/send", data=hidden_fields(visitor.html, form) | {name: unescape(value)})
