"""Keep the Chinese interface texts of the portal complete.

    python tools/i18n.py extract   our sources -> i18n/ckanext-nmgdata.pot
    python tools/i18n.py update    the template -> ckanext-nmgdata.po
    python tools/i18n.py compile   ckanext-nmgdata.po + upstream.po -> .mo and .js
    python tools/i18n.py check     exit 1 if any of it is stale or incomplete

``ckanext-nmgdata.po`` holds the strings of our own plugins. ``upstream.po``
holds those of CKAN, ckanext-scheming and ckanext-dcat: the ones they leave
untranslated and the ones whose own translation does not fit this portal. Both
end up in one catalogue, because CKAN loads one per plugin.

Flags in the .po files that ``check`` knows: ``no-python-brace-format`` and the
like (placeholders may differ), ``ascii`` (for places that cannot hold Chinese).
"""

from __future__ import annotations

import argparse
import importlib.resources
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib
from babel.messages.extract import extract_from_file

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "ckanext-nmgdata" / "ckanext" / "nmgdata"
LOCALE = "zh_Hans_CN"
DOMAIN = "ckanext-nmgdata"
POT = ROOT / "i18n" / f"{DOMAIN}.pot"
CATALOGUES = ROOT / "i18n" / LOCALE / "LC_MESSAGES"
OURS = CATALOGUES / f"{DOMAIN}.po"
UPSTREAM = CATALOGUES / "upstream.po"
MO = CATALOGUES / f"{DOMAIN}.mo"
JS = ROOT / "i18n" / f"{LOCALE}.js"

PLURAL_FORMS = "nplurals=1; plural=0;"
# Babel's extraction methods; "ckan" is CKAN's own, for Jinja2 with CKAN's tags.
METHODS = {".py": "python", ".js": "javascript"}
METHODS |= dict.fromkeys((".html", ".txt", ".text"), "ckan")
TEMPLATES = re.compile(r"(^|/)templates[^/]*/")
SKIPPED = re.compile(r"(^|/)(tests?|vendor|migration|2\.8_templates)/|\.min\.js$")

PERCENT = re.compile(r"%(?:\(\w+\))?[-#0+]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa%]")
BRACES = re.compile(r"\{[^{}]*\}")
TAG = re.compile(r"</?[a-zA-Z][\w-]*")
FORMATS = [(PERCENT, "python-format"), (BRACES, "python-brace-format")]
NOT_PROSE = re.compile(r"%\(\w+\)|\{[^{}]*\}|<[^>]*>|https?://\S+|\S+@\S+")

Key = tuple[str | None, str]
Entries = dict[Key, polib.POEntry]


def text_of(entry: polib.POEntry) -> str:
    """Return the translation; Chinese has a single plural form."""
    return entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr


def read(path: Path) -> Entries:
    """Return the live entries of a .po or .pot file, by what gettext looks up."""
    entries = polib.pofile(str(path), encoding="utf-8") if path.is_file() else []
    live = (entry for entry in entries if not entry.obsolete and not entry.fuzzy)
    return {(entry.msgctxt, entry.msgid): entry for entry in live}


def catalogue(entries: Iterable[polib.POEntry], locale: str = LOCALE) -> polib.POFile:
    """Return a file with these entries, sorted, under a header that never changes."""
    po = polib.POFile(wrapwidth=78)
    po.metadata = {
        "Project-Id-Version": DOMAIN,
        "Language": locale,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURAL_FORMS,
    }
    po.extend(sorted(entries, key=lambda e: (e.msgid, e.msgctxt or "")))
    return po


def messages(folder: Path) -> Iterator[tuple[str, str | None, str, str, list[str]]]:
    """Yield (file, context, msgid, plural, comments) of the strings under a folder."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        method = METHODS.get(path.suffix, "")
        if not method or SKIPPED.search(name):
            continue
        if method == "ckan" and not TEMPLATES.search(name):
            continue
        tags = ["TRANSLATORS:"]
        found = extract_from_file(method, path, comment_tags=tags, options={})
        for _line, message, comments, context in found:
            msgid, plural = (message, "") if isinstance(message, str) else message[:2]
            if msgid:
                yield name, context, msgid, plural, comments


def extract() -> bytes:
    """Return the template of our own strings: no dates, no line numbers."""
    entries: Entries = {}
    for name, context, msgid, plural, comments in messages(SOURCES):
        new = polib.POEntry(msgctxt=context, msgid=msgid)
        entry = entries.setdefault((context, msgid), new)
        entry.msgid_plural = entry.msgid_plural or plural
        entry.msgstr_plural = {0: ""} if entry.msgid_plural else {}
        places = [*entry.occurrences, (f"ckanext/nmgdata/{name}", "")]
        entry.occurrences = list(dict.fromkeys(places))
        entry.comment = "\n".join(dict.fromkeys(entry.comment.splitlines() + comments))
    for entry in entries.values():
        source = entry.msgid_plural or entry.msgid
        entry.flags = [flag for pattern, flag in FORMATS if pattern.search(source)]
    return str(catalogue(entries.values(), locale="")).encode()


def update() -> bytes:
    """Return our catalogue with exactly the strings of the template."""
    known, entries = read(OURS), read(POT)
    for key, entry in entries.items():
        old = known.get(key)
        if old and old.msgid_plural == entry.msgid_plural:
            entry.msgstr, entry.msgstr_plural = old.msgstr, old.msgstr_plural
            entry.tcomment, entry.flags = old.tcomment, old.flags
    return str(catalogue(entries.values())).encode()


def merged() -> Entries:
    """Return all our translations; our own beat the same ones in upstream.po."""
    both = read(UPSTREAM)
    for key, entry in read(OURS).items():
        other = both.get(key, entry)
        both[key] = entry if text_of(entry) else other
        both[key].occurrences = entry.occurrences + other.occurrences
    return {key: entry for key, entry in both.items() if text_of(entry)}


def compile_mo() -> bytes:
    """Return the catalogue for Python and the templates.

    Every plural is there twice: when another plugin without Chinese is merged
    after us, Flask-Babel counts as in English and asks for the second form.
    """
    entries = merged().values()
    for entry in entries:
        if entry.msgid_plural:
            entry.msgstr_plural = dict.fromkeys((0, 1), text_of(entry))
    return catalogue(entries).to_binary()


def compile_js() -> bytes:
    """Return the catalogue for the browser, as ``/api/i18n/<language>`` serves it.

    CKAN's own builder only writes ``plural-forms``, which its Jed does not
    read, so that plurals fall back to English; hence both spellings.
    """
    head = {"domain": "ckan", "lang": LOCALE, "plural-forms": PLURAL_FORMS}
    data: dict[str, object] = {"": head | {"plural_forms": PLURAL_FORMS}}
    for (_context, msgid), entry in merged().items():
        if any(place.endswith(".js") for place, _line in entry.occurrences):
            data[msgid] = [entry.msgid_plural or None, text_of(entry)]
    text = json.dumps(data, ensure_ascii=False, indent=0, sort_keys=True)
    return f"{text}\n".encode()


def places_in(path: Path) -> dict[Key, str]:
    """Return where the strings of a template are used."""
    entries = read(path).items()
    return {key: " ".join(place for place, _ in e.occurrences) for key, e in entries}


def upstream() -> tuple[dict[Key, str], Entries]:
    """Return where CKAN, scheming and dcat use each string, and CKAN's own Chinese."""
    ckan = Path(str(importlib.resources.files("ckan"))) / "i18n"
    strings = places_in(ckan / "ckan.pot")
    bundled = re.findall(r"ckanext/(?!example_)\w+", " ".join(strings.values()))
    for place in sorted({"ckan", "ckanext/scheming", "ckanext/dcat", *bundled}):
        folder = importlib.resources.files(place.replace("/", "."))
        for name, context, msgid, _plural, _comments in messages(Path(str(folder))):
            strings.setdefault((context, msgid), f"{place}/{name}")
    return strings, read(ckan / LOCALE / "LC_MESSAGES" / "ckan.po")


def is_chinese(msgid: str, entry: polib.POEntry | None) -> bool:
    """Return whether there is a translation, in Chinese if there are English words."""
    text = text_of(entry) if entry else ""
    if entry and "ascii" in entry.flags:
        return text.isascii() and bool(text)
    words = re.search(r"[a-z]{3}", NOT_PROSE.sub(" ", msgid))
    return bool(re.search(r"[\u3400-\u9fff]", text) if words else text)


def format_faults(entry: polib.POEntry) -> Iterator[str]:
    """Yield what a translation lost or gained besides words."""
    source, text = entry.msgid_plural or entry.msgid, text_of(entry)
    for pattern, flag in [*FORMATS, (TAG, "html")]:
        a, b = pattern.findall(source), pattern.findall(text)
        free = flag == "html" or any(len(item) > 2 for item in a)  # named: any order
        if f"no-{flag}" not in entry.flags and (set(a) != set(b) if free else a != b):
            yield f"{a} became {b}"
    if re.findall(r"\A\n|\n\Z", source) != re.findall(r"\A\n|\n\Z", text):
        yield "line break lost or gained"


def check() -> list[str]:
    """Return everything that is wrong, one line each."""
    faults: list[str] = []
    for path, build in ((POT, extract), (MO, compile_mo), (JS, compile_js)):
        if not path.is_file() or path.read_bytes() != build():
            command = "extract" if path == POT else "compile"
            faults.append(f"{path.name} is stale: run {command}")
    ours, theirs, both = read(OURS), read(UPSTREAM), merged()
    strings, core = upstream()
    odd = sorted(key[1] for key in read(POT).keys() ^ ours.keys())
    faults += [f"{OURS.name} is stale, run update: {msgid!r}" for msgid in odd]
    for key, places in sorted((strings | places_in(POT)).items(), key=str):
        entry = both.get(key) or core.get(key)
        missing = key not in both and entry and (".js" in places or entry.msgid_plural)
        if missing or not is_chinese(key[1], entry):  # see compile_js and compile_mo
            faults.append(f"no Chinese for {key[1]!r} ({places.split()[0]})")
    for path, entries in ((OURS, ours), (UPSTREAM, theirs)):
        for key, entry in entries.items():
            found = format_faults(entry) if text_of(entry) else ()
            faults += [f"{path.name}: {fault} in {key[1]!r}" for fault in found]
    return faults


def main() -> int:
    """Run one subcommand."""
    builds = {"extract": {POT: extract}, "update": {OURS: update}}
    builds |= {"compile": {MO: compile_mo, JS: compile_js}, "check": {}}
    parser = argparse.ArgumentParser(description="Keep the Chinese texts complete.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in builds:
        commands.add_parser(name)
    command: str = parser.parse_args().command
    for path, build in builds[command].items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(build())
        print(path.relative_to(ROOT))
    faults = check() if command == "check" else []
    print("\n".join(faults) or f"{command}: done")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
