"""Makes sure that the packages we need are there: in this Python, or in `.venv`, which it makes on first use.

Standard library only, and cheap when nothing is to do: every start passes here twice. Must never install anything that
the committed locks do not name with a hash, and never delete a folder that is not an environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from bot.problem import Problem

ROOT = Path(__file__).resolve().parent.parent

_STAMP = "most.stamp"  # written last: its absence means that nothing here can be relied on
_UNFINISHED = "most.unfinished"  # there while we work: found later, it means that we were killed
_LOCK = "most.lock"


@dataclass(frozen=True, slots=True)
class Packages:
    """A set of packages: its lock, the extra of pyproject.toml it comes from, and the smaller sets it contains."""

    lock: str
    extra: str = ""
    contains: tuple[str, ...] = ()

    @property
    def stamp(self) -> set[str]:
        """What the stamp says once this set is installed: a line for each lock that is satisfied by it."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return {f"{lock} {version} {_digest(ROOT / lock)}" for lock in (self.lock, *self.contains)}


RUN = Packages("requirements.txt")
TEST = Packages("requirements-test.txt", extra="test", contains=("requirements.txt",))


def ensure(packages: Packages) -> None:
    """Return when `packages` can be imported here; otherwise prepare the environment and start again inside it.

    Raises:
        Problem: the environment cannot be made, with what to do about it.
    """
    venv = venv_path()
    inside = Path(sys.prefix).resolve() == venv.resolve()
    if not _is_stamped(venv, packages):
        if _may_use_this_python(venv, packages, inside=inside):
            return
        _prepare(venv, packages)
    if not inside:
        _start_again(venv)


def venv_path() -> Path:
    """Where the environment is: `.venv` in the checkout, or BOT_VENV."""
    return ROOT / Path(os.environ.get("BOT_VENV") or ".venv").expanduser()


def _is_stamped(venv: Path, packages: Packages) -> bool:
    try:
        stamp = (venv / _STAMP).read_text(encoding="utf-8")
    except OSError:
        return False
    return packages.stamp <= set(stamp.splitlines()) and Path(_python(venv)).exists()


def _may_use_this_python(venv: Path, packages: Packages, *, inside: bool) -> bool:
    """Whether this Python was given the packages by someone else: in a container, or in an environment made by hand.

    An environment that we made is brought to the lock instead, or an update would never reach it.
    """
    if inside and any((venv / name).exists() for name in (_STAMP, _UNFINISHED)):
        return False
    from bot import installed

    return not installed.missing(ROOT / "pyproject.toml", packages.extra)


def _prepare(venv: Path, packages: Packages) -> None:
    from importlib.util import find_spec

    _refuse_foreign_folder(venv)
    with _alone(venv) as lock:
        if _is_stamped(venv, packages):
            return  # another start did it while we waited
        usable = not (venv / _UNFINISHED).exists() and _is_usable(venv)
        if not usable and find_spec("ensurepip") is None:  # Debian puts it in a package of its own
            raise _no_venv_module()
        _say(
            "Подготвям средата в {0}: само първия път, около минута…",
            "Preparing the environment in {0}: the first time only, about a minute…",
            venv,
        )
        (venv / _STAMP).unlink(missing_ok=True)
        (venv / _UNFINISHED).touch()
        try:
            if not usable:
                _clear(venv)
                _make(venv, lock)
            _install(venv, packages, lock)
        except Problem:
            (venv / _UNFINISHED).unlink()  # pip has undone its half: the next start goes on from here
            raise
        (venv / _STAMP).write_text("".join(f"{line}\n" for line in sorted(packages.stamp)), encoding="utf-8")
        (venv / _UNFINISHED).unlink()


def _refuse_foreign_folder(venv: Path) -> None:
    ours = ("pyvenv.cfg", _LOCK)
    if venv.exists() and (not venv.is_dir() or (any(venv.iterdir()) and not any((venv / f).exists() for f in ours))):
        raise Problem(
            bg=f"{venv} съществува и не е среда на Python: преместете го или посочете друго място с BOT_VENV.",
            en=f"{venv} exists and is not a Python environment: move it away, or name another place with BOT_VENV.",
        )


def _is_usable(venv: Path) -> bool:
    """Whether the environment runs, is of the Python that we are, and can be installed into."""
    code = f"import sys{'' if shutil.which('uv') else ', pip'}; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([_python(venv), "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return False
    return done.stdout.split() == [str(number) for number in sys.version_info[:2]]


def _clear(venv: Path) -> None:
    for child in venv.iterdir():
        if child.name in (_LOCK, _UNFINISHED):
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


def _make(venv: Path, lock: int) -> None:
    base = getattr(sys, "_base_executable", sys.executable)
    output = _failure([base, "-m", "venv", str(venv)], lock)
    if output is None:
        return
    if "ensurepip" in output or "No module named" in output:
        raise _no_venv_module()
    raise Problem(
        bg=f"Не мога да направя среда на Python в {venv}.",
        en=f"A Python environment cannot be made in {venv}.",
        details=_tail(output),
    )


def _no_venv_module() -> Problem:
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if shutil.which("apt-get") is None:
        return Problem(
            bg=f"На {python} му липсва модулът venv: инсталирайте го и опитайте пак.",
            en=f"{python} lacks its venv module: install it and try again.",
        )
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    sudo = "" if root else "sudo "
    line = f"{sudo}apt-get update && {sudo}apt-get install -y {python}-venv"
    return Problem(
        bg=f"Липсва {python}-venv. Инсталирайте го и опитайте пак: {line}",
        en=f"{python}-venv is missing. Install it and try again: {line}",
    )


def _install(venv: Path, packages: Packages, lock: int) -> None:
    output: str | None = ""
    for command in _installers(venv):
        output = _failure([*command, "--require-hashes", "-r", str(ROOT / packages.lock)], lock)
        if output is None:
            return
    raise Problem(
        bg=f"Пакетите от {packages.lock} не се инсталираха. Има ли връзка с интернет? Опитайте пак; каза се:",
        en=f"The packages of {packages.lock} were not installed. Is there a network? Try again; what was said:",
        details=_tail(output or ""),
    )


def _installers(venv: Path) -> Iterator[list[str]]:
    """Yield commands that install, the fastest first. pip follows: it alone knows the machine's pip settings."""
    python = _python(venv)
    uv = shutil.which("uv")
    if uv:
        yield [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    yield [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]


def _failure(command: Sequence[str], lock: int) -> str | None:
    """Run a command; return None when it worked, or all that it said.

    It inherits the lock: should we be killed, the next start waits for it instead of writing beside it.
    """
    inherited = () if os.name == "nt" else (lock,)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=inherited,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout


def _start_again(venv: Path) -> NoReturn:
    command = [_python(venv), *sys.orig_argv[1:]]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    child = subprocess.Popen(command)  # on Windows execv would return to the shell at once
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue  # the child has heard it too, and ends in its own time


@contextmanager
def _alone(venv: Path) -> Iterator[int]:
    """Let one start prepare the environment; others wait. The lock goes with the last process that holds it."""
    try:
        venv.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(venv / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise Problem(
            bg=f"Не мога да пиша в {venv}: {error.strerror}. Посочете друго място с BOT_VENV.",
            en=f"{venv} cannot be written to: {error.strerror}. Name another place with BOT_VENV.",
        ) from None
    try:
        take = _locker(descriptor)
        if not take(False):
            _say("Друг старт подготвя средата, изчаквам го…", "Another start is preparing the environment, waiting…")
            while not take(True):
                pass
        yield descriptor
    finally:
        os.close(descriptor)


def _locker(descriptor: int) -> Callable[[bool], bool]:
    """Return a function that tries to take the lock, waiting for it if told to, and says whether it was taken."""
    if sys.platform == "win32":
        import msvcrt

        def take(wait: bool) -> bool:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # LK_LOCK waits ten seconds
            except OSError:
                return False
            return True
    else:
        import fcntl

        def take(wait: bool) -> bool:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                return False
            return True

    return take


def _python(venv: Path) -> str:
    return str(venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _tail(output: str, lines: int = 12) -> str:
    return "\n".join(f"  {line}" for line in output.strip().splitlines()[-lines:])


def _say(bg: str, en: str, *values: object) -> None:
    print(bg.format(*values), en.format(*values), sep="\n", file=sys.stderr, flush=True)
