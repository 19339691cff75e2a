"""Fashion-MNIST's training in JAX, written for speed: how long does an epoch take?

    python baseline_jax.py JOB [--variant scanned|stepwise] [--epochs N]

JOB is a folder that `export_job` wrote. Both variants are compiled ahead of time, donate the
training's state, and gather the batch from the resident bytes inside of the compiled function.
`scanned` is one call an epoch and the fastest here; `stepwise` is one call a step.

What was tried and gave nothing here: pixels resident as float32, weights as inputs × outputs, all
parameters in one vector, gathering a whole epoch at once, several steps a turn of the scan, and
XLA's flags for vector width, oneDNN, XNNPACK and its optimisation presets.
"""

import argparse
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from job import Job, Samples, read_job
from report import report


def logits_of(parameters: dict, pixels: jax.Array, divisor: float) -> jax.Array:
    pixels = pixels.astype(jnp.float32) / divisor
    hidden = jax.nn.relu(pixels @ parameters["fc1.weight"].T + parameters["fc1.bias"])
    return hidden @ parameters["fc2.weight"].T + parameters["fc2.bias"]


def loss_of(parameters: dict, pixels: jax.Array, labels: jax.Array, divisor: float) -> jax.Array:
    log_probability = jax.nn.log_softmax(logits_of(parameters, pixels, divisor))
    # On CPUs a comparison is quicker than taking one value a row.
    is_label = labels[:, None] == jnp.arange(log_probability.shape[1])
    return -jnp.sum(jnp.where(is_label, log_probability, 0)) / len(labels)


def train_step(workload: dict, state: dict, pixels: jax.Array, labels: jax.Array) -> dict:
    loss, gradients = jax.value_and_grad(loss_of)(state["parameters"], pixels, labels, workload["pixel_divisor"])
    optimizer = workload["optimizer"]
    beta1, beta2 = optimizer["beta1"], optimizer["beta2"]
    step = state["step"] + 1
    rate = optimizer["learning_rate"] * jnp.sqrt(1 - beta2**step) / (1 - beta1**step)
    m = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), state["m"], gradients)
    v = jax.tree.map(lambda v, g: v + (1 - beta2) * (g * g - v), state["v"], gradients)
    parameters = jax.tree.map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v) + optimizer["epsilon"]),
        state["parameters"],
        m,
        v,
    )
    loss_sum = state["loss_sum"] + loss * len(labels)
    return {"parameters": parameters, "m": m, "v": v, "step": step, "loss_sum": loss_sum}


def initial_state(job: Job) -> dict:
    parameters = {name: jnp.asarray(np.array(value)) for name, value in job.initial.items()}
    zeros = partial(jax.tree.map, jnp.zeros_like)
    return {
        "parameters": parameters,
        "m": zeros(parameters),
        "v": zeros(parameters),
        "step": jnp.float32(0),
        "loss_sum": jnp.float32(0),
    }


def on_device(samples: Samples) -> tuple[jax.Array, jax.Array]:
    rows = samples.pixels.reshape(len(samples.labels), -1)
    return jnp.asarray(rows), jnp.asarray(samples.labels)


def compile_epoch(variant: str, workload: dict, state: dict, data: tuple, order: np.ndarray):
    """A function (state, order of one epoch (steps, batch)) → state, ready to run."""

    def step(state: dict, data: tuple, batch: jax.Array) -> dict:
        pixels, labels = data
        return train_step(workload, state, pixels[batch], labels[batch])

    def scanned(state: dict, data: tuple, order: jax.Array) -> dict:
        one = lambda state, batch: (step(state, data, batch), None)
        return jax.lax.scan(one, state, order)[0]

    if variant == "scanned":
        ready = jax.jit(scanned, donate_argnums=0).lower(state, data, order).compile()
        return lambda state, order: ready(state, data, order)
    ready = jax.jit(step, donate_argnums=0).lower(state, data, order[0]).compile()

    def stepwise(state: dict, order: np.ndarray) -> dict:
        for batch in order:
            state = ready(state, data, batch)
        return state

    return stepwise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", help="the job folder")
    parser.add_argument("--variant", choices=["scanned", "stepwise"], default="scanned")
    parser.add_argument("--epochs", type=int, help="those of the job if left out")
    arguments = parser.parse_args()

    job = read_job(arguments.job)
    workload = job.workload
    orders = job.orders[: arguments.epochs].astype(np.int32)
    orders = orders.reshape(len(orders), -1, workload["batch_size"])

    start = time.perf_counter()
    data = jax.block_until_ready(on_device(job.train))
    prepared = time.perf_counter()
    state = initial_state(job)
    run_epoch = compile_epoch(arguments.variant, workload, state, data, orders[0])
    compiled = time.perf_counter()

    epoch_s = []
    for order in orders:
        begin = time.perf_counter()
        state["loss_sum"] = jnp.float32(0)
        state = jax.block_until_ready(run_epoch(state, order))
        epoch_s.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    test_pixels, test_labels = on_device(job.test)
    logits = jax.jit(logits_of)(state["parameters"], test_pixels, workload["pixel_divisor"])
    accuracy = float(jnp.mean(logits.argmax(axis=1) == test_labels))
    test_s = time.perf_counter() - begin

    report(
        framework=f"JAX {jax.__version__}",
        variant=arguments.variant,
        prepare_s=prepared - start,
        compile_s=compiled - prepared,
        epoch_s=epoch_s,
        test_s=test_s,
        train_loss=float(state["loss_sum"]) / orders[0].size,
        test_accuracy=accuracy,
    )


if __name__ == "__main__":
    main()
