#!/usr/bin/env python3
"""Reports and a site in Chromium: no console errors, no sideways scrolling, no accessibility violation, sorting
and filtering by clicks, sizes and times. Writes a screenshot of each page, light and dark, wide and narrow.

usage: check.py LAPTIME AXE.js FOLDER
"""

import copy
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import time

import many
from webdriver import Browser

RECORDS = pathlib.Path(__file__).parent.parent / "records"
LOOKS = ((1280, "light"), (1280, "dark"), (700, "light"), (360, "light"), (360, "dark"))
# Text of many lines, each shorter than a word or two: something beside it has taken its place.
SQUEEZED = """
return [...document.querySelectorAll('li, p, figcaption')]
    .filter((it) => it.offsetWidth < 90 && it.offsetHeight > 110).map((it) => it.textContent)
"""
MOST_BYTES = 400_000
SITE_RECORDS = 1000
# Four times what they are to be (0.5 s, 5 s, 100 ms) on a machine of its own: shared ones are half as fast at
# times. What is told is the time, what fails is a thing that has become slow.
MOST_OPENING_S = 2.0
MOST_SITE_S = 20.0
MOST_SORTING_MS = 400

failures = []


def check(holds, what):
    print(("  ok     " if holds else "  FAILED ") + what, flush=True)
    if not holds:
        failures.append(what)


def laptime(program, folder, *arguments):
    environment = os.environ | {
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    done = subprocess.run(
        [program, "report", *map(str, arguments)], env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"laptime report {arguments}: {done.stderr}")


def three_machines(folder):
    """Records of three machines, of which two are made up."""
    original = json.loads((RECORDS / "clean.json").read_text())
    chance = random.Random(1)
    paths = [RECORDS / "clean.json"]
    for number in (1, 4):
        record = many.made(original, number, many.MACHINES[number], many.ENGINES[0], chance)
        record["summary"] = many.summary_of(record)
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(record))
    return paths


def diverged(folder):
    record = json.loads((RECORDS / "clean.json").read_text())
    record = copy.deepcopy(record)
    for run in record["runs"]:
        run["diverged"] = {"epoch": 4, "step": 100, "last_step": 100}
        for epoch in run["epochs"][3:]:
            epoch["metrics"][0]["value"] = "NaN"
    record["gate"] |= {"verdict": "failed", "what": "loss of step 2: 2.31 instead of 2.29"}
    path = folder / "diverged.json"
    path.write_text(json.dumps(record))
    return path


def pages(program, folder):
    """All pages to look at, each by its name."""
    suite = folder / "suite.json"
    suite.write_text(
        json.dumps([json.loads((RECORDS / f"{it}.json").read_text()) for it in ("clean", "extrapolated")])
    )
    made = {
        "one": [RECORDS / "clean.json"],
        "three": three_machines(folder),
        "disturbed": [RECORDS / "disturbed.json"],
        "diverged": [diverged(folder)],
        "race": [RECORDS / "race.json"],
        "suite": [suite],
        "goal": [RECORDS / "goal.json"],
        "sweep": [RECORDS / "sweep-1-thread.json"],
        "sweeps": [RECORDS / "sweep-1-thread.json", RECORDS / "sweep-2-threads.json"],
    }
    found = {}
    for name, records in made.items():
        found[name] = folder / f"{name}.html"
        laptime(program, folder, *records, "-o", found[name])
    return found


def site(program, folder, name, count):
    """A site of so many records, the least seconds that it took, and the least of processor time."""
    originals = [json.loads((RECORDS / f"{it}.json").read_text()) for it in ("clean", "disturbed")]
    originals.append(json.loads((RECORDS / "extrapolated.json").read_text()))
    records = folder / f"{name}-records"
    many.many(originals, count, records)
    files = sorted(records.glob("*.json"))
    wall, processor = [], []
    for _ in range(3):
        begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        laptime(program, folder, *files, "--site", folder / name)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall.append(time.monotonic() - begin)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return folder / name, min(wall), min(processor)


def look_at(browser, name, path, axe, shots):
    for width, scheme in LOOKS:
        browser.look(width, scheme)
        browser.log()
        browser.open(path)
        where = f"{name}, {width} px, {scheme}"
        errors = [it["message"] for it in browser.log() if it["level"] in ("SEVERE", "WARNING")]
        check(not errors, f"{where}: no console errors {errors or ''}")
        wide = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        check(wide[0] <= wide[1], f"{where}: no sideways scrolling {wide}")
        # What is behind folds is looked at, too.
        browser.run("for (const it of document.querySelectorAll('details')) it.open = true")
        wide = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        check(wide[0] <= wide[1], f"{where}: nor with all folds open {wide}")
        squeezed = browser.run(SQUEEZED)
        check(not squeezed, f"{where}: no text is squeezed {squeezed or ''}")
        browser.run(axe)
        found = browser.wait(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then((all) => done(all.violations.map("
            "(it) => it.id + ': ' + it.nodes.slice(0, 3).map((node) => node.html).join(' | '))))"
        )
        check(not found, f"{where}: axe finds nothing {found or ''}")
        browser.run("for (const it of document.querySelectorAll('details')) it.open = false")
        browser.screenshot(shots / f"{name}-{width}-{scheme}.png")


def opening(browser, path):
    """Seconds from asking for a page to its load event, the best of some."""
    times = []
    for _ in range(5):
        browser.open("about:blank")
        browser.open(path)
        times.append(browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd"))
    return min(times) / 1000


COLUMN = """
const table = document.querySelector('table.results');
const column = [...table.tHead.rows[0].cells].findIndex((it) => it.textContent.startsWith(arguments[0]));
return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[column].dataset.value ?? '')
"""


def head(name):
    heads = ("Machine", "Engine", "Total", "", "Samples", "Accuracy", "Power", "Gate", "Made")
    return f"table.results thead th:nth-child({heads.index(name) + 1})"


def sorted_and_filtered(browser, path):
    browser.look(1280, "light")
    browser.open(path)
    rows = browser.run("return document.querySelectorAll('table.results tbody tr').length")
    check(rows > 300, f"the table has {rows} rows")
    totals = [float(it) for it in browser.run(COLUMN, "Total")]
    check(totals == sorted(totals), "the fastest comes first")
    browser.click(head("Samples") + " button")
    speeds = [float(it) for it in browser.run(COLUMN, "Samples")]
    check(speeds == sorted(speeds) and len(speeds) == len(totals), "a click sorts by throughput")
    browser.click(head("Samples") + " button")
    speeds = [float(it) for it in browser.run(COLUMN, "Samples")]
    check(speeds == sorted(speeds, reverse=True), "another click turns the order")
    state = browser.run(f"return document.querySelector('{head('Samples')}').ariaSort")
    check(state == "descending", "and says so to screen readers")
    browser.click(head("Machine") + " button")
    machines = browser.run(COLUMN, "Machine")
    lowered = [it.lower() for it in machines]
    check(lowered == sorted(lowered), "text is sorted as text")
    # The best of some: the machine has other things to do.
    took = min(
        browser.run(
            f"const button = document.querySelector('{head('Total')} button'); const begin = performance.now();"
            "button.click(); document.body.offsetHeight; return performance.now() - begin"
        )
        for _ in range(8)
    )
    print(f"sorting takes {took:.0f} ms")
    check(took < MOST_SORTING_MS, f"sorting takes less than {MOST_SORTING_MS} ms")
    shown = browser.run("return document.querySelectorAll('table.results tbody tr:not([hidden])').length")
    check(shown < rows, f"of a long table, {shown} rows are shown at first")
    browser.click(".tools button")
    shown = browser.run("return document.querySelectorAll('table.results tbody tr:not([hidden])').length")
    check(shown == rows, "and all by a click")
    browser.type(".tools input", "apple m1")
    machines = browser.run(COLUMN, "Machine")
    check(machines and all(it == "Apple M1" for it in machines), "typing filters")
    said = browser.run("return document.querySelector('.tools output').textContent")
    check(said.startswith(f"{len(machines)} of "), f"and counts: {said}")
    browser.clear(".tools input")
    browser.run(
        "const it = document.querySelector('.tools select'); it.value = 'jax';it.dispatchEvent(new Event('input'))"
    )
    engines = browser.run(
        "return [...document.querySelectorAll('table.results tbody tr')].filter((it) => !it.hidden)"
        ".map((it) => it.dataset.engine)"
    )
    check(engines and set(engines) == {"jax"}, "an engine can be chosen")
    browser.click("table.results tbody tr:not([hidden]) a")
    title = browser.run("return document.title")
    check("laptime" in title and "fashion-mnist" in title, f"a row leads to its report: {title}")
    browser.click("nav a")
    check("fashion-mnist" in browser.run("return document.title"), "and that back to the table")
    apart = browser.run("return document.querySelector('#apart').textContent")
    for reason in ("the gate failed", "a summary that its raw times contradict"):
        check(reason in apart.lower(), f"listed apart: {reason}")
    browser.click("nav a")
    index = browser.run("return document.body.textContent")
    check("its phases add up to" in index, "not listed: phases that do not add up")


def raw_data(browser, path):
    browser.open(path)
    link = browser.run("return document.querySelector('a[download]').href")
    data = browser.run(
        "const bytes = Uint8Array.from(atob(arguments[0].split(',')[1]), (it) => it.charCodeAt(0));"
        "return new TextDecoder().decode(bytes)",
        link,
    )
    raw, original = json.loads(data), json.loads((RECORDS / "clean.json").read_text())
    check(raw["runs"] == original["runs"], "the raw data in a report are those of the record")


def main():
    program, axe, shots = sys.argv[1], pathlib.Path(sys.argv[2]).read_text(), pathlib.Path(sys.argv[3])
    program = str(pathlib.Path(program).resolve())
    shots = shots.resolve()
    shots.mkdir(parents=True, exist_ok=True)
    work = shots / "pages"
    work.mkdir(exist_ok=True)
    found = pages(program, work)
    small, _, _ = site(program, work, "small", 60)
    found |= {
        "index": small / "index.html",
        "workload": small / "workload/fashion-mnist-fp32.html",
        "listed": next((small / "report").glob("*.html")),
    }
    large, wall, processor = site(program, work, "large", SITE_RECORDS)
    print(f"site of {SITE_RECORDS} records: {wall:.2f} s, {processor:.2f} s of processor time")
    # Of wall time, a busy machine takes as much as it likes.
    check(processor < MOST_SITE_S, f"a site of {SITE_RECORDS} records takes less than {MOST_SITE_S} s")
    with Browser() as browser:
        for name, path in found.items():
            look_at(browser, name, path, axe, shots)
        size = found["three"].stat().st_size
        browser.look(1280, "light")
        opens = opening(browser, found["three"])
        print(f"report of three machines: {size / 1000:.0f} kB, opens in {opens:.3f} s")
        check(size < MOST_BYTES, f"a report of three machines has less than {MOST_BYTES} bytes")
        check(opens < MOST_OPENING_S, f"and opens in less than {MOST_OPENING_S} s")
        raw_data(browser, found["one"])
        sorted_and_filtered(browser, large / "workload/fashion-mnist-fp32.html")
    if failures:
        sys.exit("\n".join(["", f"{len(failures)} failures:", *failures]))
    print("all well")


main()
