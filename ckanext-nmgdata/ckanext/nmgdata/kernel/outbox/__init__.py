"""What must happen after a commit: written in the transaction, delivered afterwards, at least once."""

from .queue import RefusedError, UnavailableError, deliver, enqueue, handle
from .queue import install as install_queue
from .search import install as install_search
from .search import make_many

__all__ = ["RefusedError", "UnavailableError", "deliver", "enqueue", "handle", "install", "make_many"]


def install() -> None:
    """Hook the outbox into CKAN's session and put it in Solr's place; may be called again."""
    install_queue()
    install_search()
