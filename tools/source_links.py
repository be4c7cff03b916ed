"""A MkDocs hook for links from the documentation into the source tree.

Pages may link to files such as `../models/RESULTS.md`. The website does not include these files, so
the hook replaces each link by its text and the path of the file.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)#]+)(?:#[^)]*)?\)")
LOG = logging.getLogger("mkdocs.hooks.source_links")  # a warning fails a strict build


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Return the page with links into the source tree replaced by text."""

    def as_text(link: re.Match[str]) -> str:
        text, path = link.groups()
        if not (ROOT / path).exists():
            LOG.warning("%s links to %s, which does not exist", page.file.src_uri, path)
        return f"`{path}`" if text == path else f"{text} (`{path}` in the source tree)"

    return LINK.sub(as_text, markdown)
