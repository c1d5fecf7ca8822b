"""Harvest the same catalogue with stock ckanext-harvest and ckanext-dcat: gather, fetch, import, in one process.

Run by the Python of a virtualenv of its own (``run.py`` makes it), against an empty database. The stages run
in one process because the consumers of ckanext-harvest 1.6.3 end on CKAN 2.12 (redis-py's time limit).
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import catalogue

INI = """
[app:main]
use = egg:ckan
SECRET_KEY = {secret}
sqlalchemy.url = {db}
ckan.redis.url = {redis}
solr_url = {solr}
ckan.site_id = stock
ckan.site_url = http://127.0.0.1:5000
ckan.storage_path = {folder}/storage
ckan.plugins = activity scheming_datasets dcat harvest dcat_rdf_harvester
ckan.harvest.mq.type = redis
scheming.dataset_schemas = ckanext.dcat.schemas:dcat_ap_recommended.yaml
scheming.presets = ckanext.scheming:presets.json ckanext.dcat.schemas:presets.yaml
ckan.locale_default = en
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = ERROR
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic
[formatter_generic]
format = %(message)s
"""


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("db", "redis", "solr", "host"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="served at --host")
    parser.add_argument("--datasets", type=int, required=True)
    asked = parser.parse_args()
    ini = asked.folder.parent / "stock.ini"
    ini.write_text(
        INI.format(
            secret=uuid.uuid4().hex * 2, db=asked.db, redis=asked.redis, solr=asked.solr, folder=ini.parent
        )
    )
    program = str(Path(sys.executable).with_name("ckan"))
    for command in (["db", "init"], ["db", "upgrade"], ["db", "pending-migrations", "--apply"]):
        subprocess.run([program, "-c", str(ini), *command], check=True, capture_output=True)
    print(json.dumps(rounds(asked, str(ini))))


def rounds(asked: argparse.Namespace, ini: str) -> dict[str, Any]:
    """Harvest three times: the first, unchanged, 5 % changed."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app
    from ckan.plugins import toolkit as tk

    app: Any = make_app(load_config(ini))
    logging.disable(logging.ERROR)
    with getattr(app, "_wsgi_app", app).test_request_context():
        user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]

        def call(action: str, **data: Any) -> Any:
            return tk.get_action(action)({"user": user, "ignore_auth": True}, data)

        org = call("organization_create", name=f"bench-{uuid.uuid4().hex[:8]}")
        source = call(
            "harvest_source_create", name=f"source-{uuid.uuid4().hex[:8]}", title="bench",
            url=f"{asked.host}/1/p1.ttl", source_type="dcat_rdf", owner_org=org["id"], frequency="MANUAL",
            config=json.dumps({"rdf_format": "text/turtle"}),
        )  # fmt: skip
        found = {}
        for name, changed in (("first", 0.0), ("unchanged", 0.0), ("changed", 0.05)):
            shape = catalogue.Shape(asked.datasets, changed=changed)
            catalogue.write(asked.folder / "1", f"{asked.host}/1", shape)
            found[name] = harvest(source["id"])
            print(f"  stock, {name}: {json.dumps(found[name])}", file=sys.stderr, flush=True)
        return found


def harvest(source: str) -> dict[str, Any]:
    """Run the three stages over everything, and the job's end."""
    from ckan import model
    from ckan.plugins import toolkit as tk
    from ckanext.harvest import queue
    from ckanext.harvest.model import HarvestJob, HarvestObject

    context = {"ignore_auth": True, "user": tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]}
    began = time.monotonic()
    made = tk.get_action("harvest_job_create")(dict(context), {"source_id": source, "run": False})
    job = HarvestJob.get(made["id"])
    job.status = "Running"
    job.save()
    harvester = queue.get_harvester("dcat_rdf")
    ids = harvester.gather_stage(job) or []
    failed = 0
    for one in ids:
        harvest_object = HarvestObject.get(one)
        queue.fetch_and_import_stages(harvester, harvest_object)
        failed += harvest_object.state == "ERROR"
    job.status = "Finished"
    job.save()
    model.Session.commit()
    took = time.monotonic() - began
    return {"datasets_per_s": len(ids) / took, "seconds": took, "read": len(ids), "failed": failed}


if __name__ == "__main__":
    main()
