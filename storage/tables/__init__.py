"""Every table, in the words of the field. Times are UTC; personal data are Sealed.

Must hold no queries: those stand by noun beside this folder.
"""

from __future__ import annotations

from storage.tables.common import BigId, UtcTime, metadata
from storage.tables.events import (
    event_versions,
    events,
    feedback,
    invitations,
    moments,
    notifications,
    participations,
    results,
)
from storage.tables.messages import inbox, leases, notices, outbox, seals
from storage.tables.people import (
    addresses,
    answers,
    children,
    consents,
    contacts,
    conversations,
    interests,
    residents,
    search_tokens,
    tickets,
)
from storage.tables.staff import audit, staff, staff_invites

__all__ = [
    "BigId", "UtcTime", "addresses", "answers", "audit", "children", "consents", "contacts", "conversations",
    "event_versions", "events", "feedback", "inbox", "interests", "invitations", "leases", "metadata", "moments",
    "notices", "notifications", "outbox", "participations", "residents", "results", "seals", "search_tokens", "staff",
    "staff_invites", "tickets",
]  # fmt: skip
