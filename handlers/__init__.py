"""What Мост says: one conversation a file. No clock, no randomness and no channel may enter here."""

from __future__ import annotations

from bot.talks import Command, Talks
from handlers.activities import activities
from handlers.add_person import add_person
from handlers.change_event import cancel, leader, move, relocate
from handlers.enrol import enrol
from handlers.event_calls import call, called, calls
from handlers.event_people import attend, attendance_done, attended, mark, walkin, who
from handlers.events import LEADERS, agenda, event_card
from handlers.feedback import call_me, comment, face, face_kept, thanks, why, why_kept
from handlers.followup import confirm, result, result_facts, results_list
from handlers.info import about, person, privacy
from handlers.language import language
from handlers.meeting import calendar_file, meeting
from handlers.my_data import forget, my_data, people
from handlers.my_events import my_events
from handlers.new_event import begin_event, example, new_event
from handlers.participants import leave_activity, participant, people_in
from handlers.question import question, stray
from handlers.registration import registration
from handlers.results import listen, numbers, opinions
from handlers.rsvp import answered, ask_about, course_answered, course_rsvp, leave_plan, rsvp, slots
from handlers.staff_menu import staff_menu
from handlers.team import details, join_team, joined, member, member_remove, member_role, team, team_invite
from storage.staff import ALL, COORDINATOR, LEADS, TRAINER

TALKS = Talks(
    scripts={
        "about": about,
        "activities": activities,
        "add_person": add_person,
        "agenda": agenda,
        "answered": answered,
        "ask_about": ask_about,
        "attend": attend,
        "attendance_done": attendance_done,
        "attended": attended,
        "begin_event": begin_event,
        "calendar_file": calendar_file,
        "call": call,
        "call_me": call_me,
        "called": called,
        "calls": calls,
        "cancel": cancel,
        "comment": comment,
        "confirm": confirm,
        "course_answered": course_answered,
        "course_rsvp": course_rsvp,
        "details": details,
        "event_card": event_card,
        "example": example,
        "face": face,
        "face_kept": face_kept,
        "forget": forget,
        "join_team": join_team,
        "joined": joined,
        "language": language,
        "enrol": enrol,
        "leader": leader,
        "leave_activity": leave_activity,
        "leave_plan": leave_plan,
        "listen": listen,
        "mark": mark,
        "meeting": meeting,
        "member": member,
        "member_remove": member_remove,
        "member_role": member_role,
        "move": move,
        "my_data": my_data,
        "my_events": my_events,
        "new_event": new_event,
        "numbers": numbers,
        "opinions": opinions,
        "participant": participant,
        "people": people,
        "people_in": people_in,
        "person": person,
        "privacy": privacy,
        "question": question,
        "registration": registration,
        "relocate": relocate,
        "result": result,
        "result_facts": result_facts,
        "results_list": results_list,
        "rsvp": rsvp,
        "slots": slots,
        "staff_menu": staff_menu,
        "stray": stray,
        "team": team,
        "team_invite": team_invite,
        "thanks": thanks,
        "walkin": walkin,
        "who": who,
        "why": why,
        "why_kept": why_kept,
    },
    menu=(
        ("menu.events", "my_events"),
        ("menu.activities", "activities"),
        ("menu.question", "question"),
        ("menu.person", "person"),
        ("menu.language", "language"),
        ("menu.data", "my_data"),
    ),
    commands={
        "about": Command("about", unregistered=True, stopped=True),
        "activities": Command("activities"),
        "activity": Command("activities", takes=("which",), given={"kind": "all"}),
        "add_person": Command("add_person", takes=("event",)),
        "agenda": Command("agenda", takes=("page",)),
        "ask": Command("question"),
        "ask_about": Command("ask_about", takes=("guest",)),
        "attend": Command("attend", takes=("event", "page")),
        "attended": Command("attended", takes=("event",)),
        "call": Command("call", takes=("call",)),
        "call_me": Command("call_me", takes=("who",), unregistered=True),
        "called": Command("called", takes=("call", "outcome")),
        "calls": Command("calls", takes=("event", "page")),
        "cancel": Command("cancel", takes=("what", "how", "sure")),
        "comment": Command("comment", takes=("who",), unregistered=True),
        "confirm": Command("confirm", takes=("result", "sure")),
        "course": Command("course_rsvp", takes=("guest", "said"), unregistered=True),
        "data": Command("my_data", stopped=True),
        "event": Command("event_card", takes=("event",)),
        "events": Command("my_events"),
        "example": Command("example"),
        "face": Command("face", takes=("who", "face"), unregistered=True),
        "help": Command("person", stopped=True),
        "ics": Command("calendar_file", takes=("guest",), unregistered=True),
        "language": Command("language"),
        "leave": Command("leave_plan", takes=("guest", "at"), unregistered=True),
        "enrol": Command("enrol", takes=("activity",)),
        "leader": Command("leader", takes=("event", "who")),
        "leave_activity": Command("leave_activity", takes=("participation", "how", "reason")),
        "listen": Command("listen", takes=("event", "mark")),
        "mark": Command("mark", takes=("mark", "came")),
        "meeting": Command("meeting", takes=("guest",), unregistered=True),
        "member": Command("member", takes=("member",)),
        "member_remove": Command("member_remove", takes=("member", "sure")),
        "member_role": Command("member_role", takes=("member", "role")),
        "move": Command("move", takes=("what",)),
        "new_event": Command("begin_event"),
        "numbers": Command("numbers", takes=("month",)),
        "opinions": Command("opinions", takes=("event", "page")),
        "participant": Command("participant", takes=("participation",)),
        "past_events": Command("agenda", takes=("page",), given={"which": "past"}),
        "people": Command("people", unregistered=True),
        "people_in": Command("people_in", takes=("activity", "page")),
        "person": Command("person", unregistered=True, stopped=True),
        "place": Command("relocate", takes=("what",)),
        "privacy": Command("privacy", unregistered=True, stopped=True),
        "result": Command("result", takes=("result",), unregistered=True),
        "result_facts": Command("result_facts", takes=("result",)),
        "results": Command("results_list", takes=("page",)),
        "rsvp": Command("rsvp", takes=("guest", "said"), unregistered=True),
        "slots": Command("slots", takes=("guest",)),
        "staff": Command("staff_menu"),
        "team": Command("team"),
        "team_invite": Command("team_invite", takes=("role",)),
        "thanks": Command("thanks", unregistered=True),
        "walkin": Command("walkin", takes=("event",)),
        "who": Command("who", takes=("event", "page")),
        "why": Command("why", takes=("who", "reason"), unregistered=True),
    },
    roles={
        **dict.fromkeys(
            ("leader", "member", "member_remove", "member_role", "team", "team_invite"), frozenset({COORDINATOR})
        ),
        **dict.fromkeys(
            ("attend", "attendance_done", "attended", "call", "called", "calls", "mark", "walkin", "who"),
            LEADS | {TRAINER},
        ),
        "add_person": LEADS,
        **dict.fromkeys(("agenda", "event_card"), LEADERS),
        **dict.fromkeys(("begin_event", "cancel", "example", "move", "new_event", "relocate"), LEADS),
        **dict.fromkeys(
            ("confirm", "enrol", "leave_activity", "participant", "people_in", "result_facts", "results_list"), LEADS
        ),
        **dict.fromkeys(("listen", "opinions"), LEADS | {TRAINER}),
        "numbers": ALL,
        "staff_menu": ALL,
    },
    staff_menu=(("menu.staff", "staff_menu"),),
)
