"""What must happen after a commit: written in the transaction, delivered afterwards, at least once."""

from . import queue, search
from .queue import deliver, enqueue, handle

__all__ = ["deliver", "enqueue", "handle", "install"]


def install() -> None:
    """Hook the outbox into CKAN's session and put it in Solr's place; may be called again."""
    queue.install()
    search.install()
