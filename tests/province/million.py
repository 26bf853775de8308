#!/usr/bin/env python3
"""How long the screens of a large consultation take: a million opinions on each engine, asked over HTTP.

    tests/province/million.py --binary target/debug/zhitong [--opinions 100000] [--engine sqlite|postgres] [--only WORDS] [--check]

The opinions are written straight into a database that the binary has migrated and seeded: four drafts, one with 70 % of all; 60 contact points with
provenance, groups, tags, answers, 2 % waiting for a moderator. Each screen is asked 40 times, or as often as fits into some seconds; printed are the median,
the 95th percentile and the bound, then the slowest statements with their plans: on PostgreSQL as they ran, on SQLite as the engine would run them. With
--check a screen over its bound is a failure; without it the bounds are only shown, because a debug build and a shared machine say little of them.

It waits until the receipts are sealed. PostgreSQL is vacuumed and analysed then, as its autovacuum does; SQLite is not, because the product never asks it to.
"""

import base64
import collections
import datetime
import json
import pathlib
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cluster import Cluster, Postgres, Redis, Sqlite, Citizen, check, in_turn, on_end, run, say, today, wait_until, within  # noqa: E402
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from collecting import draft_text  # noqa: E402

SHARES = (0.70, 0.15, 0.10, 0.05)
POINTS = 60
CHUNK = 20_000
UTC = datetime.timezone.utc
PIECES = ("建议", "应当", "明确", "期限", "责任", "标准", "居民", "经营者", "停放", "收费", "公示", "老人", "孩子", "雨天", "小区", "门口", "夜间", "噪声", "投诉", "处理",
          "监督", "检查", "罚款", "太重", "太轻", "看不懂", "写清楚", "增加", "减少", "数量", "地点", "时间", "方便", "出行", "安全", "消防", "通道", "占用", "维修", "损坏")
STATES = ("received",) * 48 + ("answered",) * 30 + ("answer_prepared",) * 10 + ("answer_reviewed",) * 5 + ("excluded",) * 4 + ("withdrawn",) * 3
ANSWERED = ("answered", "answer_reviewed", "answer_prepared")
KINDS = ("adopted", "partly_adopted", "already_provided", "not_adopted", "out_of_scope")
TAGS = ("停放", "收费", "老人", "噪声", "消防", "措辞")


def key_of(digits):
    """By what the product tells texts and people apart: migration 0024."""
    return int(digits[-15:], 16)


class Writer:
    """Rows into tables, as each engine takes many of them at once."""

    def __init__(self, engine):
        self.engine = engine

    def write(self, table, rows):
        if not rows:
            return
        names = list(rows[0])
        if isinstance(self.engine, Postgres):
            command = [*self.psql(), "-c", f"COPY {table} ({', '.join(names)}) FROM STDIN"]
            text = "\n".join("\t".join(self.word(value) for value in row.values()) for row in rows) + "\n"
            done = subprocess.run(command, input=text, text=True, capture_output=True)
            if done.returncode:
                raise RuntimeError(f"{table}: {done.stderr[:500]}")
        else:
            marks = ", ".join("?" * len(names))
            self.engine.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", ([self.cell(v) for v in row.values()] for row in rows))

    def psql(self):
        return [self.engine.bin / "psql", "-h", self.engine.home, "-p", str(self.engine.port), "-U", "app", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-Xq"]

    def run(self, statement):
        if isinstance(self.engine, Postgres):
            subprocess.run([*self.psql(), "-c", statement], check=True, stdout=subprocess.DEVNULL)
        else:
            self.engine.execute(statement)

    @staticmethod
    def word(value):
        if value is None:
            return "\\N"
        if isinstance(value, bool):
            return "t" if value else "f"
        if isinstance(value, list):
            value = json.dumps(value, ensure_ascii=False)
        return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

    @staticmethod
    def cell(value):
        if isinstance(value, uuid.UUID):
            return value.bytes
        if isinstance(value, datetime.datetime):
            # As the product writes them: no more groups of three digits than needed. Pages go by these words.
            return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds" if value.microsecond else "seconds")
        if isinstance(value, (datetime.date, list)):
            return str(value) if isinstance(value, datetime.date) else json.dumps(value, ensure_ascii=False)
        return value


class Province:
    """What is made up, the same for both engines: the rows, and what the screens are asked for."""

    def __init__(self, count, seed):
        self.count, self.chance = count, random.Random(seed)
        self.now = datetime.datetime.now(UTC).replace(microsecond=0)

    def identifier(self, at):
        """An id as the product gives them: ordered by time."""
        random_bits = self.chance.getrandbits(74)
        return uuid.UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | ((random_bits >> 62) << 64) | (2 << 62) | (random_bits & ((1 << 62) - 1)))

    def prepare(self, site):
        """Drafts, rounds and a task, as staff make them."""
        drafter, self.handler_token = site.staff("drafter"), site.staff("handler")
        self.handler = uuid.UUID(site.call("GET", "/account", token=self.handler_token)["id"])
        self.drafts = []
        for n in range(len(SHARES)):
            text = draft_text().replace("共享雨伞", f"共享雨伞{'甲乙丙丁'[n]}")
            draft = site.call("POST", "/drafts", {"title": text.split("\n")[0], "kind": "local_regulation", "drafting_unit": "示例市司法局"}, drafter)["id"]
            version = site.call("POST", f"/drafts/{draft}/pasted-versions", {"text": text, "explanation": "为了试用。"}, drafter)
            body = {"notice": "欢迎提出意见。", "closes_on": str(today() + datetime.timedelta(60)), "shows_opinions": True, "allows_anonymous": True}
            round_id = site.call("POST", f"/drafts/{draft}/consultations", body, self.handler_token)["id"]
            self.drafts.append((uuid.UUID(draft), uuid.UUID(round_id), uuid.UUID(version["version"]["id"])))
            self.addresses = [(p["address"], p["label"]) for p in version["provisions"] if p["address"]]

    def small(self, writer):
        at = self.now - datetime.timedelta(25)
        self.points, self.tasks, self.assignments = [self.identifier(at) for _ in range(POINTS)], [], {}
        common = {"kind": "government", "established_by": "示例市司法局", "legal_basis": "", "host_kind": "community", "opening_hours": "", "introduction": "", "how_to_take_part": "",
                  "topics": [], "is_demonstration": True, "created_at": at, "updated_at": at}
        writer.write("contact_point", [{"id": point, "code": f"large-{n}", "name": f"第{n}号社区联系点", "host_unit": f"第{n}号社区", "region": f"示例市第{n % 12 + 1}区", "address": f"{n}号", **common}
                                       for n, point in enumerate(self.points)])
        tasks, assignments = [], []
        for draft, round_id, _ in self.drafts:
            task = self.identifier(at)
            tasks.append({"id": task, "consultation_id": round_id, "title": "征集", "instructions": "", "questions": [], "addresses": [], "due_at": self.now + datetime.timedelta(20), "state": "open",
                          "created_by": self.handler, "created_at": at, "updated_at": at, "content_hash": ""})
            for point in self.points:
                self.assignments[draft, point] = self.identifier(at)
                assignments.append({"id": self.assignments[draft, point], "task_id": task, "contact_point_id": point, "state": "collecting", "revision": 1,
                                    "due_at": self.now + datetime.timedelta(20), "sent_at": at, "updated_at": at})
        self.task = tasks[0]["id"]
        writer.write("collection_task", tasks)
        writer.write("collection_assignment", assignments)
        self.people = [self.identifier(at) for _ in range(self.count // 3)]
        for start in range(0, len(self.people), CHUNK):
            writer.write("account", [{"id": person, "role": "citizen", "display_name": "微信用户", "is_active": True, "is_demonstration": False, "created_at": at, "updated_at": at}
                                     for person in self.people[start:start + CHUNK]])

    def words(self, count):
        return "".join(self.chance.choices(PIECES, k=count))

    def load(self, writer):
        self.small(writer)
        began, chance = self.now - datetime.timedelta(20), self.chance
        step = datetime.timedelta(20) / self.count
        copies = [self.words(30) for _ in range(200)]
        open_groups, tables = {}, collections.defaultdict(list)
        for n in range(self.count):
            at = began + step * n
            at -= datetime.timedelta(microseconds=at.microsecond % 10)
            draft, round_id, version = chance.choices(self.drafts, SHARES)[0]
            opinion, state = self.identifier(at), chance.choice(STATES)
            address, label = chance.choice(self.addresses) if chance.random() < 0.9 else (None, "")
            point = chance.choice(self.points) if chance.random() < 0.4 else None
            person = chance.choice(self.people) if point is None and chance.random() < 0.8 else None
            body = chance.choice(copies) if chance.random() < 0.3 else self.words(30)
            text_hash = f"{hash(body) & (1 << 64) - 1:064x}"
            written_down = f"{chance.randrange(self.count):064x}" if point and chance.random() < 0.66 else None
            author = person.hex if person else written_down
            group = None
            if chance.random() < 0.1:
                group, left = open_groups.get(draft, (None, 0))
                if not left:
                    group, left = self.identifier(at), chance.randrange(2, 19)
                    tables["opinion_group"].append({"id": group, "draft_id": draft, "version_id": version, "representative_id": opinion, "state": "confirmed", "revision": 1, "created_at": at,
                                                    "updated_at": at})
                open_groups[draft] = (group, left - 1)
            display = "review" if chance.random() < 0.02 else "hidden" if chance.random() < 0.005 else "shown"
            tables["opinion"].append({
                "id": opinion, "receipt_number": f"YJ{at:%Y%m%d}-{n:010X}", "draft_id": draft, "consultation_id": round_id, "version_id": version, "account_id": person, "author_kind": "市民",
                "channel": "contact_point" if point else chance.choice(("wechat", "web")), "contact_point_id": point, "address": address, "provision_label": label,
                "stance": chance.choice(("amend", "support", "oppose", "question")), "body": body, "reason": self.words(12), "is_public": chance.random() < 0.9, "state": state,
                "content_hash": text_hash, "text_hash": text_hash, "text_key": key_of(text_hash), "person_key": author and key_of(author), "posted_at": at, "display": display, "handler_id": self.handler if chance.random() < 0.25 else None, "group_id": group,
                "exclusion": "unreadable" if state == "excluded" else None, "is_late": False, "withdrawn_at": at if state == "withdrawn" else None,
            })
            if point:
                tables["opinion_provenance"].append({
                    "opinion_id": opinion, "consultation_id": round_id, "contact_point_id": point, "assignment_id": self.assignments[draft, point], "collector": "", "method": "symposium",
                    "method_words": "座谈会", "place": "", "collected_on": at.date(), "entered_by": self.handler, "entered_at": at, "consent": "given",
                    "person_hash": written_down, "provision_words": "", "quoted_words": "", "scan_name": "", "scan_hash": "",
                    "scan_bytes": 0, "content_hash": f"{n:064x}"})
            if state in ANSWERED:
                tables["disposition"].append({
                    "opinion_id": opinion, "kind": chance.choice(KINDS), "reason": chance.choice(copies), "prepared_by": self.handler, "prepared_at": at, "reviewed_at": at if state != "answer_prepared" else None,
                    "published_at": at if state == "answered" else None, "group_id": group})
            if display != "shown":
                tables["moderation_case"].append({"opinion_id": opinion, "revision": 1, "concerns": [], "waits_since": at, "entry": 1, "category": "privacy" if display == "hidden" else None, "reason": ""})
            if chance.random() < 0.2:
                tables["opinion_tag"].append({"opinion_id": opinion, "draft_id": draft, "tag": chance.choice(TAGS)})
            if display == "shown" and chance.random() < 0.05:
                tables["opinion_vote"].append({"opinion_id": opinion, "account_id": chance.choice(self.people), "choice": chance.choice(("agree", "disagree")), "voted_at": at})
            if person and state == "answered":
                tables["outbox"].append({"id": self.identifier(at), "account_id": person, "event": "opinion_answered", "subject_id": opinion, "about": "", "created_at": at, "delivered_at": at})
            if draft == self.drafts[0][0] and n < self.count * 0.6:
                self.deep, self.deep_group = (at, opinion), group or getattr(self, "deep_group", None)
            if person and n > self.count * 0.5:
                self.receipt = tables["opinion"][-1]["receipt_number"]
            if len(tables["opinion"]) >= CHUNK or n + 1 == self.count:
                for table in ("opinion", "opinion_group", "opinion_provenance", "disposition", "moderation_case", "opinion_tag", "opinion_vote", "outbox"):
                    writer.write(table, tables.pop(table, []))

    def cursor(self, *place):
        at, opinion = self.deep
        key = [*place, at.isoformat().replace("+00:00", "Z"), str(opinion)]
        return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")

    def screens(self):
        """Name, path, whose session (None: nobody's; "page": staff, as a page), and the most milliseconds at the 95th percentile."""
        draft, round_id, version = self.drafts[0]
        of, q = f"/drafts/{draft}", urllib.parse.quote
        address = next(address for address, _ in self.addresses if "/" not in address)
        numbers = [(f"statistics by {by}, the round", f"/statistics?by={by}&consultation_id={round_id}", "staff", 2000)
                   for by in ("consultation", "point", "region", "article", "channel", "outcome")]
        return [
            ("work list, first page", f"{of}/work?limit=50", "staff", 200),
            ("work list, deep page", f"{of}/work?limit=50&cursor={self.cursor(-1)}", "staff", 200),
            ("work list, newest first, deep", f"{of}/work?limit=50&order=newest&cursor={self.cursor(-1)}", "staff", 200),
            ("work list, by article", f"{of}/work?limit=50&order=article", "staff", 1000),
            ("work list, of an article", f"{of}/work?limit=50&article={address}", "staff", 200),
            ("work list, on the whole draft", f"{of}/work?limit=50&article=whole", "staff", 200),
            ("work list, of a state, deep", f"{of}/work?limit=50&state=answer_reviewed&cursor={self.cursor(-1)}", "staff", 200),
            ("work list, of a handler", f"{of}/work?limit=50&handler={self.handler}", "staff", 200),
            ("work list, of a group", f"{of}/work?limit=50&group_id={self.deep_group}", "staff", 200),
            ("work list, of a tag", f"{of}/work?limit=50&tag={q(TAGS[0])}", "staff", 200),
            ("work list, returned", f"{of}/work?limit=50&returned=true", "staff", 1000),
            ("work list, one of each group", f"{of}/work?limit=50&grouped=true", "staff", 200),
            ("work list, frequent words", f"{of}/work?limit=50&text={q('噪声')}", "staff", 200),
            ("work list, words that nobody wrote", f"{of}/work?limit=50&text={q('琉璃瓦')}", "staff", 2000),
            ("work list, a receipt number", f"{of}/work?limit=50&text={self.receipt}", "staff", 2000),
            ("counts of the work list", f"{of}/work-counts", "staff", 1000),
            ("counts of the work list, of an article", f"{of}/work-counts?article={address}", "staff", 1000),
            ("counts of the work list, words", f"{of}/work-counts?text={q('噪声')}", "staff", 2000),
            ("page of the work list", f"/staff{of}/opinions", "page", 1000),
            ("page of the feedback", f"/staff{of}/feedback", "page", 1000),
            ("opinions for staff, deep", f"{of}/opinions?limit=50&cursor={self.cursor()}", "staff", 200),
            ("tags of the draft", f"{of}/tags", "staff", 200),
            ("groups of the draft", f"{of}/groups?limit=50", "staff", 200),
            ("progress by article", f"{of}/versions/{version}/progress", "staff", 1000),
            ("overdue feedback", "/overdue-feedback", "staff", 1000),
            ("answers that wait for publication", f"{of}/feedback-preview/answers?limit=50", "staff", 200),
            ("statistics of all, by round", "/statistics?by=consultation", "staff", 2000),
            *numbers,
            ("page of the statistics", "/staff/statistics", "page", 2000),
            ("rows behind opinions", f"/statistics/rows?measure=opinions&consultation_id={round_id}&limit=50", "staff", 200),
            ("rows behind texts", f"/statistics/rows?measure=texts&consultation_id={round_id}&limit=50", "staff", 2000),
            ("rows behind persons", f"/statistics/rows?measure=persons&consultation_id={round_id}&limit=50", "staff", 2000),
            ("statistics of a point", f"/statistics?by=channel&contact_point_id={self.points[0]}", "staff", 1000),
            ("queue of the moderators", "/moderation/opinions?shelf=waiting&limit=50", "staff", 200),
            ("page of the moderators", "/staff/moderation", "page", 500),
            ("public page of the drafts", "/drafts", "public page", 1000),
            ("public page of a draft", f"{of}", "public page", 1000),
            ("counts of a draft", f"{of}/opinion-counts", None, 1000),
            ("counts by provision", f"{of}/provision-opinion-counts", None, 1000),
            ("opinions that are shown", f"{of}/public-opinions?limit=50", None, 200),
            ("opinions that are shown, deep", f"{of}/public-opinions?limit=50&cursor={self.cursor()}", None, 200),
            ("opinions that are shown, of an article", f"{of}/public-opinions?limit=50&address={address}", None, 200),
            ("answers, deep", f"{of}/answers?limit=50&cursor={self.cursor()}", None, 200),
            ("report of the feedback", f"{of}/consultations/{round_id}/report", "staff", 1000),
            ("entries of the report", f"{of}/consultations/{round_id}/report/entries?limit=50", "staff", 2000),
            ("own opinions", "/account/opinions?limit=50", "citizen", 50),
            ("search", f"/search?q={q('电动自行车充电')}", None, 50),
        ]


class Site:
    """One instance with the rows of a province."""

    def __init__(self, arguments, folder, name):
        self.arguments, self.name = arguments, name
        self.province = Province(arguments.opinions, 7)
        folder = folder / name
        folder.mkdir(mode=0o755)
        self.database = Postgres(folder) if name == "postgres" else None
        environment = {"ZHITONG_DATABASE_URL": self.database.url(), "ZHITONG_REDIS_URL": Redis(folder).url()} if self.database else {}
        # Nothing is kept between two calls, so that each call asks the database.
        self.cluster = Cluster(arguments.binary, folder, environment | {"ZHITONG_PAGE_CACHE_MS": "0"}, count=1).begin()
        self.site = self.cluster.instances[0]
        self.province.prepare(self.site)
        self.site.stop()
        began = time.monotonic()
        self.fill()
        say(f"  {arguments.opinions:,} opinions loaded in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        self.site.start()
        self.site.wait_ready()
        say(f"  ready after {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        self.settle()
        say(f"  settled after {time.monotonic() - began:.0f} s")
        citizen = Citizen(1).sign_in(self.site).token
        self.tokens = {"staff": self.site.staff("handler"), "citizen": citizen, None: None}
        self.results = []

    def file(self):
        return pathlib.Path(self.site.data_dir) / "zhitong.db"

    def fill(self):
        if self.database:
            writer = Writer(self.database)
            self.province.load(writer)
            writer.run("VACUUM ANALYZE")
            for setting in ("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = '150ms'", "auto_explain.log_analyze = on", "auto_explain.log_buffers = on",
                            "auto_explain.log_timing = off"):
                writer.run(f"ALTER DATABASE postgres SET {setting}")
        else:
            connection = sqlite3.connect(self.file(), isolation_level=None)
            for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -262144"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            self.province.load(Writer(connection))
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()

    def settle(self):
        """Receipts are sealed within seconds of each opinion; a million at once keep the engine busy, and rewrite the table, for minutes that no office has."""
        opened = self.database or Sqlite(self.file())
        if wait_until(lambda: opened.rows("SELECT COUNT(*) AS n FROM opinion WHERE sealed_in IS NULL")[0]["n"] == 0, 1800, 2) is None:
            raise RuntimeError("the receipts are not sealed")
        if self.database:
            Writer(self.database).run("VACUUM ANALYZE")

    def ask(self, path, whose):
        if whose in ("page", "public page"):
            headers = {"Cookie": f"zhitong_session={self.tokens['staff']}"} if whose == "page" else {}
            return self.site.ask("GET", path, base="", headers=headers, timeout=300)
        return self.site.ask("GET", path, token=self.tokens[whose], timeout=300)

    def measure(self):
        for name, path, whose, most in self.province.screens():
            if self.arguments.only and self.arguments.only not in name:
                continue
            answer = self.ask(path, whose)
            if not check(f"{name} is answered", answer.status, 200):
                say(f"    {path}: {answer.data[:300].decode(errors='replace')}")
                continue
            taken, until = [], time.monotonic() + self.arguments.seconds
            while len(taken) < 40 and (len(taken) < 3 or time.monotonic() < until):
                taken.append(self.ask(path, whose).seconds * 1000)
            taken.sort()
            p50, p95 = statistics.median(taken), taken[min(len(taken) - 1, int(len(taken) * 0.95))]
            self.results.append((name, p50, p95, most, len(taken)))
            say(f"      {p50:9.0f} {p95:9.0f} ms  of {most} ms, {len(taken)} calls")
            if self.arguments.check:
                within(f"{self.name}: {name}, 95th percentile", p95, most, "ms")

    def export(self):
        """The tables of the statistics and of the report: time, size and what they add to the server's memory."""
        draft, round_id, _ = self.province.drafts[0]
        small = self.province.drafts[-1]
        exports = [("table of the statistics", "/statistics/table?by=point"),
                   ("table of the report, 5 %", f"/drafts/{small[0]}/consultations/{small[1]}/report/table"),
                   ("table of the report, 70 %", f"/drafts/{draft}/consultations/{round_id}/report/table")]
        for name, path in exports:
            if self.arguments.only and self.arguments.only not in name:
                continue
            before = self.resident("VmRSS")
            # The high-water mark begins anew.
            pathlib.Path(f"/proc/{self.site.pid}/clear_refs").write_text("5")
            answer = self.ask(path, "staff")
            check(f"{name} is answered", answer.status, 200)
            say(f"      {answer.seconds:6.1f} s, {len(answer.data) / 1e6:.1f} MB, memory {before} MiB, at most {self.resident('VmHWM')} MiB meanwhile")

    def resident(self, what):
        found = re.search(rf"{what}:\s+(\d+) kB", pathlib.Path(f"/proc/{self.site.pid}/status").read_text())
        return int(found[1]) // 1024

    def slowest(self):
        if self.database:
            plans = re.split(r"(?m)^\d{4}-\d\d-\d\d .*?LOG:  duration: ", self.database.log.read_text(errors="replace"))[1:]
            kept = {}
            for plan in plans:
                duration = float(plan.split(" ", 1)[0])
                text = plan[plan.find("Query Text:") + 11:]
                key = text[:150]
                if key not in kept or kept[key][0] < duration:
                    kept[key] = (duration, text)
            for duration, text in sorted(kept.values(), reverse=True)[:self.arguments.plans]:
                # The plan begins at the first line with its costs.
                at = re.search(r"(?m)^.*\(cost=", text)
                statement, plan = (text[:at.start()], text[at.start():]) if at else (text, "")
                say(f"\n  {duration:.0f} ms: {' '.join(statement.split())[:1500]}\n{plan[:6000].rstrip()}")
        else:
            found = {}
            for line in self.site.log.read_text(errors="replace").splitlines():
                statement, seconds = re.search(r'db\.statement="?(.*?)"? summary', line), re.search(r"elapsed_secs=([\d.]+)", line)
                if statement and seconds:
                    text = statement[1].replace("\\n", "\n")
                    found[text] = max(found.get(text, 0), float(seconds[1]))
            connection = sqlite3.connect(f"file:{self.file()}?mode=ro", uri=True)
            for text, seconds in sorted(found.items(), key=lambda pair: -pair[1])[:self.arguments.plans]:
                say(f"\n  {seconds * 1000:.0f} ms: {' '.join(text.split())[:1500]}")
                try:
                    for row in connection.execute("EXPLAIN QUERY PLAN " + text, [None] * len(set(re.findall(r"\$\d+", text)))):
                        say(f"    {row[3]}")
                except sqlite3.Error as error:
                    say(f"    {error}")


def main(arguments, folder):
    def engine(name):
        site = Site(arguments, folder, name)
        site.measure()
        if not arguments.no_export:
            site.export()
        site.site.stop()
        say(f"\n{name}, {arguments.opinions:,} opinions: median and 95th percentile in milliseconds, bound, calls")
        for screen, p50, p95, most, calls in sorted(site.results, key=lambda result: -result[2]):
            say(f"  {screen:45} {p50:8.0f} {p95:8.0f} {most:8} {calls:4}{'  over' if p95 > most else ''}")
        site.slowest()

    in_turn({name: lambda name=name: engine(name) for name in ("sqlite", "postgres")}, arguments.engine)


def add_arguments(parser):
    parser.add_argument("--opinions", type=int, default=1_000_000)
    parser.add_argument("--engine", action="append", choices=("sqlite", "postgres"))
    parser.add_argument("--only", help="only the screens with these words in their names")
    parser.add_argument("--seconds", type=float, default=8, help="for the calls of one screen")
    parser.add_argument("--plans", type=int, default=8, help="slowest statements whose plans are printed")
    parser.add_argument("--no-export", action="store_true")
    parser.add_argument("--check", action="store_true", help="a screen over its bound fails")


if __name__ == "__main__":
    run(__doc__, add_arguments, main, deadline=7200)
