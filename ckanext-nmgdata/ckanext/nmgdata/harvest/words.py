"""What the codes of the harvest mean: for those who look after it, and in plain words for everybody."""

from __future__ import annotations

from ckan.plugins import toolkit as tk

from .model import JobState
from .remote.errors import Code, Fault

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

STATES: dict[str, str] = {
    JobState.QUEUED: N_("Waiting to begin"),
    JobState.RUNNING: N_("Running"),
    JobState.HELD: N_("Held for a person"),
    JobState.FINISHED: N_("Finished"),
    JobState.FAILED: N_("Failed"),
    JobState.CANCELLED: N_("Cancelled"),
}
OUTCOMES: dict[str, str] = {
    "created": N_("new"),
    "updated": N_("altered"),
    "restored": N_("come back"),
    "unchanged": N_("unchanged"),
    "stopped": N_("left as they are"),
    "refused": N_("refused"),
    "waiting": N_("being loaded"),
}
CODES: dict[str, str] = {
    # the way there
    Code.NOT_AN_ADDRESS: N_("The address is no web address."),
    Code.HOST_NOT_ALLOWED: N_("The answer leads to a host that is not among the allowed ones."),
    Code.NETWORK_NOT_ALLOWED: N_("The host lies in a network that is not public and is no named exception."),
    Code.INSECURE_REDIRECT: N_("The server leads from https to http."),
    Code.REDIRECTS: N_("The server redirects too often."),
    Code.UNKNOWN_HOST: N_("The name of the host is not known."),
    Code.UNREACHABLE: N_("No connection to the server, or it broke off."),
    Code.CERTIFICATE: N_("The server's certificate is not valid."),
    Code.TIMEOUT: N_("The server did not answer in time."),
    Code.TOO_SLOW: N_("The server sends too slowly."),
    Code.TOO_LARGE: N_("The page is larger than the limit allows."),
    Code.ENCODING: N_("The answer is packed in a way that cannot be undone."),
    Code.CREDENTIALS: N_("The credentials are not in the environment of this server."),
    Code.REFUSED: N_("The server refuses access (401 or 403)."),
    Code.NOT_FOUND: N_("There is nothing at this address (404)."),
    Code.GONE: N_("There is nothing at this address any more (410)."),
    Code.BUSY: N_("The server is overloaded and asks to come later."),
    Code.SERVER: N_("The server reports an error of its own (5xx)."),
    Code.STATUS: N_("The server answers with an unexpected status."),
    # the text
    Code.EMPTY_BODY: N_("The answer is empty."),
    Code.CHARSET: N_("The characters cannot be read."),
    Code.HTML: N_("The address shows a page for people, not a catalogue."),
    Code.UNKNOWN_FORMAT: N_("The format of the answer is not known."),
    Code.DOCTYPE: N_("The XML declares a document type or entities, which is refused for safety."),
    Code.REMOTE_CONTEXT: N_("The JSON-LD refers to a context elsewhere, which is not fetched."),
    Code.SYNTAX: N_("The text breaks the rules of its format."),
    Code.TRUNCATED: N_("The text ends in the middle."),
    Code.CSW: N_("This is an answer of a CSW service; only DCAT catalogues are taken."),
    Code.ISO_19139: N_("These are metadata by ISO 19139; only DCAT catalogues are taken."),
    Code.NO_CATALOGUE: N_("The text holds neither a catalogue nor datasets."),
    Code.PARSE_TIME: N_("Reading the page takes more time than the limit allows."),
    Code.PARSE_MEMORY: N_("Reading the page takes more memory than the limit allows."),
    Code.PARSER_DIED: N_("The page has ended the process that reads it."),
    # the pages
    Code.AMBIGUOUS_PAGING: N_("The page names several next pages."),
    Code.PAGE_LOOP: N_("The next page is one that was read before."),
    Code.REPEATED_PAGE: N_("A page repeats the entries of another."),
    Code.TOO_MANY_PAGES: N_("The catalogue has more pages than the limit allows."),
    Code.INCOMPLETE: N_("Fewer entries came than the catalogue says it has."),
    Code.FEED: N_("The change feed cannot be relied on."),
    # one record
    Fault.NO_IDENTIFIER: N_("The record has no identifier, so it could not be recognised again."),
    Fault.IDENTIFIER: N_("The record's identifier cannot be used."),
    Fault.DUPLICATE: N_("The identifier stands twice in the catalogue."),
    Fault.LITERAL: N_("A text of the record is too long."),
    Fault.TOO_LARGE: N_("The record is too large."),
    Fault.TANGLED: N_("The record's nameless parts refer to one another too intricately."),
    Fault.NOT_AN_OBJECT: N_("The record is not an object."),
    # for what is known here
    "identifier": N_("The record's identifier cannot be used."),
    "duplicate": N_("The identifier stands twice in the catalogue."),
    "stolen_identity": N_("The record claims an identity that belongs to another source."),
    "foreign_region": N_("The record claims a division outside this source's region."),
    "foreign_publisher": N_("The publisher is no organisation of this source's region."),
    "invalid": N_("The record breaks a rule of the catalogue that leaving out a field cannot mend."),
    "not_taken": N_("The record was taken over without a field whose value is not valid."),
    "forgotten": N_("The dataset was removed while it was being loaded."),
    "missed": N_("Changes of the feed may have been missed; the whole catalogue is harvested anew."),
    "crashed": N_("Whoever read this source was killed, several times."),
    "internal": N_("An error of this portal; its log says more."),
    "time_over": N_("The time of a check was over before this page had come."),
}
"""By code, as problems and jobs hold it."""

AWAY = frozenset(
    {
        Code.UNKNOWN_HOST, Code.UNREACHABLE, Code.CERTIFICATE, Code.TIMEOUT, Code.TOO_SLOW, Code.REFUSED,
        Code.NOT_FOUND, Code.GONE, Code.BUSY, Code.SERVER, Code.STATUS,
    }
)  # fmt: skip
OURS = frozenset(
    {
        Code.NOT_AN_ADDRESS, Code.HOST_NOT_ALLOWED, Code.NETWORK_NOT_ALLOWED, Code.CREDENTIALS,
        "crashed", "internal",
    }
)  # fmt: skip
BROKEN_OFF = frozenset(
    {
        Code.INCOMPLETE, Code.TRUNCATED, Code.PAGE_LOOP, Code.REPEATED_PAGE, Code.AMBIGUOUS_PAGING,
        Code.TOO_MANY_PAGES,
    }
)  # fmt: skip


def state(name: str) -> str:
    """Return the name of a job's state."""
    return _(STATES[name])


def outcome(name: str) -> str:
    """Return what became of a record."""
    return _(OUTCOMES[name])


def sentence(code: str | None) -> str:
    """Return what a code means; one that nobody has written down is its own meaning."""
    return _(CODES[code]) if code in CODES else code or ""


def public(code: str | None) -> str:
    """Return why a harvest has failed as everybody may know it: no address, host, code or limit."""
    if code in AWAY:
        return _("The city's platform could not be reached.")
    if code in BROKEN_OFF:
        return _("The city's catalogue broke off before its end.")
    if code in OURS:
        return _("The transfer failed for technical reasons of this platform.")
    return _("The city's catalogue could not be read.")
