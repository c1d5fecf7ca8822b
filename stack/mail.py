"""A mail server for one machine that keeps every message as a file and delivers none.

``python -m stack.mail PORT FOLDER``. The demo uses it, so that registration and notices can be
tried without a real mail server; production sets ``smtp.server`` to a real one.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Event

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Keep:
    """Write each message to ``FOLDER/<nanoseconds>.eml``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one message; written beside and renamed, so that a reader sees whole files only."""
        path = self.folder / f"{time.time_ns()}.eml"
        partial = path.with_suffix(".part")
        content = envelope.content or b""
        partial.write_bytes(content if isinstance(content, bytes) else content.encode())
        partial.rename(path)
        return "250 kept"


def main(port: int, folder: Path) -> None:
    """Serve until the process is ended."""
    controller = Controller(Keep(folder), hostname="127.0.0.1", port=port)
    controller.start()
    Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
