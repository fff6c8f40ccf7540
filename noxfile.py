"""Checks and measurements: `nox` runs lint, types and tests; `nox --list` names the others."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import nox

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
PROJECT = nox.project.load_toml()

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
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


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests but the typing ones, on real servers, against the installed package; arguments go to pytest."""
    install(session, "test")
    # -P keeps the working directory off sys.path: there the checkout would hide the installed package.
    pytest = ("python", "-P", "-m", "pytest", "--ignore=tests/typing", "-n", "3")
    session.run(*pytest, *session.posargs, env={"AIOQUEUE_TESTS_WANT": "installed"})


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure aioqueue and its peers on one server; arguments go to `python -m benchmarks`."""
    session.install("-r", "benchmarks/requirements/harness.txt")
    session.run("python", "-m", "benchmarks", *session.posargs)
