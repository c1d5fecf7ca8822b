"""Mongolian script (蒙古文) in names and texts: marked as such, so that it is read out, drawn and set right.

It is written in columns from left to right; a paragraph that holds nothing else is set that way, single
words stand in the line. The font comes with the portal. CKAN's ``mn_MN`` is Cyrillic and is not offered.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

LETTERS = "\u1800-\u18af\u202f\U00011660-\U0001167f"
RUN = re.compile(f"[{LETTERS}]+(?:[ \u00a0]+[{LETTERS}]+)*")
HAS = re.compile("[\u1800-\u18af]")
OTHER = re.compile(f"[^{LETTERS}\\s]")


def nmgdata_scripts(text: object) -> Markup:
    """Return a text with its runs of Mongolian script marked; most texts have none."""
    said = str(escape("" if text is None else text))
    if not HAS.search(said):
        return Markup(said)  # noqa: S704 (escaped before)
    return Markup(RUN.sub(mark, said))  # noqa: S704 (escaped before)


def nmgdata_script_blocks(html: str) -> Markup:
    """Return rendered HTML with its runs marked; paragraphs of Mongolian script alone stand in columns."""
    said = str(html)
    if not HAS.search(said):
        return Markup(said)  # noqa: S704 (rendered and cleaned before)
    return Markup(re.sub(r"(<p>)(.*?)(</p>)", block, said, flags=re.DOTALL))  # noqa: S704 (likewise)


def block(found: re.Match[str]) -> str:
    """Return a paragraph, in columns where it holds nothing but Mongolian script."""
    text = found[2]
    if HAS.search(text) and not OTHER.search(re.sub(r"<[^>]*>", "", text)):
        return f'<p lang="mn-Mong" class="mong-block">{text}</p>'
    parts = re.split(r"(<[^>]*>)", text)
    marked = (part if part.startswith("<") else RUN.sub(mark, part) for part in parts)
    return f"<p>{''.join(marked)}</p>"


def mark(run: re.Match[str]) -> str:
    """Return a run of Mongolian script marked as such; a lone narrow space is none."""
    return f'<span lang="mn-Mong">{run[0]}</span>' if HAS.search(run[0]) else run[0]


HELPERS = {f.__name__: f for f in (nmgdata_scripts, nmgdata_script_blocks)}
