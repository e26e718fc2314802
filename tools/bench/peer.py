"""peer.py: CPython's side of the benchmark: reads "NAME N" lines, answers with the seconds that N operations took."""
import concurrent.futures
import functools
import itertools
import multiprocessing
import multiprocessing.managers
import sys
import time

SQUARES = 20000
fork = multiprocessing.get_context("fork")


@functools.cache
def manager(family):
    if family == "ipc":
        m = fork.Manager()
    else:
        m = multiprocessing.managers.SyncManager(address=("127.0.0.1", 0), authkey=b"bench", ctx=fork)
        m.start()
    d = m.dict()
    d["key"] = 1
    return m, d, m.Queue(), m.Lock()


def timed(n, operation):
    start = time.perf_counter()
    for _ in range(n):
        operation()
    return time.perf_counter() - start


def dict_get(family, n):
    d = manager(family)[1]
    return timed(n, lambda: d["key"])


def dict_set(family, n):
    d = manager(family)[1]
    start = time.perf_counter()
    for i in range(n):
        d["key"] = i
    return time.perf_counter() - start


def queue_put_get(family, n):
    q = manager(family)[2]
    start = time.perf_counter()
    for i in range(n):
        q.put(i)
        q.get()
    return time.perf_counter() - start


def lock_pair(family, n):
    lock = manager(family)[3]
    start = time.perf_counter()
    for _ in range(n):
        lock.acquire()
        lock.release()
    return time.perf_counter() - start


def create_drop(family, n):
    m = manager(family)[0]

    def once():
        d = m.dict()
        del d
    return timed(n, once)


@functools.cache
def long_list(family):
    return manager(family)[0].list(range(100000))


def list_iterate(family, n):
    elements = long_list(family)
    start = time.perf_counter()
    for _ in itertools.islice(elements, n):
        pass
    return time.perf_counter() - start


def square(x):
    return x * x


@functools.cache
def pool(size):
    return fork.Pool(size)


@functools.cache
def thread_pool():
    return concurrent.futures.ThreadPoolExecutor(6)


def pool_map(size, n):
    p, items = pool(size), range(SQUARES)
    rounds = (n + SQUARES - 1) // SQUARES
    return timed(rounds, lambda: p.map(square, items)) * n / (rounds * SQUARES)


def pool_apply_async(n):
    p = pool(2)
    start = time.perf_counter()
    for result in [p.apply_async(square, (i,)) for i in range(n)]:
        result.get()
    return time.perf_counter() - start


def pool_imap(n):
    p = pool(2)
    start = time.perf_counter()
    for _ in p.imap(square, range(n)):
        pass
    return time.perf_counter() - start


def threadpool_submit(n):
    e = thread_pool()
    start = time.perf_counter()
    for future in [e.submit(square, i) for i in range(n)]:
        future.result()
    return time.perf_counter() - start


def nothing():
    pass


def process_start_join(n):
    def once():
        p = fork.Process(target=nothing)
        p.start()
        p.join()
    return timed(n, once)


@functools.cache
def local_queue():
    return fork.Queue()


def queue_one(n):
    q = local_queue()

    def once():
        q.put(7)
        q.get()
    return timed(n, once)


def write_all(q, go, n):
    go.wait()
    for i in range(n):
        q.put(i)


def queue_pair(n):
    q, go = fork.Queue(), fork.Event()
    writer = fork.Process(target=write_all, args=(q, go, n))
    writer.start()
    time.sleep(0.05)  # it waits for the go
    go.set()
    spent = timed(n, q.get)
    writer.join()
    return spent


@functools.cache
def local_value():
    return fork.Value("q", 0)


def value_add(n):
    v = local_value()

    def once():
        with v.get_lock():
            v.value += 1
    return timed(n, once)


def echo(end):
    while True:
        end.send(end.recv())


@functools.cache
def pipe_end():
    here, there = fork.Pipe()
    fork.Process(target=echo, args=(there,), daemon=True).start()
    return here


def pipe_round_trip(n):
    end = pipe_end()

    def once():
        end.send(7)
        end.recv()
    return timed(n, once)


def send_back(there, back):
    while True:
        back.put(there.get())


@functools.cache
def two_queues():
    m = manager("ipc")[0]
    there, back = m.Queue(), m.Queue()
    fork.Process(target=send_back, args=(there, back), daemon=True).start()
    return there, back


def queue_there_and_back(n):
    there, back = two_queues()

    def once():
        there.put(7)
        back.get()
    return timed(n, once)


def want(lock, changes, last, me, more):
    """Takes turns; counts how often the lock changes hands."""
    while more():
        lock.acquire()
        if last.value != me:
            last.value = me
            changes.value += 1
        lock.release()


def lock_hand_off(n):
    lock = manager("ipc")[3]
    changes, last, ends = (fork.Value("q", 0, lock=False) for _ in range(3))
    other = fork.Process(target=want, args=(lock, changes, last, 1, lambda: not ends.value))
    start = time.perf_counter()
    other.start()
    want(lock, changes, last, 0, lambda: changes.value < n)
    spent = time.perf_counter() - start
    ends.value = 1
    other.join()
    return spent


CALLS = {
    "queue_there_and_back": queue_there_and_back,
    "lock_hand_off": lock_hand_off,
    "queue_one": queue_one,
    "queue_pair": queue_pair,
    "value_add": value_add,
    "pipe_round_trip": pipe_round_trip,
    "pool_map_2": functools.partial(pool_map, 2),
    "pool_map_6": functools.partial(pool_map, 6),
    "pool_apply_async": pool_apply_async,
    "pool_imap": pool_imap,
    "threadpool_submit": threadpool_submit,
    "process_start_join": process_start_join,
}
for family in ("ipc", "tcp"):
    for call in (dict_get, dict_set, queue_put_get, lock_pair, create_drop, list_iterate):
        CALLS[f"{family}_{call.__name__}"] = functools.partial(call, family)

if __name__ == "__main__":
    for line in sys.stdin:
        name, n = line.split()
        print(CALLS[name](int(n)), flush=True)
