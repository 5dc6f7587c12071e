"""Who may write to us through the web page: cookies, forgery tokens, origins, sizes and rates.

Keeps nothing of a person: a chat is known by a signed random id alone, and what is counted lives in memory, bounded,
and is forgotten at a restart. Must never log a cookie, a token or an address.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from itsdangerous import BadSignature, Signer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

BODY_LIMIT = 64 * 1024
_YEAR = 365 * 24 * 3600
NUMBER = re.compile(r"[0-9]{1,18}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


class Refused(Exception):
    """A request that we do not take, and why: a key of web_page.REFUSALS."""

    def __init__(self, why: str, *, retry_after: float = 0.0, fields: dict[str, str] | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after
        self.fields = fields or {}  # what was in the form, so that one tap tries again


@dataclass(frozen=True, slots=True)
class Rates:
    """How much one chat and one internet address may send. A whole class of parents may sit behind one address."""

    chat_burst: float = 20.0
    chat_each: float = 20 / 60  # messages a second; above it, a friendly „по-бавно“
    hard_burst: float = 60.0
    hard_each: float = 1.0  # attempts a second, refused ones too; above it, nothing is even read
    newcomers_burst: float = 120.0
    newcomers_each: float = 2.0  # first messages a second from one internet address
    form_age: float = 1.0  # seconds a person needs, at least, to read the first page and tap


@dataclass(frozen=True, slots=True)
class Keys:
    """Signs cookies and forms with the service's secret, each with a salt of its own."""

    secret: bytes
    secure: bool
    name: str = "chat"

    @property
    def cookie(self) -> str:
        """The cookie's name. `__Host-` binds it to this host and to https, where there is https."""
        return f"__Host-{self.name}" if self.secure else self.name

    def new_token(self) -> str:
        """The name of a new chat: 192 random bits."""
        return secrets.token_urlsafe(24)

    def token_of(self, request: Request) -> str:
        """The chat whose cookie this is, or an empty string: missing, made up, or signed by another secret."""
        try:
            token = (
                self._signer("web-chat-cookie").unsign(request.cookies.get(self.cookie, "")).decode("ascii", "replace")
            )
        except BadSignature:
            return ""
        return token if _TOKEN.fullmatch(token) else ""

    def give(self, response: Response, token: str) -> None:
        """Set the cookie for another year."""
        value = self._signer("web-chat-cookie").sign(token).decode()
        response.set_cookie(
            self.cookie, value, max_age=_YEAR, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def form_token(self, token: str, now: float) -> str:
        """A forgery token for one chat's forms; it remembers when the form was made."""
        issued = f"{int(now * 1000):x}"
        return f"{issued}.{self._signer('web-chat-form').get_signature(f'{token}|{issued}').decode()}"

    def form_made(self, token: str, csrf: str) -> float:
        """When this chat's form was made, in seconds. Raises Refused if we did not make it for this chat."""
        issued, _, signature = csrf.partition(".")
        if not signature.isascii() or not self._signer("web-chat-form").verify_signature(
            f"{token}|{issued}", signature
        ):
            raise Refused("forged")
        return int(issued, 16) / 1000

    def _signer(self, salt: str) -> Signer:
        return Signer(self.secret, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


class Buckets:
    """Token buckets by key. At most `size` are kept; the one unused for longest is forgotten first."""

    def __init__(self, burst: float, each: float, size: int = 20_000) -> None:
        self._burst = burst
        self._each = each
        self._size = size
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Take one. Returns 0, or the seconds until one will be there."""
        left, seen = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - seen) * self._each)
        wait = 0.0 if left >= 1 else (1 - left) / self._each
        self._left[key] = (left - 1 if wait == 0 else left, now)
        if len(self._left) > self._size:
            self._left.popitem(last=False)
        return wait


class Recent:
    """The chats that wrote lately: a bounded set, so that a newcomer is looked up in the transcript only once."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._seen: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._seen

    def add(self, key: str) -> None:
        """Remember, and forget the oldest where there are too many."""
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)


def check_origin(request: Request) -> None:
    """Refuse a form that another site sent.

    `Sec-Fetch-Site` decides where the browser sends it. Under `Referrer-Policy: no-referrer` browsers write
    `Origin: null` into our own forms, so null proves nothing and is left to the forgery token and SameSite.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise Refused("forged")
        return
    origin = request.headers.get("origin", "null")
    if origin != "null" and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Refused("forged")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an ordinary form. Raises Refused when it is too large, or no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused("unclear")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise Refused("too_large")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:  # not ASCII, not UTF-8 underneath, or too many fields
        raise Refused("unclear") from None
    return dict(pairs)


def internet_address(request: Request) -> str:
    """Where a request came from, as far as rates go. One IPv6 household owns a /64, so it counts as one."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else host  # noqa: PLR2004


def chat_id(token: str) -> str:
    """A name of the chat that may be shown to its page and stored in keys: it does not open the chat."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def newest_seen(request: Request) -> int:
    """The newest message that the page has: from the address, or from a stream that was cut."""
    asked = (request.query_params.get("after", "0"), request.headers.get("last-event-id") or "0")
    if not all(NUMBER.fullmatch(number) for number in asked):
        raise Refused("unclear")
    return max(map(int, asked))


def wants_json(request: Request) -> bool:
    """The page's script asks; a plain form does not."""
    return "application/json" in request.headers.get("accept", "")
