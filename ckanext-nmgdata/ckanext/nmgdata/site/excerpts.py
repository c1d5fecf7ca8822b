"""The beginning of a text in a list or box.

CKAN cuts between words and leaves nothing but dots of a text whose first word is too long: of any in Chinese.
"""

from __future__ import annotations

import re

from ckan.lib import helpers as core

HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
LETTER = f"[^\\W{HAN}]"
"""What stands in words that are written with spaces between them."""
CUT_WORD = re.compile(f"(?<=[\\W{HAN}]){LETTER}+$")


def markdown_extract(text: str, extract_length: int = 190) -> str:
    """Return the words of a text in Markdown, in CKAN's place; the first so many where it is longer.

    :param extract_length: the most characters that are returned, 0 for all
    """
    said = " ".join(str(core.markdown_extract(text, 0)).split())
    if not extract_length or len(said) <= extract_length:
        return said
    kept, rest = said[: extract_length - 1], said[extract_length - 1 :]
    if re.match(LETTER, rest):
        kept = CUT_WORD.sub("", kept)
    return f"{kept.rstrip()}…"


HELPERS = {f.__name__: f for f in (markdown_extract,)}
