"""Celery with Redis: the application, and the client that bench/peers runs."""

import os
import signal
import subprocess
import sys
import time

import celery
import redis

SOCKET = os.environ["REDIS_SOCKET"]
BROKER, RESULTS = 0, 1          # databases of Redis

# Celery's best for short tasks: a process per core that has no children
WORKERS = 2
OPTIONS = ["--pool", "solo", "--queues", "idle", "--loglevel", "error",
           "--without-gossip", "--without-mingle", "--without-heartbeat"]
QUEUE = "celery"

app = celery.Celery(
    "celery_app",
    broker=f"redis+socket://{SOCKET}?virtual_host={BROKER}",
    backend=f"redis+socket://{SOCKET}?virtual_host={RESULTS}")
app.conf.worker_prefetch_multiplier = 500
app.conf.worker_disable_rate_limits = True


@app.task(name="noop")
def noop(_text):
    """The cheapest task there is."""


def database(number):
    return redis.Redis(unix_socket_path=SOCKET, db=number)


def rate(count, work):
    start = time.perf_counter()
    work()
    return [count / (time.perf_counter() - start)]


def send(count):
    for _ in range(count):
        noop.delay("0123456789")


def send_bulk(count):
    """There is no call for many; a kept producer is faster than a group."""
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            noop.apply_async(("0123456789",), producer=producer)


class Workers:
    """Workers while they are needed, which begin to consume when told."""

    def __enter__(self):
        self.processes = [subprocess.Popen(
            [sys.executable, "-m", "celery", "-q", "-A", "celery_app", "worker",
             "-n", f"worker{i}", *OPTIONS], stdout=subprocess.DEVNULL)
            for i in range(WORKERS)]
        while len(app.control.ping(timeout=0.5)) < WORKERS:
            pass
        return self

    def consume(self):
        app.control.add_consumer(QUEUE)

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def drain(count):
    """Tasks per second, until all results are there."""
    results = database(RESULTS)
    with Workers() as workers:
        start = time.perf_counter()
        workers.consume()
        while results.dbsize() < count:
            time.sleep(0.002)
        return [count / (time.perf_counter() - start)]


def latency(count):
    """p50 and p99 of a task sent and its result got, in ms; a tenth warms up."""
    times = []
    with Workers() as workers:
        workers.consume()
        for i in range(-count // 10, count):
            start = time.perf_counter()
            noop.delay("0123456789").get()
            if i >= 0:
                times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return [times[len(times) // 2], times[len(times) * 99 // 100]]


def clear(_):
    database(BROKER).flushall()
    return []


VERBS = {
    "prepare": clear,
    "clear": clear,
    "enqueue": lambda count: rate(count, lambda: send(count)),
    "bulk": lambda count: rate(count, lambda: send_bulk(count)),
    "drain": drain,
    "latency": latency,
}

if __name__ == "__main__":
    if sys.argv[1] == "title":
        print(f"celery {celery.__version__}")
        sys.exit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # not without its workers
    for figure in VERBS[sys.argv[1]](int((sys.argv[2:] or [0])[0])):
        print(f"{figure:.3f}")
