#!/usr/bin/env python3
"""Five contact points with twenty stations collect opinions for one task, and upload them in many layouts; every row is accounted for.

    tests/collecting.py --binary target/debug/zhitong [--rows 10000] [--big 50000]

The files are built here, in the ways in which offices build them: title rows, merged cells, two-row headings, footers, several sheets, headings in other
words, dates as text and as serial numbers, .xlsx, .xls (through LibreOffice), .csv in UTF-8, UTF-16 and GB18030, tables in .docx. Planted in each: rows that
cannot become opinions, and rows that stand twice. For each file: rows in = opinions + problems + repetitions; the same file again and the same rows in
another file create nothing; undoing restores every count. Ends with 1 where a count differs. With --big one more .xlsx of so many rows is uploaded, and time,
peak memory of the server and the progress that was seen are printed.
"""

import argparse
import csv
import datetime
import io
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/real"))
from journey import Site, check, failures  # noqa: E402

OPENED, TODAY = "2026-03-02 09:00:00", "2026-03-20 10:00:00"
ARTICLES = 40
NUMERALS = "零一二三四五六七八九"


def chinese(n):
    tens, ones = divmod(n, 10)
    return (("" if tens == 1 else NUMERALS[tens]) + "十" if tens else "") + (NUMERALS[ones] if ones or not tens else "")


def draft_text():
    lines = ["清河市共享雨伞管理办法"]
    for n in range(1, ARTICLES + 1):
        if n in (1, 11, 31):
            lines.append({1: "第一章 总则", 11: "第二章 投放", 31: "第三章 使用"}[n])
        lines.append(f"第{chinese(n)}条 经营者投放共享雨伞，应当遵守第{n}号投放要求，并接受监督。")
        lines.append(f"前款规定的要求由主管部门每{n}个月公布一次。")
    return "\n".join(lines)


def article(n):
    return f"经营者投放共享雨伞，应当遵守第{n}号投放要求，并接受监督。前款规定的要求由主管部门每{n}个月公布一次。"


class Rows:
    """Rows of opinions as people write them, with what was planted among them."""

    def __init__(self, seed):
        self.chance, self.number = random.Random(seed), 0
        self.seed = seed

    def row(self, problem=None):
        self.number += 1
        n = self.number % ARTICLES + 1
        place = [f"第{chinese(n)}条", f"{n}条", f"第{chinese(n)}条第二款", f"第 {n} 条", "全文", f"第{chinese(n)}条第1款", chinese(n), ""][self.number % 8]
        day = datetime.date(2026, 3, 3 + self.number % 15)
        row = {
            "place": place, "original": article(n) if "条" in place and "款" not in place else "",
            "body": f"第{self.seed}-{self.number}号建议：把第{n}号要求写得更细，{self.chance.choice(['说明期限', '写明责任', '列出标准', '减少材料'])}。",
            "reason": self.chance.choice(["办理时说法不一", "老人看不懂", "成本太高", ""]),
            "person": f"某{NUMERALS[self.number % 9 + 1]}{self.seed}{self.number}" if self.number % 3 else "",
            "contact": f"1390000{self.number % 10000:04d}" if self.number % 4 == 0 else "",
            "method": self.chance.choice(["座谈会", "入户走访", "问卷", "电话"]), "day": day,
        }
        if problem == "place":
            row["place"], row["original"] = "第九百条", ""
        elif problem == "body":
            # With a reason and somebody in place, or it would be a row of a template that nobody filled in.
            row["body"], row["reason"], row["person"] = "", "办理时说法不一", row["person"] or "某甲"
        elif problem == "day":
            row["day"] = datetime.date(2025, 12, 1)
        return row

    def make(self, count):
        """So many rows: one in twenty a problem, now and then a repetition of the row before, or two without a name that say the same."""
        rows, problems, repetitions = [], 0, 0
        while len(rows) < count:  # may end with one row more
            at = len(rows)
            if at % 20 == 7:
                rows.append(self.row(["place", "body", "day"][at // 20 % 3]))
                problems += 1
            elif at % 25 == 12 and rows[-1]["person"] and rows[-1]["body"]:
                rows.append(dict(rows[-1]))
                repetitions += 1
            elif at % 50 == 33:
                # Two people without a name who say the same are two.
                rows += [self.row() | {"person": "", "contact": "", "body": f"第{self.seed}-{at}号：同意这一条，希望早日施行。"}] * 2
            else:
                rows.append(self.row())
        return rows, problems, repetitions


NAMES = ["序号", "条款", "原文", "修改建议", "理由", "提出人/单位", "联系方式", "渠道", "日期"]
KEYS = ["place", "original", "body", "reason", "person", "contact", "method", "day"]


def written(day):
    return f"{day.year}年{day.month}月{day.day}日"


def cells(rows, day=written):
    return [[str(n), *[row[key] for key in KEYS[:-1]], day(row["day"])] for n, row in enumerate(rows, 1)]


def column(at):
    return chr(65 + at) if at < 26 else chr(64 + at // 26) + chr(65 + at % 26)


def xlsx(sheets, merges=()):
    """A workbook as raw parts. A cell is words, a number, or a day."""
    out = io.BytesIO()
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        overrides = "".join(f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>' for i in range(1, len(sheets) + 1))
        z.writestr("[Content_Types].xml", f'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>{overrides}</Types>')
        z.writestr("_rels/.rels", f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        names = "".join(f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>' for i, (name, _) in enumerate(sheets, 1))
        z.writestr("xl/workbook.xml", f'<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>')
        links = "".join(f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in range(1, len(sheets) + 1))
        z.writestr("xl/_rels/workbook.xml.rels", f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}<Relationship Id="s" Type="{office}/styles" Target="styles.xml"/></Relationships>')
        z.writestr("xl/styles.xml", f'<?xml version="1.0"?><styleSheet xmlns="{main}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>')
        for i, (_, rows) in enumerate(sheets, 1):
            with z.open(f"xl/worksheets/sheet{i}.xml", "w") as part:
                part.write(f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{main}"><sheetData>'.encode())
                for number, row in enumerate(rows, 1):
                    written_cells = []
                    for at, value in enumerate(row):
                        name = f"{column(at)}{number}"
                        if isinstance(value, datetime.date):
                            written_cells.append(f'<c r="{name}" s="1"><v>{(value - datetime.date(1899, 12, 30)).days}</v></c>')
                        elif isinstance(value, int):
                            written_cells.append(f'<c r="{name}"><v>{value}</v></c>')
                        elif value:
                            written_cells.append(f'<c r="{name}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>')
                    part.write(f'<row r="{number}">{"".join(written_cells)}</row>'.encode())
                merged = "".join(f'<mergeCell ref="{ref}"/>' for sheet, ref in merges if sheet == i)
                part.write(("</sheetData>" + (f"<mergeCells>{merged}</mergeCells>" if merged else "") + "</worksheet>").encode())
    return out.getvalue()


def docx_table(rows, before):
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    paragraph = lambda words: f"<w:p><w:r><w:t xml:space=\"preserve\">{escape(words)}</w:t></w:r></w:p>"
    table = "".join("<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
        z.writestr("_rels/.rels", '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>')
        z.writestr("word/document.xml", f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{word}"><w:body>{paragraph(before)}<w:tbl>{table}</w:tbl></w:body></w:document>')
    return out.getvalue()


def separated(rows, encoding, delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def as_xls(data, folder):
    path = pathlib.Path(folder) / "old.xlsx"
    path.write_bytes(data)
    subprocess.run(["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "xls:MS Excel 97", "--outdir", folder, path], check=True, capture_output=True)
    return path.with_suffix(".xls").read_bytes()


def layouts(rows, seed, folder):
    """Every layout as (name, function of its rows giving the bytes). Days are written in as many ways."""
    numeric = lambda row: [row["day"]]
    other_names = ["编号", "涉及条款", "征求意见稿条文", "修改意见", "修改理由", "姓名", "联系电话", "征集方式", "提出时间"]
    yield "标准表.xlsx", lambda r: xlsx([("意见", [NAMES] + cells(r))])
    yield "有标题和落款.xlsx", lambda r: xlsx([("意见", [["清河市共享雨伞管理办法意见征集表"], ["填报单位：某社区", "", "填报日期：2026年3月19日"], [], NAMES] + cells(r) + [[], ["填表人：某甲", "", "审核人：某乙"], ["合计", "", "", str(len(r))]])], [(1, "A1:I1")])
    yield "两行表头.xlsx", lambda r: xlsx([("意见", [["序号", "条款", "原文", "意见", "", "提出人", "", "渠道", "日期"], ["", "", "", "修改建议", "理由", "姓名", "联系方式", "", ""]] + cells(r))], [(1, f"{c}1:{c}2") for c in "ABCHI"] + [(1, "D1:E1"), (1, "F1:G1")])
    yield "别的叫法.xlsx", lambda r: xlsx([("Sheet1", [other_names] + cells(r, lambda d: d.isoformat()))])
    yield "多张表.xlsx", lambda r: xlsx([(f"第{n + 1}采集点", [NAMES] + cells(r[n::3], lambda d: f"{d.year}.{d.month}.{d.day}")) for n in range(3)] + [("填写说明", [["请逐条填写，一行一条。"], ["有问题请联系某某。"]])])
    yield "日期是数字.xlsx", lambda r: xlsx([("意见", [NAMES] + [line[:-1] + numeric(row) for line, row in zip(cells(r), r)])])
    yield "中间又有表头.xlsx", lambda r: xlsx([("意见", [NAMES] + cells(r[: len(r) // 2]) + [["小计", "", "", str(len(r) // 2)], [], NAMES] + cells(r[len(r) // 2 :]))])
    yield "列的次序不同.xlsx", lambda r: xlsx([("意见", [["日期", "提出人", "电话", "意见建议", "说明", "第几条", "收集方式"]] + [[written(row["day"]), row["person"], row["contact"], row["body"], row["reason"], row["place"], row["method"]] for row in r])])
    yield "旧格式.xls", lambda r: as_xls(xlsx([("意见", [NAMES] + cells(r))]), folder)
    yield "逗号.csv", lambda r: separated([NAMES] + cells(r, lambda d: d.strftime("%Y/%m/%d")), "utf-8-sig", ",")
    yield "分号.csv", lambda r: separated([NAMES] + cells(r), "gb18030", ";")
    yield "制表符.csv", lambda r: separated([NAMES] + cells(r, lambda d: d.strftime("%Y%m%d")), "utf-16", "\t")
    yield "文档里的表.docx", lambda r: docx_table([NAMES] + cells(r), "关于《清河市共享雨伞管理办法》的意见")
    yield "外来的表.xlsx", lambda r: xlsx([("导出", [["留言编号", "用户", "主题", "时间", "详情"]] + [[str(n), row["person"], row["place"], row["day"].isoformat(), row["body"]] for n, row in enumerate(r, 1)])])


class Point:
    def __init__(self, site, admin, number):
        self.person, self.password = f"collector{number}", f"a long pass phrase {number}"
        point = {"name": f"第{chinese(number)}街道立法基层联系点", "kind": "government", "established_by": "清河市司法局", "host_unit": f"第{chinese(number)}街道办事处", "host_kind": "community", "region": f"清河市第{chinese(number)}区", "address": f"学府路{number}号"}
        key = lambda: {"Idempotency-Key": uuid.uuid4().hex}
        made = site.call("POST", "/contact-points", {"point": point}, admin, headers=key())
        self.id = (made.get("point") or made)["id"]
        revision = made.get("revision", 1)
        for n in range(1, 5):
            station = {"revision": revision, "name": f"第{chinese(n)}采集点", "address": f"学府路{number}号之{n}"}
            made = site.call("POST", f"/contact-points/{self.id}/stations", station, admin, headers=key())
            revision = made.get("revision", revision + 1)
        account = {"login_name": self.person, "display_name": f"采集员{number}", "role": "point_staff", "contact_point_id": self.id}
        once = site.call("POST", "/staff-accounts", account, admin, headers=key())["one_time_password"]
        step = site.call("POST", "/sessions/staff", {"name": self.person, "password": once})
        self.token = site.call("POST", "/sessions/staff/password", {"ticket": step["ticket"], "password": self.password})["token"]

    def sign_in(self, site):
        self.token = site.call("POST", "/sessions/staff", {"name": self.person, "password": self.password})["token"]


def settled(site, point, batch, seen=None):
    """Waits until nobody works at a batch."""
    while True:
        state = site.call("GET", f"/own-point/uploads/{batch}", token=point.token)
        if seen is not None and state["total"]:
            seen.add((state["state"], state["done"], state["total"]))
        if state["state"] not in ("reading", "checking", "committing"):
            return state
        time.sleep(0.2)


def upload(site, point, assignment, name, data, seen=None):
    batch = site.upload(f"/own-point/assignments/{assignment}/uploads", point.token, {}, {"file": (name, data)})
    return settled(site, point, batch["id"], seen), batch.get("notice", "")


def mapped(site, point, batch):
    """Says what foreign columns mean, as a person does on the page, and leaves out sheets whose columns nobody knows."""
    meanings = {"留言编号": "number", "用户": "person", "主题": "place", "时间": "date", "详情": "body"}
    for at, sheet in enumerate(batch["sheets"]):
        is_foreign = any(c["heading"] in meanings for c in sheet["columns"])
        if not is_foreign and (sheet["is_mapped"] or not sheet["is_used"]):
            continue
        body = {"revision": batch["revision"], "sheet": at, "is_used": is_foreign}
        if is_foreign:
            body["fields"] = [meanings.get(c["heading"], "ignored") for c in sheet["columns"]]
        site.call("PUT", f"/own-point/uploads/{batch['id']}/columns", body, point.token)
        batch = settled(site, point, batch["id"])
    return batch


def numbers(site, token, draft):
    counts = site.call("GET", f"/drafts/{draft}/opinion-counts", token=token)
    return counts["opinions"], counts["distinct_texts"]


def prepare(site):
    """The day on which the round opens: a draft, points with stations and staff, and the task, which every point has begun."""
    admin, handler, drafter = (site.staff(name) for name in ("admin", "handler", "drafter"))
    draft = site.call("POST", "/drafts", {"title": "清河市共享雨伞管理办法", "kind": "government_rule", "drafting_unit": "清河市城市管理局"}, drafter)["id"]
    site.call("POST", f"/drafts/{draft}/pasted-versions", {"text": draft_text(), "explanation": "规范投放。"}, drafter)
    site.call("POST", f"/drafts/{draft}/consultations", {"notice": "欢迎提出意见。", "closes_on": "2026-04-20"}, handler, expected=(200, 201))
    points = [Point(site, admin, n) for n in range(1, 6)]
    task = {"draft_id": draft, "title": "共享雨伞意见征集", "instructions": "请走访商户和居民。", "contact_point_ids": [p.id for p in points], "due_on": "2026-04-15"}
    task = site.call("POST", "/collection-tasks", task, handler, headers={"Idempotency-Key": uuid.uuid4().hex})
    for point in points:
        [own] = site.call("GET", "/own-point/assignments", token=point.token)["items"]
        point.assignment = own["id"]
        site.call("POST", f"/own-point/assignments/{own['id']}/acknowledgement", {}, point.token)
        site.call("POST", f"/own-point/assignments/{own['id']}/start", {}, point.token)
    return draft, task["task"]["id"], points


def run(site, arguments, folder, draft, task, points):
    handler = site.staff("handler")
    for point in points:
        point.sign_in(site)
    kinds = list(layouts(None, 0, folder))
    per_file = max(40, -(-arguments.rows // len(kinds)))
    totals, files, before_all = [0, 0, 0, 0], [], numbers(site, handler, draft)
    for number, (name, build) in enumerate(kinds):
        point = points[number % len(points)]
        rows, problems, repetitions = Rows(number).make(per_file)
        data = build(rows)
        before = numbers(site, handler, draft)
        batch, _ = upload(site, point, point.assignment, name, data)
        batch = mapped(site, point, batch)
        if batch["state"] != "checked":
            check(f"{name}: is read", (batch["state"], batch.get("failure")), ("checked", ""))
            continue
        counts = batch["counts"]
        print(f"{name} ({len(data)} bytes): {counts}")
        accounted = sum(counts[k] for k in ("ready", "duplicates", "problems", "skipped", "not_opinions"))
        check(f"{name}: every row with content is accounted for", accounted, counts["rows"])
        check(f"{name}: rows that were written = ready + repetitions + problems", counts["ready"] + counts["duplicates"] + counts["problems"], len(rows))
        check(f"{name}: problems", counts["problems"], problems)
        check(f"{name}: repetitions", counts["duplicates"], repetitions)
        check(f"{name}: nothing is created by a dry run", numbers(site, handler, draft), before)
        site.call("POST", f"/own-point/uploads/{batch['id']}/commit", {"revision": batch["revision"], "only_ready": False}, point.token, expected=(409,))
        site.call("POST", f"/own-point/uploads/{batch['id']}/commit", {"revision": batch["revision"], "only_ready": True}, point.token)
        done = settled(site, point, batch["id"])
        created = numbers(site, handler, draft)[0] - before[0]
        check(f"{name}: opinions created", (done["state"], done["counts"]["committed"], created), ("committed", counts["ready"], counts["ready"]))
        again, notice = upload(site, point, point.assignment, name, data)
        check(f"{name}: the same file again is the same batch, and says so", (again["id"], bool(notice)), (batch["id"], True))
        check(f"{name}: and creates nothing", numbers(site, handler, draft)[0] - before[0], created)
        totals = [a + b for a, b in zip(totals, (len(rows), created, counts["problems"], counts["duplicates"]))]
        files.append((point, name, rows, batch["id"], before, created))

    print(f"in all: {totals[0]} rows = {totals[1]} opinions + {totals[2]} problems + {totals[3]} repetitions, {len(files)} layouts")
    check("in all: rows", totals[0], sum(totals[1:]))
    check("layouts", len(files), len(kinds))
    # The same rows in another file.
    point, name, rows, *_ = files[0]
    good = [row for row in rows if row["body"] and row["place"] != "第九百条" and row["day"].year == 2026]
    batch, _ = upload(site, point, point.assignment, "同样的行.csv", separated([NAMES] + cells(good), "utf-8", ","))
    check("the same rows in another file: repetitions", (batch["counts"]["ready"], batch["counts"]["duplicates"]), (0, len(good)))
    site.call("POST", f"/own-point/uploads/{batch['id']}/discard", {"revision": batch["revision"]}, point.token)

    # Numbers by point add up to what was created, and each leads to its rows.
    table = site.call("GET", f"/statistics?by=point&task_id={task}", token=handler)
    by_point = {row["key"]: next(n["count"] for n in row["numbers"] if n["measure"] == "opinions") for row in table["rows"]}
    expected = {}
    for point, *_, created in files:
        expected[point.id] = expected.get(point.id, 0) + created
    check("opinions by point in the statistics", by_point, expected)

    # Undo, the last first: every count goes back to what it was before that file.
    for point, name, _, batch, before, _ in reversed(files):
        state = site.call("GET", f"/own-point/uploads/{batch}", token=point.token)
        site.call("POST", f"/own-point/uploads/{batch}/undo", {"revision": state["revision"], "reason": "重新整理后再上传"}, point.token)
        state = settled(site, point, batch)
        check(f"{name}: undone", (state["state"], numbers(site, handler, draft)), ("undone", before))
    check("after all was undone", numbers(site, handler, draft), before_all)
    point, name, rows, *_ = files[0]
    batch, _ = upload(site, point, point.assignment, name, kinds[0][1](rows))
    check("a file that was undone can be uploaded again", batch["counts"]["ready"] > 0, True)
    audit = site.call("GET", "/audit-entries/verification", token=site.staff("auditor"), expected=(200, 404))
    if audit is not None and "broken_at" in audit:
        check("the audit log holds", audit["broken_at"], None)
    if arguments.big:
        big(site, points[1], arguments.big)


def big(site, point, count):
    maker = Rows(99)
    rows = [maker.row() for _ in range(count)]
    data = xlsx([("意见", [NAMES] + cells(rows))])
    seen, began = set(), time.perf_counter()
    batch, _ = upload(site, point, point.assignment, "五万行.xlsx", data, seen)
    read = time.perf_counter() - began
    check("big file: ready", (batch["state"], batch["counts"]["ready"]), ("checked", count))
    began = time.perf_counter()
    site.call("POST", f"/own-point/uploads/{batch['id']}/commit", {"revision": batch["revision"], "only_ready": False}, point.token)
    done = settled(site, point, batch["id"], seen)
    check("big file: committed", done["counts"]["committed"], count)
    status = pathlib.Path(f"/proc/{site.server_pid()}/status").read_text()
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(f"{count} rows, {len(data) / 1e6:.1f} MB: dry run {read:.1f} s, commit {time.perf_counter() - began:.1f} s, peak memory of the server {peak:.0f} MiB, progress seen {len(seen)} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--big", type=int, default=0)
    arguments = parser.parse_args()
    for program in ("faketime", "soffice"):
        if not shutil.which(program):
            sys.exit(f"{program} is not installed")
    with tempfile.TemporaryDirectory(prefix="zhitong-collecting-") as folder:
        site = Site(arguments.binary.resolve(), folder + "/data")
        with site.on(OPENED):
            draft, task, points = prepare(site)
        with site.on(TODAY):
            run(site, arguments, folder, draft, task, points)
    if failures:
        print("test result: FAILED. 0 passed; 1 failed; 0 ignored")
        sys.exit(f"{len(failures)} counts differ: {failures}")
    print("every row is accounted for")
    print("test result: ok. 1 passed; 0 failed; 0 ignored")


if __name__ == "__main__":
    main()
