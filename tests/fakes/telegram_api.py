"""The methods of the fake Bot API and the state behind them; HTTP, faults and the log of calls are telegram.py's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes import telegram_checks as checks
from tests.fakes.telegram_checks import Flood, RefusedError
from tests.fakes.telegram_files import File, Files
from tests.fakes.telegram_people import Message, Person
from tests.fakes.telegram_updates import ConflictError, Updates, Webhook

QUERY_SECONDS = 150
DELETED_SECONDS = 48 * 3600  # an older message can be deleted no more
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_GONE_EDIT = "message to edit not found"
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


class BotApi:
    """One bot and its people. Survives the bot's process; each method of the API is `_do_` and its name."""

    def __init__(
        self, token: str, clock: Callable[[], float], backoff: Callable[[int], float], flood: Flood | None
    ) -> None:
        self.token, self.clock, self.flood = token, clock, flood
        self.longest_poll = 50.0
        self.people: dict[int, Person] = {}
        self.updates = Updates(clock, backoff)
        self.copies: Counter[tuple[int, str]] = Counter()  # how often each text was accepted for each chat
        self.profile: dict[tuple[str, str], Any] = {}  # (commands or description…, language) → value
        self._queries: dict[str, tuple[Person, float]] = {}
        self._query = 0
        self._numbers: Counter[int] = Counter()  # the last message id of each chat
        self.files = Files()
        self._methods: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            name.removeprefix("_do_").lower(): getattr(self, name) for name in dir(self) if name.startswith("_do_")
        }

    # For people

    def now(self) -> int:
        return int(self.clock())

    def new_message_id(self, person: Person) -> int:
        self._numbers[person.id] += 1
        return self._numbers[person.id]

    def push(self, kind: str, owner: int, body: dict[str, Any]) -> int | None:
        return self.updates.push(kind, owner, body)

    def open_query(self, person: Person) -> str:
        self._query += 1
        token = str(4_000_000_000_000_000_000 + self._query)
        self._queries[token] = (person, self.clock())
        person.spinning.add(token)
        return token

    def keep_file(self, kind: str, content: bytes, name: str, mime: str) -> File:
        return self.files.add(kind, content, name, mime)

    def bot(self) -> dict[str, Any]:
        number = int(self.token.partition(":")[0])
        return {"id": number, "is_bot": True, "first_name": "Мост", "username": "most_test_bot"}

    def _do_getMe(self, _: dict[str, Any]) -> Any:  # noqa: N802
        return {**self.bot(), "can_join_groups": False, "can_read_all_group_messages": False}

    async def _do_getUpdates(self, params: dict[str, Any]) -> Any:  # noqa: N802
        if self.updates.webhook.url:
            text = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise RefusedError(409, f"Conflict: {text}")
        self._ask_for(params)
        limit = min(max(checks.whole(params, "limit", 100), 1), 100)
        try:
            return await self.updates.fetch(
                checks.whole(params, "offset", 0), limit, min(checks.whole(params, "timeout", 0), self.longest_poll)
            )
        except ConflictError:
            text = "terminated by other getUpdates request; make sure that only one bot instance is running"
            raise RefusedError(409, f"Conflict: {text}") from None

    def _do_setWebhook(self, params: dict[str, Any]) -> Any:  # noqa: N802
        secret = params.get("secret_token", "")
        if secret and not _SECRET.fullmatch(secret):
            raise RefusedError(400, "Bad Request: secret token contains unallowed characters")
        if not params.get("url", "").startswith(("https://", "http://127.0.0.1:")):
            raise RefusedError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self._ask_for(params)
        if checks.flag(params, "drop_pending_updates"):
            self.updates.drop()
        self.updates.set_webhook(Webhook(params["url"], secret, checks.whole(params, "max_connections", 40)))
        return True

    def _do_deleteWebhook(self, params: dict[str, Any]) -> Any:  # noqa: N802
        if checks.flag(params, "drop_pending_updates"):
            self.updates.drop()
        self.updates.set_webhook(Webhook())
        return True

    def _do_getWebhookInfo(self, _: dict[str, Any]) -> Any:  # noqa: N802
        webhook = self.updates.webhook
        info: dict[str, Any] = {"url": webhook.url, "has_custom_certificate": False}
        info["pending_update_count"] = len(self.updates.waiting())
        if webhook.url:
            info |= {"max_connections": webhook.max_connections, "allowed_updates": sorted(self.updates.kinds)}
        if webhook.last_error:
            info |= {"last_error_date": webhook.last_error_date, "last_error_message": webhook.last_error}
        return info

    def _ask_for(self, params: dict[str, Any]) -> None:
        if kinds := checks.nested(params, "allowed_updates"):
            self.updates.kinds = frozenset(kinds)

    def _do_setMyCommands(self, params: dict[str, Any]) -> Any:  # noqa: N802
        commands = checks.nested(params, "commands") or []
        if not all(re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) for command in commands):
            raise RefusedError(400, "Bad Request: BOT_COMMAND_INVALID")
        return self._set("commands", params, commands)

    def _do_setMyDescription(self, params: dict[str, Any]) -> Any:  # noqa: N802
        return self._set("description", params, checks.short(params, "description", 512))

    def _do_setMyShortDescription(self, params: dict[str, Any]) -> Any:  # noqa: N802
        return self._set("short_description", params, checks.short(params, "short_description", 120))

    def _do_getMyCommands(self, params: dict[str, Any]) -> Any:  # noqa: N802
        return self.profile.get(("commands", params.get("language_code", "")), [])

    def _do_getMyDescription(self, params: dict[str, Any]) -> Any:  # noqa: N802
        return {"description": self._own_words("description", params)}

    def _do_getMyShortDescription(self, params: dict[str, Any]) -> Any:  # noqa: N802
        return {"short_description": self._own_words("short_description", params)}

    def _set(self, what: str, params: dict[str, Any], value: Any) -> bool:
        self.profile[what, params.get("language_code", "")] = value
        return True

    def _own_words(self, what: str, params: dict[str, Any]) -> Any:
        return self.profile.get((what, params.get("language_code", "")), "")

    def _do_sendMessage(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person = self._reach(params)
        message = self._draw(person, params, checks.text(params, "text", 4096))
        return self._show(person, message)

    def _do_sendDocument(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person, message, file = self._attach(params, "document")
        message.document = (file.name, file.content, file.mime)
        return self._show(person, message, file)

    def _do_sendVoice(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person, message, file = self._attach(params, "voice")
        message.voice = file.id
        return self._show(person, message, file)

    def _do_sendPhoto(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person, message, file = self._attach(params, "photo")
        message.photo = file.id
        return self._show(person, message, file)

    def _attach(self, params: dict[str, Any], kind: str) -> tuple[Person, Message, File]:
        person = self._reach(params)
        file = self.files.taken(params, kind)
        return person, self._draw(person, params, _caption(params)), file

    def _do_editMessageText(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person = self._reach(params)
        text = checks.text(params, "text", 4096)
        message = self._mine(person, params, _GONE_EDIT)
        if not message.is_text:
            raise RefusedError(400, "Bad Request: there is no text in the message to edit")
        return self._edit(person, message, text, params)

    def _do_editMessageCaption(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person = self._reach(params)
        text = _caption(params)
        message = self._mine(person, params, _GONE_EDIT)
        if message.is_text:
            raise RefusedError(400, "Bad Request: there is no caption in the message to edit")
        return self._edit(person, message, text, params)

    def _edit(self, person: Person, message: Message, text: str, params: dict[str, Any]) -> Any:
        markup = checks.markup(params)
        if markup and "inline_keyboard" not in markup:
            raise RefusedError(400, "Bad Request: inline keyboard expected")
        rows = markup.get("inline_keyboard", [])
        if (message.text, message.rows) == (text, rows):
            raise RefusedError(400, f"Bad Request: {_SAME}")
        message.text, message.rows, message.edits = text, rows, message.edits + 1
        person.changed(news=True)
        return self._as_json(person, message)

    def _do_deleteMessage(self, params: dict[str, Any]) -> Any:  # noqa: N802
        person = self._reach(params)
        message = self._mine(person, params, "message to delete not found")
        if self.now() - message.date >= DELETED_SECONDS:
            raise RefusedError(400, "Bad Request: message can't be deleted")
        person.messages.remove(message)
        person.changed()
        return True

    def _do_answerCallbackQuery(self, params: dict[str, Any]) -> Any:  # noqa: N802
        token = params.get("callback_query_id", "")
        person, made = self._queries.pop(token, (None, 0.0))
        if person is None or self.clock() - made > QUERY_SECONDS:
            text = "query is too old and response timeout expired or query ID is invalid"
            raise RefusedError(400, f"Bad Request: {text}")
        person.spinning.discard(token)
        person.changed()
        return True

    def _do_sendChatAction(self, params: dict[str, Any]) -> Any:  # noqa: N802
        self._reach(params)
        return True

    def _do_getFile(self, params: dict[str, Any]) -> Any:  # noqa: N802
        number = params.get("file_id", "")
        path = self.files.path(number)
        return {**self.files.get(number).described(), "file_path": path}

    def _reach(self, params: dict[str, Any]) -> Person:
        person = self.people.get(checks.whole(params, "chat_id", 0))
        if person is None or not person.started:
            raise RefusedError(400, "Bad Request: chat not found")
        if person.blocked:
            raise RefusedError(403, "Forbidden: bot was blocked by the user")
        if person.deactivated:
            raise RefusedError(403, "Forbidden: user is deactivated")
        if self.flood:
            self.flood.check(person.id, self.clock())
        return person

    def _draw(self, person: Person, params: dict[str, Any], text: str) -> Message:
        markup = checks.markup(params)
        return Message(self.new_message_id(person), text, self.now(), markup.get("inline_keyboard", []), markup)

    def _show(self, person: Person, message: Message, file: File | None = None) -> dict[str, Any]:
        self.copies[person.id, message.text] += 1
        person.show(message)
        return self._as_json(person, message, file)

    def _mine(self, person: Person, params: dict[str, Any], otherwise: str) -> Message:
        number = checks.whole(params, "message_id", 0)
        found = next((message for message in reversed(person.messages) if message.id == number), None)
        if found is None:
            raise RefusedError(400, f"Bad Request: {otherwise}")
        return found

    def _as_json(self, person: Person, message: Message, file: File | None = None) -> dict[str, Any]:
        out = {"message_id": message.id, "from": self.bot(), "chat": person.chat(), "date": message.date}
        if message.rows:
            out["reply_markup"] = {"inline_keyboard": message.rows}
        if message.is_text:
            return {**out, "text": message.text}
        out |= {"caption": message.text} if message.text else {}
        match file:
            case File(kind="photo"):
                small = {**file.described(width=90, height=67), "file_id": f"{file.id}-small"}
                return {**out, "photo": [small, file.described(width=1280, height=960)]}
            case File():
                return {**out, file.kind: file.described(file_name=file.name, mime_type=file.mime)}
        return out


def _caption(params: dict[str, Any]) -> str:
    return checks.text(params, "caption", 1024) if params.get("caption") else ""
