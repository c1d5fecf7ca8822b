"""What can go wrong with a remote portal: one exception, told apart by machine codes."""

from __future__ import annotations

from enum import StrEnum

LONGEST = 500


class Code(StrEnum):
    """Why a page, and with it the run, can not go on."""

    NOT_AN_ADDRESS = "not_an_address"
    HOST_NOT_ALLOWED = "host_not_allowed"
    NETWORK_NOT_ALLOWED = "network_not_allowed"
    INSECURE_REDIRECT = "insecure_redirect"
    """From https to http."""
    REDIRECTS = "too_many_redirects"
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"
    """No connection, or one that broke; an answer that ended too early is one."""
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    ENCODING = "content_encoding"
    """A Content-Encoding that can not be undone."""
    CREDENTIALS = "credentials_missing"
    REFUSED = "refused"
    """401 or 403."""
    NOT_FOUND = "not_found"
    GONE = "gone"
    """410: of a change feed, its cursor is too old and the catalogue has to be read anew."""
    BUSY = "busy"
    """429 or 503, with ``retry_after`` where the server says it."""
    SERVER = "server_error"
    STATUS = "unexpected_status"

    EMPTY_BODY = "empty_body"
    CHARSET = "charset"
    HTML = "html"
    """A page for people where a catalogue was expected."""
    UNKNOWN_FORMAT = "unknown_format"
    DOCTYPE = "doctype"
    REMOTE_CONTEXT = "remote_context"
    SYNTAX = "syntax"
    TRUNCATED = "truncated"
    """The text ends in the middle of a statement."""
    CSW = "csw"
    """An answer of a catalogue service for the web (OGC CSW), whatever it holds."""
    ISO_19139 = "iso_19139"
    NO_CATALOGUE = "no_catalogue"
    """Well-formed, but neither a catalogue nor datasets; an empty catalogue is an empty page instead."""
    PARSE_TIME = "parse_time"
    PARSE_MEMORY = "parse_memory"
    PARSER_DIED = "parser_died"

    AMBIGUOUS_PAGING = "ambiguous_paging"
    PAGE_LOOP = "page_loop"
    """A next page that was read before."""
    REPEATED_PAGE = "repeated_page"
    """Another address, the same records as a page before."""
    TOO_MANY_PAGES = "too_many_pages"
    INCOMPLETE = "incomplete"
    """Fewer records than the catalogue says it has: nothing may be taken for vanished."""
    FEED = "feed"
    """Not a change feed, or one whose order can not be relied on."""


class Fault(StrEnum):
    """Why a record is refused (``Refused.code``)."""

    NO_IDENTIFIER = "no_identifier"
    """A blank node without dct:identifier: nobody could tell it from another at the next run."""
    IDENTIFIER = "identifier_not_usable"
    DUPLICATE = "duplicate_identifier"
    LITERAL = "literal_too_long"
    TOO_LARGE = "record_too_large"
    TANGLED = "tangled_blank_nodes"
    SYNTAX = "syntax"
    NOT_AN_OBJECT = "not_an_object"
    """Of JSON: a dataset that is a string or a number."""


RETRIED = frozenset(
    {Code.UNREACHABLE, Code.TIMEOUT, Code.TOO_SLOW, Code.BUSY, Code.SERVER, Code.UNKNOWN_HOST}
)


UNREADABLE = frozenset(
    {
        Code.TOO_LARGE, Code.ENCODING, Code.EMPTY_BODY, Code.CHARSET, Code.HTML, Code.DOCTYPE,
        Code.REMOTE_CONTEXT, Code.SYNTAX, Code.TRUNCATED, Code.PARSE_TIME, Code.PARSE_MEMORY,
        Code.PARSER_DIED, Code.FEED,
    }
)  # fmt: skip
"""What came, but will be the same however often it is asked for."""


class RemoteError(Exception):
    """A remote portal did not give what it should.

    :ivar code: machine code
    :ivar detail: in plain English for a log, at most 500 characters, never with credentials
    :ivar address: which page, as far as it is known
    :ivar retry_after: seconds that the server asks to wait
    """

    def __init__(
        self, code: Code, detail: str = "", *, address: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail[:LONGEST]
        self.address = address
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Return code, detail and address in one line."""
        return " ".join(
            part for part in (self.code, self.detail, self.address and f"<{self.address}>") if part
        )


class Unchanged(Exception):  # noqa: N818 - no error: the catalogue is the one that was read before
    """304: the catalogue is as it was when its ``Validators`` were taken."""
