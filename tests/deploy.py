#!/usr/bin/env python3
"""The checks of deploy.sh that read files: each function named `check_…` passes silently or with a line of fact, or fails with what is wrong.

    tests/deploy.py list                    names of the checks
    tests/deploy.py NAME BINARY             runs one
    tests/deploy.py uncommented             the example with every optional setting switched on
    tests/deploy.py configmap               the settings inside the ConfigMap
"""
import json
import pathlib
import re
import subprocess
import sys
import tomllib

import yaml

TOP = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = TOP / "deploy"
SOURCES = {path.relative_to(TOP).as_posix(): path.read_text() for path in (TOP / "src").rglob("*.rs")}
EXAMPLE = DEPLOY / "zhitong.example.toml"
BINARY = sys.argv[2] if len(sys.argv) > 2 else "target/debug/zhitong"


def text(name):
    return (DEPLOY / name).read_text()


def expect(condition, complaint):
    if not condition:
        raise SystemExit(complaint)


def same(ours, theirs, what):
    ours, theirs = set(ours), set(theirs)
    expect(ours == theirs, f"{what}: only in deploy/ {sorted(ours - theirs)}, only in the program {sorted(theirs - ours)}")


# ---- settings ----

def uncommented():
    """Optional settings stand behind a `#` without a space."""
    return re.sub(r"(?m)^#(?=[\[\]\w]|  \{)", "", EXAMPLE.read_text())


def structs():
    """Fields of every struct that is read from the configuration file, by its name."""
    found = {}
    for name, source in SOURCES.items():
        if name.startswith("src/config/") or name == "src/calendar.rs":
            for struct, body in re.findall(r"pub struct (\w+) \{\n(.*?)\n\}", source, re.S):
                fields = re.findall(r"((?: *#\[[^\n]*\]\n)*) *pub (\w+): ([^\n]+),", body)
                if fields:
                    found[struct] = {field: kind for attributes, field, kind in fields if "serde(skip)" not in attributes}
    return found


def program_fields(known, struct="Config", prefix=""):
    for field, kind in known[struct].items():
        inner = re.sub(r"^(?:Option|Vec)<(.*)>$", r"\1", kind)
        if inner in known and inner != "Quota":
            yield from program_fields(known, inner, f"{prefix}{field}.")
        else:
            yield prefix + field


def written_fields(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if isinstance(value, dict) and not {"count", "seconds"} == set(value) and prefix + key != "wechat.templates.fields":
            yield from written_fields(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def check_the_example_has_every_setting():
    fields = list(program_fields(structs()))
    expect(len(fields) > 60, f"only {len(fields)} settings were found in the sources")
    same(written_fields(tomllib.loads(uncommented())), fields, "settings")
    print(f"{len(fields)} settings")


def check_optional_settings_show_their_defaults():
    sources = "\n".join(source for name, source in SOURCES.items() if name.startswith("src/config/"))
    compared = 0
    optional = re.findall(r"(?m)^#(\w+) = (.+)$", EXAMPLE.read_text())
    for field, value in optional:
        written = tomllib.loads(f"x = {value}")["x"] if not value.endswith("[") else None
        hourly = re.search(rf"\b{field}: hourly\(([\d_]+)\)", sources)
        quota = re.search(rf"\b{field}: Quota \{{ count: ([\d_]+), seconds: ([\d_]+) \}}", sources)
        plain = re.findall(rf"\b{field}: ([\d_]+|\"[^\"]*\"\.into\(\)|String::new\(\))(?=[, ])", sources)
        if hourly:
            default = {"count": int(hourly[1]), "seconds": 3600}
        elif quota:
            default = {"count": int(quota[1]), "seconds": int(quota[2])}
        elif isinstance(written, int) and not isinstance(written, bool) and plain:
            # `timeout_ms` is the name of two settings.
            expect(written in [int(number) for number in plain if number[0].isdigit()], f"{field} = {written}, but the program says {plain}")
            compared += 1
            continue
        elif isinstance(written, str) and len(plain) == 1:
            default = "" if plain[0].startswith("String") else plain[0].split('"')[1]
        else:
            continue
        expect(written == default, f"{field} = {written!r}, but the program says {default!r}")
        compared += 1
    expect(compared > 35, f"only {compared} of {len(optional)} were compared")
    print(f"{compared} of {len(optional)} compared with the sources")


def check_variables_exist():
    known = set(re.findall(r"ZHITONG_[A-Z0-9_]+", SOURCES["src/config/mod.rs"] + SOURCES["src/cli.rs"]))
    same(re.findall(r"ZHITONG_[A-Z0-9_]+", EXAMPLE.read_text()), known - {"ZHITONG_CONFIG"}, "variables")
    # Those that compose substitutes are no settings.
    ours = {"ZHITONG_IMAGE"}
    for path in DEPLOY.rglob("*"):
        if path.suffix in {".yaml", ".service", ".md"} or path.name == "Containerfile":
            unknown = set(re.findall(r"ZHITONG_[A-Z0-9]+(?:_[A-Z0-9]+)*", path.read_text())) - known - ours - {"ZHITONG"}
            expect(not unknown, f"{path.name}: {unknown}")


# ---- containers ----

def check_the_services_of_compose_are_closed():
    compose = yaml.safe_load(text("compose.yaml"))
    for name, service in compose["services"].items():
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        for what, is_so in {
            "read_only": service.get("read_only") is True,
            "cap_drop": service.get("cap_drop") == ["ALL"],
            "no-new-privileges": "no-new-privileges:true" in service.get("security_opt", []),
            "limits": {"cpus", "memory", "pids"} <= set(limits),
            "privileged": not service.get("privileged"),
            "known secrets": {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])} <= set(compose["secrets"]),
            "known networks": set(service["networks"]) <= set(compose["networks"]),
            "a health check": "healthcheck" in service or name.startswith("zhitong-") or name in {"minio-setup", "backup"},
            "no password in the environment": not any("PASSWORD" in k and not k.endswith("_FILE") for k in service.get("environment", {})),
            "ports of nginx alone": name == "nginx" or "ports" not in service,
        }.items():
            expect(is_so, f"{name}: {what}")
    expect(compose["networks"]["data"] == {"internal": True}, "the engines can be reached from outside")
    subnet = compose["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    expect(f'trusted_proxies = ["{subnet}"]' in text("compose-secrets.sh"), "the network of the proxy is not the one that is trusted")
    print(f"{len(compose['services'])} services")


def check_the_image_gets_what_the_build_reads():
    lines = (TOP / ".dockerignore").read_text().split()
    expect("*" in lines, ".dockerignore lets everything in")
    kept = {line[1:] for line in lines if line.startswith("!")}
    manifest = tomllib.loads((TOP / "Cargo.toml").read_text())
    needed = {"Cargo.toml", "Cargo.lock", "src", "migrations", "benches"} | {target["path"].split("/")[0] for target in manifest["test"]}
    for name, source in SOURCES.items():
        for path in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', source):
            needed.add(((TOP / name).parent / path).resolve().relative_to(TOP).parts[0])
        needed |= {folder.split("/")[0] for folder in re.findall(r'#\[folder = "([^"]+)"', source)}
    expect(needed <= kept, f"not in the image's context: {needed - kept}")
    container = text("Containerfile")
    expect(f"rust:{manifest['package']['rust-version']}-" in container, "the Rust of the image is not the one of Cargo.toml")
    expect("USER 10001:10001" in container and "HEALTHCHECK" in container, "user or health check")


# ---- Kubernetes ----

def objects():
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from ((path.name, thing) for thing in yaml.safe_load_all(path.read_text()))


def check_the_manifests_belong_together():
    listed = set(yaml.safe_load(text("kubernetes/kustomization.yaml"))["resources"])
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    expect(there - listed == {"kustomization.yaml", "secret.example.yaml", "migration-job.yaml"} and listed <= there, f"kustomization: {listed ^ there}")
    named, pods = set(), []
    for file, thing in objects():
        expect(thing["kind"] == "Namespace" or thing["metadata"]["namespace"] == "zhitong", f"{file}: namespace")
        named.add((thing["kind"], thing["metadata"]["name"]))
        spec = thing.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            pods.append((file, template))
    for file, template in pods:
        pod = template["spec"]
        expect(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", f"{file}: pod")
        expect(pod["automountServiceAccountToken"] is False, f"{file}: token")
        volumes = {volume["name"] for volume in pod["volumes"]}
        for volume in pod["volumes"]:
            for key, kind, name in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"), ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName")):
                expect(key not in volume or (kind, volume[key][name]) in named, f"{file}: {volume}")
        for container in pod.get("initContainers", []) + pod["containers"]:
            closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            expect(container["securityContext"] == closed, f"{file}: {container['name']} is not closed")
            expect({"requests", "limits"} == set(container["resources"]), f"{file}: {container['name']} has no limits")
            expect({mount["name"] for mount in container["volumeMounts"]} <= volumes, f"{file}: mounts")
            for source in container.get("envFrom", []):
                expect(("Secret", source["secretRef"]["name"]) in named, f"{file}: {source}")
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if probe in container:
                    expect(f'"{container[probe]["httpGet"]["path"]}"' in SOURCES["src/server/mod.rs"], f"{file}: {probe}")
    [deployment] = [thing for _, thing in objects() if thing["kind"] == "Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for _, thing in objects():
        if thing["kind"] in {"PodDisruptionBudget", "Deployment"}:
            expect(thing["spec"]["selector"]["matchLabels"].items() <= labels.items(), thing["kind"])
        if thing["kind"] == "Service" and thing["metadata"]["name"] == "zhitong":
            expect(thing["spec"]["selector"].items() <= labels.items(), "Service")
    print(f"{len(named)} objects, {len(pods)} kinds of pods")


def check_the_pods_keep_their_data_to_themselves():
    # An emptyDir can be read by everybody, which `doctor` complains of; a folder that the program makes in it cannot.
    folder = tomllib.loads(configmap())["data_dir"]
    for file, thing in objects():
        if file in {"deployment.yaml", "migration-job.yaml"} and "template" in thing.get("spec", {}):
            [container] = thing["spec"]["template"]["spec"]["containers"]
            [value] = [variable["value"] for variable in container["env"] if variable["name"] == "ZHITONG_DATA_DIR"]
            [mount] = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "data"]
            expect(value == folder and pathlib.PurePosixPath(folder).parent == pathlib.PurePosixPath(mount), f"{file}: {value} in {mount}, {folder}")


def configmap():
    [settings] = [thing["data"]["zhitong.toml"] for _, thing in objects() if thing["kind"] == "ConfigMap"]
    return settings


# ---- nginx ----

def mebibytes(file, name):
    found = re.search(rf"const {name}: \w+ = (\d+)(?: << 20| \* 1024 \* 1024)?;", SOURCES[file])
    expect(found, f"{name} is not in {file} any more")
    return int(found[1])


def check_the_body_limits_are_those_of_the_program():
    conf = text("nginx/zhitong.conf")
    limits = [int(n) for n in re.findall(r"client_max_body_size (\d+)m;", conf)]
    rules = re.search(r"enclosures_mib: (\d+),", SOURCES["src/config/mod.rs"])
    wanted = {
        "everything else": [int(rules[1]), mebibytes("src/drafts/attachments.rs", "ATTACHMENT_BYTES"), mebibytes("src/portal/staff/drafting/papers.rs", "EXPLANATION_BYTES")],
        "imports": [mebibytes("src/api/imports.rs", "UPLOAD_BYTES"), mebibytes("src/portal/staff/imports.rs", "UPLOAD_MIB"), mebibytes("src/documents/mod.rs", "MAX_FILE_BYTES")],
        "uploads": [mebibytes("src/api/uploads/mod.rs", "FILE_BYTES"), mebibytes("src/portal/uploads/receiving.rs", "FILE_BYTES")],
        "recordings": [mebibytes("src/documents/recordings.rs", "LARGEST")],
    }
    for limit, (what, sizes) in zip(limits, wanted.items(), strict=True):
        expect(all(limit == size + 1 for size in sizes), f"{what}: nginx {limit} MiB, the program {sizes} MiB")
    form = mebibytes("src/server/bodies.rs", "FORM_BYTES")
    expect(max(limits) <= form, f"nginx lets {max(limits)} MiB through, the program's door {form} MiB")
    expect(f"proxy-body-size: {max(limits)}m" in text("kubernetes/ingress.yaml"), "the ingress takes another size than nginx")
    # Every multipart operation of the API has a location of its own size, or fits into the general one.
    paths = json.loads((TOP / "openapi/openapi.json").read_text())["paths"]
    locations = [(re.compile(pattern), int(size)) for pattern, size in re.findall(r"location ~ (\S+) \{\n        client_max_body_size (\d+)m", conf)]
    large = {p for p, verbs in paths.items() for verb in verbs.values() if "multipart/form-data" in (verb.get("requestBody") or {}).get("content", {})}
    sized = {p for p in large if any(pattern.search("/api/v1" + re.sub(r"\{\w+\}", "x", p)) for pattern, _ in locations)}
    expected = {"/imports", "/drafts/{draft_id}/versions", "/own-point/assignments/{id}/uploads", "/own-point/activities/{activity_id}/files"}
    expect(sized == expected, f"operations with a size of their own: {sized ^ expected}")
    print(f"{limits} MiB, {len(large)} multipart operations")


def check_nginx_hides_what_is_for_operators():
    conf = text("nginx/zhitong.conf")
    for path in ("location = /metrics {\n        return 404;", "location /health/ {\n        return 404;"):
        expect(path in conf, path)
    expect("x-forwarded-for" in SOURCES["src/app.rs"] and "X-Forwarded-For $proxy_add_x_forwarded_for" in conf, "the forwarded address")


def seconds(file, name):
    found = re.search(rf"const {name}: Duration = Duration::from_secs\((\d+)\);", SOURCES[file])
    expect(found, f"{name} is not in {file} any more")
    return int(found[1])


def check_proxies_let_go_of_connections_first():
    idle = seconds("src/server/connections.rs", "HEAD")
    conf, ingress = text("nginx/zhitong.conf"), text("kubernetes/ingress.yaml")
    kept = int(re.search(r"(?s)upstream zhitong \{.*?keepalive_timeout (\d+)s;.*?\n\}", conf)[1])
    controller = int(re.search(r'"upstream-keepalive-timeout":"(\d+)"', ingress)[1])
    expect(kept < idle and controller < idle, f"nginx keeps connections for {kept} s, the ingress for {controller} s, the program for {idle} s")
    # HTTP/2 is not spoken without TLS, and a connection is kept only when it is not said to be closed.
    expect("http1::Builder" in SOURCES["src/server/connections.rs"] and "http2" not in SOURCES["src/server/connections.rs"], "the program speaks more than HTTP/1.1")
    expect('proxy_http_version 1.1;' in conf and 'proxy_set_header Connection "";' in conf and 'proxy-http-version: "1.1"' in ingress, "HTTP/1.1 with kept connections")
    expect("proxy_request_buffering off" not in conf, "slow senders reach the program")
    print(f"{kept} s and {controller} s, the program {idle} s")


def check_open_files_leave_room_for_connections():
    spare = int(re.search(r"const SPARE_FILES: u32 = (\d+);", SOURCES["src/server/connections.rs"])[1])
    wanted = int(re.search(r"\bconnections: ([\d_]+),", SOURCES["src/config/mod.rs"])[1]) + spare
    unit = int(re.search(r"(?m)^LimitNOFILE=(\d+)$", text("systemd/zhitong.service"))[1])
    services = yaml.safe_load(text("compose.yaml"))["services"]
    limits = [unit, *(services[name]["ulimits"]["nofile"]["soft"] for name in ("zhitong-1", "zhitong-2"))]
    expect(min(limits) >= wanted, f"{limits} files, {wanted} are needed")


# ---- metrics ----

def exported():
    """Names of the time series that the program exports."""
    source = SOURCES["src/telemetry.rs"]
    prefix = re.search(r'with_prefix\("(\w+)"\)', source)[1]
    series = set()
    for name, variable in re.findall(r'registry\.register\("(\w+)", "[^"]+", (\w+)\.clone\(\)\)', source):
        kind = re.search(rf"let {variable} = (.+?);", source)[1]
        if "Counter" in kind:
            series.add(f"{prefix}_{name}_total")
        elif "Histogram" in kind:
            series |= {f"{prefix}_{name}_{end}" for end in ("bucket", "sum", "count")}
        else:
            series.add(f"{prefix}_{name}")
    for name in re.findall(r'\("(\w+)", "[^"]+"\),', source):
        series.add(f"{prefix}_{name}")
    return series


def names_in(expression):
    return set(re.findall(r"\bzhitong_\w+", expression)), set(re.findall(r"\bzhitong:[\w:]+", expression))


def check_alerts_use_metrics_that_exist():
    rules = [rule for group in yaml.safe_load(text("prometheus/rules.yaml"))["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    watched, classes = set(), set()
    for rule in rules:
        metrics, records = names_in(rule["expr"])
        expect(metrics <= exported(), f"{rule}: {metrics - exported()}")
        expect(records <= recorded, f"{rule}: {records - recorded}")
        watched |= set(re.findall(r'engine="(\w+)"', rule["expr"]))
        # `class!="…"` is about all the others.
        classes |= {"read", "write", "body"} if 'class!="connection"' in rule["expr"] else set(re.findall(r'class="(\w+)"', rule["expr"]))
    same(watched, re.findall(r'Engine::\w+ => "(\w+)"', SOURCES["src/storage/engines.rs"]), "engines with an alert")
    said = "".join(source for name, source in SOURCES.items() if name.startswith("src/server/"))
    same(classes, re.findall(r'\.shed\("(\w+)"\)', said) + re.findall(r'\(&self\.(?:reads|writes), "(\w+)"\)', said), "classes with an alert")
    print(f"{len(rules)} rules, {len(exported())} series are exported")


def check_the_dashboard_uses_metrics_that_exist():
    board = json.loads(text("grafana/dashboard.json"))
    seen, ids = set(), [panel["id"] for panel in board["panels"]]
    for panel in board["panels"]:
        expect(panel["targets"] and panel["title"], panel["id"])
        for target in panel["targets"]:
            metrics, records = names_in(target["expr"])
            expect(metrics <= exported() and not records, f"{panel['title']}: {metrics - exported()} {records}")
            seen |= metrics
    expect(len(ids) == len(set(ids)), "panels with one id")
    unseen = {name for name in exported() if not name.endswith(("_sum", "_count"))} - seen
    expect(not unseen, f"not on the dashboard: {unseen}")
    print(f"{len(ids)} panels show all {len(seen)} series")


# ---- documents ----

def documents():
    return [path for path in DEPLOY.iterdir() if path.suffix == ".md"]


def check_commands_of_the_runbook_exist():
    """Every call of the program in a block of code: subcommands and options are in the program's own help."""
    def help_of(words):
        done = subprocess.run([BINARY, *words, "--help"], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None
    known, seen = {}, set()
    # `zt` is what the runbook calls the program with its settings.
    lines = [line for path in documents() for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.S) for line in block.splitlines() if not line.startswith("alias ")]
    lines += [code for path in documents() for code in re.findall(r"`((?:zt|zhitong) [^`]+)`", path.read_text())]
    for line in re.findall(r"(?m)(?:^zhitong|(?:^|[ (])zt|zhitong-1 zhitong|-- zhitong) ([a-z][^|>&;#\n)\"]*)", "\n".join(lines)):
        words = line.split()
        commands = []
        for word in words:
            if not re.fullmatch(r"[a-z][a-z-]*", word) or help_of([*commands, word]) is None:
                break
            commands.append(word)
        expect(commands, f"no such command: zhitong {line}")
        key = tuple(commands)
        if key not in known:
            known[key] = help_of(commands)
        if re.search(r"(?m)^Commands:", known[key]):
            raise SystemExit(f"no such command: zhitong {line}")
        for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(words)):
            expect(option in known[key], f"no such option: zhitong {line}")
        seen.add(" ".join(commands))
    expect(len(seen) > 8, f"only {seen}")
    print(", ".join(sorted(seen)))


def check_paths_in_the_documents_exist():
    n = 0
    for path in documents():
        for named in re.findall(r"`((?:src|deploy|tests|migrations|openapi|\.ci)/[^`\s{}*]+?)`", path.read_text()):
            expect((TOP / named.split("::")[0]).exists(), f"{path.name}: {named}")
            n += 1
        for file, symbol in re.findall(r"`(src/[^`\s]+?\.rs)::(\w+)`", path.read_text()):
            expect(re.search(rf"\b{symbol}\b", SOURCES[file]), f"{path.name}: {symbol} is not in {file}")
    print(f"{n} paths")


CHECKS = {name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")}

if __name__ == "__main__":
    match sys.argv[1]:
        case "list":
            print("\n".join(CHECKS))
        case "uncommented":
            print(uncommented())
        case "configmap":
            print(configmap())
        case name:
            CHECKS[name]()
