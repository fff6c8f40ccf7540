"""Where a client that was told to come back comes back to."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_URL = "/:?#[]@!$&'()*+,;=%~"


def link_of(link: object, method: str, url: object) -> str:
    """Return a link as a header can carry it: by default the path of a GET itself.

    Raises `ValueError` for another method, which asked again would be another request.
    """
    if link is not None:
        return quote(str(link), safe=_URL)
    if method not in ("GET", "HEAD"):
        raise ValueError(f"respond() to a {method} needs link=...: where the client asks again, by GET, for the result")
    asked = urlsplit(str(url))
    path = f"/.{asked.path}" if asked.path.startswith("//") else asked.path  # two strokes would begin another host
    return quote(f"{path}?{asked.query}" if asked.query else path, safe=_URL)
