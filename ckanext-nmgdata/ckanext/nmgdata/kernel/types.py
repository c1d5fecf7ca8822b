"""Column types and the errors that the kernel shares."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column

text = Annotated[str, mapped_column(sa.Text)]
moment = Annotated[datetime, mapped_column(sa.DateTime(timezone=True))]
day = Annotated[date, mapped_column(sa.Date)]
json = Annotated[dict[str, Any], mapped_column(JSONB, server_default=sa.text("'{}'"))]
key = Annotated[str, mapped_column(sa.Text, primary_key=True)]


def new_id() -> str:
    """Return a new random identifier."""
    return str(uuid.uuid4())


def one_of(column: str, values: Any) -> str:
    """Return the SQL of a CHECK that admits only these values."""
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({quoted})"


class Conflict(tk.ValidationError):
    """The case is no longer in a state in which this step is possible (HTTP 409)."""

    code = "conflict"
    status = 409

    def __init__(self, message: str) -> None:
        super().__init__({"status": [message]})
        self.message = message
