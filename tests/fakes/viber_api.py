"""The methods of the fake REST API and the state behind them; HTTP, faults and the log of calls are viber.py's."""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from tests.fakes import viber_checks as checks
from tests.fakes.viber_callbacks import MANDATORY, OPTIONAL, Callback, Callbacks, Webhook
from tests.fakes.viber_checks import RefusedError
from tests.fakes.viber_people import Message, Person

TOGETHER = 300  # receivers of a broadcast
BROADCASTS, BROADCAST_SECONDS = 500, 10
UNANSWERED, HOUR = 100, 3600
LOOK_UPS, LOOK_UP_SECONDS = 2, 12 * 3600
SESSION_SECONDS = 24 * 3600
SMALLEST_TOKEN, LARGEST_TOKEN = 2**53 + 1, 2**63 - 1


@dataclass
class Contract:
    """What the bot's owner pays for."""

    billable: bool = True
    free: int = 0  # bot-initiated messages of a calendar month (UTC)
    balance: int | None = None  # messages that can still be paid; None: no end of money
    used: Counter[str] | None = None  # free messages, by month

    def charge(self, person: Person, now: float, *, really: bool) -> int:
        """The billing_status of a message to this person. Raises RefusedError 23 or 24. `really`: it is sent."""
        if now - person.session.began < SESSION_SECONDS:
            return 2 if self.billable else 1
        self.used = self.used if self.used is not None else Counter()
        month = f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
        if self.used[month] < self.free:
            self.used[month] += really
            return 4 if self.billable else 3
        if not self.billable:
            raise RefusedError(23)
        if self.balance is not None and self.balance <= 0:
            raise RefusedError(24)
        if self.balance is not None:
            self.balance -= really
        return 5


class BotApi:
    """One bot and its people. Survives the bot's process; each method of the API is `_do_` and its name."""

    def __init__(
        self, token: str, clock: Callable[[], float], schedule: Callable[[int], float | None], contract: Contract
    ) -> None:
        self.token, self.clock, self.contract = token, clock, contract
        self.people: dict[int, Person] = {}
        self._by_id: dict[str, Person] = {}
        self.callbacks = Callbacks(token, schedule)
        self.copies: Counter[tuple[int, str]] = Counter()  # how often each text was accepted for each person
        self.broadcasts = 0  # 19 or 20: the status with which every broadcast is refused
        self.bad_welcomes: list[str] = []  # why a welcome was not shown
        self.origin = ""
        self.media: dict[str, tuple[bytes, str]] = {}  # path → content and name
        self._chance = random.Random(token)
        self._broadcasts: deque[float] = deque()
        self._methods: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            name.removeprefix("_do_"): getattr(self, name) for name in dir(self) if name.startswith("_do_")
        }

    # For people

    def now(self) -> float:
        return self.clock()

    def new_token(self) -> int:
        """What a number of JavaScript cannot hold."""
        return self._chance.randint(SMALLEST_TOKEN, LARGEST_TOKEN)

    def tell(self, person: Person, kind: str, fields: dict[str, Any], *, token: int = 0) -> Callback:
        return self.callbacks.push(Callback(self._event(kind, self._named(fields), token), f"{person.number}"))

    def open_chat(self, person: Person, context: str) -> Callback:
        more = {"context": context} if context else {}
        fields = {"type": "open", **more, "user": person.profile(), "subscribed": person.subscribed}
        event = self._event("conversation_started", self._named(fields), 0)
        return self.callbacks.push(Callback(event, f"{person.number}", lambda body: self._welcome(person, body)))

    def keep_media(self, content: bytes, name: str) -> str:
        path = f"/media/{len(self.media) + 1}/{quote(name)}"
        self.media[path] = (content, name)
        return f"{self.origin}{path}"

    async def offered(self, person: Person) -> None:
        await self.callbacks.first_try(f"{person.number}")

    def find(self, number: object) -> Person | None:
        """The person with this id; compared letter by letter."""
        return self._by_id.get(number) if isinstance(number, str) else None

    def _event(self, kind: str, fields: dict[str, Any], token: int) -> dict[str, Any]:
        own = {"event": kind, "timestamp": round(self.now() * 1000), "chat_hostname": "SN-CALLBACK-04_"}
        return {**own, "message_token": token or self.new_token(), **fields}

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Names and faces only for who asked for them."""
        hidden = {"name": self.callbacks.webhook.send_name, "avatar": self.callbacks.webhook.send_photo}
        return {
            key: {name: one for name, one in value.items() if hidden.get(name, True)}
            if key in ("user", "sender") else value
            for key, value in fields.items()
        }  # fmt: skip

    def _welcome(self, person: Person, answer: bytes) -> None:
        """The answer to conversation_started is a message, or empty."""
        if not answer:
            return
        try:
            self._show(person, _welcome(answer, person.api_version), 0)
        except (ValueError, RefusedError) as wrong:
            self.bad_welcomes.append(str(wrong))

    # Methods

    async def _do_set_webhook(self, params: dict[str, Any]) -> dict[str, Any]:
        url = params.get("url")
        if not isinstance(url, str):
            raise RefusedError(4, "missing url")
        if not url:
            self.callbacks.webhook = Webhook()
            return {"event_types": []}
        if urlsplit(url).scheme != "https":
            raise RefusedError(1, "url is not valid: https is required")
        wanted = params.get("event_types")
        if unknown := set(wanted or ()) - {*MANDATORY, *OPTIONAL, "webhook", "client_status"}:
            raise RefusedError(3, f"event_types is not valid: {sorted(unknown)}")
        events = frozenset(MANDATORY) | frozenset(OPTIONAL if wanted is None else wanted)
        before = self.callbacks.webhook
        self.callbacks.webhook = Webhook(url, events, params.get("send_name") is True, params.get("send_photo") is True)
        status = await self.callbacks.deliver(Callback(self._event("webhook", {}, 0)))
        if status != 200:
            self.callbacks.webhook = before
            late = "java.util.concurrent.TimeoutException: Total timeout 5000 ms elapsed"
            raise RefusedError(1, f"HttpResponse[HTTP/1.1 {status} ]" if status else late)
        return {"event_types": sorted(events | ({"client_status"} if wanted is None else set()))}

    def _do_get_account_info(self, _: dict[str, Any]) -> dict[str, Any]:
        webhook = self.callbacks.webhook
        info: dict[str, Any] = {"id": "pa:5000000000000000001", "name": "Мост", "uri": "mosttest", "country": "BG"}
        info |= {"icon": "", "category": "Organizations", "subcategory": "Nonprofit", "members": []}
        info["location"] = {"lat": 43.99, "lon": 22.88}
        info["subscribers_count"] = sum(person.subscribed for person in self.people.values())
        return {**info, "webhook": webhook.url, "event_types": sorted(webhook.events) if webhook.url else []}

    def _do_get_user_details(self, params: dict[str, Any]) -> dict[str, Any]:
        person = self._reach(checks.required(params, "id"))
        now, looked = self.now(), person.session.looked_up
        looked[:] = [at for at in looked if now - at < LOOK_UP_SECONDS]
        if len(looked) >= LOOK_UPS:
            raise RefusedError(12)
        looked.append(now)
        device = {"primary_device_os": "Android 13", "viber_version": "21.0", "device_type": "phone"}
        return {"message_token": self.new_token(), "user": {**person.profile(), **device, "mcc": 284, "mnc": 1}}

    def _do_get_online(self, params: dict[str, Any]) -> dict[str, Any]:
        ids = checks.required(params, "ids")
        if not isinstance(ids, list) or len(ids) > 100:
            raise RefusedError(3)
        return {"users": [{"id": one, **self._online(self.find(one))} for one in ids]}

    def _online(self, person: Person | None) -> dict[str, Any]:
        if person is None or not person.subscribed:
            return {"online_status": 4, "online_status_message": "unavailable"}
        status = ("offline", 1) if person.offline else ("online", 0)
        return {"online_status": status[1], "online_status_message": status[0]}

    def _do_post(self, _: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError(18)

    def _do_send_message(self, params: dict[str, Any]) -> dict[str, Any]:
        self._need_webhook()
        receiver = checks.required(params, "receiver")
        checks.message(params)
        person = self._reach(receiver)
        billing = self._allow(person, params)
        token = self.new_token()
        self._show(person, params, token)
        return {"message_token": token, "billing_status": billing}

    def _do_broadcast_message(self, params: dict[str, Any]) -> dict[str, Any]:
        self._need_webhook()
        if self.broadcasts:
            raise RefusedError(self.broadcasts)
        self._count_broadcast()
        ids = checks.required(params, "broadcast_list")
        if not isinstance(ids, list) or not 0 < len(ids) <= TOGETHER or len(set(ids)) < len(ids):
            raise RefusedError(3, "broadcast_list is not valid")
        checks.message(params)
        token, billing, failed = self.new_token(), 0, []
        for receiver in ids:
            try:
                person = self._reach(receiver)
                billing = max(billing, self._allow(person, params))
                self._show(person, _put_in(params, person), token)
            except RefusedError as refused:
                failed.append({"receiver": receiver, "status": refused.status, "status_message": refused.words})
        more = {"failed_list": failed} if failed else {}
        return {"message_token": token, "billing_status": billing, **more}

    def _need_webhook(self) -> None:
        if not self.callbacks.webhook.url:
            raise RefusedError(10)

    def _count_broadcast(self) -> None:
        now, made = self.now(), self._broadcasts
        while made and now - made[0] >= BROADCAST_SECONDS:
            made.popleft()
        if len(made) >= BROADCASTS:
            raise RefusedError(12)
        made.append(now)

    def _reach(self, receiver: object) -> Person:
        person = self.find(receiver)
        if person is None or person.gone:
            raise RefusedError(5)
        if not person.subscribed:
            raise RefusedError(6)
        if person.refused:
            raise RefusedError(person.refused)
        return person

    def _allow(self, person: Person, params: Mapping[str, Any]) -> int:
        """The billing_status, once versions, the hour's limit and the money allow the message."""
        if params.get("min_api_version", 1) > person.api_version:
            raise RefusedError(13)
        now, sent = self.now(), person.session.unanswered
        sent[:] = [at for at in sent if now - at < HOUR]
        if len(sent) >= UNANSWERED:
            raise RefusedError(12)
        billing = self.contract.charge(person, now, really=True)
        sent.append(now)
        return billing

    def _show(self, person: Person, params: Mapping[str, Any], token: int) -> Message:
        left_out = ("auth_token", "broadcast_list")
        kept = {name: value for name, value in params.items() if name not in left_out and value is not None}
        message = Message(token, kept, self.now())
        self.copies[person.number, message.text] += 1
        person.show(message)
        return message


def _welcome(answer: bytes, version: int) -> dict[str, Any]:
    """The message in the answer to conversation_started. Raises ValueError or RefusedError."""
    body = json.loads(answer)
    if not isinstance(body, dict) or "receiver" in body or "broadcast_list" in body:
        raise RefusedError(3, "a welcome is a message without a receiver")
    checks.message(body, is_welcome=True)
    if body.get("min_api_version", 1) > version:
        raise RefusedError(13)
    return body


def _put_in(params: dict[str, Any], person: Person) -> dict[str, Any]:
    """A broadcast for one of its receivers."""
    body = {name: value for name, value in params.items() if name != "broadcast_list"}
    text = json.dumps(body, ensure_ascii=False)
    if "replace_me_with_" not in text:
        return body
    places = {"receiver_id": person.id, "url_encoded_receiver_id": quote(person.id, safe=""), "user_name": person.name}
    for name, value in places.items():
        text = text.replace(f"replace_me_with_{name}", json.dumps(value, ensure_ascii=False)[1:-1])
    filled: dict[str, Any] = json.loads(text)
    return filled
