"""What a transaction has noted and will write as its last act, before it commits.

Numbers that must follow the order of commits are given under a lock that everybody waits for; so it
is taken just before the commit and not when the thing happens. What a rollback undoes, a savepoint's
included, is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan import model
from sqlalchemy import event
from sqlalchemy.orm import Session

Write = Callable[[Session, list[Any]], None]


class Pending:
    """A list per session, handed to ``write`` before the outermost commit."""

    def __init__(self, key: str, write: Write) -> None:
        """Keep the list under a key of ``session.info``."""
        self.key, self.write = key, write

    def add(self, session: Session, item: Any) -> None:
        """Note something in the session's transaction."""
        if not session.in_transaction():
            session.begin()  # so that undoing it is noticed even before anything was sent
        session.info.setdefault(self.key, []).append((savepoints(session), item))

    def flush(self, session: Session) -> None:
        """Write what was noted; called before each commit, and does nothing before a savepoint's."""
        if session.in_nested_transaction():
            return
        session.flush()  # mapper events may note something too
        if noted := session.info.pop(self.key, None):
            self.write(session, [item for _savepoints, item in noted])

    def forget(self, session: Session, undone: Any) -> None:
        """Drop what was noted in a savepoint, or in the whole transaction, that was rolled back."""
        if not undone.nested:
            session.info.pop(self.key, None)
        elif noted := session.info.get(self.key):
            session.info[self.key] = [entry for entry in noted if undone not in entry[0]]

    def install(self) -> None:
        """Hook into CKAN's session; may be called again."""
        for name, hook in (("before_commit", self.flush), ("after_soft_rollback", self.forget)):
            if not event.contains(model.Session, name, hook):
                event.listen(model.Session, name, hook)


def savepoints(session: Session) -> list[Any]:
    """Return the savepoints that are open, innermost first: rolling back any of them undoes us."""
    found, point = [], session.get_nested_transaction()
    while point is not None and point.nested:
        found.append(point)
        point = point.parent
    return found
