"""What the web chat's page shows, with which headers, and how much it weighs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from bot.channels.web_page import REFUSALS, STATIC, Pages, Title
from bot.channels.web_view import Part, fold, line_json, parts_of
from bot.messages import Address, Button, Delivery, Document, Outgoing, Sent, Shown
from tests.channels.web_visitor import Visitor, visiting
from tests.web.fake_bot import MENU, TITLE, FakeBot, registration

SOFIA = ZoneInfo("Europe/Sofia")
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NASTY = "<script>alert(1)</script> \"'& </div>"


def ours(number: int, text: str, *presses: str, **more: str) -> Shown:
    rows = tuple((Button(f"[{press}]", press),) for press in presses)
    return Shown(number, mine=False, message=Outgoing(text, rows, **more), at=AT)


def mine(text: str) -> Shown:
    return Shown(0, mine=True, message=Outgoing(text), at=AT, client_id="client-id-1")


@pytest.mark.parametrize(
    ("label", "lines", "texts", "active"),
    [
        ("nothing yet", [], [], ""),
        ("a question", [ours(1, "А?", "a")], ["А?"], "А?"),
        ("an answered question", [ours(1, "А?", "a"), mine("да")], ["А?", "да"], ""),
        ("only the newest question", [ours(1, "А?", "a"), ours(2, "Б?", "b")], ["А?", "Б?"], "Б?"),
        ("words after the question", [ours(1, "А?", "a"), ours(2, "Файл.")], ["А?", "Файл."], "А?"),
        ("an edit", [ours(1, "А?", "a"), ours(2, "А!", replaces="1")], ["А!"], ""),
        ("an edit after a tap", [ours(1, "А?", "a"), mine("a"), ours(2, "А!", "b", replaces="1")], ["[a]", "А!"], "А!"),
        ("edits of edits", [ours(1, "1"), ours(2, "2", replaces="1"), ours(3, "3", "x", replaces="2")], ["3"], "3"),
        ("edits of the first", [ours(1, "1"), ours(2, "2", replaces="1"), ours(3, "3", replaces="1")], ["3"], ""),
        ("an edit of what is unknown", [ours(5, "5", replaces="1")], ["5"], ""),
        ("a tap shows its label", [ours(1, "А?", "q:a"), mine("q:a")], ["А?", "[q:a]"], ""),
        ("what is taken away", [ours(1, "А"), ours(2, "Б"), ours(3, "", removes="1")], ["Б"], ""),
        (
            "what was edited and taken away",
            [ours(1, "А"), ours(2, "Б", replaces="1"), ours(3, "", removes="2")],
            [],
            "",
        ),
        ("the first of an edited", [ours(1, "А"), ours(2, "Б", replaces="1"), ours(3, "", removes="1")], [], ""),
        ("what is unknown is taken away", [ours(1, "А?", "a"), ours(3, "", removes="9")], ["А?"], "А?"),
        ("the start shows its label", [mine("/start"), mine("/start poster-7")], ["▶ Започни"] * 2, ""),
    ],
)
def test_a_transcript_folds_into_bubbles(label: str, lines: list[Shown], texts: list[str], active: str) -> None:
    view = fold(lines, SOFIA)
    assert ["".join(p.text for p in b.parts) for b in view.bubbles] == texts, label
    assert "".join(b.parts[0].text for b in view.bubbles if b.rows) == active, label
    assert view.last == max([line.id for line in lines], default=0), label


def test_times_are_local_and_each_day_is_named_once() -> None:
    lines = [replace(mine("а"), at=AT + timedelta(hours=h)) for h in (0, 1, 9, 10.5, 12)]
    view = fold(lines, SOFIA)
    assert [b.at for b in view.bubbles] == ["14:00", "15:00", "23:00", "00:30", "02:00"]
    assert [b.day for b in view.bubbles] == ["24.11.2026", "", "", "25.11.2026", ""]


def test_the_last_menu_stays() -> None:
    lines = [
        replace(ours(1, "а"), message=Outgoing("а", menu=(("х",),))),
        replace(ours(2, "б"), message=Outgoing("б", menu=MENU)),
    ]
    assert fold([*lines, ours(3, "в")], SOFIA).menu == MENU


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Обадете се на 094 600 000.", [("094 600 000", "tel:094600000")]),
        ("0888123456", [("0888123456", "tel:0888123456")]),
        ("+359 88 812-34-56, делник", [("+359 88 812-34-56", "tel:+359888123456")]),
        ("00359 (94) 600 000", [("00359 (94) 600 000", "tel:+35994600000")]),
        ("Вижте https://vidin.bg/proekt.", [("https://vidin.bg/proekt", "https://vidin.bg/proekt")]),
        ("(https://vidin.bg/a?b=c&d=1)", [("https://vidin.bg/a?b=c&d=1", "https://vidin.bg/a?b=c&d=1")]),
        (
            "„https://vidin.bg/“ и 0888 123 456",
            [("https://vidin.bg/", "https://vidin.bg/"), ("0888 123 456", "tel:0888123456")],
        ),
        ("http://vidin.bg javascript:alert(1) data:x", []),
        ("сряда, 25.11, 17:30", []),
        ("05.07.2022 до 30.06.2023", []),
        ("2014-2020", []),
        ("№ BG05M9OP001-2.056-0025-C01", []),
        ("1 589 270,65 лв.", []),
        ("https://vidin.bg/0888123456", [("https://vidin.bg/0888123456", "https://vidin.bg/0888123456")]),
        ("0" * 5000, []),
        ("", []),
    ],
)
def test_phones_and_links_in_a_text_can_be_tapped(text: str, links: list[tuple[str, str]]) -> None:
    parts = parts_of(text)
    assert [(p.text, p.href) for p in parts if p.href] == links
    assert "".join(p.text for p in parts) == text
    assert Part("") not in parts


async def shown(bot: FakeBot, *messages: Outgoing, secure: bool = False) -> Visitor:
    """The page of a person who wrote once and was answered so."""
    bot.answers = lambda _: messages
    async with visiting(bot.channel(secure=secure)) as visitor:
        await visitor.open()
        await visitor.json(text=NASTY)
        await visitor.open()
        return visitor


async def test_no_text_is_ever_taken_for_markup() -> None:
    message = Outgoing(
        NASTY,
        ((Button(NASTY, '"><script>'), Button(NASTY, url='https://x.example/"><script>')),),
        menu=((NASTY,),),
        document=Document(NASTY, "text/html", NASTY),
    )
    visitor = await shown(FakeBot(), message)
    assert "<script>" not in visitor.html
    assert visitor.html.count("<script") == 1
    assert unescape(visitor.html).count("<script>alert(1)") >= 5


async def test_a_chat_has_no_inline_script_or_style_that_the_policy_would_refuse() -> None:
    visitor = await shown(FakeBot(), *registration_messages())
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", visitor.html)


def registration_messages() -> list[Outgoing]:
    return [Outgoing("А?", ((Button("✅ Да", "yes"),),), menu=MENU)]


async def test_buttons_become_what_a_browser_can_do() -> None:
    rows = (
        (Button("✅ Да", "yes"),),
        (Button("📱 Дай номера", shares_phone=True),),
        (Button("📱 Сподели", "share", shares_phone=True),),
        (Button("☎ Обади се", url="tel:+35994600000"), Button("🗺 Карта", url="https://vidin.bg/karta")),
        (Button("лошо", url="javascript:alert(1)"), Button("старо", url="http://vidin.bg")),
    )
    visitor = await shown(FakeBot(), Outgoing("А?", rows))
    labels = [unescape(label) for label in re.findall(r'class="answer"[^>]*>([^<]*)<', visitor.html)]
    assert sorted(labels) == sorted(["✅ Да", "☎ Обади се", "🗺 Карта"])
    assert 'href="tel:+35994600000">' in visitor.html
    assert 'href="https://vidin.bg/karta" target="_blank" rel="noopener noreferrer">' in visitor.html


async def test_the_page_says_whose_chat_it_is_and_who_pays() -> None:
    async with visiting(FakeBot().channel()) as visitor:
        await visitor.open()
    top = visitor.html[: visitor.html.index("<main")]
    for words in (TITLE.name, TITLE.subtitle, "Европейски съюз", "Европейски социален фонд", TITLE.phone, TITLE.about):
        assert words in unescape(top), words
    assert '<html lang="bg">' in visitor.html
    assert 'role="log"' in visitor.html


def test_the_strip_of_the_funding_leads_to_about_once_the_chat_has_begun() -> None:
    """A form, so that it works without the script; plain before, when nothing of the person is kept yet."""
    pages = Pages(TITLE)
    empty, begun = (pages.chat(lines, csrf="x", code="", chat="y") for lines in ([], [mine("/about")]))
    assert '<div class="funding">' in empty
    assert "/about" not in empty
    form = begun[begun.index("<header") : begun.index("</header")]
    assert '<button class="funding" name="text" value="/about" data-label="За проекта">' in form
    assert 'name="csrf" value="x"' in form
    assert "".join(part.text for part in fold([mine("/about")], SOFIA).bubbles[0].parts) == "За проекта"


def test_a_title_without_phone_funding_and_about_leaves_no_empty_shells() -> None:
    html = Pages(Title("Община", funding="")).chat([], csrf="x", code="", chat="y")
    assert "tel:" not in html
    assert 'class="funding"' not in html
    assert 'class="about"' not in html


async def test_a_code_reaches_the_hidden_field_and_a_bad_one_does_not() -> None:
    async with visiting(FakeBot().channel()) as visitor:
        await visitor.open("/?code=poster-7")
        good = visitor.html
        await visitor.open("/?code=%22%3E%3Cscript%3E")
    assert 'name="code" value="poster-7"' in good
    assert 'name="code" value=""' in visitor.html


async def test_an_old_friend_who_comes_by_a_new_poster_can_carry_its_code() -> None:
    bot = FakeBot(answers=registration)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(press="/start")
        await visitor.open("/?code=school-5b")
        assert "▶ Продължи" in visitor.html
        await visitor.open("/")
        assert "▶ Продължи" not in visitor.html


CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "manifest-src": "'self'",
}


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/chat/messages", "/chat/file/1", "/chat/file/x", "/chat/media/1"),
        *("/static/chat.css", "/static/no", "/favicon.ico"),
    ],
)
async def test_every_answer_carries_the_security_headers(path: str, secure: bool) -> None:
    async with visiting(FakeBot().channel(secure=secure), scheme="https" if secure else "http") as visitor:
        await visitor.open()
        headers = (await visitor.http.get(path)).headers
    policy = dict(item.strip().split(" ", 1) for item in headers["content-security-policy"].split(";"))
    assert policy == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert ("strict-transport-security" in headers) is secure
    assert "cache-control" in headers or path == "/static/no"


@pytest.mark.parametrize(("secure", "name"), [(False, "chat"), (True, "__Host-chat")])
async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(secure: bool, name: str) -> None:
    async with visiting(FakeBot().channel(secure=secure), scheme="https" if secure else "http") as visitor:
        first = await visitor.open()
        kept = visitor.cookies
        again = await visitor.open()
    attributes = {part.strip().partition("=")[0].lower() for part in first.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"httponly", "max-age", "path", "samesite"} | ({"secure"} if secure else set())
    assert "SameSite=lax" in first.headers["set-cookie"]
    assert "Path=/" in first.headers["set-cookie"]
    assert list(kept) == [name]
    assert again.cookies[name] == kept[name], "the chat stays the same, for another year"
    assert first.headers["cache-control"] == "no-store"


async def test_the_token_in_the_cookie_is_long_random_and_never_on_the_page() -> None:
    channel = FakeBot().channel()
    tokens = set()
    for _ in range(20):
        async with visiting(channel) as visitor:
            await visitor.open()
            tokens.add(visitor.cookies["chat"].partition(".")[0])
            assert visitor.cookies["chat"].partition(".")[0] not in visitor.html
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {32}


async def test_assets_are_kept_for_a_year_by_their_content() -> None:
    async with visiting(FakeBot().channel()) as visitor:
        await visitor.open()
        named = sorted(set(re.findall(r'"(/static/[^"]+)"', visitor.html)))
        for path in named:
            response = await visitor.http.get(unescape(path))
            assert response.status_code == 200, path
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable", path
        plain = await visitor.http.get("/static/chat.js?v=old")
        unchanged = await visitor.http.get("/static/chat.js", headers={"If-None-Match": plain.headers["etag"]})
        missing = await visitor.http.get("/static/chat.html")
        outside = await visitor.http.get("/static/..%2fweb.py")
    assert {path.partition("?")[0] for path in named} == {
        f"/static/{name}" for name in ("chat.css", "chat.js", "chat.webmanifest", "eu.svg", "icon.svg")
    }
    assert plain.headers["cache-control"] == "no-cache"
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (missing.status_code, outside.status_code) == (404, 404)


async def test_the_whole_page_weighs_under_40_kb() -> None:
    async with visiting(FakeBot().channel()) as visitor:
        response = await visitor.open()
        elsewhere = {"public.css"}  # of the pages behind links
        assets = [path for path in STATIC.iterdir() if path.suffix != ".html" and path.name not in elsewhere]
        weight = len(response.content) + sum(path.stat().st_size for path in assets)
    assert weight < 40_000, "60,000 is promised; the rest is room for the next line of the header"


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    for path in STATIC.rglob("*.*"):
        found = set(re.findall(r"https?://[^\s\"'<>)]+", path.read_text()))
        assert found <= {"http://www.w3.org/2000/svg"}, path.name


async def test_a_document_of_this_chat_is_downloaded_and_never_opened() -> None:
    bot = FakeBot()
    bot.answers = lambda _: [
        Outgoing("а"),
        Outgoing("Файл", document=Document("моите данни.txt", "text/plain", "Име: Ж")),
    ]
    channel = bot.channel()
    async with visiting(channel) as visitor, visiting(channel) as stranger:
        await visitor.open()
        await stranger.open()
        await visitor.json(text="данни")
        await stranger.json(text="данни")
        await visitor.open()
        got = await visitor.http.get("/chat/file/2")
        statuses = [
            (await visitor.http.get(f"/chat/file/{n}")).status_code for n in ("1", "4", "99", "0", "-1", "x", "٢")
        ]
    assert 'href="/chat/file/2" download' in visitor.html
    assert (got.status_code, got.text) == (200, "Име: Ж")
    assert got.headers["content-disposition"].startswith("attachment;")
    assert "filename*=UTF-8''%D0%BC%D0%BE" in got.headers["content-disposition"]
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert statuses == [404] * 7


@pytest.mark.parametrize("mime", ["text/html\r\nX: y", "", "TEXT", "a b/c"])
async def test_a_strange_mime_becomes_plain_bytes(mime: str) -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("Ф", document=Document('a\r\nb".txt', mime, "x"))])
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="данни")
        got = await visitor.http.get("/chat/file/1")
    assert got.headers["content-type"] == "application/octet-stream"
    assert "x" not in got.headers


def test_the_script_is_told_everything_it_shows() -> None:
    message = Outgoing(
        "Питайте 094 600 000\nили тук",
        (
            (Button("✅", "y"), Button("📱", shares_phone=True)),
            (Button("🗺", url="https://v.bg/"), Button("x", url="javascript:1")),
        ),
        menu=(("а", "б"),),
        document=Document("f.txt", "text/plain", "never sent here"),
        replaces="7",
    )
    told = line_json(Shown(9, mine=False, message=message, at=AT), SOFIA)
    assert told == {
        "id": 9,
        "at": "14:00",
        "stamp": "2026-11-24T12:00:00+00:00",
        "parts": [["Питайте "], ["094 600 000", "tel:094600000"], ["\nили тук"]],
        "rows": [[["✅", "y"]]],
        "card": False,
        "links": [["🗺", "https://v.bg/"]],
        "clears": False,
        "menu": [["а", "б"]],
        "file": "f.txt",
        "media": [],
        "replaces": "7",
        "removes": "",
        "unasked": False,
    }
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(("presses", "card"), [((), False), (("/a", "/b 1"), True), (("1.sure.yes", "/person"), False)])
def test_a_message_that_only_leads_elsewhere_is_a_card(presses: tuple[str, ...], card: bool) -> None:
    line = ours(1, "А", *presses)
    assert fold([line], SOFIA).bubbles[0].card == line_json(line, SOFIA)["card"] == card


def test_every_refusal_has_words_and_a_way_on() -> None:
    pages = Pages(TITLE)
    for why, (status, heading, text) in REFUSALS.items():
        assert 400 <= status < 600
        html = pages.sorry(why, {})
        assert heading in html
        assert text in html
        assert 'href="/"' in html
        assert TITLE.phone in html


async def test_polling_gives_only_our_newer_messages() -> None:
    bot = FakeBot(answers=registration)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(press="/start")
        await visitor.json(press="lang:bg")
        all_of_them = (await visitor.http.get("/chat/messages")).json()
        newer = (await visitor.http.get("/chat/messages?after=1")).json()
        none = (await visitor.http.get("/chat/messages?after=2")).json()
        bad = [
            (await visitor.http.get(f"/chat/messages?after={a}")).status_code for a in ("x", "-1", "1.5", "٣", "9" * 30)
        ]
    assert [m["id"] for m in all_of_them] == [1, 2]
    assert [m["id"] for m in newer] == [2]
    assert none == []
    assert bad == [400] * 5


async def test_sending_answers_with_the_outbox_id_even_when_nobody_looks() -> None:
    bot = FakeBot()
    channel = bot.channel()
    assert await bot.say(Address("web", "nobody"), Outgoing("а")) == 1
    assert await channel.send(Delivery(17, Address("web", "nobody"), Outgoing("а"))) == Sent(platform_id="17")


def test_a_reminder_keeps_its_buttons_beside_the_open_question_and_the_latest_two_do() -> None:
    """Whoever is in the middle of something answers it, and can still say that they come."""

    def ours(number: int, press: str, *, unasked: bool) -> Shown:
        return Shown(number, False, Outgoing("?", ((Button("x", press),),)), AT, unasked=unasked)

    mine = Shown(0, True, Outgoing("думи"), AT)
    lines = [*(ours(n, f"/rsvp {n}", unasked=True) for n in (1, 2, 3)), mine, ours(4, "1.q.a", unasked=False)]
    shown = {b.id: (bool(b.rows), b.aside) for b in fold(lines, SOFIA).bubbles if not b.mine}
    assert shown == {1: (False, True), 2: (True, True), 3: (True, True), 4: (True, False)}
    answered = [*lines, mine, ours(5, "/rsvp 5", unasked=True)]
    assert {b.id for b in fold(answered, SOFIA).bubbles if b.rows} == {3, 5}


def test_a_screen_keeps_its_buttons_above_the_question_that_was_put_again() -> None:
    """Whoever looks at a list in the middle of something can open what is in it."""

    def ours(number: int, press: str) -> Shown:
        return Shown(number, False, Outgoing("?", ((Button("x", press),),)), AT)

    mine = Shown(0, True, Outgoing("думи"), AT)

    def pressable(*lines: Shown) -> set[int]:
        return {b.id for b in fold(lines, SOFIA).bubbles if b.rows}

    question, screen, again = ours(1, "1.q.a"), ours(2, "/ticket 5"), ours(3, "1.q.a")
    assert pressable(question, mine, screen, again) == {2, 3}
    assert pressable(question, mine, screen, ours(4, "/team")) == {4}
    assert pressable(question, mine, again, screen) == {2}
    assert pressable(screen, again, mine) == set()
