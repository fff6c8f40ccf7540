"""The `aioqueue` command: one subcommand a file, imported when it is run."""
