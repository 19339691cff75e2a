#!/usr/bin/env python3
"""Stands in for the Python of a framework: it speaks a peer's protocol and trains nothing.

FAKE=crashes has it die in its first training, FAKE=hangs never say a word about it, FAKE=waits train
until it is told to stop; FAKE_MARK is a file that is made when it begins to train. FAKE=stuck has it
leave its process and its parent's in FAKE_MARK, and never answer the gate. FAKE=diverges has its
losses be not finite.

It also stands in for the Python that environments are made from: those that it makes hold itself.
FAKE=no_network has its pip fail.
"""

import json
import os
import shutil
import sys
import threading
import time

if "-c" in sys.argv:
    sys.exit(print(3, 11))
if "venv" in sys.argv:
    folder = os.path.join(sys.argv[-1], "bin")
    os.makedirs(folder)
    sys.exit(shutil.copy(__file__, os.path.join(folder, "python")) and 0)
if "pip" in sys.argv:
    environment = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.dirname(os.environ.get("TMPDIR", "")) != environment:
        sys.exit("it is to unpack beside the environment")
    sys.exit("NewConnectionError" if os.environ.get("FAKE") == "no_network" else 0)

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
    if "FAKE_MARK" in os.environ:
        open(os.environ["FAKE_MARK"], "w").close()
    behaviour = os.environ.get("FAKE", "works")
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


def compile(folder, **_):
    global test_samples
    with open(os.path.join(folder, "test.safetensors"), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    (test_samples,) = header["labels"]["shape"]
    tell("ready", prepare_s=0.0, details={})


def trace_f64(state, to, **_):
    """To the gate it shows that it has done nothing."""
    if os.environ.get("FAKE") == "stuck":
        with open(os.environ["FAKE_MARK"] + ".new", "w") as mark:
            print(os.getpid(), os.getppid(), file=mark)
        os.rename(mark.name, os.environ["FAKE_MARK"])
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

devices = [{"kind": "cpu", "name": "cpu", "driver": None}]
tell("hello", versions={"jax": os.environ.get("XLA_FLAGS", "fake")}, devices=devices)
threading.Thread(target=listen, daemon=True).start()
while True:
    with arrived:
        arrived.wait_for(lambda: commands)
        command = commands.pop(0)
    ANSWERS[command.pop("command")](**command)
