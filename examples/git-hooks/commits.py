"""What each commit changed, noted at the commit in the background. The hook `post-commit` beside this enqueues it."""

import asyncio
import sys

from aioqueue import AioqueueError, Queue

queue = Queue(name="commits")


@queue.task(retries=3, retry_delay=1)
async def count(repository: str, commit: str) -> str:
    """Note under `refs/notes/stats` how many files and lines a commit changed; a second run notes the same."""
    changed = await git(repository, "show", "--shortstat", "--format=", commit) or "nothing changed"
    await git(repository, "notes", "--ref=stats", "add", "--force", f"--message={changed}", commit)
    return changed


async def git(repository: str, *arguments: str) -> str:
    """Return what git prints; `RuntimeError` with its complaint."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("git", "-C", repository, *arguments, stdout=pipe, stderr=pipe)
    out, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"git {arguments[0]}: {complaint.decode(errors='replace').strip()}")
    return out.decode(errors="replace").strip()


async def enqueue(repository: str, commit: str) -> str:
    """Store the job and return its id."""
    async with queue:
        return (await count(repository, commit)).id


if __name__ == "__main__":
    try:
        print(f"commit {sys.argv[2][:9]} will be counted by job {asyncio.run(enqueue(*sys.argv[1:3]))}")
    except AioqueueError as error:
        sys.exit(str(error))
