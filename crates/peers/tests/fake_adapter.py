"""An adapter without a framework: it trains nothing, and says so."""

# What a test's misbehaviour is written with, beside Score.
import time  # noqa: F401

import numpy as np  # noqa: F401
from job import Score, State, Unsupported  # noqa: F401


def describe():
    cpu = {"kind": "cpu", "name": "cpu", "driver": None}
    return {"versions": {"fake": "1.0"}, "devices": [cpu]}


def variants(job, device):
    return ["fake"]


class Session:
    def __init__(self, job, device, threads, variant):
        self.prepare_s = 0.0
        self.details = {}

    def train(self, order, told):
        # train
        return Score(len(order), float("nan"), 0), [0.25]
