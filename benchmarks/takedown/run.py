"""Measure a takedown under load: what still leaves after the answer, and when everything agrees.

``make bench-takedown [ARGS='--suspensions 1000']`` starts a stack of its own. Four processes read targets
around the one that an objection is closing by all doors, two create datasets all the while. Then a second
round, with Solr stopped in the middle of it. Prints one JSON line per measure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from ckanext.nmgdata.factories import OBJECTION, PDF
from inside import MARK
from urllib3.filepost import encode_multipart_formdata as encode_multipart

from stack import process, servers, settings, shell

HERE = Path(__file__).resolve().parent
NAME = "bench-takedown"
READERS, CREATORS = 4, 2
PATIENCE = 180
"""Seconds after which what does not agree never will."""
Target = dict[str, Any]
MARK_BYTES = MARK.encode()
MARK_ESCAPED = json.dumps(MARK)[1:-1].encode()


class Client:
    """A connection that is kept open."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        """Remember where to ask."""
        self.port, self.headers, self.connection = port, headers or {}, None
        self.trouble = ""

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Return status and body; 0 and what came of it when there was no whole answer."""
        try:
            self.connection = self.connection or HTTPConnection("127.0.0.1", self.port, timeout=120)
            self.connection.request(method, path, body=body, headers={**self.headers, **headers})
            reply = self.connection.getresponse()
            return reply.status, reply.read()
        except (HTTPException, OSError) as error:
            self.connection, self.trouble = None, type(error).__name__
            return 0, getattr(error, "partial", b"")


# --- load ----------------------------------------------------------------------------------------


def doors(target: Target) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the ways by which bytes of a target, or word of it, could leave."""
    dataset, resource = target["dataset"], target["resource"]
    download = f"/dataset/{dataset}/resource/{resource}/download"
    found = {
        "download": (download, {}),
        "range": (download, {"Range": "bytes=0-99"}),
        "package_show": (f"/api/3/action/package_show?id={dataset}", {}),
        "package_search": (f"/api/3/action/package_search?fq=id:{dataset}", {}),
        "page": (f"/dataset/{dataset}", {}),
        "rdf": (f"/dataset/{dataset}.ttl", {}),
        "feed": ("/nmg/changes.jsonld?after=0&limit=5", {}),
    }
    if target.get("table"):
        found["datastore_search"] = (f"/api/3/action/datastore_search?resource_id={resource}", {})
        found["dump"] = (f"/datastore/dump/{resource}", {})
    return found


def read(port: int, targets: Sequence[Target], place: Any, stop: Any, path: str, seed: int) -> None:
    """Read targets around the one that is being suspended; write down every answer that held bytes."""
    client, chance = Client(port), random.Random(seed)
    asked = 0
    with open(path, "w", encoding="utf-8") as log:
        while not stop.is_set():
            number = min(max(0, place.value + chance.randint(-30, 3)), len(targets) - 1)
            door, (address, headers) = chance.choice(list(doors(targets[number]).items()))
            began = time.monotonic()
            status, body = client.ask(address, **headers)
            asked += 1
            if status in (0, 500, 502, 503):
                log.write(json.dumps({"failed": f"{door}: {status or client.trouble}"}) + "\n")
            if MARK_BYTES in body or MARK_ESCAPED in body:
                log.write(json.dumps({"n": number, "door": door, "began": began, "bytes": len(body)}) + "\n")
        log.write(json.dumps({"asked": asked}) + "\n")


def create(port: int, token: str, org: str, stop: Any, counter: Any) -> None:
    """Create one dataset after the other."""
    client = Client(port, {"Authorization": token, "Content-Type": "application/json"})
    from ckanext.nmgdata.factories import entry

    while not stop.is_set():
        body = json.dumps(entry({"id": org}, title=f"压测新增{random.getrandbits(60)}")).encode()
        status, _answer = client.ask("/api/3/action/package_create", "POST", body)
        with counter.get_lock():
            counter.value += status == 200


@contextmanager
def load(port: int, made: dict[str, Any], place: Any) -> Iterator[dict[str, Any]]:
    """Keep readers and creators running for the block; afterwards hold what they saw."""
    stop, counter = mp.Event(), mp.Value("i", 0)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        logs = [f"{folder}/{number}" for number in range(READERS)]
        jobs = [mp.Process(target=read, args=(port, made["targets"], place, stop, log, seed)) for seed, log in enumerate(logs)]  # fmt: skip
        jobs += [mp.Process(target=create, args=(port, made["token"], made["org"], stop, counter)) for _turn in range(CREATORS)]  # fmt: skip
        for job in jobs:
            job.start()
        try:
            yield found
        finally:
            stop.set()
            for job in jobs:
                job.join()
        lines = [json.loads(line) for log in logs for line in Path(log).read_text().splitlines()]
    found["served"] = [line for line in lines if "n" in line]
    found["asked"] = sum(line.get("asked", 0) for line in lines)
    found["failed"] = dict(Counter(line["failed"] for line in lines if "failed" in line))
    found["created"] = counter.value


# --- the act -------------------------------------------------------------------------------------


class Objector:
    """Rights holders that object, each with an account and a network address of its own."""

    def __init__(self, stack: settings.Settings, tokens: Sequence[str]) -> None:
        """Remember who can object; an account may file ten objections an hour."""
        self.stack, self.tokens, self.filed = stack, tokens, 0

    def suspend(self, target: Target) -> float:
        """Object to a target with evidence, as a program would; return the moment of the answer."""
        body, kind = encode_multipart({**OBJECTION, "dataset_id": target["dataset"], "evidence": evidence()})
        headers = {"Authorization": self.tokens[self.filed % len(self.tokens)], "Content-Type": kind}
        source = (f"127.1.{self.filed // 250}.{self.filed % 250 + 1}", 0)
        self.filed += 1
        connection = HTTPConnection("127.0.0.1", self.stack.port, timeout=120, source_address=source)
        connection.request("POST", "/api/3/action/nmgdata_objection_submit", body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        moment = time.monotonic()
        if reply.status != 200:
            raise SystemExit(f"An objection was not taken: {reply.status} {answer.decode(errors='replace')}")
        return moment


def evidence() -> tuple[str, bytes, str]:
    """Return a file of evidence, each another one."""
    return "证据.pdf", PDF + f"%{random.getrandbits(60)}\n".encode(), "application/pdf"


def agreements(stack: settings.Settings) -> dict[str, Callable[[Target], bool]]:
    """Return what has to agree, each as a question of its own connection: the index itself, and doors."""
    solr, searching, reading, following = Client(stack.solr_port), *(Client(stack.port) for _turn in range(3))
    cursor = {"at": json.loads(following.ask("/nmg/changes.jsonld")[1])["current"]}

    def index(target: Target) -> bool:
        query = quote(f"+id:{target['dataset']} +open_state:suspended")
        _status, body = solr.ask(f"/solr/ckan/select?rows=0&q=*:*&fq={query}")
        return b'"numFound":1' in body

    def search(target: Target) -> bool:
        _status, body = searching.ask(
            f"/api/3/action/package_search?rows=1&fq={quote('+id:' + target['dataset'])}"
        )
        found = json.loads(body or b"{}").get("result", {}).get("results", [])
        return bool(found) and found[0].get("open_state") == "suspended"

    def rdf(target: Target) -> bool:
        status, body = reading.ask(f"/dataset/{target['dataset']}.ttl")
        return status == 200 and b"open_state/suspended" in body and b"/download" not in body

    def feed(target: Target) -> bool:
        while True:
            status, body = following.ask("/nmg/changes.jsonld" + cursor["at"].partition("changes.jsonld")[2])
            if status != 200:
                return False
            page = json.loads(body)
            cursor["at"] = page["next"]
            said = {one["object"]["id"].rpartition("/")[2]: one["cause"] for one in page["orderedItems"]}
            if said.get(target["dataset"]) == "suspended":
                return True
            if not said:
                return False

    return {"index": index, "search": search, "rdf": rdf, "feed": feed}


def until(question: Callable[[Target], bool], target: Target) -> tuple[float, int]:
    """Return when an answer is yes (infinite when it never is), and how many answers were out of date."""
    limit, stale = time.monotonic() + PATIENCE, 0
    while time.monotonic() < limit:
        if question(target):
            return time.monotonic(), stale
        stale += 1
        time.sleep(0.01)
    return float("inf"), stale


def report(measure: str, **figures: Any) -> None:
    """Print one line of figures."""
    rounded = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in figures.items()}
    print(
        json.dumps({"benchmark": "takedown", "measure": measure, **rounded}, ensure_ascii=False), flush=True
    )


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum in seconds."""
    ordered = sorted(seconds)
    return {
        "p50_s": statistics.median(ordered), "p99_s": ordered[int(0.99 * (len(ordered) - 1))], "max_s": ordered[-1],
    }  # fmt: skip


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


def leaked(served: Sequence[dict[str, Any]], answered: dict[int, float]) -> list[dict[str, Any]]:
    """Return the answers with bytes of requests that began after the suspension's answer."""
    return [line for line in served if line["began"] > answered.get(line["n"], float("inf"))]


def first_round(stack: settings.Settings, made: dict[str, Any], acts: Objector, numbers: range) -> None:
    """Suspend one target after the other under load and watch each until everything agrees."""
    place = mp.Value("i", numbers[0])
    answered: dict[int, float] = {}
    taken: list[float] = []
    agreed: dict[str, list[float]] = {}
    stale: dict[str, int] = {}
    with load(stack.port, made, place) as seen, ThreadPoolExecutor() as pool:
        questions = agreements(stack)
        time.sleep(2)
        for number in numbers:
            place.value, began = number, time.monotonic()
            answered[number] = acts.suspend(made["targets"][number])
            taken.append(answered[number] - began)
            asked = {
                name: pool.submit(until, ask, made["targets"][number]) for name, ask in questions.items()
            }
            for name, answer in asked.items():
                agreed.setdefault(f"{name} agrees", []).append(answer.result()[0] - answered[number])
                stale[name] = stale.get(name, 0) + bool(answer.result()[1])
            if number % 10 == 0:
                say(f"{number - numbers[0]} of {len(numbers)} suspended, {time.strftime('%X')}")
    finish("under load", seen, answered, {"suspend": taken, **agreed})
    LINES.append(("suspensions of which a later request was told the old state, under load", stale))


def second_round(stack: settings.Settings, made: dict[str, Any], acts: Objector, numbers: range) -> None:
    """Suspend with Solr stopped in the middle; doors must not notice, search must follow afterwards."""
    place = mp.Value("i", numbers[0])
    answered: dict[int, float] = {}
    taken: list[float] = []
    third = max(1, len(numbers) // 3)
    with load(stack.port, made, place) as seen:
        questions = agreements(stack)
        time.sleep(1)
        for turn, number in enumerate(numbers):
            if turn == third:
                say("Solr is stopped")
                process.stop(stack, "solr")
            place.value, began = number, time.monotonic()
            answered[number] = acts.suspend(made["targets"][number])
            taken.append(answered[number] - began)
            until(questions["feed"], made["targets"][number])
            if turn == 2 * third:
                say("Solr is started again")
                start_solr(stack)
                returned = time.monotonic()
        waited = (made["targets"][number] for number in numbers[third:])
        late = [max(0.0, until(questions["index"], target)[0] - returned) for target in waited]
    finish(
        "Solr stopped in the middle",
        seen,
        answered,
        {"suspend": taken, "index agrees after its return": late},
    )


def start_solr(stack: settings.Settings) -> None:
    """Start Solr and wait for it; beside all the load it may take longer than alone."""
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        servers.start_solr(stack)
    except shell.StackError:
        shell.wait_until(lambda: servers.solr_answers(stack), "Solr", PATIENCE)
    finally:
        sys.stdout = out


LINES: list[tuple[str, dict[str, Any]]] = []


def finish(
    circumstances: str, seen: dict[str, Any], answered: dict[int, float], times: dict[str, list[float]]
) -> None:
    """Keep the figures of a round for the end."""
    after = leaked(seen["served"], answered)
    LINES.append((f"bytes after the answer, {circumstances}", {
        "suspensions": len(answered), "bytes": sum(line["bytes"] for line in after), "answers": len(after),
        "doors": sorted({line["door"] for line in after}), "requests": seen["asked"], "failed": seen["failed"],
        "served_before": len(seen["served"]) - len(after), "created": seen["created"],
    }))  # fmt: skip
    for name, seconds in times.items():
        LINES.append((f"{name}, {circumstances}", spread(seconds)))


def main() -> None:
    """Prepare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suspensions", type=int, default=1000)
    parser.add_argument("--second", type=int, default=90, help="suspensions of the round without Solr")
    asked = parser.parse_args()
    stack = settings.load(NAME)
    environment = {**os.environ, **stack.environment()}
    say("Making targets")
    count = asked.suspensions + asked.second
    prepared = subprocess.run(
        [sys.executable, str(HERE / "inside.py"), str(count)],
        env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    made = json.loads(prepared.stdout.strip().splitlines()[-1])
    subprocess.run(
        [str(settings.VENV / "bin" / "ckan"), "nmgdata", "reconcile", "--repair"],
        env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    acts = Objector(stack, made["objectors"])
    first_round(stack, made, acts, range(asked.suspensions))
    if asked.second:
        second_round(stack, made, acts, range(asked.suspensions, count))
    for measure, figures in LINES:
        report(measure, **figures)


if __name__ == "__main__":
    main()
