#!/usr/bin/env python3
"""Stands in for the Python of a framework: it speaks a peer's protocol and trains nothing.

FAKE=crashes has it die in its first training, FAKE=hangs never say a word about it, FAKE=waits train
until it is told to stop; FAKE_MARK is a file that is made when it begins to train. FAKE=stuck has it
leave its process and its parent's in FAKE_MARK, and never answer the gate. FAKE=stopped has it stop
its own process in its second round, FAKE=silent never say hello, each with its process in FAKE_MARK;
FAKE=broken ends before it says hello. FAKE=diverges has its losses be not finite.

It also stands in for the Python that environments are made from: those that it makes hold itself.
FAKE=no_network has its pip fail, FAKE=endless its pip never end, with a child of its own; FAKE_MARK
names both processes.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time

behaviour = os.environ.get("FAKE", "works")


def mark(*words):
    """All of it or nothing."""
    path = os.environ["FAKE_MARK"]
    with open(path + ".new", "w") as file:
        print(*words, file=file)
    os.rename(path + ".new", path)


if "venv" in sys.argv:
    folder = os.path.join(sys.argv[-1], "bin")
    os.makedirs(folder)
    sys.exit(shutil.copy(__file__, os.path.join(folder, "python")) and 0)
if "pip" in sys.argv:
    environment = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.dirname(os.environ.get("TMPDIR", "")) != environment:
        sys.exit("it is to unpack beside the environment")
    if behaviour == "endless":
        # As Python would run it, but with another pip.
        with open(os.path.join(environment, "pip.py"), "w") as pip:
            child = "subprocess.Popen(['sleep', '600']).pid"
            mark_them = f"fake.mark(os.getpid(), {child})"
            pip.write(f"import fake, os, subprocess, time; {mark_them}; time.sleep(600)")
        sys.modules["fake"] = sys.modules["__main__"]
        sys.path.insert(0, environment)
        text = sys.argv[sys.argv.index("-c") + 1]
        sys.argv = ["-c", *sys.argv[sys.argv.index("pip") :]]
        exec(text, {"__name__": "__main__"})
    sys.exit("NewConnectionError" if behaviour == "no_network" else 0)
if "-c" in sys.argv:
    sys.exit(print(3, 11))
if behaviour == "broken":
    sys.exit("no such library")

is_stopped = threading.Event()
commands = []
arrived = threading.Condition()


def listen():
    for line in sys.stdin:
        command = json.loads(line)
        if command["command"] == "stop":
            is_stopped.set()
            continue
        with arrived:
            commands.append(command)
            arrived.notify()
    os._exit(0)


def tell(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def score(samples):
    loss_sum = None if os.environ.get("FAKE") == "diverges" else 2.0 * samples
    return {"samples": samples, "loss_sum": loss_sum, "correct": 0, "peak_memory_bytes": 1 << 20}


def train(order, **_):
    samples = os.path.getsize(order) // 4
    if behaviour == "stopped":
        stop_in_second_round()
    elif "FAKE_MARK" in os.environ:
        mark()
    if behaviour == "crashes":
        words = f"the last words of a framework in {os.environ['HOME']} by {__file__}"
        print(words, file=sys.stderr, flush=True)
        os._exit(3)
    if behaviour == "hangs":
        time.sleep(600)
    if behaviour == "waits":
        is_stopped.wait()
        samples //= 2
    tell("epoch", step_s=None, **score(samples))


def stop_in_second_round():
    """Every round has a process of its own: a file tells them apart."""
    first = os.environ["FAKE_MARK"] + ".first"
    if os.path.exists(first):
        mark(os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
    open(first, "w").close()


def compile(folder, **_):
    global test_samples
    with open(os.path.join(folder, "test.safetensors"), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    (test_samples,) = header["labels"]["shape"]
    tell("ready", prepare_s=0.0, details={})


def trace_f64(state, to, **_):
    """To the gate it shows that it has done nothing."""
    if behaviour == "stuck":
        mark(os.getpid(), os.getppid())
        time.sleep(600)
    shutil.copy(state, to)
    tell("trace", losses=[0.0])


ANSWERS = {
    "variants": lambda **_: tell("variants", names=["fake"]),
    "compile": compile,
    "train": train,
    "evaluate": lambda **_: tell("result", **score(test_samples)),
    "trace_f64": trace_f64,
}

if behaviour == "silent":
    mark(os.getpid())
    time.sleep(600)
devices = [{"kind": "cpu", "name": "cpu", "driver": None}]
tell("hello", versions={"jax": os.environ.get("XLA_FLAGS", "fake")}, devices=devices)
threading.Thread(target=listen, daemon=True).start()
while True:
    with arrived:
        arrived.wait_for(lambda: commands)
        command = commands.pop(0)
    ANSWERS[command.pop("command")](**command)
