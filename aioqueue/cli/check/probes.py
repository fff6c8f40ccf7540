"""Probes without an application and without click: answered in little more than the time that Python takes to start.

Whatever is not plainly right is left to click, which knows the same options and says what is wrong.
"""

from __future__ import annotations

from aioqueue.cli.check.report import Finding, as_json, as_text, is_running, tell

DEFAULT_TIMEOUT = 5.0
_VALUES = ("--pidfile", "--title", "--port")
_FLAGS = ("--ready", "--json", "--quiet", "-q")


def answer(arguments: list[str]) -> int | None:
    """Print the answer to these arguments of `aioqueue check` and return its exit code; None if it is for click."""
    options = _read(arguments)
    if options is None or not any(name in options for name in _VALUES):
        return None
    port = options.get("--port", "")
    if (port and not _is_port(port)) or ("--ready" in options and not port):
        return None
    findings = look(options.get("--pidfile"), options.get("--title"), int(port or 0), ready="--ready" in options)
    if not ("--quiet" in options or "-q" in options):
        tell(as_json(findings) if "--json" in options else as_text(findings))
    return 0 if is_running(findings) else 1


def look(
    pidfile: str | None, title: str | None, port: int | None, *, ready: bool, timeout: float = DEFAULT_TIMEOUT
) -> list[Finding]:
    """Look in every one of these ways that is given; each is imported when it is needed."""
    findings = []
    if pidfile:
        from aioqueue.cli.check import lock  # noqa: PLC0415

        findings.append(lock.look(pidfile))
    if title:
        from aioqueue.cli.check import title as titles  # noqa: PLC0415

        findings.append(titles.look(title))
    if port:
        from aioqueue.cli.check import port as ports  # noqa: PLC0415

        findings.append(ports.look(port, ready=ready, timeout=timeout))
    return findings


def _read(arguments: list[str]) -> dict[str, str] | None:
    """Return the options, None if there is anything else, an empty value, or an option given twice."""
    options: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, given, value = argument.partition("=")
        if name in _VALUES:
            value = value if given else next(rest, "")
        elif name not in _FLAGS or given:
            return None
        if name in options or (name in _VALUES and (not value.strip() or value.startswith("-"))):
            return None
        options[name] = value
    return options


def _is_port(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 6 and 0 < int(word) < 65_536
