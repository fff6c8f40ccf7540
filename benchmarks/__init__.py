"""aioqueue against its peers: the same no-op job, one worker process, one Redis, one run."""
