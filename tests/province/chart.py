#!/usr/bin/env python3
"""The figures of `rush.py` as a table on disk and as a picture. Imported by it; alone it draws the picture of a table anew.

    tests/province/chart.py deploy/saturation.csv deploy/saturation.svg
"""

import csv
import math
import sys

COLUMNS = ("engine", "instances", "phase", "reads_per_post", "seconds", "offered_s", "accepted_s", "in_time_share", "status_429", "status_503", "status_other",
           "unanswered", "post_p50_ms", "post_p99_ms", "post_p999_ms", "reads_offered_s", "reads_accepted_s", "read_p50_ms", "read_p99_ms", "server_cpu_s",
           "database_cpu_s", "generator_cpu_s", "server_peak_mib", "late_p99_ms")
# Phases that the curve is drawn through: arrivals on a schedule at one rate.
CURVE = ("probe", "50%", "80%", "110%", "150%", "last ten")
NAMES = {"sqlite": "SQLite，单机一个实例", "postgres": "PostgreSQL，两个实例"}
# Dark enough on white, apart for who sees no red or green, and each with a mark of its own.
COLOURS = {"sqlite": "#0b5394", "postgres": "#b45309"}
# Half of 424,000 opinions in the last ten minutes of the last hour.
PEAK = 424_000 / 2 / 600
WIDTH, LEFT, RIGHT = 920, 84, 30


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    """Writes the rows; those of engines that were not measured this time stay."""
    measured = {row["engine"] for row in rows}
    kept = [row for row in read(path) if row["engine"] not in measured] if path.exists() else []
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(sorted(kept + rows, key=lambda row: list(NAMES).index(row["engine"])))


def nice(most):
    """A step for about six marks on an axis."""
    rough = most / 6
    power = 10 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def words(x, y, text, anchor="middle", size=14, colour="#333", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{more}>{text}</text>'


def line(x1, y1, x2, y2, colour="#ddd", more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def mark(engine, x, y):
    colour = COLOURS[engine]
    if engine == "sqlite":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
    return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" fill="{colour}"/>'


def panel(top, height, title, series, x_of, y_of, ticks):
    """Axes, grid and one line for each engine; `series` by engine are (offered, value)."""
    bottom, out = top + height, [words(LEFT, top - 12, title, "start", 15, "#111")]
    for value, label in ticks:
        out += [line(LEFT, y_of(value), WIDTH - RIGHT, y_of(value)), words(LEFT - 8, y_of(value) + 5, label, "end", 13)]
    out += [line(LEFT, top, LEFT, bottom, "#333"), line(LEFT, bottom, WIDTH - RIGHT, bottom, "#333")]
    for engine, points in series.items():
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[engine]}" stroke-width="2.5"/>')
        out += [mark(engine, x_of(x), y_of(y)) for x, y in points]
    return out


def draw(rows):
    curves = {}
    for row in rows:
        if row["phase"] in CURVE and row["post_p99_ms"] not in ("", None):
            curves.setdefault(row["engine"], []).append((float(row["offered_s"]), float(row["accepted_s"]), float(row["post_p99_ms"])))
    for points in curves.values():
        points.sort()
    most_x = max([PEAK, *(point[0] for points in curves.values() for point in points)]) * 1.05
    most_y = max([1, *(point[1] for points in curves.values() for point in points)]) * 1.15
    slowest = max([1000, *(point[2] for points in curves.values() for point in points)])
    decades = math.ceil(math.log10(slowest))
    x_of = lambda x: LEFT + x / most_x * (WIDTH - LEFT - RIGHT)  # noqa: E731
    first, second, height = 120, 470, 270
    rate_of = lambda y: first + height - y / most_y * height  # noqa: E731
    time_of = lambda y: second + height - math.log10(max(y, 1)) / decades * height  # noqa: E731
    share = rows[0]["reads_per_post"] if rows else "50"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 800" width="{WIDTH}" height="800" role="img" font-family="system-ui, sans-serif">',
           "<title>截止前集中提交：每秒到来与每秒收下的意见，以及收下一条所需的时间</title>", f'<rect width="{WIDTH}" height="800" fill="#fff"/>',
           words(LEFT, 34, "截止前集中提交：来多少，收多少，要等多久", "start", 20, "#111"),
           words(LEFT, 56, f"每提交一条意见，另有 {share} 次浏览；落盘后才给回执；压测程序与服务在同一台机器上", "start", 13)]
    x = LEFT
    for engine in curves:
        out += [line(x, 78, x + 34, 78, COLOURS[engine], ' stroke-width="2.5"'), mark(engine, x + 17, 78), words(x + 42, 83, NAMES[engine], "start")]
        x += 250
    out += [line(x, 78, x + 34, 78, "#777", ' stroke-dasharray="5 4"'), words(x + 42, 83, "全部收下", "start")]
    step = nice(most_y)
    rates = [(n * step, f"{n * step:g}") for n in range(int(most_y / step) + 1)]
    out += panel(first, height, "每秒收下的意见（条/秒）", {e: [(p[0], p[1]) for p in points] for e, points in curves.items()}, x_of, rate_of, rates)
    even = min(most_x, most_y)
    out.append(line(x_of(0), rate_of(0), x_of(even), rate_of(even), "#777", ' stroke-dasharray="5 4"'))
    times = [(10 ** n, f"{10 ** n / 1000:g} 秒" if n >= 3 else f"{10 ** n} 毫秒") for n in range(decades + 1)]
    out += panel(second, height, "收下一条所需的时间：每百条中第 99 条（毫秒，对数刻度）", {e: [(p[0], p[2]) for p in points] for e, points in curves.items()},
                 x_of, time_of, times)
    step = nice(most_x)
    for bottom in (first + height, second + height):
        out += [words(x_of(n * step), bottom + 20, f"{n * step:g}", size=13) for n in range(int(most_x / step) + 1)]
        out.append(words((LEFT + WIDTH - RIGHT) / 2, bottom + 42, "每秒到来的意见（条/秒）"))
    for top in (first, second):
        out.append(line(x_of(PEAK), top, x_of(PEAK), top + height, "#6b21a8", ' stroke-dasharray="2 4" stroke-width="1.5"'))
    # On the side that has room.
    side = ("end", -6) if x_of(PEAK) > WIDTH / 2 else ("start", 6)
    out.append(words(x_of(PEAK) + side[1], second + height - 10, f"一小时 42.4 万条的最后十分钟：{PEAK:.0f} 条/秒", side[0], 13, "#6b21a8"))
    return "\n".join([*out, "</svg>"]) + "\n"


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="utf-8") as out_file:
        out_file.write(draw(read(sys.argv[1])))
