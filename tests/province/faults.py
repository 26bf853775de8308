#!/usr/bin/env python3
"""Each engine goes away in turn, and the disk fills up: what is answered meanwhile, and that it comes back without a restart.

    tests/province/faults.py --binary target/debug/zhitong [postgres redis originals disk_full]

postgres    three instances; the network refuses, then hangs, then the postmaster is killed: 503 with Retry-After at once, live and not ready, and posts
            again within seconds; every receipt exactly once in the end
redis       killed and hanging under load: posts, limits and sign-in go on, readiness says "degraded", an instance starts without it, limits are shared
            again when it is back
originals   the object store hangs, then refuses: uploads of files are refused in time, everything else goes on
disk_full   SQLite on a small file system of its own (needs root): reads go on, writes answer 507, nothing is corrupted; the same for the index alone

Engines are reached through relays, so that a network can be cut. Everything is on the loopback; nothing is left behind.
"""

import collections
import json
import os
import random
import signal
import subprocess
import threading
import time

import cluster as c
from cluster import BROKEN, Citizen, check, opinion, post, say, together, within
from journey import PNG

# What a refusal may take: the contract for most, and the longest for a machine that does other things beside.
QUICK, LONGEST = 0.3, 1.5
# By when the loss of the database must have been noticed; until then a request may wait for it.
NOTICED_REFUSING, NOTICED_HANGING = 2.5, 5


class Load:
    """Posters with keys who repeat until acknowledged, and keep their receipts."""

    def __init__(self, it, draft, folder, count=4, pause=0.1):
        self.it, self.draft, self.pause, self.stop = it, draft, pause, threading.Event()
        self.receipts, self.answers, self.refused = c.Receipts(folder / f"receipts-{c.key()[:6]}.jsonl"), [], []
        self.people = [Citizen(n, "poster").sign_in(it.instances[0]) for n in range(count)]
        self.threads = [threading.Thread(target=self.speak, args=(n,), daemon=True) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def speak(self, number):
        person = self.people[number]
        for n in range(1_000_000):
            if self.stop.is_set():
                return
            with_key, words = c.key(), f"第{number}人的第{n}条意见{c.key()[:6]}。"
            while True:
                at, began = self.it.any(), time.monotonic()
                try:
                    answer = post(at, person, self.draft, words, with_key, timeout=40)
                    self.answers.append((began, answer.seconds, answer.status))
                except BROKEN as error:
                    self.answers.append((began, time.monotonic() - began, type(error).__name__))
                    answer = None
                if answer and answer.status in (200, 201):
                    self.receipts.add(number=answer.json()["receipt_number"], id=answer.json()["opinion_id"], body=words)
                    break
                if answer and answer.status < 500 and answer.status != 429:
                    self.refused.append((answer.status, answer.code()))
                    break
                if self.stop.wait(0.2) and time.monotonic() > self.until:
                    return
            self.stop.wait(self.pause)

    def end(self, seconds=40):
        self.until = time.monotonic() + seconds
        self.stop.set()
        for thread in self.threads:
            thread.join(max(0.1, self.until + 5 - time.monotonic()))

    def since(self, began, until=None):
        return [a for a in list(self.answers) if a[0] >= began and (until is None or a[0] < until)]

    def first_good(self, began, seconds):
        """Seconds until the first act that began after an instant was acknowledged."""
        c.wait_until(lambda: any(a[2] in (200, 201) for a in self.since(began)), seconds)
        good = [a[0] + a[1] - began for a in self.since(began) if a[2] in (200, 201)]
        return min(good) if good else None


def statuses(answers):
    return dict(collections.Counter(a[2] for a in answers))


def not_good(answers):
    return {status: count for status, count in statuses(answers).items() if status not in (200, 201)}


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def try_ask(site, method, path, **more):
    try:
        return site.ask(method, path, **more)
    except BROKEN as error:
        return c.Answer(type(error).__name__, {}, b"", more.get("timeout", 0))


def engine_up(site, engine):
    """The gauge of an engine; None where there is none."""
    try:
        return site.metrics().get(f'zhitong_engine_up{{engine="{engine}"}}')
    except BROKEN:
        return None


def all_come(it, what, found, expected, seconds=10):
    """One check: every instance comes to give what is expected, all within so many seconds."""
    until = time.monotonic() + seconds
    for instance in it.instances:
        c.wait_until(lambda: found(instance) == expected, max(0, until - time.monotonic()), 0.1)
    check(what, [found(instance) for instance in it.instances], [expected] * len(it.instances))


def doctor(instance, *names, **environment):
    """Whether `doctor` finds that these are as they should be; None for what it does not speak of."""
    kept, instance.environment = instance.environment, instance.environment | environment
    try:
        found = json.loads(instance.command("doctor", "--json", expected=(0, 2)))["findings"]
    finally:
        instance.environment = kept
    fine = {finding["name"]: finding["is_fine"] for finding in found}
    return [fine.get(name) for name in names]


def readiness(instance):
    """Status, and what the body says of itself and of what is missing."""
    status, body = instance.ready(2)
    return status, body.get("status"), body.get("degraded") or []


# PostgreSQL

def refusals(it, draft, person, seconds):
    """What several kinds of requests get for some seconds: (what, status, Retry-After there, seconds)."""
    kinds = [
        ("a post", lambda s: post(s, person, draft, f"数据库不在时的意见{c.key()[:6]}。", timeout=15)),
        ("a list", lambda s: s.ask("GET", "/drafts", timeout=15)),
        ("own opinions", lambda s: s.ask("GET", "/account/opinions", token=person.token, timeout=15)),
        ("a page", lambda s: s.ask("GET", f"/drafts/{draft}", base="", timeout=15)),
    ]
    seen, until = [], time.monotonic() + seconds

    def keep_asking(pair):
        instance, (what, request) = pair
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                answer = request(instance)
                seen.append((what, answer.status, "Retry-After" in answer.headers, answer.seconds))
            except BROKEN as error:
                seen.append((what, type(error).__name__, False, time.monotonic() - began))
            time.sleep(0.3)

    together(keep_asking, [(instance, kind) for instance in it.instances for kind in kinds])
    return seen


def refused_clearly(what, seen):
    wrong = collections.Counter((kind, status, "Retry-After" if has else "no Retry-After") for kind, status, has, _ in seen if status != 503 or not has)
    check(f"{what}: {len(seen)} answers, all 503 with Retry-After", dict(wrong), {})
    within(f"{what}: nineteen in twenty of the answers", quantile([s for *_, s in seen], 0.95), QUICK)
    within(f"{what}: the slowest answer", max(s for *_, s in seen), LONGEST)


def health(it, what):
    check(f"{what}: all say that they live", [i.is_live() for i in it.instances], [True] * 3)
    check(f"{what}: none says that it is ready, and in time", [(status, body.get("database")) for status, body in (i.ready(3) for i in it.instances)], [(503, "unavailable")] * 3)
    check(f"{what}: the metric of the database", [engine_up(i, "database") for i in it.instances], [0] * 3)


def back(it, load, opened, what):
    within(f"{what} over: the first post is acknowledged", load.first_good(opened, 30), 5)
    within(f"{what} over: all are ready", c.wait_until(lambda: all(i.ready()[0] == 200 for i in it.instances), 30), 10)
    all_come(it, f"{what} over: the metric of the database", lambda i: engine_up(i, "database"), 1, 5)


def postgres(arguments, folder):
    engine, cache = c.Postgres(folder, durable=True), c.Redis(folder)
    gate = c.Gate(engine.port)
    it = c.Cluster(arguments.binary, folder, {"ZHITONG_DATABASE_URL": engine.url(gate.port), "ZHITONG_REDIS_URL": cache.url()}).begin()
    draft, _ = c.open_draft(it.instances[0], "清河市共享雨伞断网试用办法")
    person = Citizen(900).sign_in(it.instances[0])
    load = Load(it, draft, folder)
    pids = [i.pid for i in it.instances]
    time.sleep(1.5)
    facts = ("server", "connections", "wal_level", "plans", "durability", "clock", "database")
    check("before: doctor finds the database in order", doctor(it.instances[0], *facts), [True] * len(facts))
    check("before: doctor counts the connections that instances want", doctor(it.instances[0], "connections", ZHITONG_DATABASE_CONNECTIONS="200"), [False])
    check("before: all posts are acknowledged", set(statuses(load.since(0))) <= {200, 201} and bool(load.since(0)))

    gate.refuse()
    time.sleep(NOTICED_REFUSING)
    refused_clearly("the network refuses", refusals(it, draft, person, 4))
    health(it, "the network refuses")
    check("the network refuses: doctor names the database", doctor(it.instances[0], "database"), [False])
    opened = time.monotonic()
    gate.open()
    back(it, load, opened, "the refusal")
    time.sleep(2)

    began = time.monotonic()
    gate.hang()
    time.sleep(NOTICED_HANGING)
    refused_clearly("the network hangs", refusals(it, draft, person, 8))
    health(it, "the network hangs")
    opened = time.monotonic()
    gate.open()
    back(it, load, opened, "the hanging")
    hung = load.since(began - 1, opened)
    within("the network hangs: the longest post of the load", max([s for _, s, _ in hung], default=None), 12)
    time.sleep(1)

    engine.sigkill()
    time.sleep(NOTICED_REFUSING)
    refused_clearly("the postmaster is killed", refusals(it, draft, person, 3))
    engine.start()
    opened = time.monotonic()
    back(it, load, opened, "the death of the postmaster")

    check("nothing was started again", [i.pid for i in it.instances] == pids and all(i.is_running() for i in it.instances))
    load.end()
    say(f"  (answers to the load: {statuses(load.since(0))})")
    check("posts of the load that were refused for good, or answered with 500", [load.refused[:3], sum(a[2] == 500 for a in load.since(0))], [[], 0])
    receipts = load.receipts.all()
    lost, twice, _ = c.compare(engine, receipts, draft)
    check(f"{len(receipts)} receipts: lost, twice", (len(lost), len(twice)), (0, 0))
    it.stop()
    engine.stop()
    cache.stop()


# Redis

def redis(arguments, folder):
    engine, cache = c.Postgres(folder), c.Redis(folder)
    gate = c.Gate(cache.port)
    environment = {"ZHITONG_DATABASE_URL": engine.url(), "ZHITONG_REDIS_URL": cache.url(gate.port)}
    it = c.Cluster(arguments.binary, folder, environment, config=c.configuration(vote_per_identity=5)).begin()
    first = it.instances[0]
    draft, _ = c.open_draft(first, "清河市共享雨伞缓存试用办法")
    speaker = Citizen(901).sign_in(first)
    place = post(first, speaker, draft, "供人表态的意见。").json()["opinion_id"]
    c.wait_until(lambda: first.call("GET", f"/drafts/{draft}/public-opinions")["items"], 20)
    load = Load(it, draft, folder)
    time.sleep(1)

    def votes(instance, person, count):
        headers = lambda: {"Idempotency-Key": c.key()}  # noqa: E731
        return [try_ask(instance, "PUT", f"/opinions/{place}/vote", body={"choice": "agree"}, token=person.token, headers=headers(), address=person.address).status for _ in range(count)]

    def goes_on(what, began, number):
        time.sleep(3)
        answers = load.since(began)
        check(f"{what}: answers to {len(answers)} posts that did not acknowledge them", not_good(answers), {})
        within(f"{what}: the slowest post of {len(answers)}", max([s for _, s, _ in answers], default=None), 3)
        people = []
        for n in range(2):
            try:
                people.append(Citizen(number + n, "newcomer").sign_in(it.instances[n], timeout=10))
            except (*BROKEN, RuntimeError, SystemExit) as error:
                say(f"    {error}")
        check(f"{what}: sign-ins through WeChat", len(people), 2)
        staff = try_ask(it.instances[1], "POST", "/sessions/staff", body={"name": "handler", "password": first.passwords["handler"]}, timeout=10)
        check(f"{what}: sign-in of staff", staff.status in (200, 201))
        if people:
            check(f"{what}: a limit of 5 holds at one instance", votes(it.instances[1], people[0], 7), [200] * 5 + [429] * 2)
        all_come(it, f"{what}: readiness", readiness, (200, "ready", ["cache"]))
        check(f"{what}: readiness of the cache", [i.ready()[1].get("cache") for i in it.instances], ["unavailable"] * 3)
        all_come(it, f"{what}: the metric of the cache", lambda i: engine_up(i, "cache"), 0, 5)
        check(f"{what}: a page", try_ask(first, "GET", f"/drafts/{draft}", base="", timeout=10).status, 200)

    facts = ("cache", "cache_version", "cache_eviction")
    check("before: doctor finds Redis in order", doctor(first, *facts), [True] * 3)
    for policy, is_fine in (("allkeys-lru", False), ("volatile-ttl", True)):
        cache.order("CONFIG SET maxmemory 256mb")
        cache.order(f"CONFIG SET maxmemory-policy {policy}")
        check(f"before: doctor on a Redis that forgets by {policy}", doctor(first, *facts), [True, True, is_fine])
    began = time.monotonic()
    cache.sigkill()
    goes_on("Redis is killed", began, 910)
    check("Redis is killed: doctor names it", doctor(first, *facts), [False, None, None])
    late = it.another()
    late.start()
    c.wait_until(lambda: late.ready()[0] == 200 or not late.is_running(), 15)
    check("Redis is killed: an instance that starts now is ready", (late.is_running(), late.ready()[0]), (True, 200))
    check("Redis is killed: the instance that started takes a post", try_ask(late, "POST", f"/drafts/{draft}/opinions", body=opinion("没有缓存时启动的实例。"), token=speaker.token, headers={"Idempotency-Key": c.key()}, timeout=10).status == 201)
    late.stop()

    cache.start()
    all_come(it, "Redis is back: the metric of the cache", lambda i: engine_up(i, "cache"), 1)
    all_come(it, "Redis is back: readiness names nothing that is missing", lambda i: (i.ready()[1].get("cache"), *readiness(i)), ("ok", 200, "ready", []), 5)
    # An instance may leave the engine alone for a moment after a failure.
    time.sleep(2.5)
    person = Citizen(930).sign_in(first)
    shared = [votes(it.instances[n % 3], person, 1)[0] for n in range(7)]
    check("Redis is back: the limit of 5 is one for all", shared, [200] * 5 + [429] * 2)

    began = time.monotonic()
    gate.hang()
    goes_on("Redis hangs", began, 940)
    gate.open()
    all_come(it, "Redis flows again: the metric of the cache", lambda i: engine_up(i, "cache"), 1)
    load.end()
    say(f"  (answers to the load: {statuses(load.since(0))})")
    receipts = load.receipts.all()
    lost, twice, _ = c.compare(engine, receipts, draft)
    check(f"{len(receipts)} receipts: lost, twice", (len(lost), len(twice)), (0, 0))
    check("all instances run still", [i.is_running() for i in it.instances], [True] * 3)
    it.stop()
    engine.stop()
    cache.stop()


# Object store

def originals(arguments, folder):
    if not c.ObjectStore.found():
        return say("SKIPPED: the object store, because its stand-in (moto) is not installed")
    engine, cache, store = c.Postgres(folder), c.Redis(folder), c.ObjectStore(folder)
    gate = c.Gate(store.port)
    environment = {"ZHITONG_DATABASE_URL": engine.url(), "ZHITONG_REDIS_URL": cache.url()} | store.environment(gate.port)
    it = c.Cluster(arguments.binary, folder, environment).begin()
    first = it.instances[0]
    draft, _ = c.open_draft(first, "清河市共享雨伞附件试用办法")
    people = [Citizen(950 + n).sign_in(first) for n in range(4)]
    load = Load(it, draft, folder, count=2)
    number = iter(range(10_000))
    # Each content is another one, or it would be known already.
    fresh = lambda: PNG[:-12] + c.key().encode() + PNG[-12:]  # noqa: E731
    kept = c.upload(first, people[0], draft, fresh())
    check("before: an upload", kept.status, 200)
    check("before: doctor can keep, read and remove", doctor(first, "originals"), [True])

    def outage(what, count):
        began = time.monotonic()
        answers = together(lambda n: c.upload(it.instances[n % 3], people[n % 4], draft, fresh(), timeout=60), range(count))
        seen = collections.Counter(a.status if isinstance(a, c.Answer) else type(a).__name__ for a in answers)
        check(f"{what}: {count} uploads at once", dict(seen), {503: count})
        check(f"{what}: each says when to come again", [a for a in answers if not isinstance(a, c.Answer) or "Retry-After" not in a.headers], [])
        within(f"{what}: the slowest refusal", max([a.seconds if isinstance(a, c.Answer) else 60 for a in answers]), 10)
        time.sleep(max(0, began + 4 - time.monotonic()))
        posts = load.since(began)
        check(f"{what}: answers to posts without files that did not acknowledge them", not_good(posts), {})
        within(f"{what}: 99 in 100 of {len(posts)} posts", quantile([s for _, s, _ in posts], 0.99), 1)
        for name, request in {
            "a search": lambda: first.ask("GET", "/search?q=%E5%85%BB%E7%8A%AC", timeout=10), "a page": lambda: first.ask("GET", f"/drafts/{draft}", base="", timeout=10),
            "sign-in of staff": lambda: first.ask("POST", "/sessions/staff", {"name": "handler", "password": first.passwords["handler"]}, timeout=10),
        }.items():
            answer = request()
            check(f"{what}: {name}", answer.status in (200, 201) and answer.seconds < 2)
        check(f"{what}: sign-in through WeChat", bool(Citizen(960 + next(number), "newcomer").sign_in(first, timeout=10).token))
        all_come(it, f"{what}: readiness", readiness, (200, "ready", ["originals"]))
        all_come(it, f"{what}: the metric of the originals", lambda i: engine_up(i, "originals"), 0, 3)

    def over(what):
        opened = time.monotonic()
        gate.open()
        took = c.wait_until(lambda: c.upload(first, people[1], draft, fresh(), timeout=30).status == 200, 30)
        within(f"{what} over: an upload is taken", took and time.monotonic() - opened, 15)
        all_come(it, f"{what} over: all are ready, and miss nothing", lambda i: (i.ready()[1].get("originals"), *readiness(i)), ("ok", 200, "ready", []), 15)

    gate.hang()
    outage("the store hangs", 20)
    over("the hanging")
    gate.refuse()
    outage("the store refuses", 10)
    check("the store refuses: doctor names it", doctor(first, "originals"), [False])
    over("the refusal")
    load.end()
    receipts = load.receipts.all()
    lost, twice, _ = c.compare(engine, receipts, draft)
    check(f"{len(receipts)} receipts: lost, twice", (len(lost), len(twice)), (0, 0))
    it.stop()
    for one in (engine, cache, store):
        one.stop()


# Disk full

class Small(c.Process):
    """Small file systems in a mount namespace of their own; they are gone when the process that holds it ends."""

    def __init__(self, folder, sizes):
        super().__init__(folder / "namespace.log")
        for place in sizes:
            place.mkdir(parents=True, exist_ok=True)
        # The inner one is mounted after the outer, on a folder that is made inside.
        mounts = "".join(f"mkdir -p '{place}' && mount -t tmpfs -o size={size}m none '{place}' && " for place, size in sizes.items())
        self.launch(["unshare", "-m", "sh", "-c", f"{mounts}echo mounted && exec sleep 3600"])
        if c.wait_until(lambda: "mounted" in self.tail(), 10) is None:
            raise RuntimeError(f"no small file system:\n{self.tail()}")

    def prefix(self):
        return ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "--"]

    def inside(self, path):
        """A path of the namespace, as it is reached from outside."""
        return c.pathlib.Path(f"/proc/{self.pid}/root{path}")

    def fill(self, place):
        with open(self.inside(place) / "filler", "ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 512):
                try:
                    while True:
                        filler.write(b"\0" * size)
                except OSError:
                    continue

    def free(self, place):
        (self.inside(place) / "filler").unlink()


def disk_full(arguments, folder):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode != 0:
        return say("SKIPPED: the full disk, because small file systems need root")
    whole_disk(arguments, folder / "whole")
    index_alone(arguments, folder / "index")


def alone(arguments, small, data, folder):
    """One instance on SQLite, in the small file system."""
    it = c.Cluster(arguments.binary, folder, {}, count=0)
    one = c.Instance(arguments.binary, data, it.config, {}, prefix=small.prefix())
    it.instances = [one]
    it.begin()
    return it, one


def whole_disk(arguments, folder):
    folder.mkdir()
    data = folder / "data"
    small = Small(folder, {data: 64})
    it, one = alone(arguments, small, data, folder)
    database = c.Sqlite(data / "zhitong.db", small.prefix())
    draft, _ = c.open_draft(one, "清河市共享雨伞磁盘试用办法")
    person, receipts, handler = Citizen(970).sign_in(one), [], one.staff("handler")

    def speak(count, words):
        seen = []
        for n in range(count):
            answer = post(one, person, draft, f"{words}第{n}条意见。", timeout=30)
            seen.append(answer)
            if answer.status == 201:
                receipts.append({"number": answer.json()["receipt_number"], "id": answer.json()["opinion_id"], "body": f"{words}第{n}条意见。"})
        return seen

    check("before: posts", [a.status for a in speak(5, "磁盘未满时")], [201] * 5)
    for turn in ("first", "second"):
        small.fill(data)
        # What the log of the database still has room for may be taken; then there is none left.
        seen, until = [], time.monotonic() + 20
        while time.monotonic() < until and not (len(seen) > 5 and all(a.status != 201 for a in seen[-5:])):
            seen += speak(1, f"{turn}次满盘时{len(seen)}")
        refused = [a for a in seen if a.status != 201]
        check(f"disk full, {turn} time: posts that were refused ({len(refused)} of {len(seen)})", {(a.status, a.code()) for a in refused}, {(507, "storage-full")})
        check(f"disk full, {turn} time: they are told when to come again", bool(refused) and all("Retry-After" in a.headers for a in refused))
        reads = {
            "a page": ("GET", f"/drafts/{draft}", {"base": ""}), "the home page": ("GET", "/", {"base": ""}), "a search": ("GET", "/search?q=%E5%85%BB%E7%8A%AC", {}),
            "own opinions": ("GET", "/account/opinions", {"token": person.token}), "counts": ("GET", f"/drafts/{draft}/opinion-counts", {}),
            "the list of staff": ("GET", f"/drafts/{draft}/opinions", {"token": handler}),
        }
        for what, (method, path, more) in reads.items():
            check(f"disk full, {turn} time: {what}", try_ask(one, method, path, timeout=10, **more).status, 200)
        upload = c.upload(one, person, draft, PNG + turn.encode(), timeout=30)
        check(f"disk full, {turn} time: an upload of a file", (upload.status, upload.code()), (507, "storage-full"))
        check(f"disk full, {turn} time: it is ready for reading", one.ready()[0], 200)
        check(f"disk full, {turn} time: doctor names the disk", doctor(one, "disk", "database"), [False, True])
        small.free(data)
        opened = time.monotonic()
        took = c.wait_until(lambda: speak(1, f"{turn}次腾出空间后{c.key()[:6]}")[0].status == 201, 20)
        within(f"space again, {turn} time: the first post is taken", took and time.monotonic() - opened, 5)
    check("the same process answers", one.is_running())
    lost, twice, further = c.compare(database, receipts, draft)
    check(f"{len(receipts)} receipts: lost, twice, opinions without a receipt", (len(lost), len(twice), further), (0, 0, 0))
    check("damage in the database", database.damage(), "")
    one.stop()
    one.start()
    one.wait_ready()
    check("started again: counts", one.call("GET", f"/drafts/{draft}/opinion-counts")["opinions"], len(receipts))
    verdict = json.loads(one.command("audit", "verify", "--json", expected=(0, 2)))
    check("the audit chain is whole", verdict["broken_at"], None)
    it.stop()
    small.stop(signal.SIGKILL)


def index_alone(arguments, folder):
    folder.mkdir()
    data = folder / "data"
    small = Small(folder, {data: 96, data / "search": 16})
    it, one = alone(arguments, small, data, folder)
    handler = one.staff("handler")

    def imported(numbers):
        answer = c.import_laws(one, handler, numbers, timeout=30)
        if answer.status != 202:
            return (answer.status, answer.code())
        job = answer.json()["id"]
        c.wait_until(lambda: one.call("GET", f"/imports/{job}", token=handler)["state"] != "running", 40, 0.2)
        return one.call("GET", f"/imports/{job}", token=handler)["state"]

    def is_first(number):
        return (c.search(one, c.law(number)[0]) or [("",)])[0][0] == c.law(number)[0]

    check("index: an import before", imported(range(1, 6)), "finished")
    check("index: it is found", c.wait_until(lambda: is_first(5), 30, 0.2) is not None)
    before = c.search(one, "养犬")
    small.fill(data / "search")
    check("index full: an import is taken", imported(range(6, 46)), "finished")
    time.sleep(3)
    check("index full: searches give what they gave", bool(before) and c.search(one, "养犬") == before)
    check("index full: it is ready", one.ready()[0], 200)
    check("index full: the lag is told", one.metrics().get("zhitong_search_index_lag", 0) > 0)
    small.free(data / "search")
    within("index has space again: it catches up", c.wait_until(lambda: is_first(45) and one.metrics()["zhitong_search_index_lag"] == 0, 40, 0.2), 40)
    # More documents weigh words otherwise, so that only the title is asked for.
    check("index has space again: what was found before is found", (c.search(one, "养犬") or [("",)])[0][0], before[0][0])
    check("the same process answers", one.is_running())
    it.stop()
    small.stop(signal.SIGKILL)


def faults(arguments, folder):
    random.seed(arguments.seed)
    parts = {"postgres": postgres, "redis": redis, "originals": originals, "disk_full": disk_full}

    def begun(name):
        place = folder / name
        place.mkdir()
        place.chmod(0o755)
        parts[name](arguments, place)

    c.in_turn({name: lambda name=name: begun(name) for name in parts}, arguments.parts)


def add_arguments(parser):
    parser.add_argument("parts", nargs="*", help="of: postgres redis originals disk_full; without any, all")


if __name__ == "__main__":
    c.run(__doc__, add_arguments, faults, deadline=280)
