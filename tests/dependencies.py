#!/usr/bin/env python3
"""What the product is built from: licences, sources and bans as .cargo/deny.toml allows them, what the reasons of ignored advisories rest on, and
deploy/LICENSES.md. Reads the metadata of cargo alone; nothing is compiled, and nothing is asked of a network where the crates are here.

    tests/dependencies.py            checks
    tests/dependencies.py --write    writes deploy/LICENSES.md

Where cargo-deny is installed it is asked, too. Advisories need a fresh database and are looked for by hand: `cargo deny check advisories`.
"""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIST = ROOT / "deploy/LICENSES.md"

# Advisory → the crate and the beginning of its version, what may depend on it, and whether it is part of the program.
RESTS_ON = {
    "RUSTSEC-2026-0194": ("quick-xml", "0.36.", {"poem", "poem-openapi"}, True),
    "RUSTSEC-2026-0195": ("quick-xml", "0.36.", {"poem", "poem-openapi"}, True),
    "RUSTSEC-2025-0141": ("bincode", "1.", {"character_converter"}, False),
}

HEAD = """# 第三方组件及其许可证

直通以 Apache-2.0 许可发布。下列组件编入程序，或者在编译时展开为程序的一部分；各自的许可证允许随程序一并使用和分发。本表由 `tests/dependencies.py --write` 根据 `Cargo.lock` 生成，
与之不一致时测试不能通过。许可证用 SPDX 名称写出，有“OR”的可任选其一；全文见各组件的源代码。MPL-2.0 的组件未作修改。SQLite 随 libsqlite3-sys 编入，属公有领域。

"""

passed, failed = 0, []


def check(what, wrong):
    """A named check; `wrong` is what breaks it."""
    global passed
    print(f"  {'NOT' if wrong else 'ok '} {what}")
    for line in wrong:
        print(f"      {line}")
    if wrong:
        failed.append(what)
    else:
        passed += 1


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be met. `/` is the older way to write OR; an exception with WITH only permits more."""
    words = re.findall(r"[()]|[^\s()/]+|/", expression)

    def any_of():
        met = all_of()
        while words and words[0] in ("OR", "/"):
            words.pop(0)
            met = all_of() or met
        return met

    def all_of():
        met = one()
        while words and words[0] == "AND":
            words.pop(0)
            met = one() and met
        return met

    def one():
        if not words:
            raise ValueError(f"cut off: {expression}")
        word = words.pop(0)
        if word == "(":
            met = any_of()
            if not words or words.pop(0) != ")":
                raise ValueError(f"a bracket is open: {expression}")
            return met
        if words and words[0] == "WITH":
            del words[:2]
        return word in allowed

    met = any_of()
    if words:
        raise ValueError(f"not an expression: {expression}")
    return met


def metadata(target):
    """The graph for one target; from what is here, else through cargo's registry."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    done = subprocess.run([*command, "--offline"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cargo metadata: {done.stderr[-800:]}\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out")
    return json.loads(done.stdout)


class Graph:
    """The packages of all targets together."""

    def __init__(self, targets):
        self.packages, self.of_program, self.needed_by = {}, set(), collections.defaultdict(set)
        for found in map(metadata, targets):
            packages = {package["id"]: package for package in found["packages"]}
            nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
            self.root = found["resolve"]["root"]
            self.packages |= {name: packages[name] for name in nodes}
            for name, node in nodes.items():
                for needed in node["deps"]:
                    self.needed_by[needed["pkg"]].add(packages[name]["name"])
            todo, seen = [self.root], set()
            while todo:
                name = todo.pop()
                if name not in seen:
                    seen.add(name)
                    todo += [n["pkg"] for n in nodes[name]["deps"] if any(kind["kind"] is None for kind in n["dep_kinds"])]
            self.of_program |= seen

    def others(self):
        return sorted((p for name, p in self.packages.items() if name != self.root), key=lambda p: (p["name"], p["version"]))

    def find(self, crate, version):
        return [name for name, p in self.packages.items() if p["name"] == crate and p["version"].startswith(version)]


def title(package):
    return f"{package['name']} {package['version']}: {package['license'] or 'no licence'}"


def written(graph):
    """The text of deploy/LICENSES.md."""
    of_program = [p for p in graph.others() if p["id"] in graph.of_program]
    counts = collections.Counter(p["license"] for p in of_program)
    lines = [f"组件 {len(of_program)} 个。", "", "| 许可证 | 组件数 |", "|---|---|"]
    lines += [f"| {licence} | {count} |" for licence, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    lines += ["", "| 组件 | 版本 | 许可证 |", "|---|---|---|"]
    lines += [f"| {p['name']} | {p['version']} | {p['license']} |" for p in of_program]
    return HEAD + "\n".join(lines) + "\n"


def licences(graph, rules):
    table = {"MIT": True, "GPL-3.0-only": False, "MIT AND GPL-2.0-only": False, "MIT OR GPL-2.0-only": True, "GPL-2.0-only / MIT": True,
             "(MIT OR Apache-2.0) AND Unicode-DFS-2016": False, "Apache-2.0 WITH LLVM-exception OR SSPL-1.0": True, "GPL-2.0-only AND (MIT OR ISC)": False}
    wrong = [f"{expression}: {not expected}" for expression, expected in table.items() if is_allowed(expression, {"MIT", "Apache-2.0", "ISC"}) != expected]
    check(f"{len(table)} expressions are read", wrong)
    allowed, others = set(rules["licenses"]["allow"]), graph.others()
    check(f"the licences of {len(others)} packages are allowed", [title(p) for p in others if not is_allowed(p["license"] or "none", allowed)])
    needless = [name for name in sorted(allowed) if all(is_allowed(p["license"] or "none", allowed - {name}) for p in others)]
    check(f"each of {len(allowed)} allowed licences is needed", needless)


def sources(graph, rules):
    allowed = {f"registry+{address}" for address in rules["sources"]["allow-registry"]}
    check("packages come from the registry that is named", [f"{title(p)}: {p['source']}" for p in graph.others() if p["source"] not in allowed])
    banned = {entry["crate"] for entry in rules["bans"]["deny"]}
    check(f"none of {len(banned)} banned packages is there", [title(p) for p in graph.others() if p["name"] in banned])


def reasons(graph, rules):
    ignored = rules["advisories"]["ignore"]
    check("each ignored advisory has a reason, and what it rests on is known",
          [entry["id"] for entry in ignored if len(entry.get("reason", "")) < 20] + sorted({entry["id"] for entry in ignored} ^ set(RESTS_ON)))
    for advisory, (crate, version, parents, in_program) in RESTS_ON.items():
        found = graph.find(crate, version)
        wrong = [f"{crate} {version} is gone: the advisory needs no ignoring"] if not found else []
        for name in found:
            wrong += [f"{parent} depends on it, too" for parent in sorted(graph.needed_by[name] - parents)]
            wrong += ["it is part of the program"] if name in graph.of_program and not in_program else []
        check(f"{advisory}: {crate} {version} only below {', '.join(sorted(parents))}", wrong)


def main():
    with open(ROOT / ".cargo/deny.toml", "rb") as file:
        rules = tomllib.load(file)
    graph = Graph(rules["graph"]["targets"])
    if sys.argv[1:] == ["--write"]:
        LIST.write_text(written(graph), encoding="utf-8")
        return 0
    licences(graph, rules)
    sources(graph, rules)
    reasons(graph, rules)
    is_current = LIST.exists() and LIST.read_text(encoding="utf-8") == written(graph)
    check("deploy/LICENSES.md is what Cargo.lock says", [] if is_current else ["write it anew: tests/dependencies.py --write"])
    if shutil.which("cargo-deny"):
        done = subprocess.run(["cargo", "deny", "--offline", "check", "bans", "licenses", "sources"], cwd=ROOT, capture_output=True, text=True)
        check("cargo deny check bans licenses sources", [] if done.returncode == 0 else done.stderr.splitlines()[-20:])
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {len(failed)} failed; 0 ignored; 0 measured; 0 filtered out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
