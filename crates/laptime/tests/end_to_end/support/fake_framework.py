#!/usr/bin/env python3
"""Stands in for the Python of a framework: it speaks a peer's protocol and trains nothing.

How it behaves is what LAPTIME_FAKE says; LAPTIME_FAKE_MARK names a file, the mark. `crashes` has it die
in its first training, `hangs` never say a word about it, `waits` train until it is told to stop; the
mark is made when it begins to train. `stuck` has it leave its process and its parent's in the mark, and
never answer the gate. `stopped` has it stop its own process in its second round, `silent` never say
hello, each with its process in the mark; `broken` ends before it says hello. `diverges` has its losses
be not finite.

It also stands in for the Python that environments are made from: those that it makes hold itself.
`no_network` has its pip fail, `endless` its pip never end, with a child of its own; the mark names both
processes.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time

behaviour = os.environ.get("LAPTIME_FAKE", "works")


def mark(*words):
    """All of it or nothing."""
    path = os.environ["LAPTIME_FAKE_MARK"]
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
    loss_sum = None if os.environ.get("LAPTIME_FAKE") == "diverges" else 2.0 * samples
    return {"samples": samples, "loss_sum": loss_sum, "correct": 0, "peak_memory_bytes": 1 << 20}


def train(order, **_):
    samples = os.path.getsize(order) // 4
    if behaviour == "stopped":
        stop_in_second_round()
    elif "LAPTIME_FAKE_MARK" in os.environ:
        mark()
    if behaviour == "crashes":
        user_home = os.path.dirname(os.environ["LAPTIME_FAKE_MARK"])
        words = f"the last words of a framework in {user_home} by {__file__}"
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
    first = os.environ["LAPTIME_FAKE_MARK"] + ".first"
    if os.path.exists(first):
        mark(os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
    open(first, "w").close()


def compile(folder, **_):
    global test_samples, initial
    initial = os.path.join(folder, "init.safetensors")
    with open(os.path.join(folder, "test.safetensors"), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    (test_samples,) = header["labels"]["shape"]
    tell("ready", prepare_s=0.0, details={})


def state(to, **_):
    """The weights that it was given: it never trains them."""
    with open(initial, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        values = file.read()
    text = json.dumps({"__metadata__": {"steps": "0"}, **header}).encode()
    with open(to, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + values)
    tell("done")


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
    "state": state,
    "trace_f64": trace_f64,
}

if behaviour == "silent":
    mark(os.getpid())
    time.sleep(600)
devices = [{"kind": "cpu", "name": "cpu", "driver": None}]
# Variables and files that would change what a framework computes are kept from it.
harmful = {"GLIBC_TUNABLES", "KERAS_HOME", "TORCHDYNAMO_DISABLE", "XLA_FLAGS"} & os.environ.keys()
configured = os.path.expanduser("~/.keras/keras.json")
harmful |= {configured} if os.path.exists(configured) else set()
tell("hello", versions={"jax": ", ".join(sorted(harmful)) or "fake"}, devices=devices)
threading.Thread(target=listen, daemon=True).start()
while True:
    with arrived:
        arrived.wait_for(lambda: commands)
        command = commands.pop(0)
    ANSWERS[command.pop("command")](**command)
