#!/usr/bin/env python3
"""No acknowledged opinion is lost: the server is killed again and again while people post, and at the end every receipt is looked for.

    tests/province/killing.py --engine sqlite --kills 12 --binary target/debug/zhitong
    tests/province/killing.py --engine postgres --kills 200 --deadline 3600 --binary target/release/zhitong

Posters (signed in, without an account, changing what they said, agreeing with others) repeat each act under its key until it is acknowledged; each receipt is
written to a file and synced before the next act begins. Meanwhile a server is killed with SIGKILL between 0.1 and 1.5 s after it became ready, and started
again. On SQLite one server runs; on PostgreSQL three, durable as they come, and now and then the postmaster is killed too, or Redis. At the end nothing is
killed any more, and every receipt must stand exactly once in the database, in the counts and statistics, in its author's inbox and under a seal of the audit
chain; every import that was reported as finished must be found by every instance.
"""

import collections
import json
import random
import threading
import time

import cluster as c
from cluster import Citizen, check, opinion, say

POSTMASTER_EVERY, REDIS_EVERY = 15, 20
# Starts of one instance again after the killed postmaster ended its start, at most.
STARTS_AGAIN = 5


class Posters:
    """People who act until they are told to stop, each in a thread of their own."""

    def __init__(self, it, draft, shown, receipts, count, seed):
        self.it, self.draft, self.shown, self.receipts = it, draft, shown, receipts
        self.acts, self.repeats, self.refused, self.lock = 0, 0, [], threading.Lock()
        self.stop, self.in_flight = threading.Event(), 0
        self.wordings, self.votes = {}, {}  # the last acknowledged wording of an opinion; the last acknowledged choice of a person
        self.people = [Citizen(n).sign_in(it.instances[0]) for n in range(count)]
        self.threads = [threading.Thread(target=self.speak, args=(n, random.Random(seed * 1000 + n)), daemon=True) for n in range(count)]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def end(self, seconds=90):
        """The act that is under way is brought to its end."""
        self.stop.set()
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    def act(self, method, path, body, person, with_key):
        """Repeats until acknowledged; gives what was answered, or nothing when it was refused for good."""
        with self.lock:
            self.in_flight += 1
        token, address = (person.token, person.address) if person else (None, "198.51.100.7")
        answer, repeats = c.insist(self.it, method, path, body, {"Idempotency-Key": with_key}, token, address)
        with self.lock:
            self.in_flight -= 1
            self.acts += 1
            self.repeats += repeats
            if answer is None or answer.status not in (200, 201):
                self.refused.append((method, path.split("/")[-1], answer and (answer.status, answer.code())))
                return None
        return answer.json()

    def speak(self, number, chance):
        person, said = self.people[number], []
        for n in range(1_000_000):
            if self.stop.is_set():
                return
            kind, with_key = chance.random(), c.key()
            if said and kind < 0.12:
                made = chance.choice(said)
                body = opinion(f"{made['words']}第{made['revision'] + 1}次说明。", f"art-{n % 8 + 1}")
                if self.act("PUT", f"/opinions/{made['id']}", {"revision": made["revision"], "opinion": body}, person, with_key):
                    made["revision"] += 1
                    self.wordings[made["id"]] = (body["body"], made["revision"])
                    self.receipts.add(kind="change", id=made["id"], body=body["body"], revision=made["revision"])
            elif kind < 0.2:
                place, choice = chance.choice(self.shown), chance.choice(["agree", "disagree"])
                if self.act("PUT", f"/opinions/{place}/vote", {"choice": choice}, person, with_key):
                    self.votes[(place, number)] = choice
                    self.receipts.add(kind="vote", id=place, person=number, choice=choice)
            else:
                who = None if kind < 0.45 else person
                words = f"第{number}人的第{n}条意见{with_key[:6]}：请写明期限。"
                body = opinion(words, f"art-{n % 8 + 1}")
                path = f"/drafts/{self.draft}/opinions" if who else f"/drafts/{self.draft}/anonymous-opinions"
                receipt = self.act("POST", path, body, who, with_key)
                if receipt:
                    made = {"id": receipt.get("opinion_id"), "words": words, "revision": 1}
                    self.receipts.add(kind="post" if who else "anonymous", number=receipt["receipt_number"], id=made["id"], person=number if who else None,
                                      key=with_key, body=words, code=receipt.get("lookup_code"))
                    if who:
                        said.append(made)
            # Enough for a post to be under way at each kill, and no more: other things run on this machine.
            self.stop.wait(chance.uniform(0.02, 0.12))


class Importer:
    """Imports one document after the other; one that did not finish is begun again."""

    def __init__(self, it, most):
        self.it, self.most, self.finished, self.begun, self.stop = it, most, [], 0, threading.Event()
        self.token = it.instances[0].staff("handler")
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        for number in range(1, self.most + 1):
            while not self.stop.is_set() and not self.once(number):
                self.stop.wait(0.1)
            if self.stop.wait(1.5):
                return

    def once(self, number):
        try:
            self.begun += 1
            answer = c.import_laws(self.it.any(), self.token, [number], timeout=10)
            if answer.status != 202:
                return False
            job, until = answer.json()["id"], time.monotonic() + 6
            while time.monotonic() < until and not self.stop.is_set():
                answer = self.it.any().ask("GET", f"/imports/{job}", token=self.token, timeout=10)
                if answer.status == 200 and answer.json()["state"] == "finished":
                    if [row["outcome"] for row in answer.json()["rows"]] in (["new"], ["unchanged"]):
                        self.finished.append(number)
                        return True
                    return False
                self.stop.wait(0.1)
        except c.BROKEN:
            pass
        return False


def kill_postmaster(it, engine):
    """Gives the instances whose start it may have met: such a start ends by itself, and says that the database is not there."""
    starting = [instance for instance in it.instances if instance.ready()[0] != 200]
    engine.sigkill()
    engine.start()
    return starting


def wait_for(instance, met, counts):
    """Waits until an instance is ready; one whose start met the killed postmaster is started again, a few times at most. Any other that ended is a failure."""
    for _ in range(STARTS_AGAIN):
        c.wait_until(lambda: instance.ready()[0] == 200 or not instance.is_running(), 60)
        if instance.is_running() or instance not in met:
            break
        counts["started again"] += 1
        instance.start()
    instance.wait_ready()
    met.discard(instance)


def kill_and_start(it, engines, posters, kills, chance):
    """The killer. Gives how often each thing was killed."""
    counts, met = collections.Counter(), set()
    for n in range(1, kills + 1):
        if "postgres" in engines and (n % POSTMASTER_EVERY == 0 or n == max(1, kills // 2)):
            time.sleep(chance.uniform(0.1, 0.6))
            met.update(kill_postmaster(it, engines["postgres"]))
            counts["postmaster"] += 1
        if "redis" in engines and n % REDIS_EVERY == 0:
            engines["redis"].sigkill()
            engines["redis"].start()
            counts["redis"] += 1
        victim = chance.choice(it.instances)
        wait_for(victim, met, counts)
        time.sleep(chance.uniform(0.1, 1.5))
        if chance.random() < 0.5:
            c.wait_until(lambda: posters.in_flight > 0, 1, 0.001)
        victim.sigkill()
        counts["server"] += 1
        victim.start()
    for instance in it.instances:
        wait_for(instance, met, counts)
    return counts


def check_seals(it, database, receipts):
    """The audit chain is whole, and every receipt is under one of its seals."""
    c.wait_until(lambda: not database.rows("SELECT 1 AS one FROM opinion WHERE sealed_in IS NULL LIMIT 1"), 60, 0.5)
    verdict = json.loads(it.instances[0].command("audit", "verify", "--json", expected=(0, 2)))
    check(f"the audit chain of {verdict['entries']} entries is whole", verdict["broken_at"], None)
    check(f"differences from {verdict['seals']} seals over {verdict['receipts']} receipts", verdict["differences"], [])
    rows = database.rows("SELECT COUNT(*) AS n FROM opinion")[0]["n"]
    check("receipts under a seal, and those that wait", (verdict["receipts"], verdict["waiting"]), (rows, 0))
    sealed = {row["receipt_number"] for row in database.rows(
        "SELECT o.receipt_number FROM opinion o JOIN audit_entry e ON e.seq = o.sealed_in WHERE e.act = 'seal_receipts'")}
    check("receipts that no entry of the audit chain seals", [r["number"] for r in receipts if r["number"] not in sealed], [])


def look(it, engines, database, draft, round_id, posters, importer):
    """Every receipt, everywhere."""
    first, kept = it.instances[0], posters.receipts.all()
    posts = [r for r in kept if r["kind"] in ("post", "anonymous")]
    # What was changed since has other words in the row; the number and the id are those of the receipt.
    changed = {r["id"]: r for r in kept if r["kind"] == "change"}
    lost, twice, further = c.compare(database, [r | {"body": changed[r["id"]]["body"]} if r["id"] in changed else r for r in posts], draft)
    by_key = collections.Counter(row["k"] for row in database.rows(
        f"SELECT idempotency_key AS k FROM opinion WHERE draft_id = {c.quoted(database, draft)} AND idempotency_key IS NOT NULL"))
    check("receipts whose opinion is not in the database", [r["number"] for r in lost], [])
    check("receipts whose opinion is there twice", [r["number"] for r in twice], [])
    check("opinions under one key more than once", [k for k, count in by_key.items() if count > 1], [])
    check("keys of signed-in people without their row", [r["key"] for r in posts if r["kind"] == "post" and not by_key[r["key"]]], [])
    check("opinions without a receipt", further, 0)
    rows = {row["id"]: row["revision"] for row in database.rows(f"SELECT id, revision FROM opinion WHERE draft_id = {c.quoted(database, draft)}")}
    check(f"{len(changed)} changed opinions with another revision than acknowledged", [i for i, (_, revision) in posters.wordings.items() if rows.get(i) != revision], [])
    votes = database.rows("SELECT opinion_id, choice, COUNT(*) AS n FROM opinion_vote GROUP BY opinion_id, choice")
    expected = collections.Counter((place, choice) for (place, _), choice in posters.votes.items())
    check("votes by opinion and choice as acknowledged", {(r["opinion_id"], r["choice"]): r["n"] for r in votes if r["opinion_id"] in posters.shown} == dict(expected))
    say(f"receipts {len(posts)}, lost {len(lost)}, twice {len(twice)}")

    handler = first.staff("handler")
    for instance in it.instances:
        counts = instance.call("GET", f"/drafts/{draft}/opinion-counts")
        check("opinions, as everybody sees them", counts["opinions"], len(posts))
    check("opinions, as staff see them", first.call("GET", f"/drafts/{draft}/work-counts", token=handler)["opinions"], len(posts))
    table = first.call("GET", f"/statistics?by=channel&consultation_id={round_id}", token=handler)
    check("statistics", {n["measure"]: n["count"] for n in table["total"]["numbers"] if n["measure"] == "opinions"}, {"opinions": len(posts)})
    anonymous = [r for r in posts if r["kind"] == "anonymous"][:20]
    found = [first.ask("POST", "/opinion-lookups", {"code": r["code"]}) for r in anonymous]
    check(f"{len(anonymous)} opinions looked up by their codes", [f.status == 200 and f.json()["receipt_number"] for f in found] == [r["number"] for r in anonymous])

    own = collections.Counter(r["person"] for r in posts if r["kind"] == "post")

    def told():
        differing = []
        for number, person in enumerate(posters.people):
            about = [m["subject_id"] for m in it.any().all("/account/messages", person.token) if m["event"] == "opinion_received"]
            if len(about) != own[number] or len(set(about)) != len(about):
                differing.append((number, len(about), len(set(about)), own[number]))
        return differing

    c.wait_until(lambda: not told(), 40, 1)
    check("authors who were not told once of each of their opinions", told(), [])

    check_seals(it, database, posts)
    for instance in it.instances:
        c.wait_until(lambda: instance.metrics()["zhitong_search_index_lag"] == 0, 30)
        titles = [c.law(n)[0] for n in importer.finished]
        check(f"{len(titles)} imported documents ({importer.begun} imports begun) found first", [(c.search(instance, t) or [("",)])[0][0] for t in titles] == titles)
    check("damage in the files of the database", database.damage(), "")


def killing(arguments, folder):
    chance = random.Random(arguments.seed)
    say(f"killing on {arguments.engine}: {arguments.kills} kills, seed {arguments.seed}")
    engines, environment = {}, {}
    if arguments.engine == "postgres":
        engines = {"postgres": c.Postgres(folder, durable=True), "redis": c.Redis(folder)}
        environment = {"ZHITONG_DATABASE_URL": engines["postgres"].url(), "ZHITONG_REDIS_URL": engines["redis"].url()}
    it = c.Cluster(arguments.binary, folder, environment, count=3 if engines else 1).begin()
    first = it.instances[0]
    database = engines.get("postgres") or c.Sqlite(first.data_dir / "zhitong.db")
    draft, round_id = c.open_draft(first, "清河市共享雨伞停电试用办法")
    # What people agree with stands on another draft, so that the counts of this one are those of the receipts.
    other, _ = c.open_draft(first, "清河市共享雨伞表态试用办法")
    speaker = Citizen(999, "speaker").sign_in(first)
    shown = [c.post(first, speaker, other, f"供人表态的第{n}条意见。").json()["opinion_id"] for n in range(4)]
    posters = Posters(it, draft, shown, c.Receipts(folder / "receipts.jsonl"), arguments.posters, arguments.seed)
    importer = Importer(it, arguments.imports)
    importer.thread.start()
    posters.begin()
    began = time.monotonic()
    counts = kill_and_start(it, engines, posters, arguments.kills, chance)
    took = time.monotonic() - began
    check("every act came to its end", posters.end())
    importer.stop.set()
    importer.thread.join(30)
    say(f"kills {dict(counts)}, acts {posters.acts}, repeats {posters.repeats}, in {took:.0f} s")
    check("acts that were refused", posters.refused[:5], [])
    check("kills", counts["server"], arguments.kills)
    check("imports were finished", len(importer.finished) > 0)
    look(it, engines, database, draft, round_id, posters, importer)
    it.stop()


def add_arguments(parser):
    parser.add_argument("--engine", choices=["sqlite", "postgres"], required=True)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--posters", type=int, default=8)
    parser.add_argument("--imports", type=int, default=40, help="documents that are imported meanwhile, one after the other, at most")


if __name__ == "__main__":
    c.run(__doc__, add_arguments, killing)
