#!/usr/bin/env python3
"""People who arrive whether the server is ready for them or not: the load of `rush.py`, for rates of some hundred requests a second.

    tests/province/arrivals.py PLAN.json

`benches/rush.rs` reads the same plan and prints the same lines, for rates that this program cannot make. The plan:

    ports        ports on 127.0.0.1; requests take turns
    draft        the draft that is spoken to
    people       file with one line for each person: token, address
    paths        [[path, weight], …]: what is read
    connections  most connections at once; whoever finds none free waits
    patience_s   seconds from the scheduled instant after which a person gives up
    in_time_ms   an acceptance within so many milliseconds of the scheduled instant is in time
    label        part of every key, so that no two runs share one
    seed         of the arrivals
    receipts     file to which a line `key receipt_number` is added for every acknowledged opinion
    stages       one after the other; each {"seconds", "posts", "reads", "workers"}

With `workers` 0, `posts` and `reads` are arrivals a second, by chance (Poisson), on a schedule that does not wait for answers: a time is taken from the
scheduled instant, so whatever keeps a person waiting counts. With `workers`, so many people act one act after the other, and `posts` to `reads` is the share of
each: what the server does at most. One line of JSON for each stage: what was offered, the statuses, and times in milliseconds as [p50, p99, p99.9, most].
"""

import asyncio
import json
import random
import sys
import time

CHARACTERS = "经营者应当在显著位置公示停放要求保证金退还期限以及投诉电话便于群众监督"


class Tally:
    """What became of the requests of one kind in one stage."""

    def __init__(self):
        self.offered, self.statuses, self.broken, self.unanswered, self.in_time = 0, {}, 0, 0, 0
        self.accepted_ms, self.refused_ms = [], []

    def summary(self):
        return {"offered": self.offered, "statuses": self.statuses, "broken": self.broken, "unanswered": self.unanswered, "in_time": self.in_time,
                "accepted_ms": quantiles(self.accepted_ms), "refused_ms": quantiles(self.refused_ms)}


def quantiles(values):
    values.sort()
    at = lambda share: round(values[min(len(values) - 1, int(len(values) * share))], 3)  # noqa: E731
    return [at(0.5), at(0.99), at(0.999), at(1)] if values else None


class Rush:
    def __init__(self, plan):
        self.plan, self.chance = plan, random.Random(plan["seed"])
        with open(plan["people"], encoding="ascii") as lines:
            self.people = [line.split() for line in lines]
        self.paths, self.weights = zip(*plan["paths"])
        self.turns, self.idle = asyncio.Semaphore(plan["connections"]), [[] for _ in plan["ports"]]
        self.serial, self.receipts = 0, []

    def request(self, is_post):
        """The bytes of the next request, and its key."""
        self.serial += 1
        token, address = self.people[self.serial % len(self.people)]
        if not is_post:
            path = self.chance.choices(self.paths, self.weights)[0]
            return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\n\r\n".encode(), None
        key = f"rush-{self.plan['label']}-{self.serial}"
        words = "".join(self.chance.choices(CHARACTERS, k=40))
        body = json.dumps({"address": f"art-{self.serial % 8 + 1}", "stance": "amend", "body": f"{key}：{words}。", "reason": "亲身经历", "is_public": True},
                          ensure_ascii=False).encode()
        head = (f"POST /api/v1/drafts/{self.plan['draft']}/opinions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\nAuthorization: Bearer {token}\r\n"
                f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        return head.encode() + body, key

    async def ask(self, data):
        """Status and body. A connection that the server closed while it was idle is replaced once, as a proxy does."""
        at = self.serial % len(self.idle)
        async with self.turns:
            if self.idle[at]:
                try:
                    return await self.exchange(at, *self.idle[at].pop(), data)
                except asyncio.IncompleteReadError as error:
                    if error.partial:
                        raise
                except OSError:
                    pass
            return await self.exchange(at, *await asyncio.open_connection("127.0.0.1", self.plan["ports"][at]), data)

    async def exchange(self, at, reader, writer, data):
        is_kept = False
        try:
            writer.write(data)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            status = int(head[0].split()[1])
            if "content-length" in headers:
                body = await reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readexactly(2)
            else:
                body = b"" if status in (204, 304) else await reader.read()
            is_kept = headers.get("connection") != "close"
            return status, body
        finally:
            if is_kept:
                self.idle[at].append((reader, writer))
            else:
                writer.close()

    async def one(self, is_post, due, tally):
        data, key = self.request(is_post)
        tally.offered += 1
        try:
            status, body = await asyncio.wait_for(self.ask(data), max(0.001, due + self.plan["patience_s"] - time.monotonic()))
        except asyncio.TimeoutError:
            tally.unanswered += 1
            return
        except (OSError, asyncio.IncompleteReadError, ValueError):
            tally.broken += 1
            return
        took = (time.monotonic() - due) * 1000
        tally.statuses[str(status)] = tally.statuses.get(str(status), 0) + 1
        (tally.accepted_ms if status < 300 else tally.refused_ms).append(took)
        tally.in_time += status < 300 and took <= self.plan["in_time_ms"]
        if is_post and status < 300:
            self.receipts.append(f"{key} {json.loads(body)['receipt_number']}\n")

    async def arrive(self, is_post, rate, began, seconds, tally, late):
        """Arrivals on their schedule."""
        running, due = set(), began
        while rate and (due := due + self.chance.expovariate(rate)) < began + seconds:
            if (ahead := due - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            late.append((time.monotonic() - due) * 1000)
            task = asyncio.create_task(self.one(is_post, due, tally))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def work(self, share, until, posts, reads):
        while (now := time.monotonic()) < until:
            is_post = self.chance.random() < share
            await self.one(is_post, now, posts if is_post else reads)

    async def stage(self, number, stage):
        posts, reads, late, began, cpu = Tally(), Tally(), [], time.monotonic(), time.process_time()
        if stage["workers"]:
            share = stage["posts"] / (stage["posts"] + stage["reads"])
            await asyncio.gather(*(self.work(share, began + stage["seconds"], posts, reads) for _ in range(stage["workers"])))
        else:
            await asyncio.gather(self.arrive(True, stage["posts"], began, stage["seconds"], posts, late),
                                 self.arrive(False, stage["reads"], began, stage["seconds"], reads, late))
        print(json.dumps({"stage": number, "seconds": stage["seconds"], "posts": posts.summary(), "reads": reads.summary(), "late_ms": quantiles(late),
                          "generator_cpu_s": round(time.process_time() - cpu, 3)}), flush=True)

    async def run(self):
        for number, stage in enumerate(self.plan["stages"]):
            await self.stage(number, stage)
            with open(self.plan["receipts"], "a", encoding="ascii") as out:
                out.writelines(self.receipts)
            self.receipts.clear()


async def main(path):
    with open(path, encoding="utf-8") as file:
        await Rush(json.load(file)).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
