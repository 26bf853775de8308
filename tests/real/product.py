"""Drives the product's binary for the measurements of this folder: commands with their time and peak memory, and a server over HTTP."""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

QUIET = os.environ | {"ZHITONG_LOG": "warn"}


def status_mib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return float("nan")


def bytes_under(folder):
    return sum(f.stat().st_size for f in pathlib.Path(folder).rglob("*") if f.is_file())


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Product:
    def __init__(self, binary, data_dir):
        self.binary, self.data_dir = pathlib.Path(binary).resolve(), pathlib.Path(data_dir)
        if not self.binary.is_file():
            sys.exit(f"There is no binary at {self.binary}. Build it: cargo build --release --locked")

    def run(self, *arguments, expected=(0,)):
        """Runs a command; gives its standard output, wall time in seconds and peak memory in MiB."""
        started = time.perf_counter()
        process = subprocess.Popen([self.binary, "--data-dir", self.data_dir, *arguments], stdout=subprocess.PIPE, env=QUIET)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in expected:
            sys.exit(f"zhitong {' '.join(map(str, arguments))} ended with {process.returncode}")
        return output.decode(), time.perf_counter() - started, usage.ru_maxrss / 1024

    @contextlib.contextmanager
    def server(self, seconds=120):
        """A production server (nothing seeded) on a free port of the loopback; stopped as an operator would."""
        config = self.data_dir / "measuring.toml"
        config.write_text(f'data_key = "{secrets.token_hex(32)}"\n')
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [self.binary, "--config", config, "--data-dir", self.data_dir, "serve", "--listen", f"127.0.0.1:{port}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=QUIET)
        try:
            deadline = time.monotonic() + seconds
            while not is_ready(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("The server did not become ready.")
                time.sleep(0.1)
            yield Server(process.pid, port)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_ready(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False


class Server:
    def __init__(self, pid, port):
        self.pid = pid
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def search(self, query, **parameters):
        """The answer of /api/v1/search and the milliseconds until its last byte."""
        path = "/api/v1/search?" + urllib.parse.urlencode({"q": query} | parameters)
        started = time.perf_counter()
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        body = response.read()
        took = (time.perf_counter() - started) * 1000
        if response.status != 200:
            sys.exit(f"{response.status} for {path}: {body.decode(errors='replace')}")
        return json.loads(body), took

    def resident_mib(self):
        return status_mib(self.pid, "VmRSS")

    def peak_mib(self):
        return status_mib(self.pid, "VmHWM")
