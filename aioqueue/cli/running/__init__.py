"""Running workers: one process, or several under a supervisor, until told to stop."""
