#!/usr/bin/env python3
"""What is kept can be kept elsewhere: backups while people post, a dump of PostgreSQL, and the move from the embedded engine to PostgreSQL and an object store.

    tests/province/stores.py --binary target/debug/zhitong
    tests/province/stores.py move --kills 20 --posts 2000 --rows 200000 --deadline 1800 --binary target/release/zhitong

`backup`: a backup every second while people post; each is restored, holds, and has every receipt that was acknowledged before it began. `dump`: `pg_dump -Fc`
while people post, restored into a new database: the audit log holds, every receipt from before is there. `move`: `zhitong migrate-store` is refused where it
must be, killed with SIGKILL while it brings the schema and at random points, and run again until it ends; then every table and content is compared, one row altered in PostgreSQL is named,
and the server on PostgreSQL and the object store answers as the old one did. Needs PostgreSQL, and for `move` the stand-in of the object store.
"""

import hashlib
import itertools
import random
import shutil
import sqlite3
import subprocess
import threading
import time
import urllib.request
import uuid

import cluster as c
from cluster import Citizen, check, opinion, say

# What a text format could trip over.
AWKWARD = "制表\t换行\n回车\r\n反斜杠\\N \\. \\t 引号'\"“” 表情😀 全角　空格 末尾\\"
QUERIES = ("养犬", "养犬管理条例第二十条", "法律责任", "停放要求", "公众参与", "共享雨伞五号停放管理办法", "第三条 监督")


def command(instance, *words, config=True):
    """One command of the command line: its code, and everything that it printed."""
    chosen = ["--config", instance.config] if config else []
    done = subprocess.run([instance.binary, "--data-dir", instance.data_dir, *chosen, *words], env=instance.environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    return done.returncode, done.stdout


def sql(postgres, statement, database="postgres"):
    """Runs a statement past the product; gives its failure, empty where there is none."""
    done = subprocess.run([postgres.bin / "psql", "-h", postgres.home, "-p", str(postgres.port), "-U", "app", "-d", database, "-v", "ON_ERROR_STOP=1", "-X", "-q", "-c",
                           statement], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return "" if done.returncode == 0 else done.stderr.strip() or "failed"


class Speakers:
    """People who post until they are told to stop; each receipt is on disk before the next act."""

    def __init__(self, site, draft, file, count=3):
        self.site, self.draft, self.receipts, self.refused, self.stop = site, draft, c.Receipts(file), [], threading.Event()
        self.people = [Citizen(n).sign_in(site) for n in range(count)]
        self.threads = [threading.Thread(target=self.speak, args=(person,), daemon=True) for person in self.people]
        for thread in self.threads:
            thread.start()

    def speak(self, person):
        for n in itertools.count():
            if self.stop.wait(0.05):
                return
            try:
                self.once(person, n)
            except c.BROKEN as error:
                self.refused.append(repr(error))
                return

    def once(self, person, n):
        body = opinion(f"{person.name}的第{n}条意见：请写明期限。", f"art-{n % 8 + 1}")
        if n % 10 == 0:
            made = c.upload(self.site, person, self.draft, picture(f"{person.name}-{n}"))
            if made.status not in (200, 201):
                return self.refused.append((made.status, made.code()))
            body["attachments"] = [made.json()["id"]]
        answer = c.post(self.site, person, self.draft, body)
        if answer.status != 201:
            return self.refused.append((answer.status, answer.code()))
        self.receipts.add(number=answer.json()["receipt_number"])

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        check("acts that were refused", self.refused[:5], [])
        return self.receipts.all()


def picture(words):
    """A small picture that no other is the same as."""
    return bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    ) + words.encode()


def numbers(database, draft):
    return {row["receipt_number"] for row in database.rows(f"SELECT receipt_number FROM opinion WHERE draft_id = {c.quoted(database, draft)}")}


def halves(database, draft):
    """Opinions that came without what is written with them: the message to their authors, the rows of their files."""
    told = "SELECT 1 FROM outbox x WHERE x.subject_id = o.id AND x.event = 'opinion_received'"
    return database.rows(f"SELECT o.receipt_number FROM opinion o WHERE o.draft_id = {c.quoted(database, draft)} AND NOT EXISTS ({told})")


# Backups

def backup(arguments, folder):
    one = c.Cluster(arguments.binary, folder, {}, count=1).begin().instances[0]
    draft, _ = c.open_draft(one, "清河市共享雨伞备份试用办法")
    speakers = Speakers(one, draft, folder / "receipts.jsonl")
    c.wait_until(lambda: len(speakers.receipts.all()) >= 10, 60)
    made, failed = [], []
    for n in range(arguments.backups):
        began, before = time.monotonic(), {r["number"] for r in speakers.receipts.all()}
        code, said = command(one, "backup", folder / f"kept/{n}")
        if code != 0:
            failed.append((n, code, said[-300:]))
        made.append((n, before))
        time.sleep(max(0, 1 - (time.monotonic() - began)))
    every = {r["number"] for r in speakers.end()}
    check(f"{len(made)} backups while {len(every)} opinions were posted: failed", failed, [])
    check("opinions were posted between the first backup and the last", len(made[-1][1]) > len(made[0][1]))
    live = numbers(c.Sqlite(one.data_dir / "zhitong.db"), draft)
    check("receipts that the server has lost", sorted(every - live), [])
    one.stop()

    not_restored, lost, strange, half, broken, sizes = [], [], [], [], [], []
    for n, before in made:
        new = c.Instance(arguments.binary, folder / f"restored-{n}", one.config, {})
        code, said = command(new, "restore", folder / f"kept/{n}")
        if code != 0:
            not_restored.append((n, code, said[-300:]))
            continue
        database = c.Sqlite(new.data_dir / "zhitong.db")
        found = numbers(database, draft)
        sizes.append(len(found))
        lost += sorted(before - found)
        strange += sorted(found - live)
        half += [row["receipt_number"] for row in halves(database, draft)]
        code, said = command(new, "audit", "verify")
        if code != 0 or database.damage():
            broken.append((n, said[-200:]))
        if n < len(made) - 1:
            shutil.rmtree(new.data_dir)
    say(f"  opinions by backup: {sizes}")
    check("backups that are not restored", not_restored, [])
    check("receipts acknowledged before a backup and not in it", lost, [])
    check("opinions in a backup that the server never had", strange, [])
    check("opinions in a backup without what was written with them", half, [])
    check("restored audit logs or databases that do not hold", broken, [])
    check("what stays under an unfinished name", [path.name for path in (folder / "kept").iterdir() if path.name.endswith(".partial")], [])
    # The last one serves: whoever was signed in still is.
    new.start()
    new.wait_ready()
    owns = [new.ask("GET", "/account/opinions", token=person.token).status for person in speakers.people]
    check("people who are still signed in at the restored server", owns, [200] * len(owns))
    new.stop()


# A dump of PostgreSQL

def dump(arguments, folder):
    postgres = c.Postgres(folder, durable=True)
    one = c.Cluster(arguments.binary, folder, {"ZHITONG_DATABASE_URL": postgres.url()}, count=1).begin().instances[0]
    draft, _ = c.open_draft(one, "清河市共享雨伞转储试用办法")
    speakers = Speakers(one, draft, folder / "receipts.jsonl")
    reached = ["-h", postgres.home, "-p", str(postgres.port), "-U", "app"]
    for n in range(2):
        c.wait_until(lambda: len(speakers.receipts.all()) >= 20 * (n + 1), 60)
        before = {r["number"] for r in speakers.receipts.all()}
        file, name = folder / f"zhitong-{n}.dump", f"restored_{n}"
        done = subprocess.run([postgres.bin / "pg_dump", *reached, "-d", "postgres", "-Fc", "-f", file], capture_output=True, text=True)
        check(f"dump {n} while people post", done.returncode == 0 or done.stderr[-300:])
        check(f"dump {n}: a new database", sql(postgres, f"CREATE DATABASE {name}"), "")
        done = subprocess.run([postgres.bin / "pg_restore", *reached, "-d", name, "--exit-on-error", file], capture_output=True, text=True)
        check(f"dump {n} is restored", done.returncode == 0 or done.stderr[-300:])
        new = c.Instance(arguments.binary, folder / name, one.config, {"ZHITONG_DATABASE_URL": postgres.url().rsplit("/", 1)[0] + f"/{name}"})
        new.passwords = one.passwords
        code, said = command(new, "audit", "verify")
        check(f"dump {n}: the audit log holds", code == 0 or said[-200:])
        new.start()
        new.wait_ready()
        found = {o["opinion"]["receipt_number"] for o in new.all(f"/drafts/{draft}/work", new.staff("handler"))}
        check(f"dump {n}: of {len(before)} receipts from before, those that are not there", sorted(before - found), [])
        new.stop()
    speakers.end()
    one.stop()


# The move

class Old:
    """An installation on the embedded engine, with something of everything."""

    def __init__(self, arguments, folder):
        self.site = c.Cluster(arguments.binary, folder, {}, count=1).instances[0]
        self.site.seed()
        self.add_rows(arguments.rows)
        self.site.start()
        self.site.wait_ready()
        self.draft, self.round = c.open_draft(self.site, "清河市共享雨伞搬迁试用办法")
        self.handler = self.site.staff("handler")
        job = c.import_laws(self.site, self.handler, range(1, 13)).json()["id"]
        c.wait_until(lambda: self.site.call("GET", f"/imports/{job}", token=self.handler)["state"] == "finished", 60)
        self.people = [Citizen(n).sign_in(self.site) for n in range(6)]
        self.posts(arguments.posts)
        # What was said is carried to its authors and into the index before anything is compared.
        c.wait_until(lambda: self.site.metrics()["zhitong_search_index_lag"] == 0, 30)
        time.sleep(3)

    def add_rows(self, count):
        """A table of several batches, so that a kill falls between two of them."""
        connection = sqlite3.connect(self.site.data_dir / "zhitong.db")
        version = connection.execute("SELECT id FROM corpus_version ORDER BY id LIMIT 1").fetchone()[0]
        rows = ((version, 100_000 + n, "line_too_long", n, f"第{n}行：{AWKWARD}" + "长" * (n % 300)) for n in range(count))
        with connection:
            connection.executemany("INSERT INTO structure_diagnostic (version_id, ordinal, code, line, detail) VALUES (?, ?, ?, ?, ?)", rows)
        connection.close()

    def posts(self, count):
        self.receipts, self.files = [], {}
        for n in range(count):
            person = None if n % 7 == 3 else self.people[n % len(self.people)]
            body = opinion(f"第{n}条意见。{AWKWARD if n % 5 == 0 else ''}请写明第{n % 9}号期限。", f"art-{n % 8 + 1}")
            if person and n % 12 == 0:
                data = picture(f"第{n}幅")
                made = c.upload(self.site, person, self.draft, data).json()["id"]
                body["attachments"], self.files[made] = [made], data
            answer = c.post(self.site, person, self.draft, body)
            if answer.status != 201:
                raise RuntimeError(f"posting: {answer.status} {answer.data[:300]}")
            self.receipts.append(answer.json()["receipt_number"])

    def reads(self, site):
        """What the old server and the new one are asked, by the question; with the logins of the old one."""
        found = {}
        for path in ("/drafts?limit=50", f"/drafts/{self.draft}/opinion-counts", f"/drafts/{self.draft}/provision-opinion-counts",
                     f"/drafts/{self.draft}/public-opinions?limit=50", "/facets", "/documents?limit=50", "/privacy-notice"):
            found[path] = self.words(site, path)
        for path in (f"/drafts/{self.draft}/work?limit=100", f"/drafts/{self.draft}/work-counts", f"/statistics?by=channel&consultation_id={self.round}",
                     f"/statistics?by=article&consultation_id={self.round}", f"/drafts/{self.draft}/groups", "/collection-tasks", "/organs", "/imports"):
            found[path + " (staff)"] = self.words(site, path, self.handler)
        found["all opinions (staff)"] = sorted(str(sorted(o.items(), key=str)) for o in site.all(f"/drafts/{self.draft}/work", self.handler))
        for person in self.people:
            for path in ("/account", "/account/opinions?limit=100", "/account/messages?limit=100"):
                found[f"{path} ({person.name})"] = self.words(site, path, person.token)
        for file, data in self.files.items():
            answer = site.ask("GET", f"/opinion-attachments/{file}", token=self.handler)
            found[f"file {file}"] = (answer.status, hashlib.sha256(answer.data).hexdigest() == hashlib.sha256(data).hexdigest())
        for path in ("/", "/drafts", f"/drafts/{self.draft}", "/laws", "/search?q=%E5%85%BB%E7%8A%AC", "/contact-points", "/about"):
            answer = site.ask("GET", path, base="")
            found[f"page {path}"] = (answer.status, answer.data.decode())
        for query in QUERIES:
            # The index is another one: its order is compared, not the weights behind it.
            found[f"search {query}"] = [(title, label) for title, label, _ in c.search(site, query) or []]
        return found

    @staticmethod
    def words(site, path, token=None):
        answer = site.ask("GET", path, token=token)
        return answer.status, answer.data.decode()


class Move:
    """`migrate-store`, from an old directory to PostgreSQL and the object store."""

    def __init__(self, arguments, old, postgres, store, place, database="postgres"):
        self.binary, self.old, self.postgres = arguments.binary, old, postgres
        url = postgres.url().rsplit("/", 1)[0] + f"/{database}"
        self.new = c.Instance(arguments.binary, place, old.site.config, {"ZHITONG_DATABASE_URL": url} | store.environment())
        self.new.passwords = old.site.passwords

    def words(self, source=None):
        return ["migrate-store", "--from-data-dir", str(source or self.old.site.data_dir)]

    def run(self, *more, source=None):
        return command(self.new, *self.words(source), *more)

    def begin(self):
        process = subprocess.Popen([self.binary, "--data-dir", self.new.data_dir, "--config", self.new.config, *self.words()], env=self.new.environment,
                                   text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        c.on_end(process.kill)
        return process

    def killed(self, moment, pause):
        """Runs it until it has printed so many lines, or a line that begins with some words, and kills it. Gives its code where it was quicker, and the line."""
        process, last = self.begin(), ""
        for n in itertools.count(1):
            line = process.stdout.readline()
            last = line.strip() or last
            if not line:
                process.wait(60)
            if not line or n == moment or (isinstance(moment, str) and line.startswith(moment)):
                break
        time.sleep(pause)
        code = process.poll()
        process.kill()
        process.communicate()
        return code, last


def refused(it, folder):
    """Everything for which the move does not begin."""
    code, said = it.run()
    check("refused while the old server runs", code == 1 and "正被另一个进程使用" in said or said[-300:])
    it.old.site.stop()
    damaged = folder / "damaged"

    def with_damage(*statements):
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(it.old.site.data_dir, damaged, ignore=shutil.ignore_patterns("search", "blobs"))
        connection = sqlite3.connect(damaged / "zhitong.db")
        with connection:
            for statement, values in statements:
                connection.execute(statement, values)
        connection.close()
        return it.run(source=damaged)

    some = c.Sqlite(it.old.site.data_dir / "zhitong.db").rows("SELECT id FROM opinion LIMIT 1")[0]["id"]
    code, said = with_damage(("UPDATE opinion SET body = body || char(0) || '后' WHERE id = ?", (uuid.UUID(some).bytes,)))
    check("refused with a NUL character, which is named", code == 1 and "NUL" in said and some in said and "body" in said or said[-300:])
    code, said = with_damage(("UPDATE contact_point SET topics = '[\"a\\u0000b\"]' WHERE id = (SELECT id FROM contact_point LIMIT 1)", ()))
    check("refused with a NUL character in a structure", code == 1 and "NUL" in said and "topics" in said or said[-300:])
    code, said = with_damage(("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, X'00', 0)", ()))
    check("refused with other migrations", code == 1 and "9999" in said or said[-300:])
    code, said = with_damage(("UPDATE setting SET value = 'other' WHERE name = 'data_key_id'", ()))
    check("refused with another key", code == 1 and "密钥不对" in said or said[-300:])
    check("a table of somebody else's", sql(it.postgres, "CREATE TABLE somebodys (id UUID PRIMARY KEY)"), "")
    code, said = it.run()
    check("refused with a table that only the target has", code == 1 and "somebodys" in said or said[-300:])
    sql(it.postgres, "DROP TABLE somebodys")
    check("a row of somebody else's", sql(it.postgres, "INSERT INTO setting (name, value) VALUES ('somebodys', '1')"), "")
    code, said = it.run()
    check("refused with a target that is not empty", code == 1 and "不是空的" in said and "setting" in said or said[-300:])
    sql(it.postgres, "DELETE FROM setting WHERE name = 'somebodys'")
    shutil.rmtree(damaged)


def refused_beside_another(arguments, folder, old, postgres, store):
    """An instance with a data directory of its own, as on another host, works at the target."""
    sql(postgres, "CREATE DATABASE beside")
    it = Move(arguments, old, postgres, store, folder / "beside", "beside")
    other = c.Instance(arguments.binary, folder / "elsewhere", old.site.config, it.new.environment)
    other.start()
    c.wait_until(other.is_live, 60)
    code, said = it.run()
    check("refused while an instance works at the target", code == 1 and "还有别的 zhitong" in said or said[-300:])
    other.stop()


# Stops the schema in its middle: the next migration waits.
HALF = """
CREATE FUNCTION wait_in_the_middle() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN IF (SELECT COUNT(*) FROM _sqlx_migrations) >= 4 THEN PERFORM pg_sleep(100); END IF; END $$;
CREATE EVENT TRIGGER wait_in_the_middle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION wait_in_the_middle();
"""


def killed_in_the_schema(arguments, folder, old, postgres, store):
    """A move that was killed while it brought the schema goes on."""
    sql(postgres, "CREATE DATABASE half")
    check("a schema that waits in its middle", sql(postgres, HALF, "half"), "")
    it = Move(arguments, old, postgres, store, folder / "half", "half")
    process = it.begin()
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = 'half' AND wait_event = 'PgSleep'"
    check("it waits there", c.wait_until(lambda: postgres.rows(waiting), 60, 0.2) is not None)
    process.kill()
    process.communicate()
    # Nobody notices a dead client while it sleeps.
    sql(postgres, f"SELECT pg_terminate_backend(pid) FROM ({waiting}) t")
    check("the schema does not wait any more", sql(postgres, "DROP EVENT TRIGGER wait_in_the_middle; DROP FUNCTION wait_in_the_middle()", "half"), "")
    code, last = it.killed("account：", 0)
    check("killed while it brought the schema, it goes on to the rows", code is None and last.startswith("account：") or last)


def kill_again_and_again(it, kills, chance):
    """Gives how often it was killed in the middle, and whether it came to its end meanwhile."""
    hits = 0
    # Each table gives a line at least. The last two: while contents are carried, and while rows are compared.
    moments = [chance.randint(2, 70) for _ in range(max(1, kills - 2))] + ["原件和附件：", "正在逐行核对"]
    for moment in moments[:kills]:
        code, last = it.killed(moment, chance.uniform(0, 0.05))
        if code is None:
            hits += 1
            say(f"  killed after: {last}")
            if last.endswith("行"):
                code, said = command(it.new, "audit", "verify")
                check("nothing else starts on half a target", code == 1 and "migrate-store" in said or said[-300:])
        else:
            say(f"  it ended by itself: {code}")
            check("it ended well", code, 0)
            return hits, True
    return hits, False


def count_all(database, tables):
    return {row["name"]: row["n"] for row in database.rows(" UNION ALL ".join(f"SELECT '{t}' AS name, COUNT(*) AS n FROM \"{t}\"" for t in tables))}


def at_store(store, method, content, data=None):
    """Asks the object store past the product. It looks at no signature, but one must be there."""
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=stand-in/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
               "Content-Type": "application/octet-stream"}
    address = f"http://127.0.0.1:{store.port}/{store.BUCKET}/{content[:2]}/{content}"
    with urllib.request.urlopen(urllib.request.Request(address, data=data, method=method, headers=headers), timeout=10) as answer:
        return answer.read()


def move(arguments, folder):
    if not c.ObjectStore.found():
        return say("SKIPPED: the stand-in of the object store is not installed")
    chance = random.Random(arguments.seed)
    postgres, store = c.Postgres(folder, durable=True), c.ObjectStore(folder)
    old = Old(arguments, folder)
    it = Move(arguments, old, postgres, store, folder / "new")
    before = old.reads(old.site)
    check("what the old server was asked and refused", [q for q, a in before.items() if isinstance(a, tuple) and a[0] is not True and a[0] != 200], [])
    check("searches that found nothing", [q for q in QUERIES if not before[f"search {q}"]], [])
    refused(it, folder)
    refused_beside_another(arguments, folder, old, postgres, store)
    killed_in_the_schema(arguments, folder, old, postgres, store)
    kept = c.Sqlite(old.site.data_dir / "zhitong.db")
    tables = [row["name"] for row in kept.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> '_sqlx_migrations'")]
    counts = count_all(kept, tables)
    # Numbers of two digits and more are where the order of words is another one.
    check("rows with numbered keys", counts["audit_entry"] > 10 and counts["structure_diagnostic"] > 100 and counts["provision"] > 100 or counts)

    hits, is_done = kill_again_and_again(it, arguments.kills, chance)
    check(f"kills in the middle, of {arguments.kills}", hits >= min(3, arguments.kills))
    if not is_done:
        code, said = it.run()
        check("run again to its end", code == 0 or said[-1500:])
        check("it says that it went on", "继续" in said)
    check("rows by table", count_all(postgres, tables) == counts)
    check("tables of the move that are left", postgres.rows("SELECT relname FROM pg_class WHERE relname LIKE 'moving%'"), [])
    check("the old database as it was", count_all(kept, tables) == counts and kept.damage() == "")

    anchors = "audit-anchors.jsonl"
    kept_anchors = [place.read_text() if place.exists() else None for place in (old.site.data_dir / anchors, it.new.data_dir / anchors)]
    check("the file of anchors came along", kept_anchors[0] is not None and kept_anchors[0] == kept_anchors[1])
    it.new.environment["ZHITONG_DATABASE_CONNECTIONS"] = "1"
    code, said = it.run("--verify-only")
    check("--verify-only right after, with one connection", code == 0 or said[-600:])
    del it.new.environment["ZHITONG_DATABASE_CONNECTIONS"]
    named = postgres.rows("SELECT id, receipt_number FROM opinion ORDER BY id LIMIT 1")[0]
    check("a row is altered", sql(postgres, f"UPDATE opinion SET body = body || '。' WHERE id = '{named['id']}'"), "")
    code, said = it.run("--verify-only")
    check("--verify-only names the row and its column", code == 2 and named["id"] in said and "body" in said or said[-600:])
    check("and no other", said.count("不同"), 1)
    sql(postgres, f"UPDATE opinion SET body = left(body, -1) WHERE id = '{named['id']}'")
    content = postgres.rows("SELECT blob_hash FROM draft_version WHERE blob_hash <> '' ORDER BY id LIMIT 1")[0]["blob_hash"]
    data = at_store(store, "GET", content)
    check("a content lies under its hash", hashlib.sha256(data).hexdigest(), content)
    at_store(store, "DELETE", content)
    code, said = it.run("--verify-only")
    check("--verify-only names a content that is gone", code == 2 and content in said or said[-600:])
    at_store(store, "PUT", content, data)
    code, said = it.run("--verify-only")
    check("--verify-only once both are mended", code == 0 or said[-600:])
    code, said = it.run()
    check("a second move into it is refused", code == 1 and "不是空的" in said or said[-600:])
    check("the triggers guard", "never changed" in sql(postgres, "UPDATE audit_entry SET detail = 'x' WHERE seq = 1"))

    it.new.start()
    it.new.wait_ready()
    c.wait_until(lambda: it.new.metrics()["zhitong_search_index_lag"] == 0, 60)
    after = old.reads(it.new)
    check(f"{len(before)} questions answered otherwise than before", [q for q in before if before[q] != after[q]], [])
    found = numbers(postgres, old.draft)
    check(f"of {len(old.receipts)} receipts, those that are not there", sorted(set(old.receipts) - found), [])
    answer = c.post(it.new, old.people[0], old.draft, "搬迁以后的一条意见。")
    check("an opinion is taken", answer.status, 201)
    c.open_draft(it.new, "搬迁以后的草案")
    job = c.import_laws(it.new, it.new.staff("handler"), [40])
    check("an import is taken", job.status, 202)
    check("it is found", c.wait_until(lambda: (c.search(it.new, c.law(40)[0]) or [("",)])[0][0] == c.law(40)[0], 60, 0.3) is not None)
    code, said = command(it.new, "audit", "verify")
    check("the audit log holds, with the anchors of before", code == 0 or said[-300:])
    it.new.stop()


def stores(arguments, folder):
    random.seed(arguments.seed)
    parts = {"backup": backup, "dump": dump, "move": move}

    def begun(name):
        place = folder / name
        place.mkdir()
        place.chmod(0o755)
        parts[name](arguments, place)

    c.in_turn({name: lambda name=name: begun(name) for name in parts}, arguments.parts)


def add_arguments(parser):
    parser.add_argument("parts", nargs="*", help="of: backup dump move; without any, all")
    parser.add_argument("--backups", type=int, default=8)
    parser.add_argument("--kills", type=int, default=6, help="SIGKILLs of the move")
    parser.add_argument("--posts", type=int, default=300, help="opinions that are moved")
    parser.add_argument("--rows", type=int, default=25_000, help="further rows that are moved")


if __name__ == "__main__":
    c.run(__doc__, add_arguments, stores, deadline=400)
