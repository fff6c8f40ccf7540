"""A module that no test imports: a name in the store that leads here must lead nowhere."""

raise AssertionError("a stored name was imported")
