"""Produces with acks=all at a steady pace until it is told to stop, whatever the answers take.

librdkafka, so that what is measured is not a garbage collector of the client's; its latency counts from `produce` to
the answer, and what lingers in the client first (`linger.ms`, the last argument; as the client comes without) counts.
Questions and answers are lines of JSON, shaped as `load.ts` says.
"""
import json
import sys
import threading
import time

from confluent_kafka import Producer

BOOTSTRAP, TOPIC, PARTITIONS = sys.argv[1], sys.argv[2], int(sys.argv[3])
SETTINGS = {"linger.ms": float(sys.argv[4])} if len(sys.argv) > 4 else {}
# Half an MB/s; so many that a 99th percentile of ten seconds is decided by 50 records, not by a few.
TURNS_PER_SECOND = 250
RECORDS_PER_TURN = 2
VALUE = b"y" * 1000
WINDOW_SECONDS = 10
STOP_MS = 300


class Window:
    """Ten seconds of a phase, which lasts from one mark to the next; or what is left of it."""

    def __init__(self, phase, kind, began):
        self.phase, self.kind, self.began = phase, kind, began
        self.is_whole = False
        self.latencies = []

    def heard(self, error, message):
        if error is None:
            counts["produced"] += 1
            self.latencies.append(message.latency() * 1000)
        else:
            counts["errors"] += 1
            print(f"producing: {error}", file=sys.stderr, flush=True)


counts = {"produced": 0, "errors": 0}
lock = threading.Lock()
windows = [Window(0, "warm-up", time.monotonic())]
is_stopped = threading.Event()


def p99(latencies):
    return sorted(latencies)[min(len(latencies) - 1, int(len(latencies) * 0.99))] if latencies else 0


def latencies_of(some):
    latencies = [each for window in some for each in window.latencies]
    return {
        "records": len(latencies),
        "p99": p99(latencies),
        "windows": [p99(window.latencies) for window in some if window.is_whole],
        "stopped": sum(each > STOP_MS for each in latencies),
    }


def answer(question):
    ask = question["ask"]
    if ask == "mark":
        with lock:
            windows.append(Window(windows[-1].phase + 1, question["kind"], time.monotonic()))
        return None
    if ask == "latencies":
        return latencies_of([window for window in windows if window.kind == question["kind"]])
    if ask == "phases":
        phases = {}
        for window in windows:
            phases.setdefault(window.phase, []).append(window)
        return [{"kind": some[0].kind, **latencies_of(some)} for some in phases.values()]
    return counts


def listen():
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "stop":
            break
        print(json.dumps({"id": question["id"], "answer": answer(question)}), flush=True)
    is_stopped.set()


def produce():
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "acks": "all", **SETTINGS})
    due = time.monotonic()
    turn = 0
    while not is_stopped.is_set():
        with lock:
            window = windows[-1]
            if due - window.began >= WINDOW_SECONDS:
                window.is_whole = True
                window = Window(window.phase, window.kind, due)
                windows.append(window)
        for _ in range(RECORDS_PER_TURN):
            producer.produce(TOPIC, VALUE, partition=turn % PARTITIONS, on_delivery=window.heard)
        turn += 1
        due += 1 / TURNS_PER_SECOND
        while True:
            left = due - time.monotonic()
            producer.poll(max(0, left))
            if left <= 0:
                break
    producer.flush(10)


threading.Thread(target=listen, daemon=True).start()
print(json.dumps({"id": 0, "answer": None}), flush=True)
produce()
