"""`python3 -m bot staff`: what each command prints and does, in both languages, also beside a running service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bot import cli, settings, staff_cli
from bot.problem import Problem
from storage import staff
from storage.staff import ROLES
from storage.tables import staff as staff_rows
from storage.tables import staff_invites
from tests.conversations.client import START, Town
from tests.conversations.people import contact_of, line, make_staff, rows

if TYPE_CHECKING:
    from pathlib import Path

    from bot.settings import Settings

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # the tests' key, in base64
TOKEN = "123456789:AAH-made_up_made_up_made_up_made_up"
CODE = re.compile(r"ekip-[a-z2-9]{8}")


@pytest.fixture
def town(database_url: str) -> Town:
    return Town(database_url)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("BOT_DATABASE_URL", database_url)
    monkeypatch.setenv("BOT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BOT_SECRET_KEY", KEY)
    return monkeypatch


def read(env: pytest.MonkeyPatch, **more: str) -> Settings:
    for name, value in more.items():
        env.setenv(f"BOT_{name.upper()}", value)
    return settings.load(env_file=None)


async def told(env: pytest.MonkeyPatch, *argv: str, **more: str) -> str:
    return await staff_cli.answer(read(env, **more), argv, START)


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("invite",), "coordinator"),
        *((("invite", "--role", role), role) for role in ROLES),
        (("invite", "--role=trainer"), "trainer"),
    ],
)
async def test_a_code_is_made_for_the_role_that_was_asked_for(
    env: pytest.MonkeyPatch, town: Town, argv: tuple[str, ...], role: str
) -> None:
    shown = await told(env, *argv)
    assert role in shown
    assert f"http://127.0.0.1:8080/?code={CODE.findall(shown)[0]}" in shown
    assert "01.12.2026, 10:00" in shown, "by the programme's clock, not the server's"
    assert "Telegram" not in shown, "there is none"
    (row,) = await rows(town, staff_invites)
    assert (row.role, row.invited_by) == (role, None)


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({"public_url": "https://chat.example.bg"}, "https://chat.example.bg/?code=ekip-"),
        ({"host": "0.0.0.0", "port": "9000"}, "http://127.0.0.1:9000/?code=ekip-"),
        ({"port": "0"}, "open it and type the code"),
        ({"telegram_token": TOKEN}, "open the bot and type the code"),
    ],
)
async def test_the_way_to_the_chat_is_told_as_the_settings_know_it(
    env: pytest.MonkeyPatch, more: dict[str, str], link: str
) -> None:
    shown = await told(env, "invite", **more)
    assert link in shown
    assert TOKEN not in shown


async def test_the_first_coordinator_comes_beside_a_running_service_is_listed_and_removed(
    env: pytest.MonkeyPatch, town: Town
) -> None:
    ani = town.person("web")
    async with town.awake():
        assert "staff invite" in await told(env)
        code = CODE.findall(await told(env, "invite"))[0]
        await ani.say(code)
        await ani.press("Да")
        await ani.say("Ани Петрова")
        await ani.press("Пропускам")
        number = (await contact_of(ani)).id
        listed = await told(env)
        assert re.search(rf"^координатор · coordinator\n +{number}  Ани Петрова$", listed)
        assert str(number) in await told(env, "remove", str(number))
        assert line("staff.today") not in await ani.say("/staff"), "at once"
    assert await rows(town, staff_rows) == []
    with pytest.raises(Problem, match=f"Number {number} is not in the team"):
        await told(env, "remove", str(number))


async def test_everybody_is_listed_by_role(env: pytest.MonkeyPatch, town: Town) -> None:
    for number, (role, name) in enumerate((("mediator", "Яна"), ("coordinator", "Вера"), ("mediator", "Борис"))):
        await make_staff(town, town.person("web", f"{number}"), role, name)
    names = [words.split()[-1] for words in (await told(env)).splitlines()]
    assert names == ["coordinator", "Вера", "mediator", "Борис", "Яна"]


@pytest.mark.parametrize(
    "argv",
    [
        ("dance",), ("invite", "king"), ("invite", "--role"), ("invite", "--role", "king"), ("invite", "--role=", "x"),
        ("remove",), ("remove", "Ани"), ("remove", "-1"), ("remove", "٣"), ("remove", "9" * 30), ("remove", "1", "2"),
    ],
)  # fmt: skip
async def test_a_command_that_is_none_is_answered_with_those_that_are_and_makes_no_database(
    env: pytest.MonkeyPatch, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    with pytest.raises(Problem) as caught:
        await told(env, *argv, database_url=f"sqlite+aiosqlite:///{tmp_path}/none.db")
    for sentence in (caught.value.bg, caught.value.en):
        assert "python3 -m bot staff" in sentence
        assert all(role in sentence for role in ROLES)
    assert not (tmp_path / "none.db").exists()


async def test_a_database_that_cannot_be_opened_is_told_in_a_sentence(
    env: pytest.MonkeyPatch, tmp_path: Path, town: Town
) -> None:
    await make_staff(town, town.person("web"))
    with pytest.raises(Problem, match="This key does not open the database"):
        await told(env, secret_key=KEY[::-1].replace("=", "") + "=")
    with pytest.raises(Problem, match="cannot be opened"):
        await told(env, secret_key=KEY, database_url=f"sqlite+aiosqlite:///{tmp_path}")


def test_the_command_line_prints_it_and_tells_a_mistake_apart(
    env: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env.setattr(cli.bootstrap, "ensure", lambda packages: None)
    env.setattr(settings, "load", lambda read=settings.load: read(env_file=None))
    assert cli.main(["staff", "invite", "--role", "mediator"]) == 0
    assert CODE.search(capsys.readouterr().out)
    assert cli.main(["staff", "invite", "king"]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "python3 -m bot staff" in shown.err
    assert "bot staff remove NUMBER" in cli.HELP


def test_the_help_says_everything_in_both_languages() -> None:
    _, *commands, more = cli.HELP.split("\n  python3 -m bot")
    assert len(commands) > 7
    for told in (*commands[1:], more):
        assert re.search("[а-я]{4}", told), told
        assert re.search("[a-z]{3,} [a-z]{2,}", told), told


async def test_nothing_of_it_reaches_the_log(
    env: pytest.MonkeyPatch, town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await make_staff(town, town.person("web"))
    code = CODE.findall(await told(env, "invite"))[0]
    await told(env)
    assert code not in caplog.text
    assert "Ани" not in caplog.text
    assert staff.PREFIX not in caplog.text
