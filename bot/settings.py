"""The settings: one frozen object, read from the environment and `.env`, each field with its help text.

Must never show a secret: not in a repr, not in the sentence about a value that was refused. Reading is cheap and
touches nothing; only `master_key` writes, once, when it makes the key.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.problem import Problem

__all__ = ["Problem", "Settings", "load", "master_key", "webhook_secret"]

ROOT: Final = Path(__file__).resolve().parent.parent
KEY_BYTES: Final = 32
LAST_PORT: Final = 65535
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

_SQLITE = "sqlite+aiosqlite:///"
_POSTGRES = "postgresql+asyncpg://"
_POSTGRES_URL = re.compile(
    re.escape(_POSTGRES)
    + r"(?:[^:/@]*(?::[^@]*)?@)?"  # who; an @ in the password is written %40
    + r"(?:\[[^/\]]+\]|[^/:?@\[\]]*)(?::(?P<port>[0-9]{1,5}))?"  # where
    + r"(?:[/?].*)?"
)
_BOOTSTRAP_ONLY = "BOT_VENV"

log = logging.getLogger(__name__)


def _need(ok: object, bg: str, en: str) -> None:
    """Raise Problem, in both languages, unless a setting is as it must be."""
    if not ok:
        raise Problem(bg=bg, en=en)


def _shaped(shape: str, bg: str, en: str) -> Callable[[SecretStr], SecretStr]:
    """A secret of this shape, or none."""

    def read(secret: SecretStr) -> SecretStr:
        _need(not secret or re.fullmatch(shape, secret.get_secret_value()), bg, en)
        return secret

    return read


def _database_url(url: str) -> str:
    """Accept the two databases that are tested; make a relative SQLite path stand in the checkout."""
    if url.startswith(_POSTGRES) and _can_be_read(url):
        return url
    path, _, query = url.removeprefix(_SQLITE).partition("?")
    _need(
        url.startswith(_SQLITE) and path not in ("", ":memory:"),
        bg=f"BOT_DATABASE_URL трябва да е {_SQLITE}data/bot.db или {_POSTGRES}потребител:парола@сървър/база.",
        en=f"BOT_DATABASE_URL must be {_SQLITE}data/bot.db or {_POSTGRES}user:password@server/database.",
    )
    return f"{_SQLITE}{ROOT / path}" + (f"?{query}" if query else "")


def _can_be_read(url: str) -> bool:
    """Whether SQLAlchemy will find a server in it; not asked of SQLAlchemy itself, which takes long to import."""
    found = _POSTGRES_URL.fullmatch(url)
    return found is not None and 0 < int(found["port"] or 1) <= LAST_PORT


def _port(port: int) -> int:
    _need(
        0 <= port <= LAST_PORT,
        bg=f"BOT_PORT трябва да е число от 1 до 65535, а е {port}.",
        en=f"BOT_PORT must be a number from 1 to 65535, and is {port}.",
    )
    return port


def _public_url(url: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc) and parts.port != 0
    _need(
        parts.scheme == "https" and parts.hostname and bare,
        bg="BOT_PUBLIC_URL трябва да е само https:// и името на сайта, например https://chat.example.bg",
        en="BOT_PUBLIC_URL must be https:// and the site's name alone, for example https://chat.example.bg",
    )
    return f"https://{parts.netloc}"


def _api_url(name: str, example: str) -> Callable[[str], str]:
    """The address of a platform's server."""

    def read(url: str) -> str:
        parts = urlsplit(url)
        _need(
            parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment,
            bg=f"{name} трябва да е адрес като {example}",
            en=f"{name} must be an address such as {example}",
        )
        return url.rstrip("/")

    return read


TELEGRAM_API: Final = "https://api.telegram.org"
VIBER_API: Final = "https://chatapi.viber.com/pa"
VIBER_NAME: Final = 28  # letters of a sender's name at most


_telegram_token = _shaped(
    r"[0-9]{1,16}:[A-Za-z0-9_-]{30,}",
    bg="BOT_TELEGRAM_TOKEN не прилича на ключ от @BotFather: цифри, двоеточие и поне 30 знака след него.",
    en="BOT_TELEGRAM_TOKEN does not look like a token of @BotFather: digits, a colon, 30 or more characters.",
)
_telegram_webhook_secret = _shaped(
    r"[A-Za-z0-9_-]{32,256}",  # Telegram takes 1 to 256 of these characters; fewer than 32 could be guessed
    bg="BOT_TELEGRAM_WEBHOOK_SECRET трябва да е от 32 до 256 латински букви, цифри, _ и -, или да липсва.",
    en="BOT_TELEGRAM_WEBHOOK_SECRET must be 32 to 256 Latin letters, digits, _ and -, or absent.",
)
_viber_token = _shaped(
    r"[0-9a-f]{8,}(-[0-9a-f]{8,}){1,4}",  # three groups of hex; the key too by which Viber signs what it delivers
    bg="BOT_VIBER_TOKEN не прилича на ключ от Viber: три групи от цифри и букви a–f с тирета между тях.",
    en="BOT_VIBER_TOKEN does not look like a token of Viber's: groups of digits and a–f with hyphens between.",
)


def _viber_name(name: str) -> str:
    _need(
        0 < len(name.strip()) <= VIBER_NAME,
        bg=f"BOT_VIBER_NAME трябва да е от 1 до {VIBER_NAME} знака.",
        en=f"BOT_VIBER_NAME must be 1 to {VIBER_NAME} characters.",
    )
    return name.strip()


def _euros(amount: Decimal) -> Decimal:
    _need(
        amount.is_finite() and amount >= 0,
        bg="BOT_VIBER_PRICE и BOT_VIBER_BUDGET са в евро, например 0.02 и 50.",
        en="BOT_VIBER_PRICE and BOT_VIBER_BUDGET are in euros, for example 0.02 and 50.",
    )
    return amount


def _secret_key(key: SecretStr) -> SecretStr:
    if key and _decoded(key.get_secret_value()) is None:
        raise _bad_key("BOT_SECRET_KEY")
    return key


def _log_level(level: str) -> str:
    _need(
        level.upper() in LEVELS,
        bg=f"BOT_LOG_LEVEL трябва да е едно от {', '.join(LEVELS)}.",
        en=f"BOT_LOG_LEVEL must be one of {', '.join(LEVELS)}.",
    )
    return level.upper()


def _in_checkout(path: Path) -> Path:
    return ROOT / path.expanduser()


class Settings(BaseSettings):
    """Everything that may differ between two installations. Frozen; `load` makes it, the composition root reads it."""

    model_config = SettingsConfigDict(
        env_prefix="BOT_",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default=f"{_SQLITE}data/bot.db",
        repr=False,  # it may hold PostgreSQL's password
        description="Where everything is kept: `sqlite+aiosqlite:///data/bot.db`, or "
        "`postgresql+asyncpg://user:password@server/database`.",
    )
    data_dir: Annotated[Path, AfterValidator(_in_checkout)] = Field(
        default=Path("data"),
        description="The folder of `secret.key`, which opens the personal data. Relative to the checkout.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. `0.0.0.0` lets other machines in: put a proxy with https before it.",
    )
    port: Annotated[int, AfterValidator(_port)] = Field(
        default=8080,
        description="The port to listen on. 0 lets the system choose one; the address printed at start names it.",
    )
    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        default="",
        description="The site's address as people see it, `https://…`. With it Telegram delivers by webhook; without "
        "it, by long polling. Viber cannot do without.",
    )
    telegram_token: Annotated[SecretStr, AfterValidator(_telegram_token)] = Field(
        default=SecretStr(""),
        description="The bot's token from @BotFather. Empty: no Telegram, the web chat only.",
    )
    telegram_api_url: Annotated[str, AfterValidator(_api_url("BOT_TELEGRAM_API_URL", TELEGRAM_API))] = Field(
        default=TELEGRAM_API,
        description="The Bot API server: Telegram's own, or yours.",
    )
    telegram_webhook_secret: Annotated[SecretStr, AfterValidator(_telegram_webhook_secret)] = Field(
        default=SecretStr(""),
        description="What Telegram must say with each webhook call. Empty: one is made from the secret key and kept.",
    )
    viber_token: Annotated[SecretStr, AfterValidator(_viber_token)] = Field(
        default=SecretStr(""),
        description="The bot's token from Viber's admin panel. Empty: no Viber. Needs `BOT_PUBLIC_URL`, because Viber "
        "delivers by webhook alone.",
    )
    viber_api_url: Annotated[str, AfterValidator(_api_url("BOT_VIBER_API_URL", VIBER_API))] = Field(
        default=VIBER_API,
        description="The Viber REST API server: Viber's own, or a test's.",
    )
    viber_name: Annotated[str, AfterValidator(_viber_name)] = Field(
        default="Мост",
        description="The name that stands over each message on Viber; at most 28 characters.",
    )
    viber_price: Annotated[Decimal, AfterValidator(_euros)] = Field(
        default=Decimal("0.02"),
        description="What one message costs in euros that Viber charges for: of our own accord, and to somebody who "
        "wrote nothing within 24 hours. Ask Viber for your price; this one is only a guess for estimates.",
    )
    viber_budget: Annotated[Decimal, AfterValidator(_euros)] = Field(
        default=Decimal(50),
        description="Euros that such messages may cost in one month (UTC). At the limit they wait, the coordinators "
        "are told, and replies go on. `0`: only what is free.",
    )
    programme: Annotated[Path, AfterValidator(_in_checkout)] = Field(
        default=Path("storage/programmes/vidin.toml"),
        description="The programme's data file: texts, settlements, activities. Relative to the checkout.",
    )
    secret_key: Annotated[SecretStr, AfterValidator(_secret_key)] = Field(
        default=SecretStr(""),
        description="32 random bytes in base64 that encrypt personal data. Empty: `secret.key` in the data folder is "
        "made and used. Keep a copy apart from the database: without it nobody can read the data.",
    )
    log_level: Annotated[str, AfterValidator(_log_level)] = Field(
        default="INFO",
        description="How much the log says: DEBUG, INFO, WARNING or ERROR. Never personal data, at any level.",
    )

    @model_validator(mode="after")
    def _viber_needs_an_address(self) -> Settings:
        _need(
            self.public_url or not self.viber_token,
            bg="За Viber е нужен BOT_PUBLIC_URL: https адресът на сайта, на който Viber предава съобщенията.",
            en="Viber needs BOT_PUBLIC_URL: the site's https address, to which Viber delivers messages.",
        )
        return self


def load(env_file: Path | None = ROOT / ".env") -> Settings:
    """Read the settings from the environment, and from `.env` where the environment is silent.

    Raises:
        Problem: a value cannot be used; names the setting, never a secret value.
    """
    try:
        _warn_of_unknown(env_file)
        return Settings(_env_file=env_file)
    except ValidationError as error:
        names = ", ".join(sorted({f"BOT_{place['loc'][0]}".upper() for place in error.errors(include_input=False)}))
        raise Problem(
            bg=f"{names}: стойността не може да се прочете. Вижте настройките в README.",
            en=f"{names}: the value cannot be read. See the settings in the README.",
        ) from None
    except (OSError, UnicodeDecodeError):
        raise Problem(
            bg=f"{env_file} не може да се прочете: трябва да е текст в UTF-8, четим за този потребител.",
            en=f"{env_file} cannot be read: it must be UTF-8 text that this user may read.",
        ) from None


def master_key(settings: Settings) -> bytes:
    """Return the 32 bytes that open the personal data, making and keeping them on the first start.

    Call it before the database is created: a database without its key refuses to start.

    Raises:
        Problem: the key is malformed, unreadable, or gone while the database is there.
    """
    stated = settings.secret_key.get_secret_value()
    if stated:
        return _key(stated, "BOT_SECRET_KEY")
    path = settings.data_dir / "secret.key"
    try:
        return _kept_key(path) or _new_key(path, settings)
    except OSError as error:
        raise Problem(
            bg=f"Ключът {path} не може да се прочете или запише: {error.strerror}.",
            en=f"The key {path} cannot be read or written: {error.strerror}.",
        ) from None


def webhook_secret(settings: Settings, key: bytes) -> str:
    """Return what Telegram must say with each webhook call: the setting, or one made from the master key.

    Made from the key it is the same after every restart, as strong as the key, and stands in no file.
    """
    stated = settings.telegram_webhook_secret.get_secret_value()
    return stated or hmac.digest(key, b"telegram webhook secret", "sha256").hex()


def _warn_of_unknown(env_file: Path | None) -> None:
    """A misspelt setting would otherwise be silently without effect."""
    known = [f"BOT_{name}".upper() for name in Settings.model_fields]
    stated = {*os.environ, *(dotenv_values(env_file) if env_file else ())}
    for name in sorted(stated):
        if name.upper().startswith("BOT_") and name.upper() not in (*known, _BOOTSTRAP_ONLY):
            near = difflib.get_close_matches(name.upper(), known, n=1)
            log.warning("%s is not a setting%s", name, f"; did you mean {near[0]}?" if near else "")


def _kept_key(path: Path) -> bytes | None:
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise _bad_key(str(path)) from None
    if os.name == "posix" and path.stat().st_mode & 0o077:
        log.warning("%s can be read by other users of this machine: chmod 600", path)
    return _key(text, str(path))


def _new_key(path: Path, settings: Settings) -> bytes:
    database = Path(settings.database_url.removeprefix(_SQLITE).partition("?")[0])
    if settings.database_url.startswith(_SQLITE) and database.exists() and database.stat().st_size:
        raise Problem(
            bg=f"Базата {database} е тук, но ключът ѝ {path} липсва: върнете го от копието, без него нищо не се чете.",
            en=f"The database {database} is here, but its key {path} is not: bring it back from your copy, "
            "nothing can be read without it.",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_once(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    kept = _kept_key(path)
    if kept is None:
        raise FileNotFoundError(2, "the key vanished", str(path))
    return kept


def _write_once(path: Path, content: bytes) -> None:
    """Make a file appear whole or not at all, and never over another's: two first starts end with one key."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    if os.name == "posix":  # the name must survive a power cut too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _key(text: str, source: str) -> bytes:
    key = _decoded(text)
    if key is None:
        raise _bad_key(source)
    return key


def _decoded(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _bad_key(source: str) -> Problem:
    return Problem(
        bg=f"{source} не е ключ: очакват се 32 байта в base64. Върнете го от копието.",
        en=f"{source} is not a key: 32 bytes in base64 are expected. Bring it back from your copy.",
    )
