"""Plugin of pytest: each process of the tests has servers of its own (``make test``)."""

import json
import os

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.update(json.loads(os.environ["NMGDATA_WORKERS"])[int(worker.removeprefix("gw"))])
