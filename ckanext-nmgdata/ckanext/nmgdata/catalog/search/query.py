"""From a person's words to one safe Solr query.

The query uses only the field aliases that ``solrconfig.xml`` defines (``ALIASES``) and words that
have passed ``text.words``, so nothing a person types can reach Solr as syntax. Its form:
one required group with a part for each thing asked for; a document need not match every part, but
the more it matches the higher it stands. Places and departments named are factors on the score.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .text import MIN_INITIALS, fold, is_han, pairs, syllables, words
from .words import REGION, Lexicon, Span, Term

MAX_TEXT = 200
MAX_SPANS = 12
MAX_NAMES = 8
MAX_INITIALS = 12
SHORTEST_WORD = 3
PAIR = 2
INDEXED_INITIALS = 6
NOTHING = "-*:*"
# topic: anything that describes the data, also loosely; strict: the same without single characters;
# named: the same, as a phrase; org: whose the data are; near: single characters of the title; py, abbr:
# pinyin pairs and initials; place: codes of divisions.
ALIASES = ("topic", "strict", "named", "org", "near", "py", "abbr", "place")

_QUOTED = re.compile(r'"([^"]{1,80})"')
_EXCLUDED = re.compile(r"(?:^|\s)-(?=\S)(\S+)")
_OPERATORS = re.compile(r"(?:^|(?<=\s))(?:AND|OR|NOT|&&|\|\|)(?=\s|$)")
# Newer and more used data stand a little higher: at most a tenth, and 3 % for each ten-fold use.
FRESH = "product(0.1,recip(ms(NOW/DAY,metadata_modified),3.16e-11,1,1))"
USED = "product(0.03,log(sum(nmg_downloads,1)))"


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence counts beside a word as typed, which counts 1."""

    whole: float = 1.0
    exact: float = 2.0
    loose: float = 0.4
    sound: float = 0.3
    heard: float = 0.6
    unlikelier: float = 0.8
    near: float = 1.0
    org: float = 2.0
    form: float = 0.15
    # Factors on the score, by where the data are from and whose they are.
    here: float = 2.0
    within: float = 1.9
    around: float = 1.5
    beside: float = 0.5
    region_wide: float = 1.1
    elsewhere: float = 0.3
    theirs: float = 1.5
    not_theirs: float = 0.5


WEIGHTS = Weights()


@dataclass(frozen=True)
class Built:
    """A query in the language of the ``nmg`` parser, and the factor on its scores."""

    query: str
    boost: str = ""


def build(typed: str, lexicon: Lexicon, weights: Weights = WEIGHTS) -> Built:
    """Build the query for a person's words."""
    rest, exact, excluded = operators(typed[:MAX_TEXT])
    spans = lexicon.cut(rest)
    codes, departments = nearest(codes_of(spans, "place")), codes_of(spans, "department")
    asked = asked_for(spans)
    forms = [group(ask_text(s, weights)) for s in spans if s.kind == "form"]
    if not asked and not codes and not exact:
        asked, forms = [s for s in spans if s.kind in ("form", "question")], []
    parts = ["+" + clause("named", one, 2, phrase=True) for one in exact]
    if asked:
        asking = any(span.kind == "question" for span in spans)
        groups = asks(asked, weights) if asking else required(asked, weights)
        parts.append("+" + group(groups + wholes(rest, lexicon, weights)))
    elif codes:
        parts.append("+" + group(ask_place(spans, codes)))
    if not parts:
        return Built(NOTHING)
    parts += [f"{form}^{weights.form:g}" for form in forms]
    parts += [f'-topic:"{one}"' for one in excluded]
    factors = [place_factor(codes, weights), department_factor(departments, weights)]
    boost = ",".join([*filter(None, factors), f"sum(1,{FRESH},{USED})"])
    return Built(f"+{group(parts)}", f"product({boost},1)")


def operators(typed: str) -> tuple[str, list[str], list[str]]:
    """Take out what is in quotation marks and what is excluded with a minus, as in stock CKAN."""
    exact = [" ".join(words(fold(one))) for one in _QUOTED.findall(typed)]
    rest = _OPERATORS.sub(" ", _QUOTED.sub(" ", typed))
    excluded = [" ".join(words(fold(one))) for one in _EXCLUDED.findall(rest)]
    return _EXCLUDED.sub(" ", rest), [one for one in exact if one], [one for one in excluded if one]


# --- what is asked for ---------------------------------------------------------------------------


def asked_for(spans: list[Span]) -> list[Span]:
    """Return the spans that name a subject; a single character is none beside others."""
    asked = [s for s in spans if s.kind not in ("question", "form") and not is_place(s)]
    if len(asked) > 1:
        asked = [s for s in asked if not (is_han(s.text) and len(s.text) == 1)] or asked
    return asked[:MAX_SPANS]


def asks(asked: list[Span], weights: Weights) -> list[str]:
    """Return a group for each thing asked for; any of them may match."""
    return [group(ASK[span.kind](span, weights)) for span in dict.fromkeys(asked)]


def required(asked: list[Span], weights: Weights) -> list[str]:
    """Return the groups for words that are no question, where something may have to match.

    If most of the query is unknown and some of it cannot even be pinyin, one of those words must
    match, lest 恐龙化石拍卖 finds every auction. Questions are full of words that name no subject.
    """
    strange = [span for span in asked if is_strange(span)]
    groups = {span: group(ASK[span.kind](span, weights)) for span in asked}
    known = sum(mass(span) for span in asked if span.terms)
    if 0 < len(strange) < len(groups) and 2 * known < sum(map(mass, asked)):
        must = "+" + group([groups.pop(span) for span in dict.fromkeys(strange)])
        return [must, *groups.values()]
    return list(groups.values())


def is_place(span: Span) -> bool:
    """Return whether a span names a place and nothing else."""
    return bool(span.terms) and all(term.kind == "place" for term in span.terms)


def is_strange(span: Span) -> bool:
    """Return whether a span is neither known nor readable as pinyin or initials."""
    if span.terms or span.spoken:
        return False
    return span.kind == "text" or not could_be_initials(span.text)


def could_be_initials(letters: str) -> bool:
    """Return whether letters can be initials of pinyin: no syllable begins with i, u or v."""
    return MIN_INITIALS <= len(letters) <= MAX_INITIALS and not set(letters) & set("iuv")


def mass(span: Span) -> int:
    """Return how much of a query a span is: its characters; another word counts as two."""
    return len(span.text) if is_han(span.text) else PAIR


def codes_of(spans: list[Span], kind: str) -> tuple[str, ...]:
    """Return the codes of the places or departments that spans name, or sound like."""
    return tuple(dict.fromkeys(t.code for span in spans for t in span.terms if t.kind == kind))


def nearest(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the places that others named with them lie in: 鄂尔多斯市准格尔旗 is the banner."""
    above = {city_of(code) for code in codes if code != city_of(code)} | {REGION}
    return tuple(code for code in codes if code not in above) or codes[:1]


def city_of(code: str) -> str:
    """Return the code of the league-city that a division is, or lies in."""
    return code if code == REGION else code[:4] + "00"


# --- clauses -------------------------------------------------------------------------------------


def clause(alias: str, text: str, weight: float, *, phrase: bool = False) -> str:
    """Return one clause of the query language."""
    body = f'"{text}"' if phrase else f"({text})"
    return f"{alias}:{body}^{weight:.3g}"


def group(clauses: list[str]) -> str:
    """Return clauses of which any may match."""
    return f"({' '.join(clauses)})"


def even(typed: str, name: str) -> float:
    """Return the factor that keeps a long name from counting more than the short one typed.

    A phrase scores the sum of its pairs, so 住房公积金 would outweigh 公积金 by its length alone.
    """
    return min(1.0, max(1, len(typed) - 1) / max(1, len(name) - 1))


def names_of(alias: str, typed: str, term: Term, weight: float) -> list[str]:
    """Return the clauses that ask for the other names of a known word."""
    return [
        clause(alias, name, weight * share * even(typed, name), phrase=True)
        for name, share in term.also[:MAX_NAMES]
    ]


def ask_subject(span: Span, weights: Weights) -> list[str]:
    """Ask for a known word, its other names and, less, for parts of it."""
    found = [clause("named", span.text, 1, phrase=True)]
    if len(span.text) > PAIR:
        found.append(clause("topic", span.text, weights.loose))
    found += [c for term in span.terms for c in names_of("named", span.text, term, 1)]
    parts = (term for term in span.parts if term.kind == "subject")
    return found + [c for term in parts for c in names_of("named", term.name, term, weights.loose)]


def ask_department(span: Span, weights: Weights) -> list[str]:
    """Ask for the data of a department, under any of its names."""
    found = [clause("org", span.text, weights.org, phrase=True)]
    found += [c for t in span.terms for c in names_of("org", span.text, t, weights.org)]
    return [*found, clause("topic", span.text, weights.loose)]


def ask_text(span: Span, weights: Weights) -> list[str]:
    """Ask for words as typed, for their sound, and for the known word they sound like."""
    found = [*ask_words(span, weights), *ask_sound(span.text, weights)]
    if is_han(span.text) and len(span.text) > PAIR:
        found.append(clause("named", span.text, weights.exact, phrase=True))
    terms = (term for term in span.terms if term.name != span.text)
    return found + [c for n, term in enumerate(terms) for c in ask_heard(term, weights, n)]


def ask_words(span: Span, weights: Weights) -> list[str]:
    """Ask for words as typed.

    Of four characters one may be another anywhere in the title; of three, which have more chance to
    stand in a title without meaning this, the other two must be in their places.
    """
    if span.terms or len(span.text) != SHORTEST_WORD or not is_han(span.text):
        return [clause("topic", span.text, 1)]
    first, second, third = span.text
    kept = (f"{first} {second}", f"{second} {third}", f"{first} {third}")
    return [clause("strict", span.text, 1), *(f'near:"{one}"~1^{weights.near:g}' for one in kept)]


def ask_sound(text: str, weights: Weights) -> list[str]:
    """Ask for Chinese text by its pinyin, which repairs homophones."""
    tokens = pairs(syllables(text)) if is_han(text) else []
    return [clause("py", ",".join(tokens), weights.sound)] if tokens else []


def ask_heard(term: Term, weights: Weights, others: int = 0) -> list[str]:
    """Ask for a known word that was only heard: typed in pinyin, or with a homophone.

    :param others: how many likelier words there are
    """
    if term.kind == "place":
        return []
    alias = "org" if term.kind == "department" else "named"
    weight = weights.heard * weights.unlikelier**others
    return [clause(alias, term.name, weight, phrase=True), *names_of(alias, term.name, term, weight)]


def ask_pinyin(span: Span, weights: Weights) -> list[str]:
    """Ask for what was typed in Latin letters: known words, pinyin, initials, or the letters."""
    found = [c for n, term in enumerate(span.terms) for c in ask_heard(term, weights, n)]
    if span.spoken:
        return found + [clause("py", ",".join(pairs(way)), 1) for way in span.spoken if len(way) > 1]
    if could_be_initials(span.text):
        found.append(clause("abbr", ",".join(chain(span.text)), weights.heard))
    return [*found, clause("topic", span.text, 1)]


def chain(letters: str) -> list[str]:
    """Return letters as overlapping pieces of the length that initials are indexed to."""
    size = min(len(letters), INDEXED_INITIALS)
    return [letters[start : start + size] for start in range(len(letters) - size + 1)]


def ask_place(spans: list[Span], codes: tuple[str, ...]) -> list[str]:
    """Ask for everything of a place, what has its name in the title first."""
    typed = [clause("named", s.text, 1, phrase=True) for s in spans if is_place(s)]
    return [clause("place", code, 1) for code in codes] + typed


ASK = {
    "subject": ask_subject, "department": ask_department, "text": ask_text, "pinyin": ask_pinyin,
    "form": ask_text, "question": ask_text, "place": ask_text,
}  # fmt: skip


def wholes(typed: str, lexicon: Lexicon, weights: Weights) -> list[str]:
    """Ask once more for each run of characters as a whole, which favours the exact name."""
    found: list[str] = []
    for word in words(fold(typed)):
        spans = [s for s in lexicon.cut(word) if s.kind != "question" and not is_place(s)]
        joined = "".join(span.text for span in spans)
        if len(spans) > 1 and is_han(joined):
            found.append(clause("named", joined, weights.exact, phrase=True))
            found += [clause("topic", joined, weights.whole), *ask_sound(joined, weights)]
    return found[:MAX_SPANS]


# --- factors -------------------------------------------------------------------------------------


def choose(field: str, code: str, value: float, otherwise: str) -> str:
    """Return a Solr function: a value for the documents that have a code, else another function."""
    return f'if(termfreq({field},"{code}"),{value:g},{otherwise})'


def place_factor(codes: tuple[str, ...], weights: Weights) -> str:
    """Return the factor for where the data are from, empty when no place is named."""
    if not codes:
        return ""
    if REGION in codes:
        return choose("region_code", REGION, weights.here, "1")
    factor = choose("region_code", REGION, weights.region_wide, f"{weights.elsewhere:g}")
    for city in sorted({city_of(code) for code in codes} - set(codes)):
        factor = choose("nmg_region", city, weights.beside, factor)
        factor = choose("region_code", city, weights.around, factor)
    for code in codes:
        factor = choose("nmg_region", code, weights.within, factor)
        factor = choose("region_code", code, weights.here, factor)
    return factor


def department_factor(codes: tuple[str, ...], weights: Weights) -> str:
    """Return the factor for whose the data are, empty when no department is named."""
    if not codes:
        return ""
    factor = f"{weights.not_theirs:g}"
    for code in codes:
        factor = choose("nmg_departments", code, weights.theirs, factor)
    return factor
