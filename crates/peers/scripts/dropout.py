"""The Program's dropout masks, bit for bit: Philox4x32-10 in NumPy.

The gate compares steps, so a framework must drop what the oracle drops. What is timed draws masks of the
framework's own. `crates/workload/src/random.rs` has the generator, `crates/graph/src/op.rs` what of it
decides over a value; `tests/dropout.rs` holds this file against them.
"""

import math

import numpy as np

# What a stream is for, in the last word of the counter.
DROPOUT = 6
LOW = np.uint64(0xFFFF_FFFF)
HALF = np.uint64(32)


def philox4x32_10(counter: list, key: tuple[int, int]) -> list:
    """The four words, of 32 bits in 64, for each counter; its words may be arrays."""
    words = [np.asarray(word, np.uint64) for word in counter]
    for number in range(10):
        keys = [
            np.uint64((word + number * weyl) & 0xFFFF_FFFF) for word, weyl in zip(key, (0x9E37_79B9, 0xBB67_AE85))
        ]
        products = words[0] * np.uint64(0xD251_1F53), words[2] * np.uint64(0xCD9E_8D57)
        words = [
            (products[1] >> HALF) ^ words[1] ^ keys[0],
            products[1] & LOW,
            (products[0] >> HALF) ^ words[3] ^ keys[1],
            products[0] & LOW,
        ]
    return words


def factors(rate: float, seed: int, layer: int, step: int, count: int) -> np.ndarray:
    """What the first `count` values of a dropout layer are multiplied by in a step, counted from 1: 0, or
    1/(1 - rate). `layer` is the layer's place in the workload."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    key = seed & 0xFFFF_FFFF, seed >> 32
    words = philox4x32_10([blocks, step, layer, DROPOUT], key)
    words = np.broadcast_arrays(*words)
    bits = np.stack(words, axis=1).reshape(-1)[:count]
    draws = (bits >> np.uint64(8)).astype(np.float64) / (1 << 24)
    return np.where(draws < rate, 0.0, 1.0 / (1.0 - rate))


def program_masks(workload: dict, samples: int, step: int) -> dict[str, np.ndarray]:
    """The factors of every dropout layer of a batch, by the layer's name, in laptime's axes: samples
    first, channels last."""
    made = {}
    for place, layer in enumerate(workload["layers"]):
        if layer["kind"] == "dropout":
            shape = samples, *layer["output"]
            values = factors(layer["rate"], workload["seed"], place, step, math.prod(shape))
            made[layer["name"]] = values.reshape(shape)
    return made
