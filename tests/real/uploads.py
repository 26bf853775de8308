#!/usr/bin/env python3
"""A table of 50,000 opinions, tried and committed, with its time, peak memory and progress; and real messages, mapped by hand.

    tests/real/uploads.py --binary target/release/zhitong [--rows 50000]

The demonstration is loaded into a fresh folder and a task is sent to its contact point over the API; the table goes in through `zhitong upload-opinions`. The
messages are read from $ZHITONG_SHARED/data/messages, else ../shared/…; without them the script says so and goes on. Ends with 1 where a number is not what it
should be.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import journey

sys.path.insert(0, str(journey.ROOT / "tests"))
from collecting import xlsx  # noqa: E402

def opinions(count):
    yield ["序号", "条款", "修改建议", "理由", "提出人", "联系方式", "渠道", "日期", "是否同意公开"]
    for n in range(1, count + 1):
        place = "全文" if n % 7 == 0 else f"第{n % 5 + 1}条"
        yield [str(n), place, f"建议之{n}：" + "请把要求写得更清楚一些，方便群众理解和遵守。" * (n % 4 + 1), "便于执行", f"示例{n}", "", "走访", "3月2日", "是"]


def task(site):
    """A task for the demonstration's contact point, which has begun; the point's token and the assignment."""
    handler, point = site.staff("handler"), site.staff("point")
    drafts = site.all("/drafts")
    draft = next(d for d in drafts if d["state"] == "consulting")
    own = site.call("GET", "/account", token=point)["contact_point_id"]
    body = {"draft_id": draft["id"], "title": "大表", "instructions": "上传。", "contact_point_ids": [own]}
    site.call("POST", "/collection-tasks", body, handler, headers={"Idempotency-Key": "key-of-the-task"})
    assignment = next(a["id"] for a in site.all("/own-point/assignments", point) if a["task_title"] == body["title"])
    for step in ["acknowledgement", "start"]:
        site.call("POST", f"/own-point/assignments/{assignment}/{step}", {}, point, headers={"Idempotency-Key": f"key-of-{step}"})
    return point, assignment


def messages(site, point, assignment):
    folder = pathlib.Path(os.environ.get("ZHITONG_SHARED", journey.ROOT / "../shared")) / "data/messages"
    if not folder.exists():
        print(f"SKIPPED: real messages, {folder} is absent")
        return
    headings = {"用户": "person", "留言用户": "person", "主题": "body", "留言主题": "body", "详情": "body", "留言详情": "body"}
    for path in sorted(folder.glob("*.xlsx")):
        began = time.monotonic()
        batch = site.upload(f"/own-point/assignments/{assignment}/uploads", point, {}, {"file": (path.name, path.read_bytes())})
        batch = wait(site, point, batch)
        columns = batch["sheets"][0]["columns"]
        recognised = {c["heading"]: c["field"] for c in columns}
        fields = [headings.get(c["heading"], "ignored") for c in columns]
        batch = site.call("PUT", f"/own-point/uploads/{batch['id']}/columns", {"revision": batch["revision"], "sheet": 0, "fields": fields}, point)
        batch = wait(site, point, batch)
        counts = batch["counts"]
        print(f"{path.name}: {json.dumps(recognised, ensure_ascii=False)} by itself; mapped by hand in {time.monotonic() - began:.1f} s: {json.dumps(counts)}")
        journey.check("rows add up", sum(counts[k] for k in ["ready", "duplicates", "problems", "skipped", "not_opinions", "pending"]), counts["rows"])
        journey.check("a state that can be committed", batch["state"], "checked")


def wait(site, point, batch):
    while batch["state"] in ("reading", "checking", "committing"):
        time.sleep(0.2)
        batch = site.call("GET", f"/own-point/uploads/{batch['id']}", token=point)
    if batch["state"] == "failed":
        sys.exit(batch["failure"])
    return batch


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--rows", type=int, default=50_000)
    asked = arguments.parse_args()
    binary = str(pathlib.Path(asked.binary).resolve())
    with tempfile.TemporaryDirectory() as folder:
        site = journey.Site(binary, f"{folder}/data")
        with site.on("2026-03-02 10:00:00"):
            point, assignment = task(site)
            messages(site, point, assignment)
        table = pathlib.Path(folder) / "大表.xlsx"
        table.write_bytes(xlsx([("s", opinions(asked.rows))]))
        command = ["faketime", "2026-03-02 12:00:00", binary, "--data-dir", f"{folder}/data", "upload-opinions", str(table), "--account", "point",
                   "--assignment", assignment, "--commit", "ready", "--json"]
        environment = os.environ | {"TZ": "Asia/Shanghai", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "ZHITONG_LOG": "warn"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if not done.stdout:
            sys.exit(done.stderr)
        report = json.loads(done.stdout)
        print(f"{asked.rows} rows, {table.stat().st_size / 1e6:.1f} MB: {json.dumps(report, ensure_ascii=False)}")
        journey.check("committed", report["by_state"].get("committed"), asked.rows)
        journey.check("rows", report["rows"], asked.rows + 1)
        journey.check("progress was seen", report["progress_steps"] > 3, True)
        journey.check("peak memory below 1 GiB", report["peak_memory_bytes"] < 1 << 30, True)
    sys.exit(bool(journey.failures))


if __name__ == "__main__":
    main()
