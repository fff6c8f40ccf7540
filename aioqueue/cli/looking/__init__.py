"""Commands that look at a queue and change nothing: one command a file, what they find out in `facts`."""
