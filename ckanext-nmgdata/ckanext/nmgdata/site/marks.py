"""Marks between the pieces of a page, each as its language has it.

Templates are written with Chinese marks where these join what is translated. In a page in English they are
English ones; within Chinese text, such as the name of a regulation, they stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ckan.types import CKANApp
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from .. import vocab

ENGLISH = {"：": ": ", "；": "; ", "，": ", ", "、": ", ", "（": " (", "）": ")"}
HAN = "[\u3400-\u9fff\u300a-\u3015]"
MARK = re.compile(f"((?<!{HAN})[{''.join(ENGLISH)}]|[{''.join(ENGLISH)}](?!{HAN}))")


class Marks(Extension):
    """Jinja's reading of templates, with marks between pieces as pieces of their own."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Yield the parts of a template."""
        for token in stream:
            if token.type != "data":
                yield token
                continue
            for piece in MARK.split(token.value):
                if piece in ENGLISH:
                    yield from call(piece, token.lineno)
                elif piece:
                    yield Token(token.lineno, "data", piece)


def call(mark: str, line: int) -> Iterator[Token]:
    """Yield what ``{{ nmgdata_mark('…') }}`` is to Jinja."""
    parts = (
        ("variable_begin", ""), ("name", nmgdata_mark.__name__), ("lparen", ""), ("string", mark),
        ("rparen", ""), ("variable_end", ""),
    )  # fmt: skip
    for kind, value in parts:
        yield Token(line, kind, value)


def nmgdata_mark(mark: str) -> str:
    """Return a Chinese mark as the page's language has it."""
    return mark if vocab.in_chinese() else ENGLISH[mark]


def install(app: CKANApp) -> CKANApp:
    """Have templates read so."""
    app.jinja_env.globals[nmgdata_mark.__name__] = nmgdata_mark
    app.jinja_env.add_extension(Marks)
    return app
