#!/usr/bin/env python3
"""Hostile clients against one server: slow, endless, malformed and too many. Each is refused in time, everybody else is served, and nothing is left behind.

    tests/province/hostile.py --binary target/debug/zhitong

Starts a demonstration of its own on a free port of this machine and stops it; needs the standard library only. Takes about 40 seconds, because a slow body and
a reader who does not read are given 30. Ends with one line in the form of cargo's "test result".
"""

import argparse
import concurrent.futures
import contextlib
import gzip
import json
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time

MIB = 1 << 20
# The time the server gives a head, in seconds.
HEAD_SECONDS = 15
# Connections that the server is told to have at most; so many that they come within the time of a head on a busy machine, too.
CONNECTIONS = 1_500
FLOOD = 2_200
results = []


def check(what, is_right, found=""):
    """One line for each check; what failed is counted at the end."""
    print(f"  {'ok ' if is_right else 'NOT'} {what}{f': {found}' if found != '' else ''}", flush=True)
    results.append(bool(is_right))


class Server:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    @contextlib.contextmanager
    def running(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # This machine's own address stands for a proxy, so that many may come from it; 127.0.0.2 is somebody.
        environment = os.environ | {"ZHITONG_LOG": "off", "ZHITONG_CONNECTIONS": str(CONNECTIONS), "ZHITONG_TRUSTED_PROXIES": "127.0.0.1"}
        command = [self.binary, "--data-dir", self.folder, "serve", "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
        try:
            for line in self.process.stdout:
                if "Ctrl-C" in line:
                    break
            yield self
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(60)

    def connect(self, source="127.0.0.1", window=None):
        connection = socket.socket()
        if window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        connection.settimeout(60)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", self.port))
        return connection

    def memory(self, field):
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def is_open(self, connection):
        """Whether the server still holds its side of a connection."""
        own, theirs = f":{self.port:04X}", f":{connection.getsockname()[1]:04X}"
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            local, remote, state = line.split()[1:4]
            if local.endswith(own) and remote.endswith(theirs):
                return state == "01"
        return False


def status_of(answer):
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 2 and words[0].startswith(b"HTTP/") else None


def exchange(server, pieces, seconds=10, source="127.0.0.1"):
    """Sends pieces while listening, and gives what was answered until the server closes, a whole answer is there, or the time is over; and how much was sent."""
    connection, answer, sent, pieces = server.connect(source), b"", 0, iter(pieces)
    connection.setblocking(False)
    waiting, until = b"", time.monotonic() + seconds
    poll = select.poll()
    poll.register(connection)
    with connection:
        while time.monotonic() < until:
            if not waiting and pieces is not None:
                waiting = next(pieces, None)
                if waiting is None:
                    pieces, waiting = None, b""
            # Not `select.select`, which knows no file whose number is over a thousand, as they are in the flood.
            poll.modify(connection, select.POLLIN | (select.POLLOUT if waiting else 0))
            events = sum(event for _, event in poll.poll(200))
            readable, writable = events & ~select.POLLOUT, events & select.POLLOUT
            try:
                if readable:
                    data = connection.recv(65536)
                    answer += data
                    if not data or is_whole(answer):
                        break
                elif writable:
                    count = connection.send(waiting)
                    waiting, sent = waiting[count:], sent + count
            except (ConnectionResetError, BrokenPipeError):
                with contextlib.suppress(OSError):
                    answer += connection.recv(65536)
                break
    return answer, sent


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(end and lengths and len(body) >= lengths[0])


def request(method, path, headers=(), body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(server, path="/health/live", **more):
    began = time.monotonic()
    answer, _ = exchange(server, [request("GET", path, ["Connection: close"])], **more)
    return status_of(answer), time.monotonic() - began


def post(server, body, kind="application/json", path="/api/v1/sessions/staff", headers=()):
    headers = [f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return exchange(server, [request("POST", path, headers, body)])[0]


def code_of(answer):
    with contextlib.suppress(ValueError):
        return json.loads(answer.partition(b"\r\n\r\n")[2]).get("code")
    return None


def drip(connection, pause, most):
    """Sends one byte after each pause until the other side has closed or answered: how long that took, and what it said."""
    began, answer = time.monotonic(), b""
    while time.monotonic() - began < most:
        readable, _, _ = select.select([connection], [], [], pause)
        try:
            if readable:
                answer += connection.recv(65536)
                break
            connection.send(b"a")
        except (ConnectionResetError, BrokenPipeError):
            break
    else:
        return None, answer
    return time.monotonic() - began, answer


def slow_head(server):
    with server.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        return drip(connection, 1, 25)[0]


def slow_body(server):
    with server.connect() as connection:
        connection.send(request("POST", "/api/v1/sessions/staff", ["Content-Type: application/json", "Content-Length: 1000"]))
        return drip(connection, 3, 45)


def slow_reader(server):
    """How long the server holds on to somebody who asks for much and reads nothing."""
    with server.connect(window=4096) as connection:
        connection.send(request("GET", "/api/v1/openapi.json") * 300)
        began = time.monotonic()
        while time.monotonic() - began < 45:
            time.sleep(0.5)
            if not server.is_open(connection):
                return time.monotonic() - began
    return None


def chunks(most):
    yield request("POST", "/api/v1/sessions/staff", ["Content-Type: application/json", "Transfer-Encoding: chunked"])
    for _ in range(most // 65536):
        yield b"10000\r\n" + b" " * 65536 + b"\r\n"


def bodies(server):
    answer, _ = exchange(server, [request("POST", "/api/v1/sessions/staff", ["Content-Type: application/json", f"Content-Length: {10 << 30}"])])
    check("10 GiB announced: 413 at once", (status_of(answer), code_of(answer)) == (413, "too-large"), answer[:30])
    answer, _ = exchange(server, [request("POST", "/login", ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {10 << 30}"])])
    check("10 GiB announced to a page: 413 as a page", status_of(answer) == 413 and b"<html" in answer, answer[:30])
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    before = server.memory("VmRSS")
    answer, sent = exchange(server, chunks(512 * MIB), seconds=20)
    grown = server.memory("VmHWM") - before
    check("an endless body: 413", (status_of(answer), code_of(answer)) == (413, "too-large"), f"{answer[:30]} after {sent / MIB:.0f} MiB")
    check("an endless body: memory grows by 100 MiB at most", grown <= 100 * MIB, f"{grown / MIB:.0f} MiB")
    # 512 MiB of blanks in half a MiB.
    bomb = gzip.compress(b" " * (512 * MIB), 6)
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    before = server.memory("VmRSS")
    answer = post(server, bomb, headers=["Content-Encoding: gzip"])
    grown = server.memory("VmHWM") - before
    check("a body that unfolds to 512 MiB: 415", (status_of(answer), code_of(answer)) == (415, "unsupported-media"), answer[:30])
    check("a body that unfolds to 512 MiB: memory grows by 50 MiB at most", grown <= 50 * MIB, f"{grown / MIB:.0f} MiB")
    for depth in (200, 100_000):
        answer = post(server, b"[" * depth + b"]" * depth)
        check(f"JSON {depth} deep: 400", status_of(answer) == 400, answer[:30])
    part = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\na\r\n'
    answer = post(server, part * 50_000 + b"--edge--\r\n", "multipart/form-data; boundary=edge", "/api/v1/imports")
    check("a form of 50,000 parts: 413", (status_of(answer), code_of(answer)) == (413, "too-large"), answer[:30])
    answer = post(server, b"x" * MIB, "multipart/form-data; boundary=edge", "/api/v1/imports")
    check("a form in which no part begins: 400", status_of(answer) == 400, answer[:30])


def heads(server):
    refused = (400, 431)
    many = [f"X-{n}: {n}" for n in range(10_000)]
    answer, _ = exchange(server, [request("GET", "/health/live", many)])
    check("10,000 headers: refused", status_of(answer) in refused, answer[:30])
    answer, _ = exchange(server, [request("GET", "/health/live", ["X-Long: " + "a" * MIB])])
    check("a header of 1 MiB: refused", status_of(answer) in refused, answer[:30])
    for line in (
        b"GET\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
    ):
        answer, _ = exchange(server, [line], seconds=3)
        # A server may close without a word on what is no HTTP at all.
        is_closed = status_of(answer) is None and not answer
        check(f"malformed: {line[:40]!r}", is_closed or status_of(answer) in (400, 405, 501, 505), answer[:30])
    with server.connect() as connection:
        connection.sendall(request("GET", "/health/live") * 499 + request("GET", "/health/live", ["Connection: close"]))
        answer = b""
        while data := connection.recv(65536):
            answer += data
    count = answer.count(b"HTTP/1.1 200 ")
    check("500 requests sent at once are answered in their order", count == 500, count)


def fill(server, is_last):
    """Opens more connections than there is room for, and looks what becomes of them and of others. False: nothing was judged, it took too long."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(FLOOD, soft - 500)
    # As the server reckons: what the process may open less what it needs itself, and at most what is configured.
    cap = min(CONNECTIONS, max(soft - 256, soft // 2))
    held, opened = [], []
    try:
        for _ in range(count):
            connection = server.connect()
            connection.setblocking(False)
            held.append(connection)
            opened.append(time.monotonic())
        time.sleep(1.5)
        told = closed = silent = 0
        inside = []
        for connection, began in zip(held, opened, strict=True):
            try:
                data = connection.recv(4096)
                told += data.startswith(b"HTTP/1.1 503") and b"Retry-After:" in data
                closed += not data
                # On a busy machine the first ones reach the time that a head is given, and their places are free again.
                silent += not data and time.monotonic() - began > HEAD_SECONDS
            except BlockingIOError:
                inside.append(connection)
            except ConnectionResetError:
                closed += 1
        found = f"{len(inside)} of {count} inside, {told} told, {closed} closed, {silent} of them after the time of a head"
        statuses = {}
        if count > cap:
            # Those that were told have gone.
            time.sleep(1)
            for path in ("/health/live", "/health/ready", "/metrics", "/drafts"):
                statuses[path] = get(server, path, seconds=5)
        if time.monotonic() - opened[0] > HEAD_SECONDS and not is_last:
            return False
        check(f"{count} connections: no more than {cap} are let in", min(count, cap) - 200 <= len(inside) + silent and len(inside) <= cap, found)
        if count > cap:
            check("some of the others are told to come back", told > 0, told)
            for path in ("/health/live", "/health/ready", "/metrics"):
                status, took = statuses[path]
                check(f"a full server answers {path}", status == 200 and took < 3, f"{status}, {took:.2f} s")
            check("and nobody else", statuses["/drafts"][0] == 503, statuses["/drafts"][0])
        latest = inside[-1]
        latest.setblocking(True)
        latest.send(request("GET", "/health/live"))
        check("whoever is inside is served", latest.recv(4096).startswith(b"HTTP/1.1 200"))
        return True
    finally:
        for connection in held:
            connection.close()


def flood(server):
    """More connections than there is room for."""
    for attempt in range(3):
        if fill(server, is_last=attempt == 2):
            break
        # The first ones had reached the time that a head is given before everything was asked: their places were free again.
        print("  the machine was too slow; the flood comes again", flush=True)
        time.sleep(2)
    began = time.monotonic()
    status = None
    while status != 200 and time.monotonic() - began < 10:
        status, _ = get(server, seconds=2)
    check("after the flood others are served again", status == 200, f"{time.monotonic() - began:.1f} s")
    held = []
    try:
        for _ in range(300):
            held.append(server.connect("127.0.0.2"))
        time.sleep(1)
        refused, _ = exchange(server, [], seconds=3, source="127.0.0.2")
        status, took = get(server)
        check("one address has no more than 256 connections, others are served", status_of(refused) == 503 and status == 200, f"{refused[:30]}, {took:.2f} s")
    finally:
        for connection in held:
            connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    binary = os.path.abspath(parser.parse_args().binary)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FLOOD + 1_000 if hard == resource.RLIM_INFINITY else min(hard, FLOOD + 1_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with tempfile.TemporaryDirectory() as folder, Server(binary, folder).running() as server, concurrent.futures.ThreadPoolExecutor(40) as people:
        # Everything that the server opens when it is first used is open from here on.
        statuses = set(people.map(lambda _: get(server, "/drafts")[0], range(40)))
        check("the server answers", statuses == {200}, statuses)
        before, began = server.files(), time.monotonic()
        head, body, reader = (people.submit(work, server) for work in (slow_head, slow_body, slow_reader))
        bodies(server)
        heads(server)
        served, slowest = 0, 0
        while not head.done():
            status, took = get(server, "/drafts")
            served, slowest = served + 1, max(slowest, took if status == 200 else 60)
            time.sleep(0.2)
        took = head.result()
        check("a head that comes byte by byte is given 20 s at most", took is not None and took <= 20, took)
        check("others are served meanwhile", served > 0 and slowest < 2, f"{served} pages, the slowest took {slowest:.2f} s")
        flood(server)
        took, answer = body.result()
        check("a body that comes byte by byte is given 40 s at most: 408", took is not None and took <= 40 and code_of(answer) == "too-slow", f"{took}, {answer[:30]}")
        took = reader.result()
        check("who does not read is given 40 s at most", took is not None and took <= 40, took)
        status, took = get(server, "/drafts")
        check("the server lives", server.process.poll() is None and status == 200, f"{status}, {took:.2f} s")
        until = time.monotonic() + 10
        while server.files() > before + 60 and time.monotonic() < until:
            time.sleep(0.2)
        check("its open files are back", server.files() <= before + 60, f"{before} before, {server.files()} now")
        idle = server.connect()
        idle.send(request("GET", "/health/live"))
        idle.recv(4096)
        stopping = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(30)
        took = time.monotonic() - stopping
        check("it stops cleanly while somebody is connected", server.process.poll() == 0 and took < 15, f"code {server.process.poll()}, {took:.1f} s")
        idle.close()
        print(f"  took {time.monotonic() - began:.0f} s")
    failed = results.count(False)
    passed = len(results) - failed
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
