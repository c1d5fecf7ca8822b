"""Logins live in Redis; without Redis nobody is logged in, and everything else goes on."""

from __future__ import annotations

import logging
from typing import Any

from ckan.types import CKANApp
from flask.sessions import NullSession, SessionInterface
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class Nobody(NullSession):
    """The session of a visitor whose login cannot be looked up; what is put into it is forgotten."""

    def forget(self, *_arguments: Any, **_values: Any) -> None:
        """Take a value and keep nothing: there is nowhere to keep it."""

    __setitem__ = __delitem__ = clear = setdefault = update = forget

    def pop(self, _key: str, default: Any = None) -> Any:
        """Return the default: nothing is kept."""
        return default


class ForgivingSessions(SessionInterface):
    """CKAN's sessions, doing without while Redis does not answer."""

    def __init__(self, inner: SessionInterface) -> None:
        self.inner = inner

    def open_session(self, app: Any, request: Any) -> Any:
        """Return the visitor's session, or nobody's."""
        try:
            return self.inner.open_session(app, request)
        except RedisError:
            log.warning("Redis does not answer: visitors are not logged in")
            return Nobody()

    def regenerate(self, session: Any) -> None:
        """Give a session a new name at login, so that nobody can have known it before."""
        regenerate = getattr(self.inner, "regenerate", None)
        if isinstance(session, Nobody) or regenerate is None:
            return
        try:
            regenerate(session)
        except RedisError:
            log.warning("Redis does not answer: a login was not kept")

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        """Keep a session where that is possible."""
        if isinstance(session, Nobody):
            return
        try:
            self.inner.save_session(app, session, response)
        except RedisError:
            log.warning("Redis does not answer: a login was not kept")


def install(app: CKANApp) -> CKANApp:
    """Put the forgiving sessions around the application's own."""
    app.session_interface = ForgivingSessions(app.session_interface)
    return app
