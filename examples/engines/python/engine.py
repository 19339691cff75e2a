#!/usr/bin/env python3
"""An engine of laptime in plain Python: the shortest program that passes `laptime engine check` and the gate.

    laptime engine check ./engine.py tiny.toml
    laptime run tiny.toml --engine ./engine.py --max-steps 20 --no-test

It trains nets of dense layers and ReLU with SGD and momentum, one number after the other, so give it a tiny net.
The protocol is described in docs/engine-protocol.md.
"""

import json
import math
import os
import queue
import sys
import threading
import time
from array import array


class Unsupported(Exception):
    """What this engine cannot do."""


# Files: safetensors, and plain little-endian numbers.


def read_array(kind, path):
    with open(path, "rb") as file:
        return array(kind, file.read())


def read_tensors(path):
    """The tensors by name, as flat arrays, their shapes, and the metadata."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    kinds = {"F32": "f", "F64": "d", "U8": "B", "U16": "H"}
    values = {name: array(kinds[it["dtype"]], data[slice(*it["data_offsets"])]) for name, it in header.items()}
    return values, {name: it["shape"] for name, it in header.items()}, metadata


def write_state(path, kind, steps, values, shapes):
    header, data = {"__metadata__": {"steps": str(steps)}}, b""
    for name, numbers in values.items():
        begin, data = len(data), data + array(kind, numbers).tobytes()
        dtype = {"f": "F32", "d": "F64"}[kind]
        header[name] = {"dtype": dtype, "shape": shapes[name], "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


class Net:
    """The net with its state. Python computes in float64; float32 is what is stored between steps."""

    def __init__(self, folder):
        with open(os.path.join(folder, "workload.json")) as file:
            self.workload = json.load(file)
        self.layers = self.workload["layers"]
        for place, layer in enumerate(self.layers):
            is_next = layer["inputs"] == ["input" if place == 0 else {"layer": place - 1}]
            is_known = layer["kind"] in ("flatten", "dense", "relu") and layer.get("bias", True)
            if not is_known or not is_next:
                raise Unsupported(f"this engine has no layer such as {layer['name']}")
        optimizer = self.workload["optimizer"]
        known = ("name", "batch_size", "classes", "dataset", "epochs", "initial_weights", "initializer", "input")
        known += ("layers", "loss", "optimizer", "overrides", "pixel_divisor", "precision", "seed", "shuffle")
        others = [key for key in self.workload if key not in known]
        if others or self.workload["loss"] != "softmax-cross-entropy" or self.workload["precision"] != "fp32":
            raise Unsupported(f"this engine knows cross-entropy in fp32 alone, and no {others}")
        if optimizer["kind"] != "sgd" or optimizer.get("nesterov") or "weight_decay" in optimizer:
            raise Unsupported("this engine knows sgd alone, without Nesterov momentum and without a decay")
        self.rate, self.momentum, self.steps = optimizer["learning_rate"], optimizer["momentum"], 0
        self.values, self.shapes, _ = read_tensors(os.path.join(folder, "init.safetensors"))
        self.parameters = list(self.values)
        for name in self.parameters:  # a velocity is a part of the state even where momentum is 0
            self.values[name + ".velocity"] = array("f", bytes(4 * len(self.values[name])))
            self.shapes[name + ".velocity"] = self.shapes[name]
        self.samples = {}
        for which in ("train", "test"):
            tensors, _, names = read_tensors(os.path.join(folder, which + ".safetensors"))
            self.samples[which] = tensors[names["input"]], tensors[names["labels"]]
        self.pixels = math.prod(self.workload["input"].values())

    def forward(self, values, which, sample, activations=None):
        """The logits of a sample; what each layer has read goes to `activations`."""
        divisor = self.workload["pixel_divisor"]
        pixels = self.samples[which][0][sample * self.pixels : (sample + 1) * self.pixels]
        x = [pixel / divisor for pixel in pixels]
        for layer in self.layers:
            if activations is not None:
                activations.append(x)
            if layer["kind"] == "relu":
                x = [max(value, 0.0) for value in x]
            elif layer["kind"] == "dense":
                weight, bias = values[layer["name"] + ".weight"], values[layer["name"] + ".bias"]
                rows = (weight[begin : begin + len(x)] for begin in range(0, len(weight), len(x)))
                x = [b + sum(map(lambda w, v: w * v, row, x)) for row, b in zip(rows, bias)]
        return x

    def loss(self, logits, label):
        """The loss of a sample, the probabilities, and whether the largest is the right one."""
        largest = max(logits)
        shares = [math.exp(value - largest) for value in logits]
        total = sum(shares)
        loss = math.log(total) + largest - logits[label]
        return loss, [share / total for share in shares], logits.index(largest) == label

    def step(self, values, batch):
        """One step of SGD on `values`; the sum of the losses, and how many were right."""
        gradients = {name: [0.0] * len(values[name]) for name in self.parameters}
        loss_sum, right = 0.0, 0
        for sample in batch:
            activations, label = [], self.samples["train"][1][sample]
            loss, shares, is_right = self.loss(self.forward(values, "train", sample, activations), label)
            loss_sum, right = loss_sum + loss, right + is_right
            delta = [(share - (place == label)) / len(batch) for place, share in enumerate(shares)]
            for layer, x in zip(reversed(self.layers), reversed(activations)):
                if layer["kind"] == "relu":
                    delta = [d if value > 0 else 0.0 for d, value in zip(delta, x)]
                elif layer["kind"] == "dense":
                    delta = self.backward(values, gradients, layer, x, delta)
        for name, gradient in gradients.items():
            kind, before = values[name].typecode, values[name + ".velocity"]
            velocity = array(kind, map(lambda u, g: self.momentum * u + g, before, gradient))
            values[name + ".velocity"] = velocity
            values[name] = array(kind, map(lambda w, u: w - self.rate * u, values[name], velocity))
        return loss_sum, right

    def backward(self, values, gradients, layer, x, delta):
        weight, name = values[layer["name"] + ".weight"], layer["name"]
        of_weight, of_bias = gradients[name + ".weight"], gradients[name + ".bias"]
        before = [0.0] * len(x)
        for row, d in enumerate(delta):
            of_bias[row] += d
            begin = row * len(x)
            for column, value in enumerate(x):
                of_weight[begin + column] += d * value
                before[column] += d * weight[begin + column]
        return before


class Engine:
    """Does one command after the other. A thread listens, so that `stop` is heard while a net trains."""

    def __init__(self):
        self.commands, self.is_stopped, self.net = queue.SimpleQueue(), threading.Event(), None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in sys.stdin:
            command = json.loads(line)
            if command["command"] == "stop":
                self.is_stopped.set()
            else:
                self.is_stopped.clear()  # an earlier wish to stop was meant for a training that has ended
                self.commands.put(command)
        os._exit(0)  # laptime is gone: nobody waits for a result

    def tell(self, event, **values):
        if not math.isfinite(values.get("loss_sum", 0.0)):
            values["loss_sum"] = None  # JSON has no word for it
        print(json.dumps({"event": event, **values}), flush=True)

    def compile(self, folder, device):
        begin = time.monotonic()
        self.net = Net(folder)
        self.tell("ready", prepare_s=time.monotonic() - begin)

    def train(self, order):
        net, order, size = self.net, read_array("I", order), self.net.workload["batch_size"]
        samples, loss_sum, correct, step_s = 0, 0.0, 0, []
        for begin in range(0, len(order), size):
            if self.is_stopped.is_set():
                break
            since, batch = time.monotonic(), order[begin : begin + size]
            loss, right = net.step(net.values, batch)
            net.steps, samples = net.steps + 1, samples + len(batch)
            loss_sum, correct = loss_sum + loss, correct + right
            step_s.append(time.monotonic() - since)
            self.tell("step", samples=samples, loss_sum=loss_sum, correct=correct)
        self.tell("epoch", samples=samples, loss_sum=loss_sum, correct=correct, step_s=step_s)

    def evaluate(self):
        net, labels = self.net, self.net.samples["test"][1]
        results = [net.loss(net.forward(net.values, "test", place), label) for place, label in enumerate(labels)]
        loss_sum, correct = sum(it[0] for it in results), sum(it[2] for it in results)
        self.tell("result", samples=len(labels), loss_sum=loss_sum, correct=correct)

    def logits(self, samples, to):
        with open(to, "wb") as file:
            for sample in read_array("I", samples):
                file.write(array("f", self.net.forward(self.net.values, "test", sample)).tobytes())
        self.tell("done")

    def state(self, to):
        write_state(to, "f", self.net.steps, self.net.values, self.net.shapes)
        self.tell("done")

    def set_state(self, state):
        self.net.values, _, metadata = read_tensors(state)
        self.net.steps = int(metadata["steps"])
        self.tell("done")

    def trace_f64(self, state, order, to):
        values, shapes, metadata = read_tensors(state)
        order, size, losses = read_array("I", order), self.net.workload["batch_size"], []
        for begin in range(0, len(order), size):
            batch = order[begin : begin + size]
            loss = self.net.step(values, batch)[0] / len(batch)
            losses.append(loss if math.isfinite(loss) else None)
        write_state(to, "d", int(metadata["steps"]) + len(losses), values, shapes)
        self.tell("trace", losses=losses)

    def run(self):
        cpu = {"kind": "cpu", "name": "cpu", "driver": None}
        version = sys.version.split()[0]
        self.tell("hello", protocol=1, name="plain Python", version=version, devices=[cpu])
        while True:
            command = self.commands.get()
            name = command.pop("command")
            if name not in ("compile", "train", "evaluate", "logits", "state", "set_state", "trace_f64"):
                raise Unsupported(f"this engine knows no command {name}")
            getattr(self, name)(**command)


def main():
    engine = Engine()
    try:
        engine.run()
    except Exception as error:
        is_unsupported = isinstance(error, Unsupported)
        message = str(error) if is_unsupported else f"{type(error).__name__}: {error}"
        engine.tell("error", message=message, is_unsupported=is_unsupported)
        os._exit(1)


if __name__ == "__main__":
    main()
