#!/usr/bin/env python3
"""Three instances over one PostgreSQL and one Redis behave as if there were one.

    tests/province/several.py --binary target/debug/zhitong [--opinions 120] [--followers 30] [--laws 300] [--rows 1000]

Named checks, in this order: sessions, limits, what is sent twice at once, the WeChat token, the outbox while instances are killed, reading what was just
written, a new instance beside the others, imports and uploaded tables whose instance is killed, and a round that opens and one that ends at midnight (with the
clocks of all instances moved). Sign-in, checks of
texts and messages go to a stand-in of WeChat that counts its calls; originals lie in the stand-in of the object store, or in a folder of all. Everything is on the loopback; nothing is left behind.
"""

import collections
import datetime
import json
import random
import shutil
import subprocess
import threading
import time
import urllib.parse

import cluster as c
from cluster import Citizen, check, opinion, post, say, together, within
from journey import PNG

PER_IDENTITY = 30
WECHAT = """gateway = "live"
app_id = "wx-stand-in"
secret = "stand-in"
base_url = "http://127.0.0.1:{port}"
[[wechat.templates]]
id = "received"
events = ["opinion_received"]
page = "pages/opinion?id={{subject}}"
fields = {{ thing1 = "{{about}}", time2 = "{{time}}" }}
"""


def citizen(site, number, name="citizen"):
    return Citizen(number, name).sign_in(site, "{}")


def sessions(it):
    a, b, d = it.instances
    person = citizen(a, 1, "guest")
    first = person.token
    check("a session made at one instance is good at the others", [s.ask("GET", "/account", token=first).status for s in (b, d)], [200, 200])
    person.sign_in(b, "{}")
    lists = [sorted(item["handle"] for item in s.call("GET", "/account/sessions", token=first)["items"]) for s in it.instances]
    check("all list the same sessions", (len(lists[0]), lists[0] == lists[1] == lists[2]), (2, True))
    check("signed out at another instance", b.ask("DELETE", "/sessions/current", token=first).status, 204)
    check("that session is over at all at once", [s.ask("GET", "/account", token=first).status for s in it.instances], [401] * 3)
    check("the other session is good at all", [s.ask("GET", "/account", token=person.token).status for s in it.instances], [200] * 3)
    staff = a.staff("handler")
    check("a session of staff is good at all", [s.ask("GET", "/account", token=staff).status for s in it.instances], [200] * 3)


def limits(it):
    draft, _ = c.open_draft(it.any(), "清河市共享雨伞限额试用办法")
    person = citizen(it.any(), 2, "guest")
    answers = [post(it.any(), person, draft, f"第{n}条意见。").status for n in range(PER_IDENTITY)]
    check(f"{PER_IDENTITY} opinions, one instance after the other", collections.Counter(answers), {201: PER_IDENTITY})
    more = [post(s, person, draft, f"多余的意见{n}。") for n, s in enumerate(it.instances)]
    check("the next one is refused at each, and told when to come back", [(m.status, m.headers.get("Retry-After") is not None) for m in more], [(429, True)] * 3)
    person = citizen(it.any(), 3, "guest")
    answers = together(lambda at: [post(it.instances[at % 3], person, draft, f"抢着提的第{at}之{n}条意见。").status for n in range(5)], range(24))
    counted = collections.Counter(status for some in answers for status in some)
    check("120 tries at three instances at once", counted, {201: PER_IDENTITY, 429: 120 - PER_IDENTITY})


def at_once(it, act):
    """The same act at all three at the same time."""
    return together(act, it.instances)


def once(it):
    draft, _ = c.open_draft(it.any(), "清河市共享雨伞重复提交试用办法")
    people = [citizen(it.any(), 10 + n, "guest") for n in range(5)]
    wrong, receipts, last = [], set(), None
    for n in range(50):
        person, key, words = people[n % 5], c.key(), f"同时发出三次的第{n}条意见。"
        answers = at_once(it, lambda s: post(s, person, draft, words, key))
        numbers = {json.dumps(a.json(), sort_keys=True) for a in answers if a.status < 300}
        receipts |= numbers
        if sorted(a.status for a in answers) != [200, 200, 201] or len(numbers) != 1:
            wrong.append([a.status for a in answers])
        last = person, key
    check("50 opinions sent thrice at once: one new and two repetitions with one receipt", wrong, [])
    check("receipts", len(receipts), 50)
    check("opinions", it.any().call("GET", f"/drafts/{draft}/opinion-counts")["opinions"], 50)
    other = post(it.any(), last[0], draft, "用过的标识，另一条意见。", last[1])
    check("another opinion under the same key", (other.status, other.code()), (409, "idempotency-key-reused"))

    key = c.key() + c.key()
    answers = at_once(it, lambda s: post(s, None, draft, "没有登录的人同时发出三次。", key))
    check("without an account: one receipt, one code", (sorted(a.status for a in answers), len({(a.json()["receipt_number"], a.json()["lookup_code"]) for a in answers})), ([200, 200, 201], 1))

    key = c.key()
    answers = at_once(it, lambda s: c.upload(s, people[0], draft, PNG, with_key=key))
    check("a file uploaded thrice at once is one", ([a.status for a in answers], len({a.json()["id"] for a in answers})), ([200] * 3, 1))

    shown = c.wait_until(lambda: it.any().call("GET", f"/drafts/{draft}/public-opinions?limit=10")["items"], 20)
    check("opinions are shown", shown is not None)
    place = [item["id"] for item in it.any().call("GET", f"/drafts/{draft}/public-opinions?limit=100", token=people[0].token)["items"] if not item["is_own"]][0]
    key = c.key()
    headers = {"Idempotency-Key": key}
    answers = at_once(it, lambda s: s.ask("PUT", f"/opinions/{place}/vote", {"choice": "agree"}, people[0].token, headers, people[0].address))
    check("a vote sent thrice at once counts once", [(a.status, a.json()["agree"]) for a in answers], [(200, 1)] * 3)


def token(it, wechat):
    draft, _ = c.open_draft(it.any(), "清河市共享雨伞令牌试用办法")
    people = [citizen(it.any(), 100 + n, "guest") for n in range(6)]
    it.stop()
    it.redis.sigkill()
    it.redis.start()
    for instance in it.instances:
        instance.start()
    for instance in it.instances:
        instance.wait_ready()
    wechat.tokens = wechat.forced = wechat.checked = 0
    answers = together(lambda n: post(it.instances[n % 3], people[n % 6], draft, f"冷启动后的第{n}条意见。"), range(30))
    check("30 opinions at three instances that have just started", collections.Counter(a.status for a in answers), {201: 30})
    c.wait_until(lambda: wechat.checked >= 30, 15)
    check("texts checked, access tokens fetched, by force", (wechat.checked, wechat.tokens, wechat.forced), (30, 1, 0))
    wechat.revoke()
    answers = together(lambda n: post(it.instances[n % 3], people[n % 6], draft, f"令牌失效后的第{n}条意见。"), range(30))
    check("30 opinions after the token was revoked", collections.Counter(a.status for a in answers), {201: 30})
    c.wait_until(lambda: wechat.checked >= 60, 15)
    check("texts checked, tokens fetched by force", (wechat.checked, wechat.forced), (60, 1))


def outbox(it, wechat, count, chance):
    draft, _ = c.open_draft(it.any(), "清河市共享雨伞通知试用办法")
    # Two in ten opinions of each author have a consent to be told through WeChat.
    people = [citizen(it.any(), 200 + n) for n in range(max(10, count // PER_IDENTITY + 1))]
    for person in people:
        for turn in range(2):
            body = {"code": f"{person.name}.consent{turn}", "choices": [{"template_id": "received", "choice": "accept"}]}
            it.any().call("POST", "/account/subscriptions", body, person.token, headers={"Idempotency-Key": c.key()}, address=person.address)
    wechat.sent.clear()
    stop, kills = threading.Event(), [0]

    def killing():
        while not stop.wait(3):
            victim = chance.choice(it.instances)
            victim.sigkill()
            kills[0] += 1
            victim.start()
            victim.wait_ready()

    killer = threading.Thread(target=killing, daemon=True)
    killer.start()
    began, repeats, failed = time.monotonic(), 0, []
    for n in range(count):
        person = people[n % len(people)]
        headers = {"Idempotency-Key": c.key()}
        answer, again = c.insist(it, "POST", f"/drafts/{draft}/opinions", opinion(f"通知试用的第{n}条意见。"), headers, person.token, person.address)
        repeats += again
        if answer is None or answer.status not in (200, 201):
            failed.append(answer and answer.status)
        # Spread over some kills, whatever the speed of the machine.
        time.sleep(max(0, began + 12 * (n + 1) / count - time.monotonic()))
    stop.set()
    killer.join(60)
    say(f"  ({kills[0]} kills, {repeats} repeats)")
    check(f"{count} opinions acknowledged while instances are killed", failed, [])

    def messages():
        found = [m for p in people for m in it.any().all("/account/messages", p.token) if m["event"] == "opinion_received"]
        return len(found), len({m["subject_id"] for m in found})

    c.wait_until(lambda: messages()[1] >= count, 30, 1)
    check("messages that an opinion was received, opinions told of", messages(), (count, count))

    def spent():
        return sum(s["spent"] for p in people for s in it.any().call("GET", "/account/subscriptions", token=p.token))

    c.wait_until(lambda: spent() >= 2 * len(people), 20, 0.5)
    check("consents spent, each for one message", spent(), 2 * len(people))
    sent = lambda: len(set(wechat.sent))  # noqa: E731
    # A message whose carrier was killed is carried again two minutes later; one in a kill at most is waited for.
    c.wait_until(lambda: sent() >= 2 * len(people), 10, 0.5)
    check("messages carried to WeChat: none but the consented, none missing but what a kill holds back", 2 * len(people) - kills[0] <= sent() <= 2 * len(people))
    check(f"messages carried twice ({len(wechat.sent) - sent()}): at most one a kill", len(wechat.sent) - sent() <= kills[0])


def read_back(it):
    draft, round_id = c.open_draft(it.any(), "清河市共享雨伞读写试用办法")
    handler, person = it.any().staff("handler"), citizen(it.any(), 4, "guest")
    wrong = collections.Counter()
    for n in range(12):
        at, others = it.instances[n % 3], [it.instances[(n + 1) % 3], it.instances[(n + 2) % 3]]
        words = f"随后就读的第{n}条意见{c.key()[:8]}。"
        made = post(at, person, draft, words).json()["opinion_id"]
        for other in others:
            own = other.call("GET", "/account/opinions?limit=5", token=person.token)["items"]
            wrong["own opinions"] += not own or own[0]["id"] != made
            wrong["the opinion itself"] += other.ask("GET", f"/opinions/{made}", token=person.token).json().get("body") != words
            wrong["the list of staff"] += other.call("GET", f"/drafts/{draft}/opinions?limit=100", token=handler)["items"][-1]["id"] != made
            wrong["counts"] += other.call("GET", f"/drafts/{draft}/opinion-counts")["opinions"] != n + 1
            total = other.call("GET", f"/statistics?by=consultation&consultation_id={round_id}", token=handler)["total"]["numbers"]
            wrong["statistics"] += [x["count"] for x in total if x["measure"] == "opinions"] != [n + 1]
            wrong["work list"] += other.call("GET", f"/drafts/{draft}/work-counts", token=handler)["opinions"] != n + 1
    check("what one instance took in is in the next answer of the others", {k: v for k, v in wrong.items() if v}, {})


def seconds(value):
    return "never seen" if value is None else f"after {value:.2f} s"


def pages(instances, words):
    """What the first four pages of a search show, each asked of the next of these instances."""
    found, cursor = [], ""
    for turn in range(4):
        answer = instances[turn % len(instances)].call("GET", f"/search?q={urllib.parse.quote(words)}&limit=5{cursor}")
        found.append([(hit["title"], hit["label"], hit["score"]) for hit in answer["hits"]])
        if "next_cursor" not in answer:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    return found


def new_instance(it, count):
    a = it.instances[0]
    staff = a.staff("handler")
    job = c.import_laws(a, staff, range(1, count + 1)).json()
    if check("an import of documents is taken", "id" in job):
        done = lambda: a.call("GET", f"/imports/{job['id']}", token=staff)  # noqa: E731
        c.wait_until(lambda: done()["state"] != "running", 90, 0.2)
        check(f"{count} documents imported", (done()["state"], collections.Counter(row["outcome"] for row in done()["rows"])), ("finished", {"new": count}))
    # Corrections leave entries behind that are deleted and not yet merged away; an index that is built afterwards has none.
    numbers = range(1, count + 1, 3)
    job = c.import_laws(a, staff, numbers, articles=6).json()
    finished = lambda: a.call("GET", f"/imports/{job['id']}", token=staff)  # noqa: E731
    c.wait_until(lambda: finished()["state"] != "running", 90, 0.05)
    check(f"{len(numbers)} of them corrected", (finished()["state"], collections.Counter(row["outcome"] for row in finished()["rows"])), ("finished", {"corrected": len(numbers)}))
    change = finished().get("change_seq", 0)

    def after_import(instance):
        words = urllib.parse.quote(f"{c.law(numbers[-1])[0]}第五条")
        answer = instance.ask("GET", f"/search?q={words}", headers={"Read-After": str(change)}).json()
        return answer["is_behind"], "answer" in answer

    waited = together(after_import, it.instances)
    check("a search right after the import finds it at each instance, or says that it may be missing", [w for w in waited if w not in ((False, True), (True, True), (True, False))], [])
    lag = c.wait_until(lambda: all(i.metrics()["zhitong_search_index_lag"] == 0 and c.search(i, c.law(count)[0]) for i in it.instances), 60, 0.2)
    within("all instances have followed", lag, 60)
    check("then each says that it has it", [(after_import(i), i.call("GET", f"/imports/{job['id']}", token=staff)["is_searchable"]) for i in it.instances], [((False, True), True)] * 3)

    stop, failures, served = threading.Event(), [], [0]

    def reading():
        while not stop.is_set():
            at = it.any()
            try:
                answer = at.ask("GET", "/search?q=%E5%81%9C%E6%94%BE", timeout=10)
                served[0] += 1
                if answer.status != 200:
                    failures.append(answer.status)
            except c.BROKEN as error:
                failures.append(repr(error))
            stop.wait(0.05)

    reader = threading.Thread(target=reading, daemon=True)
    reader.start()
    fresh = it.another()
    fresh.start()
    began = time.monotonic()
    live, early, ready = None, [], None
    while ready is None and time.monotonic() - began < 60 and fresh.is_running():
        try:
            if live is None and fresh.is_live(0.5):
                live = time.monotonic() - began
            status, body = fresh.ready(0.5)
            if status == 200:
                ready = time.monotonic() - began
            elif status:
                answer = fresh.ask("GET", "/search?q=%E5%81%9C%E6%94%BE", timeout=2)
                # Once there is an index it answers, and is ready a moment later, when it has what changed meanwhile.
                if fresh.ready(0.5)[1].get("index") == "building":
                    early.append((status, body.get("index"), answer.status, "Retry-After" in answer.headers))
        except c.BROKEN:
            pass
        time.sleep(0.02)
    stop.set()
    reader.join(20)
    within("a new instance with an empty folder is ready", ready, 60)
    # Whoever watches over it must see that it lives while it builds its index.
    check(f"it says that it lives before it is ready (live {seconds(live)}, ready {seconds(ready)})", live is not None and ready is not None and live < max(1.5, ready / 2))
    check(f"before it is ready it refuses searches and says why ({len(early)} looks)", [e for e in early if e[0] != 503 or e[2] != 503 or not e[3]], [])
    check(f"the others answered all the while ({served[0]} searches)", failures, [])
    queries = [c.law(n)[0] for n in (1, count // 2, count)] + ["共享雨伞停放", "养犬", "志愿服务 活动", "第三类共享雨伞", "扬尘污染防治", "物业管理条例第三条"]
    found = {q: (c.search(fresh, q), c.search(a, q)) for q in queries}
    places = lambda hits: [(title, label) for title, label, _ in hits]  # noqa: E731
    check("it finds the same in the same order", {q: (places(x)[:3], places(y)[:3]) for q, (x, y) in found.items() if places(x) != places(y)}, {})
    # A cursor carries a score from one instance to the next.
    check("with the same scores", [q for q, (x, y) in found.items() if x != y], [])
    check("a cursor of one goes on at another", [q for q in queries if pages([fresh, a, *it.instances[1:]], q) != pages([a], q)], [])
    check("the newest document is its first hit", c.search(fresh, c.law(count)[0])[0][0], c.law(count)[0])
    fresh.stop()


# Seconds after which work without a sign is taken for dead, and files of an import whose instance is killed.
SILENT, FILES = 10, 25


def imports_go_on(it, staff):
    """Twenty imports posted at one instance, which is killed when it has acknowledged the last of them."""
    a, b = it.instances[:2]
    of_job = lambda n: range(1000 + FILES * n, 1000 + FILES * (n + 1))  # noqa: E731
    some = together(lambda at: [c.import_laws(a, staff, of_job(n), timeout=30) for n in range(5 * at, 5 * at + 5)], range(4))
    a.sigkill()
    killed = time.monotonic()
    answers = [answer for part in some if isinstance(part, list) for answer in part]
    check(f"20 imports of {FILES} files are taken", [answer.status for answer in answers], [202] * 20)
    jobs = [answer.json()["id"] for answer in answers]
    left = it.postgres.rows("SELECT count(*) AS jobs FROM import_job WHERE state = 'running'")[0]["jobs"]
    found = lambda: [b.call("GET", f"/imports/{job}", token=staff) for job in jobs]  # noqa: E731
    c.wait_until(lambda: all(job["state"] != "running" for job in found()), 90, 0.5)
    after = time.monotonic() - killed
    ended = found()
    check("all are finished by the others", collections.Counter((job["state"], job.get("failure", "")) for job in ended), {("finished", ""): 20})
    within(f"the last of {left} that were unfinished, after the kill", after, 90)
    again = it.postgres.rows("SELECT count(*) AS jobs FROM import_job WHERE attempts > 1")[0]["jobs"]
    check(f"{again} of them were begun by the instance that died", again > 0)
    wrong = {}
    for n, job in enumerate(ended):
        seen = collections.Counter(row["title"] for row in job["rows"])
        if seen != collections.Counter(c.law(number)[0] for number in of_job(n)) or any(row["outcome"] not in ("new", "unchanged") for row in job["rows"]):
            wrong[n] = [(row["title"], row["outcome"]) for row in job["rows"]]
    check("every file has one row in the report of its import", wrong, {})
    titles = ", ".join(f"'{c.law(number)[0]}'" for n in range(20) for number in of_job(n))
    stored = it.postgres.rows(f"SELECT count(*) AS versions, count(DISTINCT title) AS titles FROM corpus_version WHERE title IN ({titles})")[0]
    check("every document is stored exactly once", stored, {"versions": 20 * FILES, "titles": 20 * FILES})
    a.start()
    a.wait_ready()


def own_task(it, draft):
    """A task for the demonstration's contact point, which collects; its token and the assignment."""
    handler, point = it.any().staff("handler"), it.any().staff("point")
    own = it.any().call("GET", "/account", token=point)["contact_point_id"]
    body = {"draft_id": draft, "title": "意见表", "instructions": "请上传。", "contact_point_ids": [own]}
    it.any().call("POST", "/collection-tasks", body, handler, headers={"Idempotency-Key": c.key()})
    assignment = next(a["id"] for a in it.any().all("/own-point/assignments", point) if a["draft_id"] == draft)
    for step in ("acknowledgement", "start"):
        it.any().call("POST", f"/own-point/assignments/{assignment}/{step}", {}, point, headers={"Idempotency-Key": c.key()})
    return point, assignment


def tables_go_on(it, rows):
    """The instance that works at an uploaded table is killed while it reads, checks or commits; nobody presses anything."""
    a, b = it.instances[:2]
    draft, _ = c.open_draft(it.any(), "清河市共享雨伞表格试用办法")
    point, assignment = own_task(it, draft)
    look = lambda site, batch: site.call("GET", f"/own-point/uploads/{batch['id']}", token=point)  # noqa: E731
    working = ("reading", "checking", "committing")

    def killed_in(state, batch):
        """Kills the owner once the batch is in the state, and past its beginning where that is told; whether it was caught in it."""
        c.wait_until(lambda: (now := look(b, batch))["state"] not in working or now["state"] == state and (state == "reading" or now["done"] > 0), 30, 0.005)
        a.sigkill()
        return look(b, batch)["state"] == state

    def rests(batch):
        c.wait_until(lambda: look(b, batch)["state"] not in working, 120, 0.3)
        return look(b, batch)

    def commit(site, batch):
        return site.call("POST", f"/own-point/uploads/{batch['id']}/commit", {"revision": batch["revision"], "only_ready": False}, point)

    caught, written, ended = [], 0, []
    for state in working:
        # What is over before the kill comes is tried again with more rows.
        for attempt in range(1, 4):
            count = rows * attempt
            table = "条款,修改建议,理由,提出人\n" + "".join(f"全文,建议把{state}第{attempt}之{n}项写得更细。,便于执行,示例{n}\n" for n in range(count))
            batch = a.upload(f"/own-point/assignments/{assignment}/uploads", point, {}, {"file": (f"{state}{attempt}.csv", table.encode())})
            if state == "committing":
                batch = commit(a, rests(batch))
            was_caught = killed_in(state, batch)
            began = time.monotonic()
            batch = rests(batch)
            took = time.monotonic() - began
            a.start()
            if state != "committing":
                check(f"{state}: its check is ended by another", (batch["state"], batch["counts"]["ready"], batch.get("failure", "")), ("checked", count, ""))
                batch = rests(commit(b, batch))
            written += count
            ended.append((batch["state"], batch["counts"]["committed"] == count, batch.get("failure", "")))
            a.wait_ready()
            if was_caught:
                caught.append(state)
                within(f"{state}: {count} rows, from the kill to the end of the work", took, 90)
                break
    check("killed while reading, checking, committing", caught, list(working))
    check("all tables are committed, every row", ended, [("committed", True, "")] * len(ended))
    stored = it.postgres.rows(f"SELECT count(*) AS opinions, count(DISTINCT body) AS bodies FROM opinion WHERE draft_id = '{draft}'")[0]
    check("opinions, each once", stored, {"opinions": written, "bodies": written})


def leases(it, rows):
    imports_go_on(it, it.any().staff("handler"))
    tables_go_on(it, rows)


def midnight(it, followers):
    """The clocks of all instances are moved to ten seconds before the end of a day."""
    if not shutil.which("faketime"):
        return say("SKIPPED: opening and closing at midnight, because faketime is not installed")
    first = it.instances[0]
    opening, _ = c.open_draft(first, "清河市共享雨伞开放试用办法", opens_in=2, closes_in=40)
    closing, _ = c.open_draft(first, "清河市共享雨伞截止试用办法", closes_in=1)
    # Its followers are reminded three days before its end, which begin with the same midnight.
    ending, _ = c.open_draft(first, "清河市共享雨伞提醒试用办法", closes_in=4)
    people = [citizen(it.any(), 400 + n, "follower") for n in range(followers)]
    for person in people:
        for draft in (opening, closing, ending):
            it.any().call("PUT", f"/account/followed-drafts/{draft}", token=person.token, address=person.address)
    it.stop()
    end = datetime.datetime.combine(c.today() + datetime.timedelta(2), datetime.time(), c.SHANGHAI)
    ahead = (end - datetime.datetime.now(c.SHANGHAI)).total_seconds() - 20
    over = time.monotonic() + 20
    for instance in it.instances:
        instance.start(ahead)
    for instance in it.instances:
        instance.wait_ready()
    if over - time.monotonic() < 4:
        return check("the instances start within 16 s", False)
    person = people[0]
    posts = lambda draft, words: [(a.status, a.code()) for a in (post(s, person, draft, f"{words}{c.key()[:6]}。") for s in it.instances)]  # noqa: E731
    check("before midnight each takes opinions on the round that ends", [s for s, _ in posts(closing, "赶在截止前")], [201] * 3)
    check("and none on the round that has not begun", posts(opening, "太早"), [(409, "consultation-not-open")] * 3)
    time.sleep(max(0, over - time.monotonic()) + 0.5)
    check("after midnight each refuses opinions on the round that ended", posts(closing, "太晚"), [(409, "consultation-not-open")] * 3)
    check("and takes them on the round that began", [s for s, _ in posts(opening, "开始后")], [201] * 3)

    def told():
        found = collections.Counter()
        for one in people:
            for message in it.any().all("/account/messages", one.token):
                found[(message["event"], names.get(message["subject_id"]))] += message["event"] in ("round_opened", "closing_soon")
        return {event: count for event, count in found.items() if count}

    names = {opening: "begins", closing: "ended", ending: "ends in three days"}
    expected = {("round_opened", "begins"): followers, ("closing_soon", "ends in three days"): followers}
    c.wait_until(lambda: told() == expected, 25, 1)
    time.sleep(5)
    check(f"each of {followers} followers was told once of each", told(), expected)


def certified(home):
    """An authority of the office itself, and a certificate of it for `localhost`: the files of the authority, of the certificate and of its key."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (home / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    for words in (
        ["req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority", "-keyout", "authority.key", "-out", "authority.crt"],
        ["req", *curve, "-subj", "/CN=localhost", "-keyout", "redis.key", "-out", "redis.csr"],
        ["x509", "-req", "-days", "2", "-in", "redis.csr", "-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial", "-extfile", "names", "-out", "redis.crt"],
    ):
        subprocess.run(["openssl", *words], check=True, cwd=home, capture_output=True)
    return home / "authority.crt", home / "redis.crt", home / "redis.key"


def encrypted(it, folder):
    """Redis through TLS, as an instance sees it that knows the authority, and one that does not."""
    home = folder / "tls"
    home.mkdir()
    authority, *certificate = certified(home)
    cache = c.Redis(home, certificate)
    for knows in (True, False):
        instance = it.another()
        instance.environment |= {"ZHITONG_REDIS_URL": f"rediss://localhost:{cache.tls_port}/"} | ({"SSL_CERT_FILE": str(authority)} if knows else {})
        before = cache.keys()
        instance.start()
        instance.wait_ready()
        citizen(instance, 700 + knows)
        status, body = instance.ready()
        found = status, body["cache"], body["degraded"], cache.keys() > before
        if knows:
            check("Redis through TLS: readiness, and what it holds", found, (200, "ok", [], True))
        else:
            check("its authority is not known: the instance goes on without it", found, (200, "unavailable", ["cache"], False))
        instance.stop()
    cache.stop()


def several(arguments, folder):
    chance = random.Random(arguments.seed)
    say(f"three instances over one PostgreSQL and one Redis (seed {arguments.seed})")
    postgres, redis, wechat = c.Postgres(folder), c.Redis(folder), c.FakeWechat()
    environment = {"ZHITONG_DATABASE_URL": postgres.url(), "ZHITONG_REDIS_URL": redis.url()}
    if c.ObjectStore.found():
        environment |= c.ObjectStore(folder).environment()
    it = c.Cluster(arguments.binary, folder, environment, config=c.configuration(WECHAT.format(port=wechat.port), [f"silent_seconds = {SILENT}"], opinion_per_identity=PER_IDENTITY))
    it.postgres, it.redis = postgres, redis
    if not c.ObjectStore.found():
        it.share_originals()
    it.begin()
    parts = {
        "sessions": lambda: sessions(it), "limits": lambda: limits(it), "once": lambda: once(it), "token": lambda: token(it, wechat),
        "outbox": lambda: outbox(it, wechat, arguments.opinions, chance), "read-back": lambda: read_back(it),
        "new-instance": lambda: new_instance(it, arguments.laws), "leases": lambda: leases(it, arguments.rows),
        "encrypted": lambda: encrypted(it, folder), "midnight": lambda: midnight(it, arguments.followers),
    }
    c.in_turn(parts, arguments.only)
    it.stop()


def add_arguments(parser):
    parser.add_argument("--opinions", type=int, default=120, help="opinions whose authors are told while instances are killed")
    parser.add_argument("--followers", type=int, default=30)
    parser.add_argument("--laws", type=int, default=300, help="documents that are imported before a new instance comes")
    parser.add_argument("--rows", type=int, default=1000, help="rows of the tables whose instance is killed")
    parser.add_argument("--only", nargs="*", help="names of parts")


if __name__ == "__main__":
    c.run(__doc__, add_arguments, several, deadline=600)
