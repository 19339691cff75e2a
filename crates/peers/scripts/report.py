"""What a baseline script says when it is done: one line of JSON on standard output."""

import json
import os
import resource
import statistics
import sys
import time


def process_age_s() -> float:
    """Seconds since the process was started, imports and all (Linux)."""
    with open("/proc/self/stat") as file:
        start_ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - start_ticks / os.sysconf("SC_CLK_TCK")


def peak_memory_mib() -> float:
    """The most memory that the process held. Linux counts in KiB, macOS in bytes."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def report(
    *,
    framework: str,
    variant: str,
    prepare_s: float,
    compile_s: float,
    epoch_s: list[float],
    test_s: float,
    train_loss: float,
    test_accuracy: float,
) -> None:
    """The first epoch is told apart: in it a framework may still compile, allocate and warm up."""
    later_s = epoch_s[1:] or epoch_s
    line = {
        "framework": framework,
        "variant": variant,
        "cpus": len(os.sched_getaffinity(0)),
        "epoch_s": {"median": statistics.median(later_s), "min": min(later_s), "first": epoch_s[0]},
        "epochs": len(epoch_s),
        "prepare_s": prepare_s,
        "compile_s": compile_s,
        "train_s": sum(epoch_s),
        "test_s": test_s,
        "wall_s": process_age_s(),
        "peak_memory_mib": peak_memory_mib(),
        "last_train_loss": train_loss,
        "test_accuracy": test_accuracy,
    }
    print(json.dumps(rounded(line)))


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value
