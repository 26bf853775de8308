"""What people do, as the scripts of this folder do it: sign in, post, upload, import, search; and the receipts they keep. Imported by them."""

import datetime
import io
import json
import os
import random
import threading
import time
import urllib.parse
import uuid
import zipfile

from engines import Sqlite
from running import BROKEN

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))


class Citizen:
    """Somebody who signs in through WeChat, from an address of their own."""

    def __init__(self, number, name="citizen"):
        self.name, self.address, self.tokens = f"{name}{number}", f"203.{number // 62500 % 250}.{number // 250 % 250}.{number % 250 + 1}", 0

    def sign_in(self, site, wording="sandbox-{}", timeout=None):
        """A new session; each has a code of its own."""
        notice = getattr(self, "notice", None) or site.call("GET", "/privacy-notice")["version"]
        self.notice, self.tokens = notice, self.tokens + 1
        body = {"code": wording.format(f"{self.name}.{self.tokens}"), "privacy_version": notice, "is_fourteen_or_over": True}
        answer = site.ask("POST", "/sessions/wechat", body, address=self.address, timeout=timeout)
        if answer.status not in (200, 201):
            raise RuntimeError(f"signing in: {answer.status} {answer.data[:300].decode(errors='replace')}")
        self.token = answer.json()["token"]
        return self


def opinion(body, address=None, **more):
    return {"stance": "amend", "body": body, "reason": "亲身经历", "is_public": True} | ({"address": address} if address else {}) | more


def key():
    return uuid.uuid4().hex


def post(site, citizen, draft, words, with_key=None, **more):
    headers = {"Idempotency-Key": with_key or key()}
    body = words if isinstance(words, dict) else opinion(words)
    if citizen is None:
        return site.ask("POST", f"/drafts/{draft}/anonymous-opinions", body, headers=headers, **more)
    return site.ask("POST", f"/drafts/{draft}/opinions", body, citizen.token, headers=headers, address=citizen.address, **more)


def multipart(fields, files):
    """Body and headers of a form with files: (name, file name, content)."""
    edge, out = uuid.uuid4().hex, io.BytesIO()
    for name, value in fields.items():
        out.write(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, file_name, data in files:
        out.write(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode() + data + b"\r\n")
    out.write(f"--{edge}--\r\n".encode())
    return out.getvalue(), {"Content-Type": f"multipart/form-data; boundary={edge}"}


def upload(site, citizen, draft, data, name="照片.png", with_key=None, **more):
    """Uploads a file for an opinion."""
    body, headers = multipart({}, [("file", name, data)])
    headers["Idempotency-Key"] = with_key or key()
    return site.ask("POST", f"/drafts/{draft}/attachments", body, citizen.token, headers=headers, address=citizen.address, **more)


NUMERALS = "零一二三四五六七八九"


def chinese(number):
    return "".join(NUMERALS[int(digit)] for digit in str(number))


def today():
    return datetime.datetime.now(SHANGHAI).date()


def open_draft(site, title, articles=8, opens_in=0, closes_in=60, **round_fields):
    """A draft of invented articles with a round; days are counted from today. Gives its id and the round."""
    drafter, handler = site.staff("drafter"), site.staff("handler")
    text = "\n".join([title] + [f"第{'零一二三四五六七八九十'[n]}条 经营者应当遵守第{n}号停放要求，并接受监督。" for n in range(1, articles + 1)])
    draft = site.call("POST", "/drafts", {"title": title, "kind": "local_regulation", "drafting_unit": "示例市司法局"}, drafter)["id"]
    site.call("POST", f"/drafts/{draft}/pasted-versions", {"text": text, "explanation": "为了试用。"}, drafter)
    body = {"notice": "欢迎提出意见。", "closes_on": str(today() + datetime.timedelta(closes_in)), "shows_opinions": True, "allows_anonymous": True} | round_fields
    if opens_in:
        body["opens_on"] = str(today() + datetime.timedelta(opens_in))
    if closes_in - opens_in < 30:
        body["shorter_reason"] = "试用时间较短。"
    return draft, site.call("POST", f"/drafts/{draft}/consultations", body, handler)["id"]


def law(number, articles=4):
    """An invented document: its title, and its text as a file."""
    title = f"清河市共享雨伞{chinese(number)}号停放管理办法"
    text = [f"# {title}", "", f"2020年{number % 12 + 1}月{number % 28 + 1}日 清河市人民政府令第{number}号公布", "", "<!-- INFO END -->", ""]
    text += [f"第{chinese(n)}条 经营者停放第{chinese(number)}类共享雨伞，应当遵守第{chinese(number * 7 + n)}号要求，并接受监督。\n" for n in range(1, articles + 1)]
    return title, "\n".join(text).encode()


def import_laws(site, token, numbers, articles=4, **more):
    """Begins an import of some documents, as one archive; another number of articles corrects what is there."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for number in numbers:
            title, text = law(number, articles)
            out.writestr(f"{title}(2020-{number % 12 + 1:02d}-{number % 28 + 1:02d}).md", text)
    body, headers = multipart({}, [("files", "laws.zip", archive.getvalue())])
    return site.ask("POST", "/imports", body, token, headers=headers, **more)


def search(site, words, count=10, **more):
    """What a search answers first: title, place and score, in order; None when it is refused."""
    answer = site.ask("GET", f"/search?q={urllib.parse.quote(words)}&limit={count}", **more)
    if answer.status != 200:
        return None
    return [(hit["title"], hit["label"], hit["score"]) for hit in answer.json()["hits"]]


def insist(cluster, method, path, body, headers=None, token=None, address="127.0.0.1", until=120, timeout=20):
    """Repeats an act, at one instance after the other as a load balancer would, until it is acknowledged or refused for good. Gives the answer and
    the number of repeats; no answer within `until` seconds is `None`."""
    began, repeats = time.monotonic(), 0
    while time.monotonic() - began < until:
        try:
            answer = cluster.any().ask(method, path, body, token, headers, address, timeout=timeout)
            if answer.status < 500 and answer.status != 429:
                return answer, repeats
        except BROKEN:
            pass
        repeats += 1
        time.sleep(random.uniform(0.02, 0.15))
    return None, repeats


class Receipts:
    """What was acknowledged, on disk before the next act begins."""

    def __init__(self, path):
        self.path, self.file, self.lock = path, open(path, "a", encoding="utf-8"), threading.Lock()

    def add(self, **receipt):
        with self.lock:
            self.file.write(json.dumps(receipt, ensure_ascii=False) + "\n")
            self.file.flush()
            os.fsync(self.file.fileno())

    def all(self):
        with open(self.path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def compare(database, receipts, draft):
    """(lost, twice, further): receipts without their row, receipts or texts with more than one, rows without a receipt."""
    by_number, by_body = {}, {}
    rows = database.rows(f"SELECT id, receipt_number, body FROM opinion WHERE draft_id = {quoted(database, draft)}")
    for row in rows:
        by_number.setdefault(row["receipt_number"], []).append(row)
        by_body.setdefault(row["body"], []).append(row)
    lost = [r for r in receipts if not any(row["body"] == r["body"] and r.get("id") in (None, row["id"]) for row in by_number.get(r["number"], []))]
    twice = [r for r in receipts if len(by_number.get(r["number"], [])) > 1 or len(by_body.get(r["body"], [])) > 1]
    twice += [r for r in receipts if sum(other["number"] == r["number"] for other in receipts) > 1] if len({r["number"] for r in receipts}) < len(receipts) else []
    return lost, twice, len(set(by_number) - {r["number"] for r in receipts})


def quoted(database, identifier):
    """An id as a statement writes it."""
    plain = str(uuid.UUID(str(identifier)))
    return f"X'{plain.replace('-', '')}'" if isinstance(database, Sqlite) else f"'{plain}'"
