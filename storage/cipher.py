"""Encryption of personal columns, and the keyed hashes by which they are looked up.

Must never write plaintext when a key is missing or wrong, and must never be given a key that also lies in the database.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

NONCE = 12  # bytes, the size that AES-GCM is specified for
HASH = 16  # bytes of a blind index: short enough to index, long enough never to collide here


class WrongKey(Exception):
    """A stored value cannot be opened with the present key."""


class Cipher:
    """Seals values with AES-256-GCM and hashes look-up values with HMAC-SHA256, each under a key of its own.

    The first master key seals and every given key opens, so that a key can be replaced without a stop. The last one,
    the oldest, hashes: look-up values stay findable while the others change.
    """

    def __init__(self, *masters: bytes) -> None:
        self._seals: Sequence[AESGCM] = [AESGCM(derive(master, "data")) for master in masters]
        self._index = derive(masters[-1], "index")

    def seal(self, plain: bytes, column: str) -> bytes:
        """Nonce and ciphertext, bound to its column so that values cannot be moved to another."""
        nonce = os.urandom(NONCE)
        return nonce + self._seals[0].encrypt(nonce, plain, column.encode())

    def open(self, sealed: bytes, column: str) -> bytes:
        """The plaintext; WrongKey when no key fits or the value was tampered with."""
        for key in self._seals:
            try:
                return key.decrypt(sealed[:NONCE], sealed[NONCE:], column.encode())
            except InvalidTag:
                continue
        raise WrongKey(f"a value of {column} cannot be opened with this key")

    def lookup(self, kind: str, value: str) -> bytes:
        """A blind index: equal values of one kind give equal hashes, and nobody without the key can guess them."""
        return hmac.digest(self._index, f"{kind}|{value}".encode(), sha256)[:HASH]


def derive(master: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose, so that no two uses share a key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"most:{purpose}".encode()).derive(master)


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps makes one for each call


def cipher_of(dialect: Dialect) -> Cipher:
    """The cipher that belongs to an engine. It travels with the dialect, so that no key is ever global."""
    cipher = getattr(dialect, "cipher", None)
    if not isinstance(cipher, Cipher):
        raise WrongKey("this engine was opened without a key")
    return cipher


class Sealed(TypeDecorator[Any]):
    """A column of personal data: any JSON value, kept encrypted. Cannot be compared or searched in SQL."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Seal on the way in."""
        if value is None:
            return None
        # "replace": half an emoji (a lone surrogate) would otherwise refuse an event again and again, for ever
        plain = _compact(value).encode(errors="replace")
        return cipher_of(dialect).seal(plain, self.column)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Open on the way out."""
        return None if value is None else json.loads(cipher_of(dialect).open(value, self.column).decode())
