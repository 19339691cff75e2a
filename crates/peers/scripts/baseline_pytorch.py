"""Fashion-MNIST's training in PyTorch, written for speed: how long does an epoch take?

    python baseline_pytorch.py JOB [--variant step|model|eager] [--epochs N] [--threads N]

JOB is a folder that `export_job` wrote. The data set is resident as float32; a batch is gathered
from it by its indices, and nothing waits for a loss before the end of an epoch.

- `eager`: a model, autograd, the fused Adam.
- `model`: the same with the model and its loss under torch.compile.
- `step`: gather, forward, backward and update in one compiled function; the fastest here.

torch.compile keeps what it made in a cache on disk, so that only the first `compile_s` is a cold
one; TORCHINDUCTOR_FORCE_DISABLE_CACHES=1 switches it off.
"""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from job import Job, Samples, read_job
from report import report
from torch import Tensor, nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self, initial: dict[str, np.ndarray]) -> None:
        super().__init__()
        hidden, inputs = initial["fc1.weight"].shape
        classes = initial["fc2.weight"].shape[0]
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, classes)
        self.load_state_dict({name: torch.tensor(np.array(v)) for name, v in initial.items()})

    def forward(self, pixels: Tensor) -> Tensor:
        return self.fc2(functional.relu(self.fc1(pixels)))


def module_trainer(job: Job, net: Net, data: tuple[Tensor, Tensor], compiled: bool) -> Callable:
    """A step on a module with the fused Adam: batch → loss."""
    constants = job.workload["optimizer"]
    pixels, labels = data

    def loss_of(batch: Tensor) -> Tensor:
        return functional.cross_entropy(net(pixels[batch]), labels[batch])

    if compiled:
        loss_of = torch.compile(loss_of)
        loss_of(torch.arange(job.workload["batch_size"])).backward()
        net.zero_grad()
    optimizer = torch.optim.Adam(
        net.parameters(),
        lr=constants["learning_rate"],
        betas=(constants["beta1"], constants["beta2"]),
        fused=True,
    )
    steps_done = 0

    def step(batch: Tensor) -> Tensor:
        nonlocal steps_done
        steps_done += 1
        loss = loss_of(batch)
        optimizer.zero_grad()
        loss.backward()
        # PyTorch adds ε to the root of the corrected moment, Keras to that of the uncorrected one.
        correction = math.sqrt(1 - constants["beta2"] ** steps_done)
        optimizer.param_groups[0]["eps"] = constants["epsilon"] / correction
        optimizer.step()
        return loss.detach()

    return step


def function_trainer(job: Job, net: Net, data: tuple[Tensor, Tensor]) -> Callable:
    """A step as one compiled function that updates the net's parameters: batch → loss."""
    constants = job.workload["optimizer"]
    beta1, beta2 = constants["beta1"], constants["beta2"]

    def loss_of(parameters: dict[str, Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
        logits = torch.func.functional_call(net, parameters, pixels)
        return functional.cross_entropy(logits, labels)

    @torch.compile
    def step(state: dict, data: tuple[Tensor, Tensor], batch: Tensor) -> Tensor:
        pixels, labels = data
        gradients, loss = torch.func.grad_and_value(loss_of)(state["parameters"], pixels[batch], labels[batch])
        state["step"].add_(1)
        rate = constants["learning_rate"] * torch.sqrt(1 - beta2 ** state["step"])
        rate = rate / (1 - beta1 ** state["step"])
        for name, w in state["parameters"].items():
            g, m, v = gradients[name], state["m"][name], state["v"][name]
            m.lerp_(g, 1 - beta1)
            v.lerp_(g * g, 1 - beta2)
            w.sub_(rate * m / (torch.sqrt(v) + constants["epsilon"]))
        return loss

    def state_of(parameters: dict[str, Tensor]) -> dict:
        return {
            "parameters": parameters,
            "m": {name: torch.zeros_like(w) for name, w in parameters.items()},
            "v": {name: torch.zeros_like(w) for name, w in parameters.items()},
            "step": torch.zeros(()),
        }

    parameters = {name: w.detach() for name, w in net.named_parameters()}
    # Compile by a step on copies.
    copies = {name: w.clone() for name, w in parameters.items()}
    step(state_of(copies), data, torch.arange(job.workload["batch_size"]))
    state = state_of(parameters)
    return lambda batch: step(state, data, batch)


def make_trainer(variant: str, job: Job, net: Net, data: tuple[Tensor, Tensor]) -> Callable:
    if variant == "step":
        return function_trainer(job, net, data)
    return module_trainer(job, net, data, compiled=variant == "model")


def resident(samples: Samples, divisor: float) -> tuple[Tensor, Tensor]:
    labels = torch.from_numpy(samples.labels.astype(np.int64))
    return torch.from_numpy(samples.rows(divisor)), labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", help="the job folder")
    parser.add_argument("--variant", choices=["step", "model", "eager"], default="step")
    parser.add_argument("--epochs", type=int, help="those of the job if left out")
    parser.add_argument("--threads", type=int, help="PyTorch's choice if left out")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    job = read_job(arguments.job)
    workload = job.workload
    orders = job.orders[: arguments.epochs].astype(np.int64)

    start = time.perf_counter()
    data = resident(job.train, workload["pixel_divisor"])
    prepared = time.perf_counter()
    net = Net(job.initial)
    step = make_trainer(arguments.variant, job, net, data)
    compiled = time.perf_counter()

    epoch_s = []
    for order in orders:
        begin = time.perf_counter()
        batches = torch.from_numpy(order).split(workload["batch_size"])
        loss_sum = torch.zeros(())
        for batch in batches:
            loss_sum += step(batch)
        train_loss = loss_sum.item() / len(batches)
        epoch_s.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    test_pixels, test_labels = resident(job.test, workload["pixel_divisor"])
    with torch.inference_mode():
        accuracy = (net(test_pixels).argmax(1) == test_labels).double().mean().item()
    test_s = time.perf_counter() - begin

    report(
        framework=f"PyTorch {torch.__version__}",
        variant=f"{arguments.variant}, {torch.get_num_threads()} threads",
        prepare_s=prepared - start,
        compile_s=compiled - prepared,
        epoch_s=epoch_s,
        test_s=test_s,
        train_loss=train_loss,
        test_accuracy=accuracy,
    )


if __name__ == "__main__":
    main()
