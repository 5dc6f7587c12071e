"""Every table, in the words of the field. Times are UTC; personal data are Sealed.

Must hold no queries: those stand by noun beside this folder.
"""

from __future__ import annotations

from storage.tables.announcements import broadcasts, media, recipients
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
from storage.tables.messages import inbox, leases, notices, outbox, receipts, seals, spending
from storage.tables.people import (
    addresses,
    answers,
    children,
    claims,
    consents,
    contacts,
    conversations,
    interests,
    residents,
    search_tokens,
)
from storage.tables.staff import audit, charges, links, staff, staff_invites
from storage.tables.tickets import ticket_lines, tickets

__all__ = [
    "BigId", "UtcTime", "addresses", "answers", "audit", "broadcasts", "charges", "children", "claims", "consents",
    "contacts", "conversations", "event_versions", "events", "feedback", "inbox", "interests", "invitations",
    "leases", "links", "media", "metadata", "moments", "notices", "notifications", "outbox", "participations",
    "receipts", "recipients", "residents", "results", "seals", "search_tokens", "spending", "staff", "staff_invites",
    "ticket_lines", "tickets",
]  # fmt: skip
