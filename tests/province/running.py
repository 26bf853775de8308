"""How each script of this folder runs: one line for each check, a deadline, and everything that was started ended at the end. Imported by them."""

import argparse
import atexit
import contextlib
import http.client
import os
import pathlib
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Below the ports that the kernel gives to clients: an instance that is down must not lose its port to one of them.
PORTS = range(20_000, 32_000)
BROKEN = (OSError, http.client.HTTPException)


class Tally:
    """One line for each check; the counts at the end, in the form of `cargo test`."""

    def __init__(self):
        self.passed, self.failed, self.lock, self.started = 0, [], threading.Lock(), time.monotonic()

    def check(self, what, found, expected=True):
        is_right = found == expected
        # Where a truth is expected, what stands in its place says why it is none.
        shown = ("" if found in (True, False) else f": {found}") if expected is True else f": {found}" + ("" if is_right else f", expected {expected}")
        with self.lock:
            print(f"  {'ok ' if is_right else 'NOT'} {what}{shown}", flush=True)
            if is_right:
                self.passed += 1
            else:
                self.failed.append(what)
        return is_right

    def within(self, what, found, most, unit="s"):
        """A measured value with its bound; None stands for what never came."""
        shown = "never" if found is None else f"{found:.3g} {unit}"
        return self.check(f"{what}: {shown} (at most {most:g} {unit})", found is not None and found <= most)

    def result(self):
        verdict = "FAILED" if self.failed else "ok"
        print(f"{time.monotonic() - self.started:.0f} s")
        print(f"test result: {verdict}. {self.passed} passed; {len(self.failed)} failed; 0 ignored; 0 measured; 0 filtered out", flush=True)
        return 1 if self.failed else 0


TALLY = Tally()
check, within = TALLY.check, TALLY.within


def say(words):
    print(words, flush=True)


# Beginning and end of a script

_to_close = []
_closing = threading.Lock()
# Held while a process is started; once the end has begun none is started any more, whatever thread wishes to.
starting, ending = threading.Lock(), threading.Event()


def close_all():
    """Ends what was started, the last first. Never raises: the next one must have its turn."""
    with starting:
        ending.set()
    with _closing:
        while _to_close:
            with contextlib.suppress(Exception):
                _to_close.pop()()


def on_end(close):
    _to_close.append(close)


def run(description, add_arguments, body, deadline=170):
    """Runs `body(arguments, folder)` in a temporary folder, under a deadline, and ends the process with the counts."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--deadline", type=float, default=deadline, help="seconds after which the script ends in any case")
    parser.add_argument("--keep", action="store_true", help="leaves the folder with the logs behind")
    parser.add_argument("--seed", type=int, default=None, help="of what is left to chance; printed, so that a run can be repeated")
    add_arguments(parser)
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    arguments.seed = random.randrange(1 << 30) if arguments.seed is None else arguments.seed
    # A socket path may not be longer than 107 bytes, so the folder stands in /tmp whatever TMPDIR says.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="zhitong-province-", dir="/tmp"))
    folder.chmod(0o755)
    if arguments.keep:
        say(f"the folder is {folder}")
    else:
        on_end(lambda: shutil.rmtree(folder, ignore_errors=True))
    atexit.register(close_all)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))

    def too_late():
        ending.set()
        check(f"the script ends within {arguments.deadline:.0f} s", False)
        close_all()
        TALLY.result()
        os._exit(1)

    timer = threading.Timer(arguments.deadline, too_late)
    timer.daemon = True
    timer.start()
    to_the_end("the script", lambda: body(arguments, folder))
    timer.cancel()
    close_all()
    code = TALLY.result()
    sys.stdout.flush()
    os._exit(code)


def to_the_end(name, part):
    """Runs a part; whatever breaks it is a check that failed, so that the counts are printed and the engines are stopped."""
    try:
        part()
    except Exception as error:  # noqa: BLE001
        if ending.is_set():
            # The deadline has come, and this is what it broke; the thread that ends the process speaks.
            time.sleep(120)
        traceback.print_exc(file=sys.stdout)
        check(f"{name} runs to its end ({type(error).__name__})", False)
    except SystemExit as stop:
        # A call of the journey's helper that was answered otherwise than it must; a stop signal has a number.
        if not isinstance(stop.code, str):
            raise
        check(f"{name} runs to its end ({stop.code})", False)


def in_turn(parts, chosen):
    """Runs the parts that are chosen, or all; one that breaks does not keep the next from its turn."""
    for name, part in parts.items():
        if (not chosen or name in chosen) and not ending.is_set():
            began = time.monotonic()
            say(name)
            to_the_end(name, part)
            say(f"  ({time.monotonic() - began:.1f} s)")


def free_port():
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(condition, seconds, pause=0.05):
    """Seconds until the condition held; None when it never did."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(*BROKEN):
            if condition():
                return time.monotonic() - began
        if time.monotonic() - began > seconds:
            return None
        time.sleep(pause)


def together(work, inputs):
    """Results of one thread for each input, all beginning at once, in the order of the inputs."""
    inputs = list(inputs)
    results, barrier = [None] * len(inputs), threading.Barrier(len(inputs))

    def one(at, value):
        barrier.wait(60)
        try:
            results[at] = work(value)
        except BROKEN as error:
            results[at] = error

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(inputs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results
