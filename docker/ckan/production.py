"""The portal behind a TLS proxy: ``gunicorn --chdir docker/ckan production:application``.

The visitor's address and scheme are taken from the headers of as many proxies as are trusted, so
that the audit log shows who asked and not the proxy.
"""

import os

from werkzeug.middleware.proxy_fix import ProxyFix
from wsgi import application as portal

PROXIES = int(os.environ.get("TRUSTED_PROXIES", "1"))

application = ProxyFix(portal, x_for=PROXIES, x_proto=PROXIES, x_host=0)
