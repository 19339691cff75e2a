"""Trains a small residual CNN in float64 with PyTorch and writes what happened as JSON.

An independent check of laptime's oracle: convolutions, norms, pools and gradients are PyTorch's, the
updates torch.optim.Adam's. The net is the one of the test `residual_cnn` in `../traces.rs`; its
initial values, pixels and labels come from the generator below, which the test repeats. Made by

    python residual_cnn.py residual-cnn.json

Needs PyTorch alone; any recent version gives the same numbers to about 1e-12.
"""

import json
import math
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from torch.nn import functional

STEPS = 20
DETAILED_STEPS = (1, 2, 20)
VALUES_A_TENSOR = 4
BATCH, SIDE, CHANNELS, CLASSES = 8, 16, 3, 5
NORM_EPSILON, NORM_MOMENTUM = 1.001e-5, 0.75
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-7

# Convolutions and dense layers, with the shapes of their weights, in the order of the layers. A norm
# stands behind each but the last.
CONVOLUTIONS = {
    "stem": (8, CHANNELS, 5, 5),
    "a1": (4, 8, 1, 1),
    "a2": (4, 4, 3, 3),
    "a3": (16, 4, 1, 1),
    "short": (16, 8, 1, 1),
    "b1": (4, 16, 1, 1),
    "b2": (4, 4, 3, 3),
    "b3": (16, 4, 1, 1),
}
HIDDEN = ("hidden", (12, 16))
LAST = ("fc", (CLASSES, 12))

NORMED = dict([*CONVOLUTIONS.items(), HIDDEN])

Tensors = dict[str, torch.Tensor]


def generator(seed: int) -> Iterator[int]:
    """The upper 16 bits of the linear congruential generator of Numerical Recipes."""
    state = seed
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield state >> 16


def initial_parameters() -> Tensors:
    shapes = {}
    for name, shape in NORMED.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = shape[:1]
        shapes[f"{name}_norm.weight"] = shape[:1]
        shapes[f"{name}_norm.bias"] = shape[:1]
    name, shape = LAST
    shapes[f"{name}.weight"] = shape
    shapes[f"{name}.bias"] = shape[:1]
    parameters = {}
    for number, (name, shape) in enumerate(shapes.items()):
        bits = islice(generator(number), math.prod(shape))
        middle = 1.0 if name.endswith("_norm.weight") else 0.0
        values = [middle + 0.6 * (value / 2**16 - 0.5) for value in bits]
        parameters[name] = torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
    return parameters


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The step's images (batch, channels, height, width) and labels."""
    bits = generator(1000 + step)
    labels = [next(bits) % CLASSES for _ in range(BATCH)]
    pixels = [next(bits) % 256 for _ in range(BATCH * SIDE * SIDE * CHANNELS)]
    images = torch.tensor(pixels, dtype=torch.float64).reshape(BATCH, SIDE, SIDE, CHANNELS) / 255
    return images.permute(0, 3, 1, 2), torch.tensor(labels)


def conv_norm(
    name: str,
    x: torch.Tensor,
    parameters: Tensors,
    statistics: Tensors,
    stride: int = 1,
    padding: int = 0,
) -> torch.Tensor:
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    return norm(name, functional.conv2d(x, weight, bias, stride, padding), parameters, statistics)


def norm(name: str, x: torch.Tensor, parameters: Tensors, statistics: Tensors) -> torch.Tensor:
    """Over all but the channels of images, or the columns of rows."""
    mean = statistics[f"{name}_norm.running_mean"]
    before = statistics[f"{name}_norm.running_var"]
    after = before.clone()
    y = functional.batch_norm(
        x,
        mean,
        after,
        parameters[f"{name}_norm.weight"],
        parameters[f"{name}_norm.bias"],
        training=True,
        momentum=1 - NORM_MOMENTUM,
        eps=NORM_EPSILON,
    )
    # PyTorch takes the variance over n - 1 into the moving one, Keras that over n.
    count = x.numel() / x.shape[1]
    kept = NORM_MOMENTUM * before
    statistics[f"{name}_norm.running_var"] = kept + (after - kept) * (count - 1) / count
    return y


def forward(x: torch.Tensor, *state: Tensors) -> torch.Tensor:
    x = functional.pad(x, (1, 2, 1, 2))  # left, right, above, below
    x = functional.relu(conv_norm("stem", x, *state, stride=2))
    x = functional.max_pool2d(x, 3, 2, 1)
    y = functional.relu(conv_norm("a1", x, *state, stride=2))
    y = functional.relu(conv_norm("a2", y, *state, padding=1))
    y = conv_norm("a3", y, *state)
    x = functional.relu(y + conv_norm("short", x, *state, stride=2))
    y = functional.relu(conv_norm("b1", x, *state))
    y = functional.relu(conv_norm("b2", y, *state, padding=1))
    y = conv_norm("b3", y, *state)
    x = functional.relu(y + x)
    x = functional.avg_pool2d(x, 2, 1, 1, count_include_pad=False)
    parameters = state[0]
    dense = lambda name, x: functional.linear(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
    x = functional.relu(norm("hidden", dense("hidden", x.mean((2, 3))), *state))
    return dense("fc", x)


def details(tensors: Tensors) -> dict[str, dict]:
    """Of every tensor its Euclidean norm and some values, evenly spread over it."""
    result = {}
    for name, tensor in tensors.items():
        flat = tensor.detach().flatten()
        places = torch.linspace(0, len(flat) - 1, VALUES_A_TENSOR).int().unique().tolist()
        result[name] = {
            "norm": torch.linalg.vector_norm(flat).item(),
            "values": {str(place): flat[place].item() for place in places},
        }
    return result


def trace() -> dict:
    parameters = initial_parameters()
    initial = details(parameters)
    statistics = {}
    for name, shape in NORMED.items():
        statistics[f"{name}_norm.running_mean"] = torch.zeros(shape[0], dtype=torch.float64)
        statistics[f"{name}_norm.running_var"] = torch.ones(shape[0], dtype=torch.float64)
    optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, betas=(BETA1, BETA2))
    steps = []
    for step in range(1, STEPS + 1):
        images, labels = batch(step)
        logits = forward(images, parameters, statistics)
        loss = functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        # PyTorch adds epsilon to the root of the corrected moment, Keras to the uncorrected one's.
        for group in optimizer.param_groups:
            group["eps"] = EPSILON / math.sqrt(1 - BETA2**step)
        optimizer.step()
        entry = {
            "step": step,
            "loss": loss.item(),
            "correct": int((logits.argmax(1) == labels).sum()),
        }
        if step in DETAILED_STEPS:
            tensors = {**parameters, **statistics}
            for name, parameter in parameters.items():
                tensors[f"d.{name}"] = parameter.grad
                tensors[f"{name}.m"] = optimizer.state[parameter]["exp_avg"]
                tensors[f"{name}.v"] = optimizer.state[parameter]["exp_avg_sq"]
            entry["tensors"] = details(tensors)
        steps.append(entry)
    return {
        "about": "a residual CNN's first steps in float64, by residual_cnn.py",
        "framework": f"PyTorch {torch.__version__}",
        "initial": initial,
        "steps": steps,
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(trace(), indent=1) + "\n")
