"""Checks and measurements: `nox` runs lint, types and tests; `nox --list` names the others."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
PROJECT = nox.project.load_toml()

# Long, and about stores, processes and pages more than about Python.
ONCE = (
    "tests/docs",
    "tests/examples",
    "tests/faults",
    "tests/simulation",
    "tests/drivers/test_installed.py",
    "tests/drivers/test_machine.py",
    "tests/drivers/test_redis_acl.py",
    "tests/security/test_signed_contract.py",
)

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "docs", "tests", "quick_faults"]
nox.options.reuse_venv = "yes"


def activate_pyenv_versions() -> None:
    """Let pyenv's shims run every version it has: by default they fail for all but the chosen one."""
    if "PYENV_VERSION" in os.environ or not shutil.which("pyenv"):
        return
    listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False).stdout.split()
    released = [name for name in listed if re.fullmatch(r"3\.\d+\.\d+", name)]
    newest_first = sorted(released, key=lambda name: [int(part) for part in name.split(".")], reverse=True)
    running = [name for name in newest_first if name == "{}.{}.{}".format(*sys.version_info)]
    os.environ["PYENV_VERSION"] = ":".join([*running, *newest_first])


def runs(version: str) -> bool:
    """Tell whether there is a Python of this version that starts: a shim or a broken link does not count."""
    if version == "{}.{}".format(*sys.version_info):
        return True
    path = shutil.which(f"python{version}")
    return path is not None and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


activate_pyenv_versions()
PYTHONS = [version for version in SUPPORTED if runs(version)] or ["{}.{}".format(*sys.version_info)]


def install(session: nox.Session, group: str) -> None:
    """Install the package as its users get it, not editable, so that a file missing in the wheel is missed here."""
    session.install(".", *nox.project.dependency_groups(PROJECT, group))


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff (rules and format) and the import contracts between the layers."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy (strict) and pyright, on the package and on what its users write."""
    install(session, "types")
    session.run("mypy")
    session.run("pyright")
    session.run("python", "-P", "-m", "pytest", "tests/typing", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, in .site/html; a warning, a broken link or a name without docstring fails."""
    session.install(*nox.project.dependency_groups(PROJECT, "docs"))
    session.run("python", "-m", "website")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests but those of types, of browsers and those that run once, on real servers; arguments go to pytest."""
    elsewhere = [f"--ignore={path}" for path in ("tests/typing", "tests/e2e", *ONCE)]
    test_installed(session, *elsewhere, "-n", "3", *session.posargs)


@nox.session(python=PYTHONS[-1])
def quick_faults(session: nox.Session) -> None:
    """The fault programme with small numbers, and what else is long: on one Python. Arguments go to pytest."""
    # Some take a minute and most a moment: whoever is idle takes over what waits behind a long one.
    test_installed(session, *ONCE, "-n", "3", "--dist", "worksteal", *session.posargs)


@nox.session(python=PYTHONS[-1], default=False)
def e2e(session: nox.Session) -> None:
    """The page of the report service in a real headless Chromium, which must be there; arguments go to pytest."""
    if missing := [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]:
        session.error(f"no {' and no '.join(missing)} on the PATH: apt-get install chromium chromium-driver")
    session.install(*nox.project.dependency_groups(PROJECT, "e2e"))
    test_installed(session, "tests/e2e", *session.posargs)


@nox.session(python=PYTHONS[-1], default=False)
def faults(session: nox.Session) -> None:
    """The whole fault programme with five seeds, a thousand random histories a driver, and the table of the figures.

    Arguments go to pytest. Takes hours.
    """
    first_seed = os.environ.get("AIOQUEUE_FAULTS_SEED", str(random.randrange(1_000_000)))
    scale = {"AIOQUEUE_FAULTS": "whole", "AIOQUEUE_FAULTS_SEEDS": "5", "AIOQUEUE_FAULTS_SEED": first_seed}
    scale["AIOQUEUE_MACHINE_EXAMPLES"] = os.environ.get("AIOQUEUE_MACHINE_EXAMPLES", "1000")
    show_figures(session, "tests/faults", "tests/drivers/test_machine.py", "-n", "2", *session.posargs, **scale)


@nox.session(python=PYTHONS[-1], default=False)
def soak(session: nox.Session) -> None:
    """Workers, a producer and Redis under one fault after another for so many minutes (20, or the argument)."""
    minutes, *arguments = session.posargs or ["20"]
    show_figures(session, "tests/faults/test_soak.py", "-s", *arguments, AIOQUEUE_SOAK_MINUTES=minutes)


def test_installed(session: nox.Session, *arguments: str, **env: str) -> None:
    """Run pytest on the installed package."""
    install(session, "test")
    # -P keeps the working directory off sys.path: there the checkout would hide the installed package.
    session.run("python", "-P", "-m", "pytest", *arguments, env={"AIOQUEUE_TESTS_WANT": "installed", **env})


def show_figures(session: nox.Session, *arguments: str, **env: str) -> None:
    """Run pytest and print what the rows showed, failed or not; `AIOQUEUE_FAULTS_FIGURES` names a file to keep."""
    figures = os.environ.get("AIOQUEUE_FAULTS_FIGURES") or str(Path(session.create_tmp()) / "figures.jsonl")
    Path(figures).write_bytes(b"")
    try:
        test_installed(session, *arguments, AIOQUEUE_FAULTS_FIGURES=figures, **env)
    finally:
        session.run("python", "-m", "tests.faults.table", figures)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure aioqueue and its peers on one server; arguments go to `python -m benchmarks`."""
    session.install("-r", "benchmarks/requirements/harness.txt")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def load(session: nox.Session) -> None:
    """Press on the report service, on aioqueue and on its peers; arguments go to `python -m benchmarks.load`."""
    session.install("-r", "benchmarks/requirements/harness.txt")
    session.run("python", "-m", "benchmarks.load", *session.posargs)


@nox.session(python=PYTHONS[-1], default=False)
def mutants(session: nox.Session) -> None:
    """Forget one thing of aioqueue at a time; the tests must notice each. Arguments go to `python -m tests.mutants`."""
    session.install(*nox.project.dependency_groups(PROJECT, "test"), *PROJECT["project"]["dependencies"])
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session(default=False)
def peer_faults(session: nox.Session) -> None:
    """Play the same faults on aioqueue and its peers; arguments go to `python -m benchmarks.faults`."""
    session.install("-r", "benchmarks/requirements/harness.txt")
    session.run("python", "-m", "benchmarks.faults", *session.posargs)
