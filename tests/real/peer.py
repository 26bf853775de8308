#!/usr/bin/env python3
"""The product and two peers, side by side in one run on the same corpus and the same queries.

Peers are what a bureau could pick instead and install from a public registry: bm25s + jieba (PyPI) and SQLite FTS5 with its trigram tokenizer.
Measured for each: time to index, size on disk, peak memory while indexing and while answering, latency, and MRR@10 of three sets: lay
questions (STARD, train), fragments of eight characters, and `short title + article`. Fragments are judged twice: by the article they were
taken from, and by every article that holds them.

    tests/real/peer.py --binary target/release/zhitong     product and peers
    tests/real/peer.py                                     peers only
    tests/real/peer.py --sets DIR                          peers only, on sets that `zhitong evaluate --generated 1000 --write DIR` wrote

Needs Python 3.11 or newer with a SQLite of 3.34 or newer. The packages go into a virtual environment that is thrown away (--venv keeps one).
The corpus is read from $ZHITONG_SHARED/data/retrieval/stard, else ../shared/…; without it the script says so and fails.
Prints one Markdown table and writes the figures as JSON (--json FILE). Systems run one after another, each in processes of its own; every
query goes alone, one after another.
"""

import argparse
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

from product import Product, bytes_under, percentile, status_mib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ["bm25s==0.3.16", "jieba==0.42.1"]
PEERS = {"bm25s": "bm25s + jieba", "fts5": "SQLite FTS5 trigram"}
SETS = ("questions", "fragments", "fragments_any_holder", "lookups")
DEPTH = 100
MINUTES = 15


def shared():
    folder = pathlib.Path(os.environ.get("ZHITONG_SHARED", ROOT / "../shared")) / "data/retrieval/stard"
    if not (folder / "corpus.jsonl").is_file():
        sys.exit(f"The corpus is not at {folder}. Set ZHITONG_SHARED to the folder that holds data/retrieval/stard.")
    return folder


def read_corpus(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def read_set(queries, qrels):
    """A list of (query, set of relevant ids); queries without a judgement are left out."""
    relevant = {}
    for line in qrels.read_text(encoding="utf-8").splitlines():
        query, _, document, grade = line.split("\t")
        if int(grade) > 0:
            relevant.setdefault(query, set()).add(document)
    rows = (line.split("\t") for line in queries.read_text(encoding="utf-8").splitlines() if line)
    return [(row[-1], relevant[row[0]]) for row in rows if row[0] in relevant]


def generate(folder, corpus, count=1000, seed=20250401):
    """Writes the generated sets in the product's form, from the corpus file alone."""
    chance = random.Random(seed)
    by_name = {}
    for row in corpus:
        by_name.setdefault((row["law"], row["article"]), []).append(str(row["id"]))
    made = {"fragments": {}, "fragments_any_holder": {}, "lookups": {}}
    while len(made["fragments"]) < count:
        row = chance.choice(corpus)
        text = "".join(row["content"].split())
        if len(text) >= 8:
            start = chance.randrange(len(text) - 7)
            made["fragments"].setdefault(text[start : start + 8], [str(row["id"])])
    for row in corpus:
        text = "".join(row["content"].split())
        for fragment in {text[i : i + 8] for i in range(len(text) - 7)} & made["fragments"].keys():
            made["fragments_any_holder"].setdefault(fragment, []).append(str(row["id"]))
    while len(made["lookups"]) < count:
        row = chance.choice(corpus)
        title = row["law"].removeprefix("中华人民共和国")
        made["lookups"].setdefault(title + row["article"], by_name[row["law"], row["article"]])
    for name, queries in made.items():
        rows = list(enumerate(queries.items()))
        (folder / f"{name}.tsv").write_text("".join(f"{i}\t{query}\n" for i, (query, _) in rows), encoding="utf-8")
        (folder / f"{name}.qrels").write_text("".join(f"{i}\t0\t{document}\t1\n" for i, (_, documents) in rows for document in documents), encoding="utf-8")


# ---- peers: each step is a child process of this script, so that memory is its own


def index_bm25s(corpus, folder):
    import bm25s
    import jieba

    texts = [list(jieba.cut_for_search(row["name"] + " " + row["content"])) for row in corpus]
    retriever = bm25s.BM25()
    retriever.index(texts, show_progress=False)
    retriever.save(folder)
    (folder / "ids.json").write_text(json.dumps([str(row["id"]) for row in corpus]))


def open_bm25s(folder):
    import bm25s
    import jieba

    retriever = bm25s.BM25.load(folder)
    ids = json.loads((folder / "ids.json").read_text())
    list(jieba.cut("预热"))

    def answer(query):
        words = [word for word in jieba.cut_for_search(query) if word in retriever.vocab_dict]
        if not words:
            return []
        found, scores = retriever.retrieve([words], k=DEPTH, show_progress=False)
        return [ids[place] for place, score in zip(found[0], scores[0]) if score > 0]

    return answer


def index_fts5(corpus, folder):
    db = sqlite3.connect(folder / "peer.db")
    db.execute("CREATE VIRTUAL TABLE article USING fts5(id UNINDEXED, name, content, tokenize='trigram')")
    db.executemany("INSERT INTO article VALUES (?, ?, ?)", ((str(row["id"]), row["name"], row["content"]) for row in corpus))
    db.commit()
    db.close()


def open_fts5(folder):
    db = sqlite3.connect(folder / "peer.db")
    statement = "SELECT id FROM article WHERE article MATCH ? ORDER BY rank LIMIT ?"

    def answer(query):
        # The trigram tokenizer takes a bare query as one phrase; OR over its trigrams is what ranks a question.
        grams = dict.fromkeys(query[i : i + 3] for i in range(max(1, len(query) - 2)))
        match = " OR ".join('"' + gram.replace('"', '""') + '"' for gram in grams)
        return [row[0] for row in db.execute(statement, (match, DEPTH))]

    return answer


def child(step, system, folder, corpus_path, sets):
    """Runs one step of a peer and prints its figures as JSON."""
    if step == "index":
        started = time.perf_counter()
        {"bm25s": index_bm25s, "fts5": index_fts5}[system](read_corpus(corpus_path), folder)
        return {"index_s": time.perf_counter() - started, "index_peak_mib": status_mib(os.getpid(), "VmHWM"), "index_mib": bytes_under(folder) / 2**20}
    answer = {"bm25s": open_bm25s, "fts5": open_fts5}[system](folder)
    answer("行政处罚")
    figures, latencies, answered = {}, [], {}
    for name, queries in sets.items():
        reciprocal = 0.0
        for query, relevant in queries:
            if query not in answered:
                started = time.perf_counter()
                answered[query] = answer(query)
                latencies.append((time.perf_counter() - started) * 1000)
            ranked = answered[query]
            reciprocal += next((1 / place for place, document in enumerate(ranked[:10], 1) if document in relevant), 0.0)
        figures[name] = reciprocal / len(queries)
    return figures | {"p50_ms": percentile(latencies, 0.5), "p99_ms": percentile(latencies, 0.99), "answer_peak_mib": status_mib(os.getpid(), "VmHWM"), "queries": len(latencies)}


def read_sets(folder, sets):
    return {
        "questions": read_set(folder / "queries.train.tsv", folder / "qrels.train.tsv"),
        **{name: read_set(sets / f"{name}.tsv", sets / f"{name}.qrels") for name in SETS[1:]},
    }


def product(binary, work, corpus, sets):
    """The product: import, evaluation with its own generated sets (written to `sets` for the peers), and latency as a server."""
    zhitong = Product(binary, work / "product")
    report, import_s, import_peak = zhitong.run("import", corpus / "corpus.jsonl", "--json")
    stored_s = json.loads(report)["report"]["elapsed_ms"] / 1000
    judged = ["--queries", corpus / "queries.train.tsv", "--qrels", corpus / "qrels.train.tsv"]
    output, _, _ = zhitong.run("evaluate", *judged, "--generated", "1000", "--write", sets, "--json")
    measured = {name: found["measures"] for name, found in json.loads(output).items()}
    latencies = []
    with zhitong.server() as server:
        server.search("行政处罚")
        idle = server.resident_mib()
        asked = dict.fromkeys(query for queries in read_sets(corpus, sets).values() for query, _ in queries)
        latencies += [server.search(query)[1] for query in asked]
        after, peak = server.resident_mib(), server.peak_mib()
    return {
        "system": "zhitong (HTTP)",
        "index_s": import_s,
        "index_only_s": import_s - stored_s,
        "index_mib": bytes_under(zhitong.data_dir / "search") / 2**20,
        "data_mib": bytes_under(zhitong.data_dir) / 2**20,
        "index_peak_mib": import_peak,
        "answer_peak_mib": peak,
        "idle_mib": idle,
        "resident_after_mib": after,
        "p50_ms": percentile(latencies, 0.5),
        "p99_ms": percentile(latencies, 0.99),
        "queries": len(latencies),
        "questions": measured["judged"]["mrr_10"],
        "fragments": measured["fragments"]["mrr_10"],
        "fragments_any_holder": measured["fragments_any_holder"]["mrr_10"],
        "lookups": measured["lookups"]["mrr_10"],
        "evaluate": measured,
    }


def peer(python, system, folder, corpus_path, sets):
    figures = {"system": PEERS[system]}
    for step in ("index", "answer"):
        command = [python, __file__, "--child", step, "--system", system, "--work", folder, "--sets", sets]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=MINUTES * 60)
        if done.returncode != 0:
            sys.exit(f"{PEERS[system]} failed at: {step}")
        figures |= json.loads(done.stdout)
    return figures


def environment(folder):
    """Python of a virtual environment with the packages of the peers."""
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([python, "-c", "import bm25s, jieba"], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, help="the product; without it only the peers run")
    parser.add_argument("--sets", type=pathlib.Path, help="folder with fragments.tsv, lookups.tsv and their .qrels")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go")
    parser.add_argument("--venv", type=pathlib.Path, help="virtual environment to use and keep")
    parser.add_argument("--child", choices=("index", "answer"), help=argparse.SUPPRESS)
    parser.add_argument("--system", choices=tuple(PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    corpus = shared()
    if arguments.child:
        sets = read_sets(corpus, arguments.sets) if arguments.child == "answer" else {}
        print(json.dumps(child(arguments.child, arguments.system, arguments.work, corpus / "corpus.jsonl", sets)))
        return
    if sqlite3.sqlite_version_info < (3, 34):
        sys.exit(f"SQLite {sqlite3.sqlite_version} has no trigram tokenizer; 3.34 or newer is needed.")
    with tempfile.TemporaryDirectory(prefix="zhitong-peer-") as name:
        work = pathlib.Path(name)
        python = environment(arguments.venv or work / "venv")
        sets, rows = arguments.sets, []
        if sets is None:
            sets = work / "sets"
            sets.mkdir()
        if arguments.binary:
            rows.append(product(arguments.binary.resolve(), work, corpus, sets))
        elif arguments.sets is None:
            generate(sets, read_corpus(corpus / "corpus.jsonl"))
        for system in PEERS:
            folder = work / system
            folder.mkdir()
            rows.append(peer(python, system, folder, corpus / "corpus.jsonl", sets))
        report(rows, {name: len(queries) for name, queries in read_sets(corpus, sets).items()})
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def report(rows, counts):
    print(f"\nMRR@10 of {counts['questions']} questions, {counts['fragments']} fragments, {counts['lookups']} look-ups.\n")
    print("| system | index s | index MiB | peak MiB, indexing | peak MiB, answering | p50 ms | p99 ms | questions | fragments, source | fragments, any holder | look-ups |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        cells = [row["system"], f"{row['index_s']:.1f}"]
        cells += [f"{row[key]:.0f}" for key in ("index_mib", "index_peak_mib", "answer_peak_mib")]
        cells += [f"{row[key]:.2f}" for key in ("p50_ms", "p99_ms")] + [f"{row[name]:.3f}" for name in SETS]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
