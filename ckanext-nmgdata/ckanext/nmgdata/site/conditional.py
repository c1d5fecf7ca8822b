"""What of the catalogue has not changed is not sent again: ETag and 304 for what is made when asked for.

The tag is the digest of the answer itself, so that it can never vouch for anything that is not so any more:
what is saved is the way to the reader, not the work. Files of the whole catalogue save that too (``whole``).
"""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from werkzeug.wrappers import Response

ENDPOINTS = frozenset(
    {
        "dcat.read_catalog", "dcat.read_dataset", "dcat.read_dataset_series", "nmgdata_exports.sitemap",
        "feeds.general", "feeds.custom", "feeds.tag", "feeds.group", "feeds.organization",
    }
)  # fmt: skip


def install(app: CKANApp) -> CKANApp:
    """Answer conditional requests for the catalogue in its forms for programs."""
    app.after_request(conditional)
    return app


def conditional(response: Response) -> Response:
    """Tag an answer of the catalogue, or say that the reader has it already."""
    request = tk.request
    if request.endpoint not in ENDPOINTS or request.method not in ("GET", "HEAD"):
        return response
    if response.status_code != 200 or response.is_streamed or response.direct_passthrough:
        return response
    response.add_etag()
    return response.make_conditional(request.environ)
