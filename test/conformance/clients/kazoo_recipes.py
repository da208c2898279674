"""What applications do with kazoo, against the servers named on the command line. Ends with OK, or a traceback.

With a second argument, a number of seconds, the lock and counter part goes on for so long: servers are killed meanwhile.
"""
import sys
import threading
import time
import uuid

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    ConnectionLoss,
    KazooException,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    OperationTimeoutError,
    RolledBackError,
    SessionExpiredError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import EventType
from kazoo.retry import KazooRetry
from kazoo.security import make_acl, make_digest_acl

HOSTS = sys.argv[1]
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 0


def client(**options):
    retry = KazooRetry(max_tries=-1, max_delay=1)
    made = KazooClient(hosts=HOSTS, timeout=10, connection_retry=retry, command_retry=retry, **options)
    made.start(30)
    return made


def expect(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def caught_up(zk):
    """Its server may be behind the one that has just answered another client: only a sync makes sure that it is not."""
    zk.sync("/")
    return zk


def basics(zk):
    print("version", zk.server_version())
    zk.create("/k", b"one")
    expect(zk.get("/k")[0] == b"one", "data comes back")
    path, stat = zk.create("/k/s-", b"", sequence=True, include_data=True)
    expect(path == "/k/s-0000000000" and stat.version == 0, "sequential with stat")
    zk.set("/k", b"two", version=0)
    for call, error in [
        (lambda: zk.set("/k", b"x", version=0), BadVersionError),
        (lambda: zk.create("/k"), NodeExistsError),
        (lambda: zk.get("/nowhere"), NoNodeError),
        (lambda: zk.delete("/k"), NotEmptyError),
    ]:
        try:
            call()
        except error:
            continue
        raise AssertionError(f"{error.__name__} was expected")
    zk.ensure_path("/k/a/b/c")
    zk.delete("/k", recursive=True)


def transactions(zk):
    zk.create("/t")
    done = zk.transaction()
    done.create("/t/a", b"1")
    done.set_data("/t/a", b"2", version=0)
    done.check("/t/a", version=1)
    expect([str(part) for part in done.commit()][0] == "/t/a", "a transaction answers its parts")
    broken = zk.transaction()
    broken.create("/t/b")
    broken.check("/t/a", version=99)
    broken.delete("/t/a")
    results = broken.commit()
    expect(isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError), f"rolled back: {results}")
    expect(zk.exists("/t/b") is None and zk.exists("/t/a") is not None, "nothing of it happened")
    zk.delete("/t", recursive=True)


def watches(zk, other):
    zk.create("/w")
    events = []
    zk.get("/w", watch=events.append)
    zk.get_children("/w", watch=events.append)
    zk.exists("/w/x", watch=events.append)
    caught_up(other).set("/w", b"changed")
    other.create("/w/x")
    deadline = time.time() + 10
    while len(events) < 3 and time.time() < deadline:
        time.sleep(0.02)
    expect(sorted(event.type for event in events) == ["CHANGED", "CHILD", "CREATED"], f"events: {events}")
    seen = []

    @zk.DataWatch("/w/data")
    def data_watch(data, stat):
        seen.append(data)

    @zk.ChildrenWatch("/w")
    def children_watch(children):
        seen.append(len(children))

    other.create("/w/data", b"v")
    deadline = time.time() + 10
    while (b"v" not in seen or 2 not in seen) and time.time() < deadline:
        time.sleep(0.02)
    expect(b"v" in seen and 2 in seen, f"watchers: {seen}")
    zk.delete("/w", recursive=True)


def permissions(zk):
    owner = client(auth_data=[("digest", "user:pass")])
    owner.create("/private", b"secret", acl=[make_digest_acl("user", "pass", all=True)])
    try:
        caught_up(zk).get("/private")
        raise AssertionError("NoAuthError was expected")
    except NoAuthError:
        pass
    expect(owner.get("/private")[0] == b"secret", "the owner reads")
    owner.set_acls("/private", [make_digest_acl("user", "pass", all=True), make_acl("world", "anyone", read=True)])
    expect(caught_up(zk).get("/private")[0] == b"secret", "now everybody reads")
    owner.delete("/private")
    owner.stop()


def recipes(zk, other):
    order = []

    def with_lock(owner, name):
        with owner.Lock("/lock", name):
            order.append(f"{name} in")
            time.sleep(0.02)
            order.append(f"{name} out")

    threads = [threading.Thread(target=with_lock, args=(owner, f"{owner is zk}-{index}")) for index in range(4) for owner in (zk, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    expect(len(order) == 16, f"all had the lock: {order}")
    for index in range(0, 16, 2):
        expect(order[index].replace(" in", "") == order[index + 1].replace(" out", ""), f"one at a time: {order}")

    semaphore = zk.Semaphore("/semaphore", max_leases=2)
    with semaphore:
        expect(len(semaphore.lease_holders()) == 1, "a lease is held")

    queue = zk.LockingQueue("/queue")
    queue.put_all([b"one", b"two", b"three"])
    expect(len(queue) == 3 and queue.get(5) == b"one" and queue.consume(), "the queue gives in order")

    counter = zk.Counter("/counter")
    for _ in range(10):
        counter += 2
    expect(counter.value == 20, "the counter counts")

    barrier = zk.Barrier("/barrier")
    barrier.create()
    threading.Timer(0.2, lambda: caught_up(other).Barrier("/barrier").remove()).start()
    expect(barrier.wait(10), "the barrier opens")

    double = [owner.DoubleBarrier("/double", 2) for owner in (zk, other)]
    threads = [threading.Thread(target=lambda each=each: (each.enter(), each.leave())) for each in double]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        expect(not thread.is_alive(), "both pass the double barrier")

    led = []
    election = zk.Election("/election", "me")
    election.run(lambda: led.append(True))
    expect(led == [True], "one is elected")

    party = zk.Party("/party", "me")
    party.join()
    expect(len(party) == 1, "one at the party")
    party.leave()

    lease = zk.NonBlockingLease("/lease", __import__("datetime").timedelta(seconds=5), identifier="me")
    expect(bool(lease), "a lease is had")

    partitioner = zk.SetPartitioner("/partition", set=("a", "b"), time_boundary=1)
    deadline = time.time() + 60
    while not partitioner.acquired and time.time() < deadline:
        if partitioner.allocating:
            partitioner.wait_for_acquire(5)
        elif partitioner.release:
            partitioner.release_set()
        else:
            time.sleep(0.05)
    expect(sorted(partitioner) == ["a", "b"], "the set is all ours")
    partitioner.finish()


def tree_cache(zk, other):
    from kazoo.recipe.cache import TreeCache

    zk.ensure_path("/cache")
    cache = TreeCache(zk, "/cache")
    cache.start()
    caught_up(other).create("/cache/a", b"1")
    other.create("/cache/a/b", b"2")
    deadline = time.time() + 10
    while (cache.get_data("/cache/a/b") is None or cache.get_data("/cache/a/b").data != b"2") and time.time() < deadline:
        time.sleep(0.05)
    expect(cache.get_data("/cache/a/b").data == b"2", "the cache follows")
    cache.close()


def session_end(zk):
    short = client()
    short.create("/ephemeral", ephemeral=True)
    expect(caught_up(zk).exists("/ephemeral") is not None, "it is there")
    gone = threading.Event()
    zk.exists("/ephemeral", watch=lambda event: gone.set() if event.type == EventType.DELETED else None)
    short.stop()
    expect(gone.wait(10), "it goes with its session")


def under_kills(seconds):
    """A lock's holders never overlap, and every counted step counts once, while servers come and go."""
    workers, steps, holding, problems = 4, [0] * 4, [], []
    until = time.time() + seconds
    zk = client()
    zk.ensure_path("/killed")
    if zk.exists("/killed/count") is None:
        zk.create("/killed/count", b"0")

    def work(number):
        own = client()
        lost = threading.Event()
        own.add_listener(lambda state: lost.set() if state in (KazooState.LOST, KazooState.SUSPENDED) else None)
        while time.time() < until:
            lock = own.Lock("/killed/lock", str(number))
            try:
                if not lock.acquire(timeout=10):
                    continue
                lost.clear()
                holding.append(number)
                if len(set(holding)) > 1 and not lost.is_set():
                    problems.append(f"held by {holding}")
                data, stat = own.get("/killed/count")
                mark = uuid.uuid4().hex
                own.set("/killed/count", str(int(data.decode().split(":")[0]) + 1).encode() + b":" + mark.encode(), version=stat.version)
                steps[number] += 1
            except (BadVersionError, ConnectionLoss, SessionExpiredError, OperationTimeoutError, KazooTimeoutError, NoNodeError):
                pass  # its fate is unknown, or another has been faster
            except KazooException as error:
                problems.append(repr(error))
            finally:
                if number in holding:
                    holding.remove(number)
                try:
                    lock.release()
                except Exception:
                    pass
        own.stop()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 90)
        expect(not thread.is_alive(), "every worker comes to its end")
    zk.sync("/killed/count")
    count = int(zk.get("/killed/count")[0].decode().split(":")[0])
    expect(not problems, f"{problems[:5]}")
    expect(count >= sum(steps) > 0, f"{sum(steps)} steps were acknowledged, {count} counted")
    print("steps", sum(steps), "count", count)
    zk.stop()


if SECONDS > 0:
    under_kills(SECONDS)
else:
    zk, other = client(), client()
    for part in (basics, transactions):
        part(zk)
        print(part.__name__, "ok")
    for part in (watches, recipes, tree_cache):
        part(zk, other)
        print(part.__name__, "ok")
    for part in (permissions, session_end):
        part(zk)
        print(part.__name__, "ok")
    zk.stop()
    other.stop()
print("OK")
