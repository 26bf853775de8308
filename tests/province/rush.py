#!/usr/bin/env python3
"""The last hour of a round: how many opinions a second are taken, how long people wait, and what happens when more come than can be taken.

    tests/province/rush.py --short --binary target/debug/zhitong
    tests/province/rush.py --engine both --generator target/release/deps/rush-… --out deploy --binary target/release/zhitong

One instance on SQLite, two on PostgreSQL and Redis, durable as they come, with the limits as they are by default. People have sessions of their own and
addresses of their own; each opinion comes with so many readers (`--reads-per-post`): of the draft, the home page, the list, searches.

1. What one act costs: as many as the server can do of one kind, with the processor time that server and database took for each.
2. Saturation: arrivals on a schedule, more and more, until fewer than 98 of a hundred are accepted (posts) or answered (reads) within half a second.
3. 50, 80, 110 and 150 % of it for `--seconds` each. Past saturation only 2xx, 429 and 503 may be answered.
4. The last hour with 424,000 opinions, half of them in the last ten minutes: the rates as they would be, the time `--compress` times shorter.
5. Every acknowledged opinion stands exactly once in the database.

`--short` finds saturation with one look, runs 50 and 140 % and looks at every receipt; `--rates` runs only the rates named. `--out` writes `saturation.csv` and `saturation.svg` there; the variables
of `deploy/容量.md` are printed. Nobody who is refused comes back here; people do, so what is refused is not lost but late.
"""

import contextlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import threading
import time

import chart
import cluster as c
from cluster import Citizen, check, say, within
from visitors import enrol

HERE = pathlib.Path(__file__).resolve().parent
IN_TIME_MS, GOOD, PATIENCE_S, WORKERS = 500, 0.98, 10, 16
TICKS = os.sysconf("SC_CLK_TCK")
# What may be answered, however many come.
ORDERLY = {"200", "201", "429", "503"}
HOUR, LAST_TEN, OPINIONS = 3_600, 600, 424_000
CONFIGURATION = '[wechat]\ngateway = "sandbox"\n[sms]\ngateway = "off"\n[rules]\nstaff_totp = "optional"\n'
QUERIES = ("停放", "经营者 要求", "共享雨伞", "监督", "办法 第三条", "清河市", "保证金", "2020年", "停放管理办法 第二条", "gxys", "电动自行车", "应当遵守")


def cpu_of(pid, with_ended=False):
    """Seconds of the processors that a process used; with those of its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15 if with_ended else 13]) / TICKS


def machine(folder):
    """What a figure was measured on, in a line."""
    model = next((text.split(": ", 1)[1] for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if text.startswith("model name")), "?")
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    files = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True).stdout.strip()
    return f"{os.cpu_count()} 核（{model}），内存 {memory:.0f} GiB，文件系统 {files}"


def peak_mib(pid):
    for text in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith("VmHWM:"):
            return int(text.split()[1]) / 1024
    return 0.0


class System:
    """Engines, instances and people of one measurement."""

    def __init__(self, arguments, folder, engine):
        self.arguments, self.folder, self.engine = arguments, folder / engine, engine
        self.folder.mkdir(mode=0o755)
        self.postgres = self.redis = None
        environment = {}
        if engine == "postgres":
            self.postgres, self.redis = c.Postgres(self.folder, durable=True), c.Redis(self.folder)
            environment = {"ZHITONG_DATABASE_URL": self.postgres.url(), "ZHITONG_REDIS_URL": self.redis.url(),
                           "ZHITONG_DATABASE_CONNECTIONS": str(arguments.database_connections)}
        self.cluster = c.Cluster(arguments.binary, self.folder, environment, 1 if engine == "sqlite" else 2, CONFIGURATION)
        self.first, self.rows, self.variables, self.runs = self.cluster.instances[0], [], {}, 0
        self.database = self.postgres or c.Sqlite(self.first.data_dir / "zhitong.db")
        self.receipts = self.folder / "receipts"
        self.receipts.touch()
        self.unsure = 0
        if arguments.documents:
            self.import_documents()
        self.cluster.begin()
        self.draft, _ = c.open_draft(self.first, "清河市共享雨伞集中提交试用办法")
        notice = self.first.call("GET", "/privacy-notice")["version"]
        enrol(self.database, arguments.people, notice, self.folder / "people")
        self.paths = [[f"/drafts/{self.draft}", 60], ["/", 15], ["/drafts", 15], *([f"/search?q={c.urllib.parse.quote(q)}", 10 / len(QUERIES)] for q in QUERIES)]

    def import_documents(self):
        """Documents before the rush, so that a search has something to search; and what one costs."""
        source, count, articles = self.folder / "laws", self.arguments.documents, 30
        source.mkdir()
        for number in range(1, count + 1):
            title, text = c.law(number, articles)
            (source / f"{title}(2020-{number % 12 + 1:02d}-{number % 28 + 1:02d}).md").write_bytes(text)
        before, database = resource.getrusage(resource.RUSAGE_CHILDREN), self.database_cpu()
        self.first.command("import", str(source))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime + self.database_cpu() - database
        index = sum(file.stat().st_size for file in (self.first.data_dir / "search").rglob("*") if file.is_file())
        self.set("documents", count, "试用的文件数")
        self.set("document_articles", articles, "每个文件的条数")
        self.set("document_cpu_ms", cpu / count * 1000, "导入并索引一个文件用的 CPU 毫秒")
        self.set("document_index_bytes", index / count, "一个文件在每个实例的索引里占的字节")

    def set(self, name, value, meaning):
        self.variables[f"{self.engine}_{name}"] = (value, meaning)

    # What is used

    def server_cpu(self):
        return sum(cpu_of(instance.pid) for instance in self.cluster.instances)

    def database_cpu(self):
        """PostgreSQL and Redis; SQLite works inside the server."""
        if not self.postgres:
            return 0.0
        children = pathlib.Path(f"/proc/{self.postgres.pid}/task/{self.postgres.pid}/children").read_text().split()
        total = cpu_of(self.postgres.pid, with_ended=True) + cpu_of(self.redis.pid)
        for child in children:
            try:
                total += cpu_of(child)
            except OSError:
                pass  # it has just ended, and is counted with those that have
        return total

    def database_bytes(self):
        """The database and its log of changes since it began."""
        if self.postgres:
            row = self.postgres.rows("SELECT pg_database_size('postgres') AS size, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS wal")[0]
            return int(row["size"]), int(row["wal"])
        row = self.database.rows("SELECT p.page_count * s.page_size AS size FROM pragma_page_count() p, pragma_page_size() s")[0]
        return int(row["size"]), 0

    # One run of the generator

    def run(self, phase, stages, paths=None, then=None):
        """Runs stages and gives a row for each; `then(end)` is called in a thread of its own with the instant at which the arrivals end."""
        self.runs += 1
        plan = {"ports": [i.port for i in self.cluster.instances], "draft": self.draft, "people": str(self.folder / "people"), "paths": paths or self.paths,
                "connections": self.arguments.connections, "patience_s": PATIENCE_S, "in_time_ms": IN_TIME_MS, "label": f"{self.engine}-{self.runs}",
                "seed": self.arguments.seed + self.runs, "receipts": str(self.receipts), "stages": stages}
        file = self.folder / f"plan-{self.runs}.json"
        file.write_text(json.dumps(plan))
        generator = self.arguments.generator
        command = [sys.executable, str(generator), str(file)] if generator.suffix == ".py" else [str(generator), str(file)]
        if self.arguments.pin:
            command = ["taskset", "-c", str(os.cpu_count() - 1), *command]
        for instance in self.cluster.instances:
            with contextlib.suppress(OSError):
                pathlib.Path(f"/proc/{instance.pid}/clear_refs").write_text("5")  # the peak of memory begins anew
        rows, server, database = [], self.server_cpu(), self.database_cpu()
        ending = time.monotonic() + sum(stage["seconds"] for stage in stages)
        watcher = threading.Thread(target=then, args=(ending,), daemon=True) if then else None
        if watcher:
            watcher.start()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            c.on_end(running.kill)
            for text in running.stdout:
                found = json.loads(text)
                now_server, now_database = self.server_cpu(), self.database_cpu()
                name = phase if isinstance(phase, str) else phase[found["stage"]]
                rows.append(self.row(name, found, now_server - server, now_database - database))
                server, database = now_server, now_database
                show(rows[-1])
        if running.returncode != 0 or len(rows) != len(stages):
            raise RuntimeError(f"the generator ended with {running.returncode} after {len(rows)} of {len(stages)} stages")
        if watcher:
            watcher.join(30)
        self.rows += rows
        return rows

    def row(self, phase, found, server_cpu, database_cpu):
        posts, reads, seconds = found["posts"], found["reads"], found["seconds"]
        self.unsure += posts["unanswered"] + posts["broken"]
        both = {status: posts["statuses"].get(status, 0) + reads["statuses"].get(status, 0) for status in {*posts["statuses"], *reads["statuses"]}}
        times = lambda kind: found[kind]["accepted_ms"] or [None] * 4  # noqa: E731
        share = lambda kind: kind["in_time"] / kind["offered"] if kind["offered"] else 1.0  # noqa: E731
        return {
            "engine": self.engine, "instances": len(self.cluster.instances), "phase": phase, "reads_per_post": f"{self.arguments.reads_per_post:g}", "seconds": seconds,
            "offered_s": round(posts["offered"] / seconds, 1), "accepted_s": round(posts["statuses"].get("201", 0) / seconds, 1),
            "in_time_share": round(min(share(posts), share(reads)), 4), "status_429": both.get("429", 0), "status_503": both.get("503", 0),
            "status_other": sum(count for status, count in both.items() if status not in ORDERLY) + posts["broken"] + reads["broken"],
            "unanswered": posts["unanswered"] + reads["unanswered"], "post_p50_ms": times("posts")[0], "post_p99_ms": times("posts")[1],
            "post_p999_ms": times("posts")[2], "reads_offered_s": round(reads["offered"] / seconds, 1),
            "reads_accepted_s": round(reads["statuses"].get("200", 0) / seconds, 1), "read_p50_ms": times("reads")[0], "read_p99_ms": times("reads")[1],
            "server_cpu_s": round(server_cpu, 2), "database_cpu_s": round(database_cpu, 2), "generator_cpu_s": round(found["generator_cpu_s"], 2),
            "server_peak_mib": round(max(peak_mib(instance.pid) for instance in self.cluster.instances)), "late_p99_ms": (found["late_ms"] or [None] * 2)[1],
        }

    def at(self, phase, rate, seconds, **more):
        """Arrivals at one rate, with their readers."""
        return self.run(phase, [{"seconds": seconds, "posts": rate, "reads": rate * self.arguments.reads_per_post, "workers": 0}], **more)[0]

    def as_many_as_possible(self, phase, seconds, posts=1, reads=0, paths=None, workers=WORKERS):
        return self.run(phase, [{"seconds": seconds, "posts": posts, "reads": reads, "workers": workers}], paths)[0]

    def acknowledged(self):
        with open(self.receipts, encoding="ascii") as lines:
            return sum(1 for _ in lines)

    def wait_for_delivery(self):
        """Seconds until every author has been told."""
        return c.wait_until(lambda: not self.database.rows("SELECT 1 AS one FROM outbox WHERE delivered_at IS NULL LIMIT 1"), 900, 1)

    def look_at_receipts(self):
        """Every acknowledged opinion exactly once."""
        acknowledged = dict(text.split() for text in self.receipts.read_text().splitlines())
        where = f"FROM opinion WHERE draft_id = {c.quoted(self.database, self.draft)} AND idempotency_key LIKE 'rush-%'"
        rows = self.database.rows(f"SELECT idempotency_key AS k, receipt_number AS number {where}")
        stored = {row["k"]: row["number"] for row in rows}
        check("acknowledged opinions that are not in the database", [k for k, number in acknowledged.items() if stored.get(k) != number][:5], [])
        check(f"{len(rows)} opinions, each once by key and by number", len(rows) == len(stored) == len(set(stored.values())))
        check(f"{len(acknowledged)} were acknowledged", len(acknowledged) > 20)
        within("opinions without a receipt: no more than posts without an answer", len(rows) - len(acknowledged), self.unsure, "opinions")


def show(row):
    number = lambda value: "–" if value is None else f"{value:.0f}"  # noqa: E731
    say(f"  {row['engine']:9}{row['phase']:14}{row['seconds']:5.0f} s  posts/s {row['offered_s']:7.1f} → {row['accepted_s']:7.1f}  ms {number(row['post_p50_ms']):>5}"
        f"{number(row['post_p99_ms']):>6}{number(row['post_p999_ms']):>6}  reads/s {row['reads_offered_s']:8.1f} → {row['reads_accepted_s']:8.1f}  ms {number(row['read_p50_ms']):>4}"
        f"{number(row['read_p99_ms']):>6}  429/503/other/none {row['status_429']}/{row['status_503']}/{row['status_other']}/{row['unanswered']}"
        f"  cpu s {row['server_cpu_s']}+{row['database_cpu_s']}+{row['generator_cpu_s']}  {row['server_peak_mib']} MiB")


class Recovery:
    """Somebody who posts from the end of the arrivals on, until it is as always."""

    def __init__(self, system):
        self.system, self.took = system, None
        self.person = Citizen(system.runs, "afterwards").sign_in(system.first)

    def __call__(self, end):
        self.took = None
        time.sleep(max(0, end - time.monotonic()))
        while time.monotonic() - end < 20:
            began, first = time.monotonic(), self.system.first
            try:
                posted = c.post(first, self.person, self.system.draft, f"人少了以后的意见{c.key()}。")
                read = first.ask("GET", f"/drafts/{self.system.draft}", base="")
            except c.BROKEN:
                continue
            if posted.status == 201 and read.status == 200 and time.monotonic() - began < 0.5:
                self.took = time.monotonic() - end
                return
            time.sleep(0.1)


def past_saturation(system, phase, rate, seconds, must_refuse=False):
    """More than can be taken: orderly refusals, memory has its bound, and afterwards it is as always."""
    before = max(row["server_peak_mib"] for row in system.rows)
    recovery = Recovery(system)
    for _ in range(4):
        row = system.at(phase, rate, seconds, then=recovery)
        if not must_refuse or row["status_429"] + row["status_503"] > 0:
            break
        # Whatever else ran on the machine while saturation was looked for has ended.
        rate *= 2
    if must_refuse:
        check(f"{phase}: some are asked to come back", row["status_429"] + row["status_503"] > 0)
    check(f"{phase}: answers other than 2xx, 429 and 503", row["status_other"], 0)
    within(f"{phase}: as always again after", recovery.took, 5)
    within(f"{phase}: memory above what it was", row["server_peak_mib"] - before, 256, "MiB")
    return row


def short(system):
    estimate = system.as_many_as_possible("closed", 4, 1, system.arguments.reads_per_post)
    saturation = estimate["accepted_s"]
    half = system.at("50%", saturation / 2, system.arguments.seconds)
    check("50%: answers other than 2xx, 429 and 503", half["status_other"], 0)
    check("50%: three of four are accepted", half["accepted_s"] >= 0.75 * half["offered_s"])
    past_saturation(system, "140%", saturation * 1.4, system.arguments.seconds, must_refuse=True)
    system.look_at_receipts()


def rates(system):
    for rate in system.arguments.rates:
        row = system.at(f"{rate:g}/s", rate, system.arguments.seconds)
        check(f"{row['phase']}: answers other than 2xx, 429 and 503", row["status_other"], 0)
    system.look_at_receipts()


def find_saturation(system):
    """The highest rate that is served in time, by halving; each look is a point of the curve. One that fails is tried again: other things run here."""
    rate = system.as_many_as_possible("closed", system.arguments.probe, 1, system.arguments.reads_per_post)["accepted_s"] * 0.7
    good, bad = 0.0, None
    for _ in range(system.arguments.probes):
        if any(system.at("probe", rate, system.arguments.probe)["in_time_share"] >= GOOD for _ in range(2)):
            good = rate
        else:
            bad = rate
        if bad is not None and bad - good < 0.04 * bad:
            break
        rate = (good + bad) / 2 if bad is not None else rate * 1.25
    return good


def costs(system):
    """Processor time of one act of each kind, and what an opinion takes on disk."""
    seconds = system.arguments.probe
    (size, wal), counted, server, database = system.database_bytes(), system.acknowledged(), system.server_cpu(), system.database_cpu()
    row = system.as_many_as_possible("posts", seconds)
    # Each author is told, which is part of the cost.
    system.wait_for_delivery()
    server, database = system.server_cpu() - server, system.database_cpu() - database
    (size_after, wal_after), opinions = system.database_bytes(), system.acknowledged() - counted
    system.set("posts_s", row["accepted_s"], f"只有提交、没有浏览时每秒收下的意见（{WORKERS} 人同时）")
    system.set("post_server_cpu_ms", server / opinions * 1000, "收一条意见，程序用的 CPU 毫秒")
    system.set("post_database_cpu_ms", database / opinions * 1000, "收一条意见，数据库和 Redis 用的 CPU 毫秒（SQLite 在程序里）")
    system.set("opinion_bytes", (size_after - size) / opinions, "一条意见连同索引、消息、审核记录占数据库的字节")
    system.set("opinion_wal_bytes", (wal_after - wal) / opinions, "一条意见产生的 WAL 字节（复制、归档的流量；只有 PostgreSQL）")
    kinds = {"page": [[f"/drafts/{system.draft}", 4], ["/", 1], ["/drafts", 1]], "search": [path for path in system.paths if path[0].startswith("/search")]}
    for kind, paths in kinds.items():
        row = system.as_many_as_possible(kind, seconds, 0, 1, paths)
        count = max(1, row["reads_accepted_s"] * seconds)
        system.set(f"{kind}_s", row["reads_accepted_s"], "只有这一种请求时每秒的次数")
        system.set(f"{kind}_server_cpu_ms", row["server_cpu_s"] / count * 1000, "一次用的程序 CPU 毫秒")
        system.set(f"{kind}_database_cpu_ms", row["database_cpu_s"] / count * 1000, "一次用的数据库 CPU 毫秒")


def long(system):
    arguments = system.arguments
    costs(system)
    saturation = find_saturation(system)
    say(f"saturation on {system.engine}: {saturation:.0f} posts/s with {saturation * arguments.reads_per_post:.0f} reads/s")
    system.set("saturation_posts_s", saturation, f"饱和点：每秒收下的意见，每条另有 {arguments.reads_per_post:g} 次浏览，98% 在 0.5 秒内")
    system.set("saturation_reads_s", saturation * arguments.reads_per_post, "饱和点：同时的每秒浏览")
    if not check("a rate was found that is served in time", saturation > 0):
        return
    for percent in (50, 80):
        row = system.at(f"{percent}%", saturation * percent / 100, arguments.seconds)
        check(f"{percent}%: answers other than 2xx, 429 and 503", row["status_other"], 0)
        system.set(f"p99_ms_{percent}", row["post_p99_ms"], f"饱和点的 {percent}%：收下一条的时间，每百条中第 99 条，毫秒")
    for percent in (110, 150):
        row = past_saturation(system, f"{percent}%", saturation * percent / 100, arguments.seconds)
        check(f"{row['phase']}: at least half of what can be taken is taken ({row['accepted_s']:.0f} of {saturation:.0f} a second)", row["accepted_s"] >= saturation / 2)
        # A second to be let in, a second for a small body, and the work itself.
        within(f"{row['phase']}: accepted, 99 of a hundred", row["post_p99_ms"], 2_500, "ms")
        system.set(f"p99_ms_{percent}", row["post_p99_ms"], f"饱和点的 {percent}%：收下一条的时间，每百条中第 99 条，毫秒")
        system.set(f"accepted_share_{percent}", row["accepted_s"] / row["offered_s"], f"饱和点的 {percent}%：收下的比例，其余答 503")
    if arguments.compress:
        scale, most = arguments.reads_per_post, OPINIONS / 2 / LAST_TEN
        before = OPINIONS / 2 / (HOUR - LAST_TEN)
        stages = [{"seconds": (HOUR - LAST_TEN) / arguments.compress, "posts": before, "reads": before * scale, "workers": 0},
                  {"seconds": LAST_TEN / arguments.compress, "posts": most, "reads": most * scale, "workers": 0}]
        quiet, rush = system.run(["hour", "last ten"], stages)
        for name, row in (("quiet", quiet), ("rush", rush)):
            check(f"the hour, {row['phase']}: answers other than 2xx, 429 and 503", row["status_other"], 0)
            system.set(f"hour_{name}_accepted_share", row["accepted_s"] / row["offered_s"], f"一小时 42.4 万条的形状，{row['offered_s']:.0f} 条/秒时收下的比例")
            system.set(f"hour_{name}_p99_ms", row["post_p99_ms"], "收下一条的时间，每百条中第 99 条，毫秒")
    system.set("delivery_s", system.wait_for_delivery(), "集中提交结束后，站内消息全部送完所需的秒")
    derive(system)
    system.look_at_receipts()


def derive(system):
    """What follows from the measured costs, for `deploy/容量.md`."""
    v = {name.removeprefix(f"{system.engine}_"): value for name, (value, _) in system.variables.items()}
    peak, reads, gib = chart.PEAK, chart.PEAK * system.arguments.reads_per_post, 1 << 30
    of_reads = lambda side: 0.9 * v[f"page_{side}_cpu_ms"] + 0.1 * v[f"search_{side}_cpu_ms"]  # noqa: E731
    server = (peak * v["post_server_cpu_ms"] + reads * of_reads("server")) / 1000
    database = (peak * v["post_database_cpu_ms"] + reads * of_reads("database")) / 1000
    system.set("peak_ratio", peak / v["saturation_posts_s"] if v.get("saturation_posts_s") else float("nan"), f"{peak:.0f} 条/秒是这台机器饱和点的几倍")
    system.set("peak_server_cores", server, f"{peak:.0f} 条/秒和 {reads:.0f} 次浏览/秒时，程序合计用满的核数")
    system.set("peak_database_cores", database, f"{peak:.0f} 条/秒和 {reads:.0f} 次浏览/秒时，数据库用满的核数")
    for memory in (16, 64, 256):
        system.set(f"opinions_in_{memory}gib", 0.5 * memory * gib / max(1, v["opinion_bytes"]), f"占满 {memory} GiB 内存一半的意见条数")
    for cores in (8, 16, 32):
        per = of_reads("database")
        system.set(f"reads_s_half_of_{cores}_cores", 0.5 * cores * 1000 / per if per > 0 else float("inf"), f"用掉数据库 {cores} 核一半的每秒浏览")
    system.set("searches_s_per_core", 1000 / max(0.001, v["search_server_cpu_ms"]), "程序每核每秒的检索次数")
    if v.get("document_index_bytes"):
        system.set("documents_in_16gib", 0.5 * 16 * gib / v["document_index_bytes"], "索引占满实例 16 GiB 内存一半的文件数")
        system.set("rebuild_h_per_million", 1e6 * v["document_cpu_ms"] / 3.6e6, "一百万个文件导入并索引所需的核·小时")


def rush(arguments, folder):
    systems = []
    engines = ["sqlite", "postgres"] if arguments.engine == "both" else [arguments.engine]
    say(f"machine = {machine(folder)}")
    say(f"seed {arguments.seed}, generator {arguments.generator.name}, limit of open files {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}")
    for engine in engines:
        system = System(arguments, folder, engine)
        systems.append(system)
        c.to_the_end(engine, lambda: (rates if arguments.rates else short if arguments.short else long)(system))
        system.cluster.stop()
        if system.postgres:
            system.postgres.stop()
            system.redis.stop()
    for system in systems:
        for name, (value, meaning) in system.variables.items():
            say(f"{name} = {value if value is None else f'{value:.4g}'}  {meaning}")
    if arguments.out:
        rows = [row for system in systems for row in system.rows]
        chart.write(arguments.out / "saturation.csv", rows)
        (arguments.out / "saturation.svg").write_text(chart.draw(chart.read(arguments.out / "saturation.csv")), encoding="utf-8")


def add_arguments(parser):
    short = "--short" in sys.argv
    parser.add_argument("--engine", choices=["sqlite", "postgres", "both"], default="sqlite")
    parser.add_argument("--short", action="store_true", help="a minute on a debug build")
    parser.add_argument("--generator", type=lambda path: pathlib.Path(path).resolve(), default=HERE / "arrivals.py", help="the built benches/rush.rs; arrivals.py without")
    parser.add_argument("--rates", type=lambda words: [float(word) for word in words.split(",")], help="posts a second, each for --seconds, and nothing else: 70,355")
    parser.add_argument("--database-connections", type=int, default=16, help="of each instance, on PostgreSQL")
    parser.add_argument("--people", type=int, default=2_000 if short else 85_000)
    parser.add_argument("--reads-per-post", type=float, default=5 if short else 50)
    parser.add_argument("--connections", type=int, default=600 if short else 3_000, help="most connections of the generator")
    parser.add_argument("--seconds", type=float, default=8 if short else 60, help="of each run at a share of saturation")
    parser.add_argument("--probe", type=float, default=15, help="seconds of each look for saturation, and of each cost")
    parser.add_argument("--probes", type=int, default=7)
    parser.add_argument("--compress", type=float, default=6, help="the last hour is so many times shorter; 0 leaves it out")
    parser.add_argument("--documents", type=int, default=0 if short else 2_000, help="imported before")
    parser.add_argument("--pin", action="store_true", help="gives the last processor to the generator")
    parser.add_argument("--out", type=pathlib.Path, help="folder for saturation.csv and saturation.svg")


if __name__ == "__main__":
    c.run(__doc__, add_arguments, rush, deadline=240 if "--short" in sys.argv else 7_200)
