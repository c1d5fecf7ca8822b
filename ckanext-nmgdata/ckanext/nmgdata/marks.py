"""Marks between the pieces of a page, a feed or a message, each as its language has it.

Templates are written with Chinese marks where these join what is translated, between the pieces or as a
string that is nothing but a mark. In a page in English they are English ones; within Chinese text, such as
the name of a regulation, they stay. Python says ``mark("：")`` and ``joined(parts)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ckan.types import CKANApp
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from . import vocab

ENGLISH = {"：": ": ", "；": "; ", "，": ", ", "、": ", ", "（": " (", "）": ")", "。": ". "}
HELPER = "nmgdata_mark"
HAN = "[\u3400-\u9fff\u300a-\u3015]"
BETWEEN = "：；，、（）"
MARK = re.compile(f"((?<!{HAN})[{BETWEEN}]|[{BETWEEN}](?!{HAN}))")


class Marks(Extension):
    """Jinja's reading of templates, with marks between pieces as pieces of their own."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Yield the parts of a template."""
        for token in stream:
            if token.type == "string" and token.value in ENGLISH:
                yield from said(token.value, token.lineno)
                continue
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
    yield Token(line, "variable_begin", "")
    yield from said(mark, line)
    yield Token(line, "variable_end", "")


def said(mark: str, line: int) -> Iterator[Token]:
    """Yield what ``nmgdata_mark('…')`` is to Jinja."""
    parts = (("name", HELPER), ("lparen", ""), ("string", mark), ("rparen", ""))
    for kind, value in parts:
        yield Token(line, kind, value)


def mark(chinese: str) -> str:
    """Return a Chinese mark as the page's language has it."""
    return chinese if vocab.in_chinese() else ENGLISH[chinese]


def joined(parts: Iterable[str], between: str = "、") -> str:
    """Return what has been listed as one text."""
    return mark(between).join(parts)


def install(app: CKANApp) -> CKANApp:
    """Have templates read so."""
    app.jinja_env.globals[HELPER] = mark
    app.jinja_env.add_extension(Marks)
    return app
