#!/usr/bin/env python3
"""Imports every statute of the shared collection and prints what it took; imports again; and is killed half-way and started again.

    tests/real/importing.py --binary target/release/zhitong [--data-dir DIR]

With --data-dir the imported statutes are kept there, for lawbench.py. The collection is read from $ZHITONG_SHARED/data/statutes, else
../shared/…; without it the script says so and fails. Ends with 1 when the second run changes anything, or when the killed and
resumed import ends in another state: the same works, versions, content hashes, provisions and diagnostics are required.
"""

import argparse
import hashlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from product import Product, bytes_under

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATE = (
    "SELECT w.title_key, w.title, w.category, w.level, w.region, v.title, v.dated_on, v.effective_on, v.repealed_on, v.validity, v.content_hash, v.blob_hash"
    " FROM corpus_work w JOIN corpus_version v ON v.work_id = w.id ORDER BY w.title_key, v.dated_on",
    "SELECT w.title_key, v.dated_on, p.ordinal, p.parent_ordinal, p.kind, p.address, p.label, p.heading, p.body FROM provision p"
    " JOIN corpus_version v ON v.id = p.version_id JOIN corpus_work w ON w.id = v.work_id ORDER BY w.title_key, v.dated_on, p.ordinal",
    "SELECT w.title_key, v.dated_on, d.ordinal, d.code, d.line, d.detail FROM structure_diagnostic d"
    " JOIN corpus_version v ON v.id = d.version_id JOIN corpus_work w ON w.id = v.work_id ORDER BY w.title_key, v.dated_on, d.ordinal",
)


def state(data_dir):
    """Rows and a hash of everything that an import decides; ids and times are not."""
    rows, digest = [], hashlib.sha256()
    if not (data_dir / "zhitong.db").exists():
        return [0] * len(STATE), ""
    with sqlite3.connect(data_dir / "zhitong.db") as db:
        for statement in STATE:
            count = 0
            for row in db.execute(statement):
                digest.update(repr(row).encode())
                count += 1
            rows.append(count)
    return rows, digest.hexdigest()[:16]


def stored(data_dir):
    """Versions that another process has stored so far."""
    try:
        with sqlite3.connect(f"file:{data_dir}/zhitong.db?mode=ro", uri=True) as db:
            return db.execute("SELECT COUNT(*) FROM corpus_version").fetchone()[0]
    except sqlite3.OperationalError:
        return 0  # not created or not migrated yet


def found(product, query):
    """Titles and articles that a query finds, in order."""
    hits = json.loads(product.run("search", query, "--json", "--limit", "20")[0])["hits"]
    return [(hit["title"], hit["label"]) for hit in hits]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--data-dir", type=pathlib.Path)
    arguments = parser.parse_args()
    statutes = pathlib.Path(os.environ.get("ZHITONG_SHARED", ROOT / "../shared")) / "data/statutes"
    if not statutes.is_dir():
        sys.exit(f"The statutes are not at {statutes}. Set ZHITONG_SHARED to the folder that holds data/statutes.")
    with tempfile.TemporaryDirectory(prefix="zhitong-import-") as name:
        work = pathlib.Path(name)
        whole = Product(arguments.binary, arguments.data_dir or work / "whole")
        output, seconds, peak = whole.run("import", statutes, "--json", expected=(0, 2))
        report = json.loads(output)["report"]
        print(f"import: {seconds:.1f} s in all, {report['elapsed_ms'] / 1000:.1f} s of it until everything is stored; peak memory {peak:.0f} MiB")
        print(f"  outcomes {report['counts']}, articles {report['articles']}")
        print(f"  diagnostics {report['diagnostics']}")
        for row in report["rows"]:
            if row["outcome"] == "problem":
                print(f"  problem: {row['name']}: {row['reason']}")
        for part in ("search", "zhitong.db", "blobs"):
            path = whole.data_dir / part
            size = bytes_under(path) if path.is_dir() else path.stat().st_size if path.exists() else 0
            print(f"  {part}: {size / 2**20:.0f} MiB")
        output, again, _ = whole.run("import", statutes, "--json", expected=(0, 2))
        counts = json.loads(output)["report"]["counts"]
        changes = sum(counts.get(kind, 0) for kind in ("new", "new_version", "corrected"))
        print(f"second run: {again:.1f} s, outcomes {counts}, {changes} changes")

        killed = Product(arguments.binary, work / "killed")
        process = subprocess.Popen([killed.binary, "--data-dir", killed.data_dir, "import", statutes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        versions = state(whole.data_dir)[0][0]
        while process.poll() is None and stored(killed.data_dir) < versions / 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        half, _ = state(killed.data_dir)
        killed.run("import", statutes, "--json", expected=(0, 2))
        one, other = state(whole.data_dir), state(killed.data_dir)
        print(f"killed with {half[0]} versions stored; in the end versions, provisions, diagnostics {other[0]}, state {other[1]}; uninterrupted {one[0]}, {one[1]}")
        queries = ("民法典1024条", "饲养动物造成损害", "扬尘污染防治")
        is_same = one == other and 0 < half[0] < one[0][0] and all(found(whole, query) == found(killed, query) for query in queries)
        print("the same end state" if is_same else "NOT the same end state, or the kill came too late")
    sys.exit(0 if changes == 0 and is_same else 1)


if __name__ == "__main__":
    main()
