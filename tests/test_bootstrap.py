"""The first start, the second start, and every way in which the first can go wrong: told in a sentence, then repaired.

A small checkout is made, whose lock names one wheel built here, so that all of it runs without a network.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from bot import __main__ as entry
from bot import bootstrap, cli, installed
from bot.problem import Problem

PYTHON = getattr(sys, "_base_executable", sys.executable)  # one without our packages
BROKEN_VENV = "print('The virtual environment was not created: ensurepip is not available.'); raise SystemExit(1)"
APP = "import leaf, sys\ndef main(settings):\n    print('started', leaf.VERSION, sys.prefix)\n    return 0\n"


class Checkout:
    """A checkout with our bootstrap, a service of one line, and a lock of one package."""

    def __init__(self, root: Path, wheels: Path | None = None) -> None:
        self.root = root
        self.wheels = wheels or root
        self.venv = root / ".venv"
        (root / "bot").mkdir(parents=True)
        for name in ("__init__", "__main__", "bootstrap", "cli", "installed", "problem"):
            shutil.copy(bootstrap.ROOT / "bot" / f"{name}.py", root / "bot")
        (root / "bot/settings.py").write_text("def load():\n    return None\n")
        (root / "bot/app.py").write_text(APP)
        self.require("1.0")

    def require(self, version: str) -> None:
        """State one version of one package, in pyproject.toml and in the lock."""
        wheel = _wheel(self.wheels, version)
        lock = f"{wheel.as_uri()} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        (self.root / "requirements.txt").write_text(f"leaf @ {lock}")
        (self.root / "requirements-test.txt").write_text(f"leaf @ {lock}")
        project = f"[project]\ndependencies = ['leaf>={version}']\n[project.optional-dependencies]\ntest = []\n"
        (self.root / "pyproject.toml").write_text(project)

    def start(self, *argv: str, python: str = PYTHON, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `python3 -m bot` here and wait for its end."""
        return subprocess.run(
            [python, "-m", "bot", *argv],
            cwd=self.root,
            env=self.environment(**env),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start_with(self, app: str) -> subprocess.CompletedProcess[str]:
        """Start once with another service."""
        (self.root / "bot/app.py").write_text(app)
        done = self.start()
        (self.root / "bot/app.py").write_text(APP)
        return done

    def begin(self) -> subprocess.Popen[str]:
        """Run `python3 -m bot` here without waiting."""
        return subprocess.Popen(
            [PYTHON, "-m", "bot"],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self, **env: str) -> dict[str, str]:
        """Leave out what would change the outcome: another environment, uv, a network."""
        kept = {k: v for k, v in os.environ.items() if k in ("HOME", "LANG", "SYSTEMROOT", "TMPDIR")}
        return {**kept, "PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", **env}


def _wheel(folder: Path, version: str) -> Path:
    path = folder / f"leaf-{version}-py3-none-any.whl"
    info = f"leaf-{version}.dist-info"
    if path.exists():
        return path
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("leaf.py", f"VERSION = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: leaf\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"leaf.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout after its first start: making an environment takes seconds, so the tests share it."""
    checkout = Checkout(tmp_path_factory.mktemp("prepared") / "checkout")
    first = checkout.start()
    assert first.returncode == 0, first.stderr
    assert "Подготвям средата" in first.stderr
    assert first.stdout == f"started 1.0 {checkout.venv}\n"
    return checkout


@pytest.fixture
def checkout(prepared: Checkout) -> Checkout:
    prepared.require("1.0")
    prepared.start()
    return prepared


def test_second_start_installs_nothing_and_says_nothing(checkout: Checkout) -> None:
    pip = next(checkout.venv.glob("lib/python*/site-packages/pip"))
    pip.rename(pip.with_name("pip-away"))
    second = checkout.start()
    pip.with_name("pip-away").rename(pip)
    assert (second.returncode, second.stdout, second.stderr) == (0, f"started 1.0 {checkout.venv}\n", "")


def test_new_lock_is_installed_by_the_next_start_from_either_python(checkout: Checkout) -> None:
    checkout.require("1.1")
    assert "started 1.1" in checkout.start().stdout
    checkout.require("1.2")
    assert "started 1.2" in checkout.start(python=str(checkout.venv / "bin/python")).stdout


def test_kill_in_the_middle_is_repaired_by_the_next_start(checkout: Checkout) -> None:
    checkout.require("1.1")
    with checkout.begin() as first:
        while not (checkout.venv / "most.unfinished").exists():
            assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    assert not (checkout.venv / "most.stamp").exists()
    (checkout.venv / "bin/python").unlink()  # the worst that a kill can leave
    assert "started 1.1" in checkout.start().stdout
    assert not (checkout.venv / "most.unfinished").exists()


def test_two_starts_at_once_prepare_once_and_both_work(checkout: Checkout) -> None:
    checkout.require("1.1")
    both = [checkout.begin(), checkout.begin()]
    said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == [f"started 1.1 {checkout.venv}\n"] * 2
    assert sum("Подготвям" in err for _, err in said) == 1


def test_environment_can_be_elsewhere(checkout: Checkout, tmp_path: Path) -> None:
    other = Checkout(tmp_path / "other", wheels=checkout.root)
    assert other.start(BOT_VENV=str(checkout.venv)).stdout == f"started 1.0 {checkout.venv}\n"
    assert not other.venv.exists()


def test_folder_that_is_no_environment_is_refused_and_left_alone(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter.txt").write_text("kept")
    refused = checkout.start(BOT_VENV=str(tmp_path / "home"))
    assert refused.returncode == 2
    assert "BOT_VENV" in refused.stderr
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter.txt"]


def test_missing_venv_module_gives_the_line_to_type_in_both_languages(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    (tmp_path / "shim").mkdir()
    (tmp_path / "shim/venv.py").write_text(BROKEN_VENV)
    (tmp_path / "shim/apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "shim/apt-get").chmod(0o755)
    done = checkout.start(PYTHONPATH=str(tmp_path / "shim"), PATH=str(tmp_path / "shim"))
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert done.returncode == 2
    *_, bulgarian, english = done.stderr.splitlines()
    for sentence in (bulgarian, english):
        assert f"apt-get install -y {package}" in sentence
    assert bulgarian.startswith("Липсва")
    assert "Traceback" not in done.stderr


def test_failed_install_shows_the_end_of_what_pip_said(checkout: Checkout) -> None:
    (checkout.root / "requirements.txt").write_text("nowhere==1.0 --hash=sha256:" + "0" * 64 + "\n")
    done = checkout.start()
    assert done.returncode == 2
    assert "Има ли връзка с интернет?" in done.stderr
    assert "Is there a network?" in done.stderr
    assert "No matching distribution found for nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    checkout.require("1.0")
    assert "started 1.0" in checkout.start().stdout


def test_package_that_does_not_match_its_hash_is_refused(checkout: Checkout) -> None:
    lock = checkout.root / "requirements.txt"
    lock.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", lock.read_text()))
    done = checkout.start()
    assert done.returncode == 2
    assert "DO NOT MATCH" in done.stderr


def test_python_that_has_the_packages_already_is_used_as_it_is(checkout: Checkout, tmp_path: Path) -> None:
    with zipfile.ZipFile(checkout.root / "leaf-1.0-py3-none-any.whl") as wheel:
        wheel.extractall(tmp_path / "site")
    done = checkout.start(PYTHONPATH=str(tmp_path / "site"), BOT_VENV=str(tmp_path / "unused"))
    assert done.stdout == f"started 1.0 {sys.base_prefix}\n"
    assert not (tmp_path / "unused").exists()


def test_ctrl_c_ends_quietly(checkout: Checkout) -> None:
    done = checkout.start_with("def main(settings):\n    raise KeyboardInterrupt\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_problem_of_the_service_is_two_sentences_without_a_traceback(checkout: Checkout) -> None:
    done = checkout.start_with(
        "from bot.problem import Problem\ndef main(settings):\n    raise Problem('Зает.', 'Taken.')\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "Зает.\nTaken.\n")


def test_python_that_is_too_old_is_told_so_in_both_languages() -> None:
    bulgarian, english = entry.too_old((3, 6)).splitlines()
    assert bulgarian.startswith("Нужен е Python 3.11 или по-нов, а този е 3.6")
    assert english.startswith("Python 3.11 or newer is needed, and this is 3.6")
    assert entry.too_old((3, 11)) == ""
    assert entry.too_old((3, 14)) == ""


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_old_python_can_read_far_enough_to_say_so(name: str) -> None:
    tree = ast.parse((bootstrap.ROOT / "bot" / name).read_text(encoding="utf-8"), feature_version=(3, 6))
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert all(isinstance(node, ast.Import) and [n.name for n in node.names] == ["sys"] for node in imports)


def test_help_names_every_command_and_needs_no_package(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    done = checkout.start("--help")
    assert done.returncode == 0
    assert all(f"python3 -m bot{command}" in done.stdout for command in ("", " test", " test crash", " bench"))
    assert not checkout.venv.exists()


def test_unknown_command_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dance"]) == 2
    assert capsys.readouterr().err.count("python3 -m bot --help") == 2


def test_terminal_without_cyrillic_still_gets_an_answer(tmp_path: Path) -> None:
    done = Checkout(tmp_path / "checkout").start("--help", PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_problem_reads_as_its_sentences_and_details() -> None:
    assert str(Problem("Да.", "Yes.", "  why")) == "Да.\nYes.\n  why"
    assert str(Problem("Да.", "Yes.")) == "Да.\nYes."


@pytest.mark.parametrize(
    ("requirement", "version", "accepted"),
    [
        ("python-telegram-bot>=22.8,<23", "22.8", True),
        ("python-telegram-bot>=22.8,<23", "22.7", False),
        ("python-telegram-bot>=22.8,<23", "23.0", False),
        ("sqlalchemy[asyncio]>=2.1,<2.2", "2.1.9", True),
        ("sqlalchemy[asyncio]>=2.1,<2.2", "2.2", False),
        ("apscheduler>=3.11.3,<4", "3.11.3.post1", True),
        ("tzdata", "2026.6", True),
        ("x>=3", "3.0+local.9", True),
    ],
)
def test_version_is_recent_enough(requirement: str, version: str, accepted: bool) -> None:
    parsed = installed.parse(requirement)
    assert parsed
    assert installed.within(version, parsed[1]) is accepted


@pytest.mark.parametrize("packages", [bootstrap.RUN, bootstrap.TEST], ids=lambda packages: str(packages.lock))
def test_lock_pins_every_dependency_with_hashes_and_names_no_address(packages: bootstrap.Packages) -> None:
    text = (bootstrap.ROOT / packages.lock).read_text(encoding="utf-8")
    pinned = _pinned(text)
    project = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"].get(packages.extra, ())]
    for requirement in wanted:
        name = re.split(r"[\[<>=; ]", requirement)[0]
        parsed = installed.parse(requirement.partition(";")[0])
        assert parsed
        assert installed.within(pinned[name], parsed[1]), requirement
    assert text.count("--hash=sha256:") >= len(pinned)
    assert all("\\\n    --hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text)[1:])
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_what_runs_is_what_was_tested() -> None:
    run, test = (
        _pinned((bootstrap.ROOT / lock).read_text("utf-8")) for lock in (bootstrap.RUN.lock, bootstrap.TEST.lock)
    )
    assert run.items() <= test.items()


def _pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE))
