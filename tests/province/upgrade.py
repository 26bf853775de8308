#!/usr/bin/env python3
"""An upgrade without a pause: the software before and the new one run side by side on one PostgreSQL while people post, and the old instances are exchanged
one by one.

    tests/province/upgrade.py --binary target/debug/zhitong --previous BINARY
    tests/province/upgrade.py --binary target/debug/zhitong --build --deadline 1800

Two instances of the previous software take posts, uploads, sign-ins, searches and reads of staff. A new one starts beside them and migrates; each version reads
what the other wrote; a previous one is stopped and started again on the new schema, as after an upgrade that is taken back; then each previous one is stopped
and a new one takes its folder. Every call must be acknowledged with one repeat at another instance at most, and at the end every receipt stands exactly once.

`--build` builds the last commit before the newest migration, in the same target folder, and keeps it as target/previous/zhitong-COMMIT.
"""

import collections
import json
import pathlib
import random
import shutil
import subprocess
import threading
import time

import cluster as c
from cluster import Citizen, check, opinion, say
from journey import PNG

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Load:
    """What people and staff do meanwhile, through a balancer that knows the instances in `serving`."""

    def __init__(self, first, serving, draft, receipts, count, seed):
        self.serving, self.draft, self.receipts = serving, draft, receipts
        self.turn, self.calls, self.repeats, self.failed = 0, 0, collections.Counter(), []
        self.lock, self.stop, self.step = threading.Lock(), threading.Event(), "before"
        self.people = [Citizen(n, "visitor").sign_in(first) for n in range(count)]
        self.handler = first.staff("handler")
        chance = random.Random(seed)
        works = [self.post] * count + [self.read, self.read, self.sign_in]
        self.threads = [threading.Thread(target=self.work, args=(n, work, random.Random(chance.random())), daemon=True) for n, work in enumerate(works)]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        return not any(thread.is_alive() for thread in self.threads)

    def pair(self):
        """Two different instances, in turn."""
        with self.lock:
            self.turn += 1
            serving = list(self.serving)
        return serving[self.turn % len(serving)], serving[(self.turn + 1) % len(serving)]

    def call(self, method, path, body=None, token=None, headers=None, address="127.0.0.1", **more):
        """Acknowledged at once, or at another instance; else it has failed."""
        outcome = None
        for instance in self.pair():
            if outcome is not None:
                with self.lock:
                    self.repeats[self.step] += 1
                time.sleep(0.05)
            try:
                answer = instance.ask(method, path, body, token, headers, address, timeout=25, **more)
                if 200 <= answer.status < 300:
                    with self.lock:
                        self.calls += 1
                    return answer
                outcome = (answer.status, answer.code())
            except c.BROKEN as error:
                outcome = (type(error).__name__, str(error))
        with self.lock:
            self.failed.append((self.step, method, path.split("?")[0], outcome))
        return None

    def work(self, number, work, chance):
        done = 0
        while not self.stop.is_set():
            done += 1
            work(number, done, chance)
            self.stop.wait(chance.uniform(0.05, 0.2))

    def post(self, number, done, chance):
        person, words, kind = self.people[number], f"第{number}人升级期间的第{done}条意见{c.key()[:6]}。", chance.random()
        headers = {"Idempotency-Key": c.key()}
        if kind < 0.1:
            body, more = c.multipart({}, [("file", "照片.png", PNG)])
            self.call("POST", f"/drafts/{self.draft}/attachments", body, person.token, headers | more, person.address)
            return
        who = None if kind < 0.3 else person
        path = f"/drafts/{self.draft}/opinions" if who else f"/drafts/{self.draft}/anonymous-opinions"
        answer = self.call("POST", path, opinion(words, f"art-{done % 8 + 1}"), who and who.token, headers, person.address)
        if answer:
            made = answer.json()
            self.receipts.add(number=made["receipt_number"], id=made.get("opinion_id"), body=words, person=number if who else None)

    def read(self, number, done, chance):
        draft = self.draft
        path, token = chance.choice([
            (f"/drafts/{draft}", None), (f"/drafts/{draft}/opinion-counts", None), ("/search?q=%E5%81%9C%E6%94%BE", None),
            (f"/drafts/{draft}/opinions?limit=20", self.handler), (f"/drafts/{draft}/work-counts", self.handler), ("/account", self.people[0].token),
        ])
        self.call("GET", path, token=token)

    def sign_in(self, number, done, chance):
        person = Citizen(1000 * number + done, "newcomer")
        body = {"code": f"sandbox-{person.name}", "privacy_version": self.people[0].notice, "is_fourteen_or_over": True}
        answer = self.call("POST", "/sessions/wechat", body, address=person.address)
        if answer:
            self.call("GET", "/account", token=answer.json()["token"], address=person.address)


def newest_migration(postgres):
    return postgres.rows("SELECT MAX(version) AS version, COUNT(*) AS n FROM _sqlx_migrations WHERE success")[0]


def both_ways(old, new, person, title):
    """What one version wrote is read and gone on with by the other."""
    draft, round_id = c.open_draft(old, f"{title}一")
    seen = new.ask("GET", f"/drafts/{draft}")
    check("the new software reads a draft that the old one made", (seen.status, seen.json().get("draft", {}).get("title")), (200, f"{title}一"))
    check("and takes an opinion on it", c.post(new, person, draft, "新版本收到的意见。").status, 201)
    draft, round_id = c.open_draft(new, f"{title}二")
    seen = old.ask("GET", f"/drafts/{draft}")
    check("the old software reads a draft that the new one made", (seen.status, seen.json().get("draft", {}).get("title")), (200, f"{title}二"))
    made = c.post(old, person, draft, "旧版本收到的意见。")
    check("and takes an opinion on it", made.status, 201)
    own = [item["id"] for item in new.call("GET", "/account/opinions?limit=10", token=person.token)["items"]]
    check("the new software lists it among the author's", made.status == 201 and made.json()["opinion_id"] in own)
    handler = old.staff("handler")
    table = new.call("GET", f"/statistics?by=consultation&consultation_id={round_id}", token=handler)
    counted = {n["measure"]: n["count"] for n in table["total"]["numbers"]}
    check("and counts it, its text and its author", [counted[measure] for measure in ("opinions", "texts", "persons")], [1, 1, 1])


def look(it, postgres, load):
    """Every receipt, once."""
    receipts = load.receipts.all()
    lost, twice, further = c.compare(postgres, receipts, load.draft)
    check(f"{len(receipts)} receipts; without their opinion", [r["number"] for r in lost], [])
    check("with their opinion twice", [r["number"] for r in twice], [])
    check("opinions without a receipt", further, 0)
    for instance in it.instances:
        check("opinions, as everybody sees them", instance.call("GET", f"/drafts/{load.draft}/opinion-counts")["opinions"], len(receipts))
    own = collections.Counter(r["person"] for r in receipts if r["person"] is not None)

    def told():
        found = []
        for number, person in enumerate(load.people):
            about = [m["subject_id"] for m in it.any().all("/account/messages", person.token) if m["event"] == "opinion_received"]
            found += [(number, len(about), own[number])] if (len(about), len(set(about))) != (own[number], own[number]) else []
        return found

    c.wait_until(lambda: not told(), 40, 1)
    check("authors who were not told once of each of their opinions", told(), [])
    verdict = json.loads(it.instances[0].command("audit", "verify", "--json", expected=(0, 2)))
    check(f"the audit chain of {verdict['entries']} entries is whole", verdict["broken_at"], None)


def upgrade(arguments, folder):
    previous = build(arguments.binary) if arguments.build else arguments.previous.resolve()
    say(f"upgrading {version(previous)} to {version(arguments.binary)} (seed {arguments.seed})")
    postgres, redis = c.Postgres(folder), c.Redis(folder)
    environment = {"ZHITONG_DATABASE_URL": postgres.url(), "ZHITONG_REDIS_URL": redis.url()}
    it = c.Cluster(previous, folder, environment, count=2).begin()
    olds, pause = list(it.instances), arguments.pause
    before = newest_migration(postgres)
    draft, _ = c.open_draft(olds[0], "清河市共享雨伞升级试用办法")
    person = Citizen(900, "visitor").sign_in(olds[0])
    load = Load(olds[0], it.instances, draft, c.Receipts(folder / "receipts.jsonl"), arguments.posters, arguments.seed)
    load.begin()
    time.sleep(pause)

    load.step = "a new one comes"
    it.binary = arguments.binary
    first = it.another()
    first.start()
    took = first.wait_ready(120)
    after = newest_migration(postgres)
    say(f"  the new software is ready after {took:.1f} s; migrations {before['n']} → {after['n']}"
        + ("" if after != before else ": it brings none, so what is shown is only that both run"))
    it.instances.append(first)
    time.sleep(pause)
    check("the old instances still run and are ready", [old.ready()[0] for old in olds], [200, 200])
    both_ways(olds[0], first, person, "清河市共享雨伞两版并行试用办法")

    load.step = "an old one is started again"
    leave(it, olds[0])
    olds[0].start()
    again = c.wait_until(lambda: olds[0].ready()[0] == 200 or not olds[0].is_running(), 60)
    if check("the old software starts on the new schema", again is not None and olds[0].is_running()):
        it.instances.append(olds[0])
    time.sleep(pause)

    for number, old in enumerate(olds, 1):
        load.step = f"old one {number} is exchanged"
        leave(it, old)
        fresh = c.Instance(arguments.binary, old.data_dir, it.config, environment)
        fresh.passwords = old.passwords
        fresh.start()
        fresh.wait_ready(120)
        it.instances.append(fresh)
        time.sleep(pause)

    load.step = "only new ones"
    time.sleep(pause)
    check("every act came to its end", load.end())
    say(f"  {load.calls} calls, repeats {dict(load.repeats)}")
    check("calls that were not acknowledged with one repeat", load.failed[:5], [])
    check("all instances are of the new software", {instance.binary for instance in it.instances} == {arguments.binary} and len(it.instances) == 3)
    look(it, postgres, load)
    it.stop()


def leave(it, instance):
    """A stop as an operator does it: the process is told, and the balancer learns of it a moment later."""
    instance.tell(15)
    time.sleep(0.2)
    if instance in it.instances:
        it.instances.remove(instance)
    instance.stop()


def version(binary):
    done = subprocess.run([binary, "--version"], capture_output=True, text=True)
    return f"{done.stdout.strip()} ({binary})"


def build(binary):
    """The binary of the last commit before the newest migration. The target folder is shared, so only the product itself is compiled."""
    git = lambda *words: subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: E731
    newest = git("log", "-1", "--format=%H", "--", "migrations/postgres", "migrations/sqlite")
    try:
        commit = git("rev-parse", "--verify", f"{newest}^")
    except subprocess.CalledProcessError:
        raise RuntimeError("the history does not reach the commit before the newest migration: name a binary with --previous") from None
    made = ROOT / f"target/previous/zhitong-{commit[:12]}"
    if not made.exists():
        source = ROOT / "target/previous/source"
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
        shared = ["cargo", "build", "--locked", "--bin", "zhitong", "--target-dir", ROOT / "target"]
        own = ROOT / "target/debug/zhitong"
        is_own = binary == own.resolve()
        subprocess.run(shared, cwd=source, check=True)
        shutil.copy2(own, made)
        # The name in the target folder is this checkout's again.
        if is_own:
            subprocess.run(shared, cwd=ROOT, check=True)
        shutil.rmtree(source, ignore_errors=True)
    return made


def add_arguments(parser):
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--previous", type=pathlib.Path, help="binary of the software before")
    which.add_argument("--build", action="store_true", help="builds it from the history")
    parser.add_argument("--posters", type=int, default=6)
    parser.add_argument("--pause", type=float, default=4, help="seconds of load between the steps")


if __name__ == "__main__":
    c.run(__doc__, add_arguments, upgrade, deadline=300)
