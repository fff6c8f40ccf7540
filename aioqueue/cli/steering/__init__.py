"""Commands that change what a queue does: one command a file."""
