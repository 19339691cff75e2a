"""Trains the first steps of a job in float64 with PyTorch and writes what happened as JSON.

The trace is an independent check of laptime's own oracle: the gradients come from PyTorch's
autograd, the updates from torch.optim.Adam. Made by

    cargo run --release -p laptime-peers --example export_job -- fashion-mnist JOB --data synthetic
    python trace_pytorch.py JOB ../../reference/tests/traces/fashion-mnist.json

Needs PyTorch; any recent version gives the same numbers to about 1e-13.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from job import Job, read_job
from torch.nn import functional

STEPS = 20
DETAILED_STEPS = (1, 2, 6, 20)
VALUES_A_TENSOR = 6

Tensors = dict[str, torch.Tensor]


def logits_of(layers: list[dict], parameters: Tensors, pixels: torch.Tensor) -> torch.Tensor:
    """The model's output for scaled pixels (batch, height, width, channels)."""
    outputs: list[torch.Tensor] = []
    for layer in layers:
        [source] = layer["inputs"]
        x = pixels if source == "input" else outputs[source["layer"]]
        match layer["kind"]:
            case "flatten":
                y = x.flatten(1)
            case "dense":
                name = layer["name"]
                y = functional.linear(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
            case "relu":
                y = functional.relu(x)
            case kind:
                raise ValueError(f"layer {layer['name']}: unknown kind {kind}")
        outputs.append(y)
    return outputs[-1]


def make_optimizer(workload: dict, parameters: Tensors) -> torch.optim.Adam:
    constants = workload["optimizer"]
    if constants["kind"] != "adam":
        raise ValueError(f"unknown optimizer {constants['kind']}")
    return torch.optim.Adam(
        parameters.values(),
        lr=constants["learning_rate"],
        betas=(constants["beta1"], constants["beta2"]),
    )


def set_epsilon(optimizer: torch.optim.Adam, epsilon: float, beta2: float, step: int) -> None:
    """PyTorch adds ε to the root of the corrected moment, Keras to that of the uncorrected one."""
    for group in optimizer.param_groups:
        group["eps"] = epsilon / math.sqrt(1 - beta2**step)


def details(tensors: Tensors) -> dict[str, dict]:
    """Of every tensor its Euclidean norm and some values, evenly spread over it."""
    result = {}
    for name, tensor in tensors.items():
        flat = tensor.detach().flatten()
        places = np.unique(np.linspace(0, len(flat) - 1, VALUES_A_TENSOR).astype(int)).tolist()
        values = flat[places].tolist()
        result[name] = {
            "norm": torch.linalg.vector_norm(flat).item(),
            "values": {str(place): value for place, value in zip(places, values)},
        }
    return result


def trace(job: Job) -> dict:
    workload = job.workload
    constants = workload["optimizer"]
    parameters = {
        name: torch.tensor(np.array(values), dtype=torch.float64, requires_grad=True)
        for name, values in job.initial.items()
    }
    optimizer = make_optimizer(workload, parameters)
    steps = []
    for step in range(1, STEPS + 1):
        batch_size = workload["batch_size"]
        batch = job.orders.reshape(-1)[(step - 1) * batch_size : step * batch_size]
        pixels = torch.tensor(job.train.pixels[batch], dtype=torch.float64)
        labels = torch.tensor(job.train.labels[batch], dtype=torch.int64)
        logits = logits_of(workload["layers"], parameters, pixels / workload["pixel_divisor"])
        loss = functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        set_epsilon(optimizer, constants["epsilon"], constants["beta2"], step)
        optimizer.step()
        entry = {
            "step": step,
            "loss": loss.item(),
            "correct": int((logits.argmax(1) == labels).sum()),
        }
        if step in DETAILED_STEPS:
            tensors = dict(parameters)
            for name, parameter in parameters.items():
                tensors[f"d.{name}"] = parameter.grad
                tensors[f"{name}.m"] = optimizer.state[parameter]["exp_avg"]
                tensors[f"{name}.v"] = optimizer.state[parameter]["exp_avg_sq"]
            entry["tensors"] = details(tensors)
        steps.append(entry)
    initial = {name: torch.tensor(np.array(job.initial[name])).double() for name in job.initial}
    return {
        "about": "the first steps of a training in float64, by crates/peers/scripts/trace_pytorch.py",
        "framework": f"PyTorch {torch.__version__}",
        "workload": workload["name"],
        "seed": workload["seed"],
        "batch_size": workload["batch_size"],
        "data": {
            **job.train.metadata,
            "train_samples": len(job.train.labels),
            "test_samples": len(job.test.labels),
        },
        "first_samples": job.orders[0, :8].tolist(),
        "initial": details(initial),
        "steps": steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", type=Path, help="the job folder")
    parser.add_argument("trace", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    result = trace(read_job(arguments.job))
    arguments.trace.parent.mkdir(parents=True, exist_ok=True)
    arguments.trace.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
