#!/usr/bin/env python3
"""The whole journey of one draft over real HTTP, with the counts checked at each step.

    tests/real/journey.py --binary target/release/zhitong [--opinions 200] [--out DIR]

A real text of the shared collection with two dated versions is published as a draft: the older version first. Citizens speak through WeChat, in a
browser and without an account: duplicates, near-duplicates, files, words that wait for a person, opinions withheld, changed and taken back. Staff moderate,
group, answer, review; the newer text becomes the second version, with its lineage; the feedback is published and read back as page, .docx and .xlsx; every
author is told. Each count must equal what went in; the script ends with 1 where one does not.

The round's end is reached by starting the server again on a later day: `faketime` (Debian package) moves its clock. The collection is read from
$ZHITONG_SHARED/data/statutes, else ../shared/…; without either the script says so and fails. The server is a demonstration on a fresh folder, on a free
port of the loopback, and trusts the loopback as a proxy, so that every citizen comes from an address of its own.
"""

import argparse
import collections
import contextlib
import http.client
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TITLE = "行政复议法"
FIRST_DAY, LATER_DAY = "2026-03-02 10:00:00", "2026-04-07 09:00:00"
CLOSES = "2026-04-01"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
failures = []


def check(what, found, expected):
    """One line for each count; a difference is kept for the end."""
    is_right = found == expected
    print(f"  {'ok ' if is_right else 'NOT'} {what}: {found}" + ("" if is_right else f", expected {expected}"))
    if not is_right:
        failures.append(what)


class Site:
    def __init__(self, binary, data_dir):
        self.binary, self.data_dir, self.passwords = binary, data_dir, {}

    @contextlib.contextmanager
    def on(self, day):
        """The server as it runs from a day on; stopped as an operator would."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = os.environ | {"ZHITONG_LOG": "warn", "ZHITONG_TRUSTED_PROXIES": "127.0.0.1", "TZ": "Asia/Shanghai", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        # Files hold links only where the site has an address.
        environment["ZHITONG_PUBLIC_URL"] = "http://lifa.example"
        command = ["faketime", day, self.binary, "--data-dir", self.data_dir, "serve", "--listen", f"127.0.0.1:{self.port}"]
        process = self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True, start_new_session=True)
        for line in process.stdout:
            words = line.split()
            if len(words) >= 2 and words[0] in ("admin", "drafter", "handler", "reviewer", "auditor", "point"):
                self.passwords[words[0]] = words[1]
            if "Ctrl-C" in line:
                break
        try:
            yield self
        finally:
            # `faketime` runs the server as its child: both are told, and the output ends when the server has stopped.
            os.killpg(process.pid, signal.SIGTERM)
            process.stdout.read()
            process.wait(60)

    def server_pid(self):
        """The server itself, which `faketime` runs as its child."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def send(self, method, path, body=None, token=None, headers=None, address="127.0.0.1", base="/api/v1"):
        headers = {"X-Forwarded-For": address} | (headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, (dict, list)):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, base + path, body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def call(self, method, path, body=None, token=None, expected=(200, 201, 202, 204), **more):
        status, data = self.send(method, path, body, token, **more)
        if status not in expected:
            sys.exit(f"{method} {path}: {status} {data.decode(errors='replace')[:600]}")
        return json.loads(data) if data else None

    def upload(self, path, token, fields, files, **more):
        edge = uuid.uuid4().hex
        parts = []
        for name, value in fields.items():
            parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
        for name, (file_name, data) in files.items():
            head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
            parts.append(head.encode() + data + b"\r\n")
        parts.append(f"--{edge}--\r\n".encode())
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"} | more.pop("headers", {})
        return self.call("POST", path, b"".join(parts), token, headers=headers, **more)

    def staff(self, name):
        return self.call("POST", "/sessions/staff", {"name": name, "password": self.passwords[name]})["token"]

    def all(self, path, token=None):
        """Every item of a list, page after page."""
        items, cursor = [], None
        while True:
            query = f"{'&' if '?' in path else '?'}limit=100" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else "")
            page = self.call("GET", path + query, token=token)
            items += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return items


def texts():
    folder = pathlib.Path(os.environ.get("ZHITONG_SHARED", ROOT / "../shared")) / "data/statutes"
    found = sorted(folder.rglob(f"{TITLE}(*.md"))
    if len(found) < 2:
        sys.exit(f"Two versions of {TITLE} are not under {folder}. Set ZHITONG_SHARED to the folder that holds data/statutes.")
    return found[0], found[-1]


def docx(words):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
        archive.writestr("_rels/.rels", '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>')
        archive.writestr("word/document.xml", f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:body></w:document>')
    return data.getvalue()


class Person:
    """A citizen, or somebody without an account."""

    def __init__(self, site, kind, number, notice):
        self.kind, self.number, self.address = kind, number, f"203.0.{number // 250}.{number % 250 + 1}"
        self.posted, self.notice, self.is_back = [], notice, False
        if kind != "anonymous":
            self.sign_in(site)

    def sign_in(self, site, again=""):
        agreed = {"privacy_version": self.notice, "is_fourteen_or_over": True}
        if self.kind == "wechat":
            body = {"code": f"sandbox-person{self.number}{again}"} | agreed
            self.token = site.call("POST", "/sessions/wechat", body, address=self.address)["token"]
        else:
            phone = f"139{self.number:08d}"
            sent = site.call("POST", "/phone-codes", {"phone": phone, "purpose": "sign_in"}, address=self.address)
            body = {"phone": phone, "code": sent["demonstration_code"]} | agreed
            self.token = site.call("POST", "/sessions/phone", body, address=self.address)["token"]

    def attach(self, site, draft, name, data):
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if self.kind == "anonymous":
            return site.upload(f"/drafts/{draft}/anonymous-attachments", None, {}, {"file": (name, data)}, headers=headers, address=self.address)["id"]
        return site.upload(f"/drafts/{draft}/attachments", self.token, {}, {"file": (name, data)}, headers=headers, address=self.address)["id"]

    def post(self, site, draft, opinion):
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if self.kind == "anonymous":
            path, token = f"/drafts/{draft}/anonymous-opinions", None
        else:
            path, token = f"/drafts/{draft}/opinions", self.token
        receipt = site.call("POST", path, opinion, token, headers=headers, address=self.address)
        # The phone sends twice; it is heard once.
        again = site.call("POST", path, opinion, token, headers=headers, address=self.address, expected=(200,))
        assert again["receipt_number"] == receipt["receipt_number"]
        self.posted.append(receipt)
        return receipt


def opinions(count, articles, chance):
    """What is said: (what kind, opinion). Campaign texts, near-duplicates of them, and opinions of one's own; no text of the collection."""
    campaign = "建议把受理期限写得更明确，并要求书面告知申请人不予受理的理由，避免材料被反复退回。"
    edits = [lambda t: t.replace("建议", "我建议"), lambda t: t + "谢谢。", lambda t: t.replace("，", ",").replace("。", ""), lambda t: t.replace("更明确", "更加明确")]
    topics = ["期限", "送达方式", "听证", "调解", "费用", "网上申请", "代理人", "证据", "公开", "责任"]
    shares = [("exact", 15), ("near", 15), ("files", 10), ("words", 5), ("personal", 3), ("withheld", 6), ("changed", 5), ("withdrawn", 4)]
    kinds = [kind for kind, share in shares for _ in range(share * count // 100)]
    kinds += ["own"] * (count - len(kinds))
    chance.shuffle(kinds)
    for n, kind in enumerate(kinds):
        address = campaign_article = articles[10]
        body = campaign
        if kind == "near":
            body = chance.choice(edits)(campaign)
        elif kind != "exact":
            address = None if n % 11 == 0 else chance.choice(articles)
            body = f"第{n}号意见：关于{chance.choice(topics)}和{chance.choice(topics)}，建议结合基层实际再细化，办理中遇到{n + 3}种不同做法。"
        if kind == "words":
            body += "经办的人渣就会推。"
        if kind == "personal":
            body += f"联系电话1380000{n:04d}。"
        opinion = {"stance": chance.choice(["support", "amend", "amend", "oppose", "question"]), "body": body, "reason": "亲身经历", "is_public": kind != "withheld"}
        if address:
            opinion["address"] = address
        yield kind, opinion, campaign_article


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--opinions", type=int, default=200)
    parser.add_argument("--out", type=pathlib.Path, help="keeps the report files there")
    arguments = parser.parse_args()
    if not shutil.which("faketime"):
        sys.exit("faketime is not installed: apt-get install faketime")
    with tempfile.TemporaryDirectory(prefix="zhitong-journey-") as folder:
        journey(Site(arguments.binary.resolve(), folder), arguments)
    if failures:
        print("test result: FAILED. 0 passed; 1 failed; 0 ignored")
        sys.exit(f"{len(failures)} counts differ: {failures}")
    print("every count equals what went in")
    print("test result: ok. 1 passed; 0 failed; 0 ignored")


def journey(site, arguments):
    chance = random.Random(7)
    first_text, second_text = texts()
    with site.on(FIRST_DAY):
        said = consult(site, arguments.opinions, first_text, chance)
    with site.on(LATER_DAY):
        answer(site, said, second_text, arguments.out)


def consult(site, count, text, chance):
    print("publishing the draft")
    drafter, handler = site.staff("drafter"), site.staff("handler")
    draft = site.call("POST", "/drafts", {"title": TITLE, "kind": "local_regulation", "drafting_unit": "示例市司法局"}, drafter)["id"]
    version = site.upload(f"/drafts/{draft}/versions", drafter, {"explanation": "为了试用全过程。"}, {"file": (text.name, text.read_bytes())})["version"]
    whole = site.call("GET", f"/drafts/{draft}/versions/{version['id']}", token=drafter)
    articles = [p["address"] for p in whole["provisions"] if p["kind"] == "article"]
    headings = len(re.findall(r"^第[一二三四五六七八九十百零〇]+条", text.read_text(encoding="utf-8"), re.M))
    check("articles of the first version", len(articles), headings)
    site.call("POST", f"/drafts/{draft}/consultations", {"notice": "欢迎提出意见。", "closes_on": CLOSES, "shows_opinions": True, "allows_anonymous": True}, handler)

    print(f"{count} opinions over every online channel")
    notice = site.call("GET", "/privacy-notice")["version"]
    people = [Person(site, kind, n, notice) for n, kind in enumerate(["wechat"] * (count // 2) + ["phone"] * (count // 5) + ["anonymous"] * (count // 10))]
    said = {"draft": draft, "first": version["id"], "people": people, "articles": articles, "kinds": collections.Counter(), "channels": collections.Counter(), "texts": set(), "authors": set(), "files": 0, "kept": 0}
    for n, (kind, opinion, _) in enumerate(opinions(count, articles, chance)):
        person = people[n % len(people)]
        if kind in ("changed", "withdrawn") and person.kind == "anonymous":
            kind = "own"
        if kind == "files":
            name, data = [("照片.png", PNG), ("说明.pdf", PDF), ("材料.docx", docx(f"材料{n}"))][n % 3]
            opinion["attachments"] = [person.attach(site, draft, name, data)]
            said["files"] += 1
        receipt = person.post(site, draft, opinion)
        said["kinds"][kind] += 1
        key = {"Idempotency-Key": uuid.uuid4().hex}
        if kind == "changed":
            opinion["body"] += "补充一点：请写明起算日。"
            body = {"revision": 1, "opinion": opinion}
            site.call("PUT", f"/opinions/{receipt['opinion_id']}", body, person.token, headers=key, address=person.address)
        if kind == "withdrawn":
            site.call("POST", f"/opinions/{receipt['opinion_id']}/withdrawal", {"revision": 1}, person.token, headers=key, address=person.address)
            continue
        said["kept"] += 1
        said["channels"]["wechat" if person.kind == "wechat" else "web"] += 1
        said["texts"].add("".join(opinion["body"].split()))
        if person.kind != "anonymous":
            said["authors"].add(person.number)
    print(f"  posted {sum(said['kinds'].values())}: {dict(said['kinds'])}")
    check("posted", sum(said["kinds"].values()), count)
    counted(site, said, handler)

    print("moderation")
    waiting = site.all("/moderation/opinions", handler)
    waiting = [item for item in waiting if item["draft_id"] == draft]
    expected = said["kinds"]["words"] + said["kinds"]["personal"] + said["files"]
    hidden = 0
    for item in waiting:
        kinds = {concern["kind"] for concern in item["concerns"]}
        body = {"revision": item["revision"]}
        if "words" in kinds or "personal_data" in kinds:
            body |= {"category": "abuse" if "words" in kinds else "privacy", "reason": "含有不宜公开的内容。"}
            site.call("POST", f"/opinions/{item['opinion_id']}/moderation/hide", body, handler)
            hidden += 1
        else:
            site.call("POST", f"/opinions/{item['opinion_id']}/moderation/show", body, handler)
    print(f"  waited for a person: {len(waiting)} (words, personal data and files among them: {expected})")
    check("hidden", hidden, said["kinds"]["words"] + said["kinds"]["personal"])
    said["hidden"] = hidden
    check("still waiting", len([i for i in site.all("/moderation/opinions", handler) if i["draft_id"] == draft]), 0)
    shown = site.all(f"/drafts/{draft}/public-opinions")
    check("public places", len(shown), said["kept"] - said["kinds"]["withheld"])
    check("tombstones among them", sum(item["is_hidden"] for item in shown), hidden)
    counted(site, said, handler)
    return said


def counted(site, said, token):
    """The four numbers, as staff see them and as everybody sees them."""
    counts = site.call("GET", f"/drafts/{said['draft']}/work-counts", token=token)
    check("opinions", counts["opinions"], said["kept"])
    check("distinct texts", counts["distinct_texts"], len(said["texts"]))
    check("signed-in people", counts["signed_in_people"], len(said["authors"]))
    check("by channel", {c["name"]: c["count"] for c in counts["by_channel"] if c["count"]}, dict(said["channels"]))
    check("opinions, for everybody", site.call("GET", f"/drafts/{said['draft']}/opinion-counts")["opinions"], said["kept"])


def answer(site, said, text, out):
    draft = said["draft"]
    drafter, handler, reviewer = site.staff("drafter"), site.staff("handler"), site.staff("reviewer")
    print("the round has ended")
    status, _ = site.send("POST", f"/drafts/{draft}/opinions", {"stance": "support", "body": "晚了", "is_public": True}, token=sign_in_again(site, said["people"][0]), headers={"Idempotency-Key": uuid.uuid4().hex})
    check("an opinion after the end", status, 409)

    print("second version with lineage")
    version = site.upload(f"/drafts/{draft}/versions", drafter, {"explanation": "吸收公众意见修改。"}, {"file": (text.name, text.read_bytes())})["version"]
    lineage = site.call("GET", f"/drafts/{draft}/lineage?from={said['first']}&to={version['id']}", token=drafter)
    kinds = collections.Counter(relation["kind"] for relation in lineage["relations"])
    print(f"  {dict(kinds)}")
    known = {place["address"] for relation in lineage["relations"] for place in relation["old"]}
    check("articles of the first version that have a continuation or an end", len(known & set(said["articles"])), len(said["articles"]))
    onward = {place["address"] for relation in lineage["relations"] for place in relation["new"]}
    whole = site.call("GET", f"/drafts/{draft}/versions/{version['id']}", token=drafter)
    articles = {p["address"] for p in whole["provisions"] if p["kind"] == "article"}
    check("articles of the second version that come from somewhere or are new", len(onward & articles), len(articles))

    print("grouping")
    site.call("POST", f"/drafts/{draft}/group-suggestions", token=handler)
    groups = site.all(f"/drafts/{draft}/groups", handler)
    largest = max(groups, key=lambda g: g["submissions"])
    campaign = said["kinds"]["exact"] + said["kinds"]["near"]
    print(f"  {len(groups)} groups of {sum(g['submissions'] for g in groups)} opinions; the largest holds {largest['submissions']}")
    check("the campaign is one group", largest["submissions"], campaign)
    for group in groups:
        site.call("POST", f"/opinion-groups/{group['id']}/confirmation", {"revision": group["revision"]}, handler)
    groups = site.all(f"/drafts/{draft}/groups", handler)

    print("dispositions")
    result = {"result_version_id": version["id"], "result_address": "art-20"}
    done = 0
    for group in groups:
        body = {"kind": "partly_adopted", "reason": "受理期限已经写明，告知方式另行细化。", "from_revision": group["revision"]} | result
        done += site.call("PUT", f"/opinion-groups/{group['id']}/disposition", body, handler)["answered"]
    left = site.all(f"/drafts/{draft}/work?state=received", handler)
    check("left after the groups", len(left), said["kept"] - done)
    excluded = [item["opinion"]["id"] for item in left[:3]]
    site.call("POST", f"/drafts/{draft}/exclusions", {"opinions": excluded, "reason": "repeated"}, handler)
    outcomes = ["adopted", "partly_adopted", "not_adopted", "already_provided", "out_of_scope"]
    for n, item in enumerate(left[3:]):
        body = {"kind": outcomes[n % 5], "reason": f"第{n}条意见的办理理由。"}
        site.call("PUT", f"/opinions/{item['opinion']['id']}/disposition", body, handler)
    status, _ = site.send("POST", f"/drafts/{draft}/feedback", {"summary": "总体说明。"}, token=reviewer)
    check("publishing before the review", status, 409)
    reviewed = site.call("POST", f"/drafts/{draft}/reviews", {"everything": True, "passes": True}, reviewer)
    check("reviewed", reviewed["reviewed"], said["kept"] - 3)
    preview = site.call("GET", f"/drafts/{draft}/feedback-preview", token=reviewer)
    check("ready, unanswered, excluded", (preview["ready"], preview["unanswered"], sum(e["count"] for e in preview["exclusions"])), (said["kept"] - 3, 0, 3))
    published = site.call("POST", f"/drafts/{draft}/feedback", {"summary": "总体说明。"}, reviewer)
    check("published, excluded", (published["published"], published["excluded"]), (said["kept"] - 3, 3))
    check("state", published["state"], "feedback_published")
    answers = site.all(f"/drafts/{draft}/answers")
    check("public answers", len(answers), said["kept"] - 3)
    check("withheld among them, hidden among them", True, sum(a["is_hidden"] for a in answers) <= said["hidden"])
    counted(site, said, handler)
    report(site, said, out)
    told(site, said, excluded)
    check("the audit log holds", site.call("GET", "/audit/verification", token=site.staff("auditor")).get("broken_at"), None)


def sign_in_again(site, person):
    if not person.is_back:
        person.sign_in(site, ".later")
        person.is_back = True
    return person.token


def report(site, said, out):
    """The public report, as page, .docx and .xlsx, read back."""
    print("feedback report")
    base, rows = f"/drafts/{said['draft']}/rounds/1/report", said["kept"] - 3
    files = {}
    for name in ("", ".docx", ".xlsx"):
        status, data = site.send("GET", base + name, base="")
        check(f"status of the report{name or ' page'}", status, 200)
        files[name] = data
    with zipfile.ZipFile(io.BytesIO(files[".xlsx"])) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        strings = book.read("xl/sharedStrings.xml").decode() if "xl/sharedStrings.xml" in book.namelist() else ""
    links = sum(len(set(re.findall(r"/opinions/[0-9a-f-]{36}", sheet + strings))) for sheet in sheets[:1])
    print(f"  xlsx: {[len(re.findall('<row ', sheet)) for sheet in sheets]} rows in its sheets, {links} permalinks")
    check("rows with a permalink", links, rows)
    with zipfile.ZipFile(io.BytesIO(files[".docx"])) as document:
        words = document.read("word/document.xml").decode()
    check("the docx names the process and the opinions", all(w in words for w in ("公众参与过程", "主要意见和采纳情况")), True)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (out / f"report{name or '.html'}").write_bytes(data)
    if shutil.which("soffice") and shutil.which("pdftotext"):
        with tempfile.TemporaryDirectory() as folder:
            for name in (".docx", ".xlsx"):
                path = pathlib.Path(folder) / f"report{name}"
                path.write_bytes(files[name])
                subprocess.run(["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "pdf", "--outdir", folder, path], check=True, capture_output=True)
                text = subprocess.run(["pdftotext", path.with_suffix(".pdf"), "-"], check=True, capture_output=True, text=True).stdout
                check(f"LibreOffice reads the report{name}", "受理期限已经写明" in text.replace("\n", ""), True)


def told(site, said, excluded):
    """Every author with an account has been told of the receipt and of the answer, once for each opinion."""
    print("notifications")
    deadline = time.monotonic() + 60
    received = answered = expected_received = expected_answered = 0
    while True:
        received = answered = expected_received = expected_answered = 0
        for person in said["people"]:
            if person.kind == "anonymous":
                continue
            messages = site.all("/account/messages", sign_in_again(site, person))
            received += sum(m["event"] == "opinion_received" for m in messages)
            answered += sum(m["event"] == "opinion_answered" for m in messages)
            own = site.all("/account/opinions", person.token)
            expected_received += len(person.posted)
            expected_answered += sum(o["state"] == "answered" for o in own)
        if (received, answered) == (expected_received, expected_answered) or time.monotonic() > deadline:
            break
        time.sleep(2)
    check("told of the receipt", received, expected_received)
    check("told of the answer", answered, expected_answered)


if __name__ == "__main__":
    main()
