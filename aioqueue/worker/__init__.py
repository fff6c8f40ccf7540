"""The event loop that claims jobs, runs them and settles their outcomes."""
