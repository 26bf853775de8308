"""PostgreSQL, Redis, an S3 stand-in and a stand-in of WeChat, and the gates before them. Imported by the scripts of this folder.

The engines are started as `tests/servers.sh` starts them, but on ports of the loopback, so that a network can be cut: a `Gate` stands before each. Every
process is ended by its own id.
"""

import contextlib
import glob
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
import uuid

from running import ROOT, ending, free_port, on_end, starting, wait_until


class Process:
    """A process that is ended by its id."""

    def __init__(self, log):
        self.log, self.process = log, None
        on_end(self.stop)

    def launch(self, command, **more):
        with open(self.log, "ab") as log, starting:
            if ending.is_set():
                raise RuntimeError("the script is ending")
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def tell(self, number):
        if self.is_running():
            self.process.send_signal(number)

    def sigkill(self):
        self.tell(signal.SIGKILL)
        if self.process:
            self.process.wait(30)

    def stop(self, number=signal.SIGTERM, seconds=30):
        self.tell(number)
        if self.process:
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.sigkill()

    def tail(self, count=15):
        return "\n".join(pathlib.Path(self.log).read_text(errors="replace").splitlines()[-count:])


def as_user():
    """PostgreSQL refuses to run as root: the prefix that makes a command another user's."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-i", f"PATH={os.environ['PATH']}", "LANG=C.UTF-8"]


def is_alive(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in ("Z", "X")


class Postgres(Process):
    def __init__(self, folder, durable=False):
        super().__init__(folder / "postgres.log")
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[-2]))
        if not found:
            sys.exit("SKIPPED: PostgreSQL is not installed")
        self.bin, self.port, self.home, self.durable = pathlib.Path(found[-1]), free_port(), folder / "postgres", durable
        self.home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres", "postgres")
        subprocess.run([*as_user(), self.bin / "initdb", "-D", self.home / "data", "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, cwd=self.home)
        self.start()

    def start(self):
        # No fsync, unless what must survive a kill is the question.
        durability = [] if self.durable else ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        self.launch([*as_user(), self.bin / "postgres", "-D", self.home / "data", "-h", "127.0.0.1", "-p", self.port, "-k", self.home, *durability,
                     "-c", "max_connections=300"], cwd=self.home)
        # The socket is asked, not the port, which a gate may stand for.
        ready = [self.bin / "pg_isready", "-q", "-h", self.home, "-p", str(self.port), "-U", "app"]
        if wait_until(lambda: subprocess.run(ready).returncode == 0, 60, 0.1) is None:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.tail()}")

    def sigkill(self):
        """SIGKILL of the postmaster; its children end by themselves, and a new one may not start before."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split() if self.is_running() else []
        super().sigkill()
        wait_until(lambda: not any(is_alive(child) for child in children), 30, 0.02)

    def stop(self, number=signal.SIGINT, seconds=30):
        super().stop(number, seconds)

    def url(self, port=None):
        return f"postgres://app@127.0.0.1:{port or self.port}/postgres"

    def rows(self, statement):
        """Rows as dictionaries, read past every gate."""
        command = [self.bin / "psql", "-h", self.home, "-p", str(self.port), "-U", "app", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-X", "-At", "-c",
                   f"SELECT coalesce(json_agg(t), '[]') FROM ({statement}) t"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def damage(self):
        """What the engine's own check says of its files; empty where they are whole."""
        command = [self.bin / "pg_amcheck", "-h", self.home, "-p", str(self.port), "-U", "app", "-d", "postgres", "--install-missing"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return "" if done.returncode == 0 else done.stdout.strip()[:300]


class Sqlite:
    """The embedded database, read beside the server; `prefix` runs the reading elsewhere, as in the server's own mount namespace."""

    READ = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], uri=True, timeout=30)
connection.row_factory = sqlite3.Row
print(json.dumps([{k: v.hex() if isinstance(v, bytes) else v for k, v in dict(row).items()} for row in connection.execute(sys.argv[2])]))
"""

    def __init__(self, file, prefix=()):
        self.file, self.prefix = file, list(prefix)

    def rows(self, statement):
        command = [*self.prefix, sys.executable, "-c", self.READ, f"file:{urllib.parse.quote(str(self.file))}?mode=ro", statement]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        # An id is sixteen bytes here and words elsewhere; a hash is written in twice as many digits.
        is_id = lambda value: isinstance(value, str) and len(value) == 32 and not set(value) - set("0123456789abcdef")  # noqa: E731
        return [{k: str(uuid.UUID(v)) if k != "k" and is_id(v) else v for k, v in row.items()} for row in found]

    def damage(self):
        found = [next(iter(row.values())) for row in self.rows("PRAGMA integrity_check")]
        return "" if found == ["ok"] else "; ".join(found[:5])


class Redis(Process):
    def __init__(self, folder, certificate=None):
        """`certificate`: files of a certificate and its key, with which it also answers through TLS, on `tls_port`."""
        super().__init__(folder / "redis.log")
        if not shutil.which("redis-server"):
            sys.exit("SKIPPED: Redis is not installed")
        self.port, self.home, self.certificate = free_port(), folder, certificate
        self.tls_port = free_port() if certificate else None
        self.start()

    def start(self):
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]
        if self.certificate:
            command += ["--tls-port", self.tls_port, "--tls-cert-file", self.certificate[0], "--tls-key-file", self.certificate[1], "--tls-auth-clients", "no",
                        "--tls-ca-cert-file", self.certificate[0]]
        self.launch(command, cwd=self.home)
        if wait_until(self.answers, 30) is None:
            raise RuntimeError(f"Redis did not start:\n{self.tail()}")

    def answers(self):
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")

    def order(self, line):
        """One command, as a line; what it answers must be a plain yes."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(line.encode() + b"\r\n")
            answer = connection.recv(256)
        if not answer.startswith(b"+OK"):
            raise RuntimeError(f"Redis, {line}: {answer}")

    def keys(self):
        """How many keys it holds."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(b"DBSIZE\r\n")
            return int(connection.recv(64).strip(b":\r\n"))

    def url(self, port=None):
        return f"redis://127.0.0.1:{port or self.port}/"


class ObjectStore(Process):
    """The S3 stand-in (moto); `None` from `found` where it is not installed."""

    BUCKET = "originals"

    @staticmethod
    def found():
        named = os.environ.get("ZHITONG_MOTO")
        program = pathlib.Path(named) if named else ROOT / "target/test-tools/s3/bin/moto_server"
        return program if program.exists() else None

    def __init__(self, folder):
        super().__init__(folder / "s3.log")
        self.port = free_port()
        self.launch([self.found(), "-H", "127.0.0.1", "-p", self.port], cwd=folder)

        def has_bucket():
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{self.BUCKET}", method="PUT")
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status == 200

        if wait_until(has_bucket, 60, 0.2) is None:
            raise RuntimeError(f"the S3 stand-in did not start:\n{self.tail()}")

    def environment(self, port=None):
        return {
            "ZHITONG_S3_ENDPOINT": f"http://127.0.0.1:{port or self.port}", "ZHITONG_S3_BUCKET": self.BUCKET, "ZHITONG_S3_ALLOW_HTTP": "true",
            "ZHITONG_S3_ACCESS_KEY": "stand-in", "ZHITONG_S3_SECRET_KEY": "stand-in-secret",
        }


class Gate:
    """A relay before an engine: open, refusing connections, or accepting them and letting nothing through."""

    def __init__(self, upstream):
        self.upstream, self.port = upstream, free_port()
        self.listener, self.live, self.lock = None, set(), threading.Lock()
        self.flows = threading.Event()
        on_end(self.refuse)
        self.open()

    def open(self):
        """Lets everything through; what hung goes on, as after a network came back."""
        self.flows.set()
        self._listen()

    def refuse(self):
        """Closes the port, and cuts what runs through it."""
        with self.lock:
            listener, self.listener = self.listener, None
            live, self.live = self.live, set()
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
            listener.close()
        for one in live:
            _cut(one)
        self.flows.set()

    def hang(self):
        """Connections are accepted and stay, and nothing passes: neither bytes nor ends of connections."""
        self.flows.clear()
        self._listen()

    def _listen(self):
        with self.lock:
            if self.listener:
                return
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
            self.listener.listen(256)
            threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with self.lock:
            if not self.listener:
                return _cut(client)
            self.live.add(client)
        self.flows.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream), 5)
            server.settimeout(None)
        except OSError:
            return _cut(client)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            if not self.listener:
                _cut(client)
                return _cut(server)
            self.live.add(server)
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                self.flows.wait()
                sink.sendall(data)
            self.flows.wait()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.flows.wait()
            with self.lock:
                self.live -= {source, sink}
            _cut(source)
            _cut(sink)


def _cut(connection):
    """Ends a connection at once: the other side sees a reset."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class FakeWechat:
    """The part of WeChat that several instances share: one access token, sign-in by code, checks of texts, subscription messages. Counts its calls."""

    def __init__(self):
        self.tokens, self.forced, self.sent, self.checked, self.lock = 0, 0, [], 0, threading.Lock()
        self.serial, self.revoked = 1, set()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body):
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)).get("js_code", "")
                # The person stands before the dot, as in the sandbox of the product.
                self.answer({"openid": "o-" + code.split(".")[0], "session_key": "k"})

            def do_POST(self):
                address = urllib.parse.urlsplit(self.path)
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                self.answer(fake.called(address.path, dict(urllib.parse.parse_qsl(address.query)), body))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

        self.server = Server(("127.0.0.1", free_port()), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        on_end(self.server.shutdown)

    def called(self, path, query, body):
        with self.lock:
            if path == "/cgi-bin/stable_token":
                self.tokens += 1
                if body.get("force_refresh"):
                    self.forced += 1
                    self.serial += 1
                return {"access_token": f"token-{self.serial}", "expires_in": 7200}
            if query.get("access_token") in self.revoked:
                return {"errcode": 40001, "errmsg": "invalid credential"}
            if path == "/wxa/msg_sec_check":
                self.checked += 1
                return {"errcode": 0, "result": {"suggest": "pass", "label": 100}}
            if path == "/cgi-bin/message/subscribe/send":
                self.sent.append((body["touser"], body["page"]))
                return {"errcode": 0}
        return {"errcode": -1}

    def revoke(self):
        """The token that is good now is not good any more, and still named to who asks without force: as after somebody else forced a new one."""
        with self.lock:
            self.revoked.add(f"token-{self.serial}")
