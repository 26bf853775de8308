#!/usr/bin/env python3
"""Asks the product the 250 questions 某法第X条的内容是什么 of LawBench over HTTP and says how many articles come first.

    tests/real/lawbench.py --binary target/release/zhitong --data-dir DIR

DIR holds the imported statutes (`zhitong --data-dir DIR import ../shared/data/statutes`). The questions are read from
$ZHITONG_SHARED/data/retrieval/lawbench, else ../shared/…; without them the script says so and fails.

A question counts when the first result is the article of the law it names: the same number, and the law's title after the field of law that
some questions put before it. Every other one is listed with what came first. The given answers are of older versions, so their
text is compared for information only. Ends with 1 when fewer than 98 % count.
"""

import argparse
import json
import os
import pathlib
import re
import sys

from product import Product, percentile

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUESTION = re.compile(r"(?P<law>.+?)(?P<article>第[^第]+条(?:之[一二三四五六七八九十]+)?)的内容是什么")
FIELDS_OF_LAW = ("民法商法", "社会法", "行政法", "经济法", "刑法", "宪法相关法", "诉讼与非诉讼程序法")


def short(title):
    return title.removeprefix("中华人民共和国")


def names(law):
    """Titles that the words before the article may mean."""
    return {short(law)} | {short(law.removeprefix(field)) for field in FIELDS_OF_LAW if law.startswith(field)}


def pairs(text):
    letters = "".join(c for c in text if c.isalnum())
    return {letters[i : i + 2] for i in range(len(letters) - 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    path = pathlib.Path(os.environ.get("ZHITONG_SHARED", ROOT / "../shared")) / "data/retrieval/lawbench/article_lookup.json"
    if not path.is_file():
        sys.exit(f"The questions are not at {path}. Set ZHITONG_SHARED to the folder that holds data/retrieval/lawbench.")
    questions = json.loads(path.read_text(encoding="utf-8"))
    first, same_text, latencies, others = 0, 0, [], []
    with Product(arguments.binary, arguments.data_dir).server() as server:
        for row in questions:
            asked = QUESTION.match(row["question"])
            found, took = server.search(row["question"], limit=1)
            latencies.append(took)
            answer = found.get("answer")
            hit = answer["hit"] if answer else next(iter(found["hits"]), None)
            if hit and hit["label"] == asked["article"] and short(hit["title"]) in names(asked["law"]):
                first += 1
                given, shown = pairs(row["answer"].removeprefix("答案:")), pairs("".join(answer["paragraphs"]) if answer else "")
                same_text += len(given & shown) >= 0.8 * len(given)
            else:
                others.append(f"{row['question']} → {hit['title']} {hit['label']}" if hit else f"{row['question']} → nothing")
    print(f"{first} of {len(questions)} come first ({first / len(questions):.1%}); {same_text} of them with the text of the given answer.")
    print(f"p50 {percentile(latencies, 0.5):.2f} ms, p99 {percentile(latencies, 0.99):.2f} ms over HTTP.")
    for line in others:
        print("not first:", line)
    sys.exit(0 if first >= 0.98 * len(questions) else 1)


if __name__ == "__main__":
    main()
