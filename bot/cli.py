"""The command line: which command was asked for, what it needs, and how its failures are told.

Must import nothing but the standard library and the bootstrap before `bootstrap.ensure` has returned.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from bot import bootstrap
from bot.problem import Problem

HELP = """\
Мост · чатбот, с който общината стига до хората и те до нея
     · a chatbot by which a municipality reaches its residents, and they reach it

  python3 -m bot                   пуска бота и показва адреса на страницата
                                   start the service, and print the address of the chat page
  python3 -m bot --demo            същото с измислени хора и часовник, който се върти напред
                                   the same among made-up people, with a clock that you can turn forward
  python3 -m bot staff             показва кой е в екипа, с номера
                                   list who has a role among the staff, by number
  python3 -m bot staff invite [--role ROLE]
                                   прави код за роля: coordinator, или mediator, trainer, reporter
                                   make a code that gives a role: coordinator, or mediator, trainer, reporter
  python3 -m bot staff remove NUMBER
                                   отнема ролята веднага
                                   take a role away at once
  python3 -m bot test [ARGS]       пуска тестовете; ARGS отиват при pytest
                                   run the tests; ARGS go to pytest
  python3 -m bot test crash [ARGS] спира бота внезапно много пъти и брои какво се е загубило
                                   kill the service again and again, and count what was lost
  python3 -m bot test year [ARGS]  разиграва цяла година събития и проверява всяко съобщение
                                   play a whole year of events, and check every message
  python3 -m bot test broadcast [ARGS]
                                   праща едно съобщение до 5000 души, докато ботът спира внезапно
                                   send one announcement to 5,000 people while the service dies again and again
  python3 -m bot bench [ARGS]      измерва бота до обикновени ботове
                                   measure it beside plain bots
  python3 -m bot --help            този текст · this text

Първото пускане прави своя среда в .venv (BOT_VENV я мести). Настройките се четат от средата и от .env.
The first start makes its own environment in .venv (BOT_VENV moves it). Settings are read from the environment and .env.
"""


def main(argv: list[str]) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 could not start."""
    _speak_any_alphabet()
    try:
        return _command(argv)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def _command(argv: list[str]) -> int:
    match argv:
        case [] | ["run"]:
            bootstrap.ensure(bootstrap.RUN)
            return _run()
        case ["--demo" | "demo"]:
            bootstrap.ensure(bootstrap.RUN)
            return _demo()
        case ["-h" | "--help" | "help", *_]:
            print(HELP, end="")
            return 0
        case ["staff", *rest]:
            bootstrap.ensure(bootstrap.RUN)
            return _staff(rest)
        case ["test", *rest]:
            return _test(rest)
        case ["bench", *rest]:
            return _tool("tests.bench", rest)
        case _:
            raise Problem(
                bg=f"Няма команда „{argv[0]}“. Всички команди: python3 -m bot --help",
                en=f'There is no command "{argv[0]}". All commands: python3 -m bot --help',
            )


def _run() -> int:
    _start_faster()
    from bot import app, settings

    return app.main(settings.load())


def _demo() -> int:
    _start_faster()
    from bot import demo, settings

    return demo.main(settings.load())


def _staff(argv: list[str]) -> int:
    _start_faster()
    from bot import settings, staff_cli

    print(staff_cli.run(settings.load(), argv))
    return 0


def _start_faster() -> None:
    # pydantic asks every installed distribution for plugins, and we use none: 10 ms of each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _test(argv: list[str]) -> int:
    if argv[:1] == ["crash"]:
        return _tool("tests.faults.crash", argv[1:])
    if argv[:1] == ["broadcast"]:
        return _tool("tests.faults.broadcast", argv[1:])
    if argv[:1] == ["year"]:
        return _tool("tests.faults.year", argv[1:])
    _into_checkout(bootstrap.TEST)
    import pytest

    return int(pytest.main(argv or ["-q"]))


def _tool(name: str, argv: list[str]) -> int:
    _into_checkout(bootstrap.TEST)
    try:
        tool = import_module(name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("tests"):
            raise
        raise Problem(
            bg=f"Липсва {error.name}: тази команда иска цялото хранилище.",
            en=f"{error.name} is missing: this command needs the whole checkout.",
        ) from None
    code: int = tool.main(argv)
    return code


def _into_checkout(packages: bootstrap.Packages) -> None:
    bootstrap.ensure(packages)
    os.chdir(bootstrap.ROOT)  # tests read files by paths from here
    if str(bootstrap.ROOT) not in sys.path:
        sys.path.insert(0, str(bootstrap.ROOT))


def _speak_any_alphabet() -> None:
    """Keep a terminal or a pipe that knows no Cyrillic from ending the program with a UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
