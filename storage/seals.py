"""The mark that a key leaves in its database. Must be compared before anything is written with a key."""

from __future__ import annotations

import hmac

from sqlalchemy import Connection, insert, select

from storage.cipher import WrongKey, cipher_of
from storage.tables import seals

MASTER = "master"


def check(connection: Connection) -> None:
    """Refuse a key that is not this database's. A new database takes the mark of the key it is opened with.

    Raises:
        WrongKey: whatever were written now could not be opened beside what is there, and nobody would be found again.
    """
    mark = cipher_of(connection.dialect).lookup("seal", MASTER)
    kept = connection.execute(select(seals.c.value).where(seals.c.name == MASTER)).scalar()
    if kept is None:
        connection.execute(insert(seals).values(name=MASTER, value=mark))
    elif not hmac.compare_digest(bytes(kept), mark):
        raise WrongKey("the database was written with another key")
