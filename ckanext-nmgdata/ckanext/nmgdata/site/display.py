"""How pages look for one reader: elder mode (长者模式) and high contrast, kept in a cookie of their own.

WCAG 2.2 AA, GB/T 37668-2019. No login and no script is needed; the words of a page stay the same.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ckan.plugins import toolkit as tk
from flask import Blueprint
from werkzeug.wrappers import Response

blueprint = Blueprint("nmgdata_display", __name__)
COOKIE = "nmg_display"
MODES = ("elder", "contrast")
YEAR = 365 * 24 * 3600
ON, OFF = "on", "off"


def chosen() -> list[str]:
    """Return the modes that the reader has switched on."""
    stated = tk.request.cookies.get(COOKIE, "").split(".")
    return [mode for mode in MODES if mode in stated]


@blueprint.route("/nmg/display")
def display() -> Response | str:
    """Show how the portal can be made easier to read, or switch a mode on or off and go back."""
    asked = {mode: tk.request.args[mode] for mode in MODES if tk.request.args.get(mode) in (ON, OFF)}
    if not asked:
        return tk.render("nmgdata/display.html", {"back": place()})
    now_on = set(chosen()) | {mode for mode, state in asked.items() if state == ON}
    now_on -= {mode for mode, state in asked.items() if state == OFF}
    answer: Response = tk.redirect_to(place())
    value = ".".join(mode for mode in MODES if mode in now_on)
    answer.set_cookie(COOKIE, value, max_age=YEAR, samesite="Lax", httponly=True)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def place() -> str:
    """Return the page that the reader came from, if it is one of this portal."""
    back = tk.request.args.get("back", "")
    parts = urlsplit(back)
    local = (
        back.startswith("/") and not back.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    )
    return (
        tk.h.url_for(back) if local and unquote(back).isprintable() else tk.url_for("nmgdata_display.display")
    )


def nmgdata_display(mode: str) -> bool:
    """Say whether the reader has switched a mode on."""
    return mode in chosen()


def nmgdata_display_switch(mode: str) -> str:
    """Return the address that turns a mode over and leads back to the present page."""
    back = tk.request.full_path.rstrip("?") if tk.request.method == "GET" else "/"
    if tk.request.path == tk.url_for("nmgdata_display.display"):
        back = tk.request.path
    state = OFF if mode in chosen() else ON
    return tk.url_for("nmgdata_display.display", back=back, **{mode: state})


def nmgdata_display_classes() -> str:
    """Return the classes of the page's root."""
    return "".join(f" {mode}" for mode in chosen())


HELPERS = {f.__name__: f for f in (nmgdata_display, nmgdata_display_switch, nmgdata_display_classes)}
