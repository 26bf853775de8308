"""Instances of the product, several of them over the same engines, and whatever else the scripts of this folder need: they import this module alone."""

import glob
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import uuid

from engines import *  # noqa: F403
from people import *  # noqa: F403
from running import *  # noqa: F403
from engines import Process
from running import BROKEN, ROOT, free_port, wait_until

sys.path.insert(0, str(ROOT / "tests/real"))
from journey import Site  # noqa: E402

DATA_KEY = "5a" * 32

LIMITS = ("sign_in_per_address", "registration_per_address", "opinion_per_identity", "opinion_per_address", "anonymous_opinion_per_address", "opinion_per_draft",
          "lookup_per_address", "vote_per_identity", "vote_per_address", "upload_per_identity", "upload_per_address", "anonymous_upload_per_address")


def configuration(wechat='gateway = "sandbox"', rules=(), **limits):
    """A file of settings: the limits wide, but for those that are named; `rules` are further lines."""
    lines = ["[wechat]", wechat, "[sms]", 'gateway = "off"', "[rules]", 'staff_totp = "optional"', *rules, "[rules.limits]"]
    lines += [f"{name} = {{ count = {limits.get(name, 1_000_000)}, seconds = 3600 }}" for name in LIMITS]
    return "\n".join(lines) + "\n"


class Answer:
    def __init__(self, status, headers, data, seconds):
        self.status, self.headers, self.data, self.seconds = status, headers, data, seconds

    def json(self):
        return json.loads(self.data) if self.data else None

    def code(self):
        """The stable code of a failure."""
        try:
            return json.loads(self.data).get("code", "")
        except (ValueError, AttributeError):
            return ""


class Instance(Site, Process):
    """One process of the product."""

    def __init__(self, binary, data_dir, config, environment, prefix=()):
        Site.__init__(self, binary, data_dir)
        Process.__init__(self, pathlib.Path(f"{data_dir}.log"))
        self.port, self.config, self.prefix, self.timeout = free_port(), config, list(prefix), 60
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ZHITONG_")}
        self.environment = clean | {"ZHITONG_LOG": "warn", "ZHITONG_TRUSTED_PROXIES": "127.0.0.1", "ZHITONG_DATA_KEY": DATA_KEY, "TZ": "Asia/Shanghai"} | environment

    def command(self, *words, config=True, expected=(0,)):
        """One command of the command line; gives its output."""
        chosen = ["--config", self.config] if config else []
        done = subprocess.run([*self.prefix, self.binary, "--data-dir", self.data_dir, *chosen, *words], env=self.environment, text=True, capture_output=True, timeout=120)
        if done.returncode not in expected:
            raise RuntimeError(f"zhitong {words}: {done.returncode}\n{done.stdout[-600:]}{done.stderr[-600:]}")
        return done.stdout

    def seed(self):
        """Loads the demonstration city, and learns the passwords of its staff."""
        for line in self.command("seed", config=False).splitlines():
            words = line.split()
            if len(words) >= 3 and words[0].isalpha() and words[0].isascii():
                self.passwords[words[0]] = words[1]

    def start(self, ahead=None):
        """Starts the process; `ahead`: its clock goes so many seconds before the machine's."""
        environment = self.environment
        if ahead is not None:
            library = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
            # The library itself, not the program of that name: the process keeps its own id, which is what is killed.
            environment = environment | {"LD_PRELOAD": library[0], "FAKETIME": f"{ahead:+.0f}", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        self.launch([*self.prefix, self.binary, "--data-dir", self.data_dir, "--config", self.config, "serve", "--listen", f"127.0.0.1:{self.port}"], env=environment)

    def ask(self, method, path, body=None, token=None, headers=None, address="127.0.0.1", base="/api/v1", timeout=None):
        headers = {"X-Forwarded-For": address} | (headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, (dict, list)):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout or self.timeout)
        try:
            connection.request(method, base + path, body, headers)
            response = connection.getresponse()
            data = response.read()
            return Answer(response.status, response.headers, data, time.monotonic() - began)
        finally:
            connection.close()

    def send(self, *arguments, **more):
        answer = self.ask(*arguments, **more)
        return answer.status, answer.data

    def ready(self, timeout=5):
        """Status and body of `/health/ready`; 0 when there is no answer."""
        try:
            answer = self.ask("GET", "/health/ready", base="", timeout=timeout)
            return answer.status, answer.json()
        except (*BROKEN, ValueError):
            return 0, {}

    def is_live(self, timeout=2):
        try:
            return self.ask("GET", "/health/live", base="", timeout=timeout).status == 200
        except BROKEN:
            return False

    def wait_ready(self, seconds=60):
        took = wait_until(lambda: self.ready()[0] == 200 or not self.is_running(), seconds)
        if took is None or not self.is_running():
            raise RuntimeError(f"an instance is not ready:\n{self.tail()}")
        return took

    def metrics(self):
        """Value by name with its labels, as the text writes them."""
        values = {}
        for line in self.ask("GET", "/metrics", base="").data.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values


class Cluster:
    """Several instances over the same engines."""

    def __init__(self, binary, folder, environment, count=3, config=None):
        self.binary, self.folder, self.environment = binary, folder, environment
        self.config = folder / "zhitong.toml"
        self.config.write_text(config or configuration())
        self.turn, self.lock = 0, threading.Lock()
        self.instances = [self.another() for _ in range(count)]

    def another(self, **more):
        """An instance with an empty data directory; it is neither started nor asked yet."""
        made = Instance(self.binary, self.folder / f"instance-{uuid.uuid4().hex[:6]}", self.config, self.environment, **more)
        if getattr(self, "instances", None):
            made.passwords = self.instances[0].passwords
        return made

    def share_originals(self):
        """Originals of all in one folder, as on a file system of the network; for whoever has no object store."""
        common = self.folder / "originals"
        common.mkdir()
        for instance in self.instances:
            data = pathlib.Path(instance.data_dir)
            data.mkdir(mode=0o700)
            (data / "blobs").symlink_to(common)
        return self

    def begin(self, ahead=None):
        """The first one loads the demonstration and is ready before the others come."""
        first = self.instances[0]
        first.seed()
        for instance in self.instances:
            instance.passwords = first.passwords
        first.start(ahead)
        first.wait_ready()
        for instance in self.instances[1:]:
            instance.start(ahead)
        for instance in self.instances[1:]:
            instance.wait_ready()
        return self

    def any(self):
        with self.lock:
            self.turn += 1
            return self.instances[self.turn % len(self.instances)]

    def stop(self):
        for instance in self.instances:
            instance.tell(signal.SIGTERM)
        for instance in self.instances:
            instance.stop()
