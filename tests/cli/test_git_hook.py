"""examples/git-hooks/post-commit in a real repository, with and without a worker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aioqueue import Queue
from tests.cli.processes import ROOT, Commands

HOOKS = Path(__file__).parent.parent.parent / "examples" / "git-hooks"
NO_STORE = {name: value for name, value in os.environ.items() if name != "AIOQUEUE_URL" and not name.startswith("GIT_")}
ENVIRONMENT = {**NO_STORE, "PYTHONPATH": ROOT, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

pytestmark = pytest.mark.asyncio


class Repository:
    """A git repository whose hook is the example's."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        for name, value in {
            "user.name": "A. Tester",
            "user.email": "tester@example.test",
            "core.hooksPath": str(HOOKS),
            "aioqueue.python": sys.executable,
        }.items():
            self.git("config", name, value)

    def git(self, *arguments: str, **environment: str) -> str:
        """Run git, which must succeed, and return all that it and its hooks say."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.place,
            env={**ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def commit(self, name: str, content: str = "one\ntwo\n", **environment: str) -> list[str]:
        """Commit a file and return what the hook said."""
        (self.place / name).write_text(content)
        self.git("add", name)
        said = self.git("commit", "--quiet", f"--message={name}", **environment).splitlines()
        assert self.git("log", "-1", "--format=%s").strip() == name
        return said


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "a repository")


def start_worker(commands: Commands, url: str) -> None:
    worker = commands(
        "-m", "aioqueue", "worker", "commits:queue", AIOQUEUE_URL=url, PYTHONPATH=os.pathsep.join((ROOT, str(HOOKS)))
    )
    worker.wait_for("ready")


async def stored(url: str) -> int:
    async with Queue(url, name="commits") as queue:
        return sum((await queue.counts()).values())


async def test_with_a_worker_each_commit_is_counted(repository: Repository, commands: Commands, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"
    start_worker(commands, url)
    repository.git("config", "aioqueue.url", url)
    for name, content, changed in (
        ("first.txt", "one\ntwo\n", "1 file changed, 2 insertions(+)"),
        ("second.txt", "", "1 file changed, 0 insertions(+), 0 deletions(-)"),
    ):
        (said,) = repository.commit(name, content)
        head = repository.git("rev-parse", "HEAD").strip()
        found = re.fullmatch(rf"post-commit: commit {head[:9]} will be counted by job (\S+)", said)
        assert found, said
        async with Queue(url, name="commits") as queue:
            assert await queue.result(found[1]).get(timeout=20) == changed
        assert repository.git("notes", "--ref=stats", "show", "HEAD").strip() == changed


async def test_without_a_worker_it_says_so_and_enqueues_nothing(
    repository: Repository, redis_url: str, tmp_path: Path
) -> None:
    async with Queue(f"sqlite:///{tmp_path}/queue.db", name="commits"):
        pass
    (said,) = repository.commit("file.txt", AIOQUEUE_URL=f"sqlite:///{tmp_path}/queue.db")
    assert said == (
        "post-commit: this commit is not counted: not running: no worker on queue 'commits' (0 queued, 0 executing)"
    )
    assert await stored(f"sqlite:///{tmp_path}/queue.db") == 0
    (said,) = repository.commit("other.txt", AIOQUEUE_URL=redis_url)
    assert "no worker on queue 'commits'" in said
    assert await stored(redis_url) == 0


async def test_what_is_configured_wrongly_is_one_line(repository: Repository, tmp_path: Path) -> None:
    start = "post-commit: this commit is not counted: "
    for number, (url, said) in enumerate(
        [
            ("", "no store is configured: git config aioqueue.url ..."),
            ("bogus://x", "Error: no driver for a URL that starts with 'bogus'"),
            ("redis://127.0.0.1:1", "cannot tell: Redis at redis://127.0.0.1:1 is unavailable"),
            (f"sqlite:///{tmp_path}/nowhere.db", f"cannot tell: there is no file {tmp_path}/nowhere.db"),
        ]
    ):
        (line,) = repository.commit(f"{number}.txt", AIOQUEUE_URL=url)
        assert line.startswith(start + said)
    assert not (tmp_path / "nowhere.db").exists()
    repository.git("config", "aioqueue.python", "/no/such/python")
    assert all(line.startswith(start) or "python" in line for line in repository.commit("last.txt", AIOQUEUE_URL="x"))


async def test_copied_into_a_repository_it_minds_none_of_its_files(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "--unset", "core.hooksPath")
    for name in ("post-commit", "commits.py"):
        shutil.copy(HOOKS / name, repository.place / ".git" / "hooks")
    (repository.place / "aioqueue.py").write_text("raise SystemExit('the wrong aioqueue')\n")
    (said,) = repository.commit("json.py", "raise SystemExit('the wrong json')\n", AIOQUEUE_URL="redis://127.0.0.1:1")
    assert "redis://127.0.0.1:1 is unavailable" in said
