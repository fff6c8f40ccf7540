"""Build the site, and say what is wrong with it: a warning, a link that leads nowhere, anything from another host."""

from __future__ import annotations

import sys

from website.building import BuildError, build
from website.links import complaints
from website.staging import SITE, stage


def main() -> None:
    """Lay the pages out, render them, and look at every link of the result; exit with 1 if one thing is wrong."""
    try:
        stage()
        html = build(SITE)
    except BuildError as error:
        sys.exit(str(error))
    if wrong := list(complaints(html)):
        sys.exit("\n".join([*wrong, f"{len(wrong)} links lead nowhere"]))
    print(f"The site stands in {html}; `python -m http.server -d {html}` shows it")


if __name__ == "__main__":
    main()
