"""How gunicorn serves the portal in its container; every name here is one of gunicorn's settings."""

import os
from typing import Any

bind = "0.0.0.0:5000"
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 120
graceful_timeout = 110
"""Seconds that downloads have to end after a stop; compose waits ten seconds longer."""
keepalive = 65
worker_tmp_dir = "/dev/shm"  # noqa: S108  the heartbeat file must not wait for a disk
control_socket_disable = True
accesslog = "-"
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s %(L)s "%(a)s"'
"""Without query strings: what people searched for is nobody's business."""


def post_worker_init(worker: Any) -> None:
    """Let gunicorn go on logging: CKAN's set-up of logging silences the loggers that it does not name."""
    worker.log.access_log.disabled = False
    worker.log.error_log.disabled = False
