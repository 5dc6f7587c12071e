"""Who may do what only one process may do at a time: sending for a channel.

A lease runs out by itself. One whose process is known to be dead on this very machine is taken over at once.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from storage.people import upsert
from storage.tables import leases

LEASE = timedelta(seconds=10)  # how long a dead machine's channel stays silent at most


@cache
def me() -> str:
    """This process: machine, its boot, process number and the moment it began, so that no number is met twice."""
    return f"{socket.gethostname()[:30]}|{_boot()}|{os.getpid()}|{_began(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Whether a process is certainly gone: it ran on this machine, since this boot, and is not there now."""
    host, boot, pid, began = ([*owner.split("|"), "", "", "", ""])[:4]
    mine = me().split("|")
    return [host, boot] == mine[:2] and bool(boot) and pid.isdigit() and _began(int(pid)) != began


def _boot() -> str:
    """This boot of the machine, and this set of process numbers: two containers may share the one, not the other."""
    path = Path("/proc/sys/kernel/random/boot_id")
    try:
        return f"{path.read_text().strip()[:8]}.{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116  (it is no file)
    except OSError:
        return ""


def _began(pid: int) -> str:
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state == "Z" else rest[18]  # a zombie is dead, only nobody has looked yet
    except (OSError, IndexError):
        return ""


def acquire(connection: Connection, name: str, owner: str, now: datetime) -> bool:
    """Take or renew a lease. True when it was not ours before: whoever held it left things to clear up."""
    held = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).first()
    if held is None:
        row = {"name": name, "owner": owner, "until": now + LEASE}
        entered = upsert(connection, leases).values(row).on_conflict_do_nothing(index_elements=["name"])
        if not connection.execute(entered).rowcount:
            raise Taken
        return True
    if held.owner != owner and held.until > now and not is_dead(held.owner):
        raise Taken
    connection.execute(update(leases).where(leases.c.name == name).values(owner=owner, until=now + LEASE))
    return bool(held.owner != owner)


def probe(connection: Connection, now: datetime) -> None:
    """Write something, to see whether anything can be written: a full disk answers reads and refuses this."""
    row = {"name": "probe", "owner": "", "until": now}
    entered = upsert(connection, leases).values(row)
    connection.execute(entered.on_conflict_do_update(index_elements=["name"], set_={"until": now}))


def release(connection: Connection, name: str, owner: str) -> None:
    """Give a lease back."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))


class Taken(Exception):
    """Another living process holds the lease."""
