"""Makes many records out of real ones: other machines, other times, other days, some with a fault."""

import copy
import json
import pathlib
import random

MACHINES = [
    ("AMD EPYC", "Linux (Debian GNU/Linux 12)", 1.0),
    ("AMD Ryzen 9 7950X", "Linux (Fedora 43)", 0.41),
    ("Intel Core i7-9700K", "Windows 11", 1.3),
    ("Apple M1", "macOS 26.1", 1.12),
    ("Apple M4 Pro", "macOS 26.1", 0.48),
    ("Ampere Altra", "Linux (Ubuntu 26.04)", 1.8),
    ("Intel Xeon Platinum 8481C", "Linux (Debian GNU/Linux 13)", 0.93),
]
ENGINES = [("laptime", "0.1.0", 1.0), ("pytorch", "2.11.0", 9.0), ("jax", "0.9.1", 7.0)]


def scale(record, factor):
    """The same record of a machine that takes so many times as long."""
    for run in record["runs"]:
        for name in ("wall_s", "total_s"):
            run[name] *= factor
        run["phases"] = {name: value * factor for name, value in run["phases"].items()}
        for epoch in run["epochs"]:
            epoch["train_s"] *= factor
        if run["step_s"]:
            run["step_s"] = {name: value * factor for name, value in run["step_s"].items()}
        if run.get("steady"):
            run["steady"]["mean_s"] *= factor
    analysis = record.get("analysis")
    if analysis:
        analysis["peaks"]["flops"] /= factor
        for bandwidth in analysis["peaks"]["bandwidths"]:
            bandwidth["bytes_per_s"] /= factor
        for name in ("step_s", "half_batch_step_s", "half_threads_step_s"):
            analysis[name] = [value * factor for value in analysis[name]]
        analysis["waiting_s"] *= factor
        for kernel in analysis["kernels"]:
            for name in ("step_s", "compute_s", "memory_s"):
                kernel[name] *= factor


def made(original, number, machine, engine, chance):
    """A record of another machine, engine and day."""
    record = copy.deepcopy(original)
    (name, system, slower), (trained_by, version, costs) = machine, engine
    record["suite"] = None
    record["id"] = f"20261{1 + number % 2}{1 + number % 28:02}T{number % 24:02}4200Z-{number:06x}"
    day = 1 + number % 28
    record["created"] = f"2026-1{1 + number % 2}-{day:02}T{number % 24:02}:42:00Z"
    record["device"]["name"] = record["machine"]["cpu"] = name
    record["machine"]["os"] = system
    record["engine"]["name"], record["engine"]["version"] = trained_by, version
    if trained_by != "laptime":
        record["analysis"] = None
    scale(record, slower * costs * chance.lognormvariate(0, 0.08))
    # A summary that is derived from the times differs from what the file says.
    record["summary"] = None
    return record


def summary_of(record):
    """As much of a summary as makes a record whole: medians that agree with the runs."""
    runs = [run for run in record["runs"] if run["test"] and not run.get("cold")]
    runs = runs or record["runs"]

    def median(values):
        values = sorted(values)
        middle = len(values) // 2
        return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2

    def speed(run):
        return sum(epoch["samples"] for epoch in run["epochs"]) / run["phases"]["train_s"]

    samples_per_s = median([speed(run) for run in runs])
    workload = record["workload"]
    return {
        "total_s": {"median": median([run["total_s"] for run in runs]), "ci95": None},
        "samples_per_s": samples_per_s,
        "achieved_flops": samples_per_s * workload["model_flops_per_step"] / workload["batch_size"],
    }


def many(originals, count, folder, seed=1):
    """Writes so many records; every fiftieth has a fault for which it must be listed apart."""
    chance = random.Random(seed)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        original = chance.choice(originals)
        machine, engine = chance.choice(MACHINES), chance.choice(ENGINES)
        record = made(original, number, machine, engine, chance)
        fault = number % 150 if number % 50 == 49 else None
        if fault == 49:
            record["gate"] |= {"verdict": "failed", "what": "loss: 0.31 instead of 0.52"}
        record["summary"] = summary_of(record)
        if fault == 99:
            record["summary"]["total_s"]["median"] *= 0.5
        if fault == 149:
            record["runs"][0]["phases"]["train_s"] *= 2
        (folder / f"{record['id']}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    import sys

    count, folder, *files = sys.argv[1:]
    many([json.loads(pathlib.Path(file).read_text()) for file in files], int(count), folder)
