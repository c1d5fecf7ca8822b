"""Scan and load a large CSV: seconds of each step, largest memory (one JSON line)."""

from __future__ import annotations

import csv
import hashlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

NAME = "f0000000-0000-4000-8000-00000000be0c"
HEADINGS = ["编号", "站点", "旗县", "数量", "金额", "经度", "纬度", "日期", "时刻", "备注"]


def write(path: Path, rows: int) -> None:
    """Write the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for n in range(rows):
            writer.writerow([
                f"{n:08d}", f"示例站点{n % 5000}", "新城区", n % 977, f"{n % 10007}.50", "111.65432",
                "40.81234", f"2026-{n % 12 + 1:02d}-{n % 28 + 1:02d}", "2026-11-22 08:00:00", "无",
            ])  # fmt: skip


def main() -> None:
    """Run it once."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    app = make_app(load_config(sys.argv[1]))
    from ckanext.nmgdata.tables import load, stored, work
    from ckanext.nmgdata.tables.scan import scan

    took, started = {}, time.monotonic()

    def step(name: str) -> None:
        nonlocal started
        took[name] = round(time.monotonic() - started, 1)
        started = time.monotonic()

    with tempfile.TemporaryDirectory() as folder, app._wsgi_app.app_context():
        path = Path(folder) / "large.csv"
        write(path, int(sys.argv[2]))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        judge, digest = stored.Encodings(), hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(stored.CHUNK):
                judge.see(piece)
                digest.update(piece)
        copy = stored.Copy(
            path, path.stat().st_size, digest.hexdigest(), stored.kind_of(path), judge.verdict()
        )
        step("copy")
        result = scan(copy, 3600)
        step("scan")
        with work.store() as cursor:
            report = load.build(cursor, NAME, copy, {})
        step("load")
        with work.store() as cursor:
            load.drop(cursor, NAME)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = {
        "rows": report.rows, "megabytes": round(copy.size / 2**20), "hits": result.counts, "seconds": took,
        "memory_mb_before": before // 1024, "memory_mb_peak": peak // 1024,
    }  # fmt: skip
    print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
