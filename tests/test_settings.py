"""Settings: what a mistake is answered with, where the key comes from, and that no secret is ever shown."""

from __future__ import annotations

import base64
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot import settings
from bot.problem import Problem
from bot.settings import Settings

TOKEN = "123456789:AAH-made_up_made_up_made_up_made_up"
SECRET = ("telegram_token", "telegram_webhook_secret", "viber_token", "secret_key")
KEY = base64.b64encode(bytes(range(32))).decode()


def loaded(monkeypatch: pytest.MonkeyPatch, **env: str) -> Settings:
    for name, value in env.items():
        monkeypatch.setenv(f"BOT_{name.upper()}", value)
    return settings.load(env_file=None)


def test_nothing_set_is_a_working_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = loaded(monkeypatch)
    assert plain.database_url == f"sqlite+aiosqlite:///{settings.ROOT}/data/bot.db"
    assert (plain.host, plain.port, plain.public_url, plain.log_level) == ("127.0.0.1", 8080, "", "INFO")
    assert plain.programme == settings.ROOT / "storage/programmes/vidin.toml"
    assert not plain.telegram_token


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("database_url", "sqlite+aiosqlite:////srv/bot.db", "sqlite+aiosqlite:////srv/bot.db"),
        ("database_url", "postgresql+asyncpg://a:b@db/most", "postgresql+asyncpg://a:b@db/most"),
        ("database_url", "postgresql+asyncpg://a@/most?host=/run/pg", "postgresql+asyncpg://a@/most?host=/run/pg"),
        ("database_url", "postgresql+asyncpg://a:b#/?@[::1]:5432/m", "postgresql+asyncpg://a:b#/?@[::1]:5432/m"),
        ("public_url", "https://chat.example.bg/", "https://chat.example.bg"),
        ("public_url", "https://chat.example.bg:8443", "https://chat.example.bg:8443"),
        ("telegram_api_url", "http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
        ("log_level", "debug", "DEBUG"),
        ("port", "0", 0),
        ("data_dir", "/data", Path("/data")),
        ("data_dir", "elsewhere", settings.ROOT / "elsewhere"),
        ("host", "", "127.0.0.1"),
    ],
)
def test_value_is_read_in_its_one_form(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, read: str | int | Path
) -> None:
    assert getattr(loaded(monkeypatch, **{name: given}), name) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("database_url", "postgres://a:b@db/most", id="PostgreSQL's usual address"),
        pytest.param("database_url", "mysql://db/most", id="another database"),
        pytest.param("database_url", "sqlite+aiosqlite://", id="a database in memory"),
        pytest.param("database_url", "sqlite+aiosqlite:///:memory:", id="a database in memory, by name"),
        pytest.param("database_url", "postgresql+asyncpg://a:b@db:five/most", id="a database's port in letters"),
        pytest.param("database_url", "postgresql+asyncpg://a:b@[::1/most", id="a database's address cut off"),
        pytest.param("database_url", "postgresql+asyncpg://a:b@c@db/most", id="a raw @ in the password"),
        pytest.param("database_url", "postgresql+asyncpg://a:b@db:99999/most", id="a database's port too high"),
        pytest.param("port", "65536", id="port too high"),
        pytest.param("port", "-1", id="port below nothing"),
        pytest.param("port", "http", id="port in letters"),
        pytest.param("public_url", "http://chat.example.bg", id="not https"),
        pytest.param("public_url", "chat.example.bg", id="no scheme"),
        pytest.param("public_url", "https://chat.example.bg/bot", id="with a path"),
        pytest.param("public_url", "https://chat.example.bg/?a=1", id="with a query"),
        pytest.param("public_url", "https://a:b@chat.example.bg", id="with a password"),
        pytest.param("public_url", "https://chat.example.bg:port", id="with a port in letters"),
        pytest.param("public_url", "https://[::1", id="no address at all"),
        pytest.param("telegram_token", "AAH-secret-without-digits-before-it", id="half a token"),
        pytest.param("telegram_token", "1" * 17 + TOKEN[9:], id="token of too long a number"),
        pytest.param("telegram_token", "123456789:short", id="token cut off"),
        pytest.param("telegram_token", f'"{TOKEN} "', id="token with a blank"),
        pytest.param("telegram_api_url", "api.telegram.org", id="API without a scheme"),
        pytest.param("telegram_webhook_secret", "short", id="secret that can be guessed"),
        pytest.param("telegram_webhook_secret", "х" * 40, id="secret in Cyrillic"),
        pytest.param("secret_key", base64.b64encode(bytes(16)).decode(), id="key of half the length"),
        pytest.param("secret_key", "not base64!", id="key that is none"),
        pytest.param("log_level", "LOUD", id="no such level"),
        pytest.param("viber_token", "canary-canary", id="Viber's token of another shape"),
        pytest.param("viber_name", "я" * 29, id="a name over 28 letters"),
        pytest.param("viber_api_url", "chatapi.viber.com", id="Viber's API without a scheme"),
        pytest.param("viber_price", "-0.02", id="a price below nothing"),
        pytest.param("viber_budget", "NaN", id="a budget that is none"),
    ],
)
def test_mistake_is_named_in_both_languages_and_never_repeats_a_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(Problem) as caught:
        loaded(monkeypatch, **{name: value})
    for sentence in (caught.value.bg, caught.value.en):
        assert f"BOT_{name.upper()}" in sentence
        assert name not in SECRET or value not in sentence
        assert "a:b" not in sentence
    assert caught.value.bg != caught.value.en


def test_viber_needs_a_public_address_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    token = "4dc0ffee4dc0ffee-4dc0ffee4dc0ffee-4dc0ffee4dc0ffee"
    with pytest.raises(Problem) as caught:
        loaded(monkeypatch, viber_token=token)
    assert all("BOT_PUBLIC_URL" in said and token not in said for said in (caught.value.bg, caught.value.en))
    read = loaded(monkeypatch, viber_token=token, public_url="https://most.example", viber_budget="0")
    assert (read.viber_token.get_secret_value(), str(read.viber_budget)) == (token, "0")


def test_environment_goes_before_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BOT_PORT=9001\nBOT_HOST=127.0.0.2\nBOT_PUBLIC_URL=\nHOME=/x\n", encoding="utf-8")
    monkeypatch.setenv("BOT_PORT", "9002")
    read = settings.load(tmp_path / ".env")
    assert (read.port, read.host, read.public_url) == (9002, "127.0.0.2", "")


def test_env_file_that_is_not_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"BOT_PORT=9001\n\xff\xfe\x00")
    with pytest.raises(Problem, match="UTF-8"):
        settings.load(tmp_path / ".env")


def test_misspelt_setting_is_noticed(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"BOT_TELEGRAM_TOKN={TOKEN}\nBOT_VENV=x\n", encoding="utf-8")
    settings.load(tmp_path / ".env")
    assert caplog.messages == ["BOT_TELEGRAM_TOKN is not a setting; did you mean BOT_TELEGRAM_TOKEN?"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "telegram_token": TOKEN,
        "telegram_webhook_secret": "w" * 40,
        "secret_key": KEY,
        "database_url": "postgresql+asyncpg://most:canary@db/most",
    }
    shown = repr(loaded(monkeypatch, **secrets)) + str(Settings())
    assert not [value for value in (*secrets.values(), "canary") if value in shown]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_each_setting_explains_itself(name: str) -> None:
    assert len(Settings.model_fields[name].description or "") > 30


def test_key_is_made_once_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path / "data", database_url=f"sqlite+aiosqlite:///{tmp_path}/data/bot.db")
    key = settings.master_key(here)
    assert len(key) == 32
    assert settings.master_key(here) == key
    assert (tmp_path / "data/secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_first_starts_at_once_end_with_one_key(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, database_url="postgresql+asyncpg://db/most")
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: settings.master_key(here), range(8)))
    assert len(keys) == 1


def test_key_from_the_environment_writes_nothing(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, secret_key=KEY)
    assert settings.master_key(here) == bytes(range(32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe", base64.b64encode(bytes(31))])
def test_malformed_key_refuses_to_start_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(Problem, match="is not a key"):
        settings.master_key(Settings(data_dir=tmp_path))
    assert (tmp_path / "secret.key").read_bytes() == content


def test_database_without_its_key_refuses_to_start(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, database_url=f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    (tmp_path / "bot.db").write_bytes(b"SQLite format 3\0")
    with pytest.raises(Problem, match="its key"):
        settings.master_key(here)
    assert not (tmp_path / "secret.key").exists()


def test_key_that_others_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret.key").write_text(KEY)
    (tmp_path / "secret.key").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        settings.master_key(Settings(data_dir=tmp_path))
    assert "chmod 600" in caplog.text
    assert KEY not in caplog.text


def test_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Problem, match="cannot be read or written"):
        settings.master_key(Settings(data_dir=tmp_path / "file"))


def test_webhook_secret_is_strong_and_the_same_after_a_restart() -> None:
    one, other = bytes(32), bytes(range(32))
    made = settings.webhook_secret(Settings(), one)
    assert len(made) == 64
    assert made == settings.webhook_secret(Settings(), one)
    assert made != settings.webhook_secret(Settings(), other)
    assert settings.webhook_secret(Settings(telegram_webhook_secret="w" * 40), one) == "w" * 40


def test_reading_settings_draws_in_neither_the_database_nor_the_web() -> None:
    code = "import sys; from bot import settings; settings.load(None); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"sqlalchemy", "starlette", "telegram", "aiohttp", "babel"} & set(done.stdout.split())
