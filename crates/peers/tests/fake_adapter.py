"""An adapter without a framework: it trains nothing, and says so."""

from job import Score


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
