import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;

/**
 * What applications do with Curator, against the connect string in the first argument. Ends with OK, or a stack trace.
 * A second argument, a number of seconds, keeps a mutex and a counter busy for so long: servers are killed meanwhile.
 */
public class CuratorRecipes {
    static String servers;

    static CuratorFramework client() throws Exception {
        CuratorFramework made = CuratorFrameworkFactory.builder()
            .namespace("curator").connectString(servers).sessionTimeoutMs(10_000).connectionTimeoutMs(8_000)
            .retryPolicy(new RetryForever(200)).build();
        made.start();
        if (!made.blockUntilConnected(30, TimeUnit.SECONDS)) throw new AssertionError("not connected");
        return made;
    }

    static void expect(boolean condition, String sentence) {
        if (!condition) throw new AssertionError(sentence);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void basics(CuratorFramework zk) throws Exception {
        zk.create().creatingParentContainersIfNeeded().forPath("/basics/a/b", bytes("1"));
        expect(new String(zk.getData().forPath("/basics/a/b")).equals("1"), "data comes back");
        String name = zk.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/basics/s-");
        expect(name.endsWith("0000000001"), "sequential " + name);
        zk.create().withTtl(600_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/basics/ttl", bytes("t"));
        expect(zk.checkExists().forPath("/basics/ttl") != null, "a node with a time to live");
        List<CuratorTransactionResult> results = zk.transaction().forOperations(
            zk.transactionOp().create().forPath("/basics/m", bytes("1")),
            zk.transactionOp().setData().withVersion(0).forPath("/basics/m", bytes("2")),
            zk.transactionOp().check().withVersion(1).forPath("/basics/m"),
            zk.transactionOp().delete().forPath("/basics/m"));
        expect(results.size() == 4 && results.get(1).getResultStat().getVersion() == 1, "a transaction");
        try {
            zk.transaction().forOperations(
                zk.transactionOp().create().forPath("/basics/n"),
                zk.transactionOp().check().withVersion(9).forPath("/basics/a"));
            throw new AssertionError("BadVersion was expected");
        } catch (KeeperException.BadVersionException expected) {
            expect(zk.checkExists().forPath("/basics/n") == null, "nothing of it happened");
        }
        zk.delete().deletingChildrenIfNeeded().forPath("/basics");
    }

    static void locks(CuratorFramework zk, CuratorFramework other) throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<?>> all = new ArrayList<>();
        for (int index = 0; index < 8; index++) {
            CuratorFramework own = index % 2 == 0 ? zk : other;
            all.add(pool.submit(() -> {
                InterProcessMutex mutex = new InterProcessMutex(own, "/mutex");
                for (int round = 0; round < 5; round++) {
                    expect(mutex.acquire(60, TimeUnit.SECONDS), "the mutex is had");
                    expect(inside.incrementAndGet() == 1, "one at a time");
                    inside.decrementAndGet();
                    done.incrementAndGet();
                    mutex.release();
                }
                return null;
            }));
        }
        for (Future<?> each : all) each.get();
        pool.shutdown();
        expect(done.get() == 40, "all had the mutex");
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(zk, "/semaphore", 2);
        Lease first = semaphore.acquire(10, TimeUnit.SECONDS);
        Lease second = semaphore.acquire(10, TimeUnit.SECONDS);
        expect(first != null && second != null && semaphore.acquire(300, TimeUnit.MILLISECONDS) == null, "two leases");
        semaphore.returnLease(first);
        semaphore.returnLease(second);
    }

    static void leaders(CuratorFramework zk, CuratorFramework other) throws Exception {
        LeaderLatch one = new LeaderLatch(zk, "/latch", "one");
        LeaderLatch two = new LeaderLatch(other, "/latch", "two");
        one.start();
        expect(one.await(20, TimeUnit.SECONDS), "the first leads");
        two.start();
        Thread.sleep(200);
        expect(one.hasLeadership() && !two.hasLeadership(), "one leads");
        one.close();
        expect(two.await(20, TimeUnit.SECONDS), "the other takes over");
        two.close();
    }

    static void barriers(CuratorFramework zk, CuratorFramework other) throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(zk, "/barrier");
        barrier.setBarrier();
        Executors.newSingleThreadScheduledExecutor(CuratorRecipes::daemon).schedule(() -> {
            new DistributedBarrier(other, "/barrier").removeBarrier();
            return null;
        }, 200, TimeUnit.MILLISECONDS);
        expect(barrier.waitOnBarrier(20, TimeUnit.SECONDS), "the barrier opens");
        ExecutorService pool = Executors.newFixedThreadPool(2);
        List<Future<Boolean>> all = new ArrayList<>();
        for (CuratorFramework own : List.of(zk, other)) {
            all.add(pool.submit(() -> {
                DistributedDoubleBarrier twice = new DistributedDoubleBarrier(own, "/double", 2);
                return twice.enter(20, TimeUnit.SECONDS) && twice.leave(20, TimeUnit.SECONDS);
            }));
        }
        for (Future<Boolean> each : all) expect(each.get(), "both pass the double barrier");
        pool.shutdown();
    }

    static Thread daemon(Runnable runnable) {
        Thread thread = new Thread(runnable);
        thread.setDaemon(true);
        return thread;
    }

    static void caches(CuratorFramework zk, CuratorFramework other) throws Exception {
        CountDownLatch created = new CountDownLatch(3);
        CountDownLatch changed = new CountDownLatch(1);
        CountDownLatch deleted = new CountDownLatch(1);
        zk.create().forPath("/curator-cache", bytes("root"));
        try (CuratorCache cache = CuratorCache.build(zk, "/curator-cache")) {
            cache.listenable().addListener(CuratorCacheListener.builder()
                .forCreates(node -> created.countDown())
                .forChanges((before, after) -> changed.countDown())
                .forDeletes(node -> deleted.countDown()).build());
            cache.start();
            other.create().forPath("/curator-cache/a", bytes("1"));
            other.create().forPath("/curator-cache/a/b", bytes("2"));
            expect(created.await(20, TimeUnit.SECONDS), "the cache sees what comes");
            other.setData().forPath("/curator-cache/a/b", bytes("3"));
            expect(changed.await(20, TimeUnit.SECONDS), "the cache sees what changes");
            other.delete().forPath("/curator-cache/a/b");
            expect(deleted.await(20, TimeUnit.SECONDS), "the cache sees what goes");
        }
        zk.delete().deletingChildrenIfNeeded().forPath("/curator-cache");
    }

    static void nodes(CuratorFramework zk, CuratorFramework other) throws Exception {
        try (PersistentNode node = new PersistentNode(zk, CreateMode.EPHEMERAL, false, "/persistent", bytes("here"))) {
            node.start();
            expect(node.waitForInitialCreate(20, TimeUnit.SECONDS), "it is made");
            other.delete().forPath("/persistent");
            long until = System.currentTimeMillis() + 20_000;
            while (other.checkExists().forPath("/persistent") == null && System.currentTimeMillis() < until) Thread.sleep(20);
            expect(other.checkExists().forPath("/persistent") != null, "it is made again");
        }
        try (GroupMember one = new GroupMember(zk, "/group", "one"); GroupMember two = new GroupMember(other, "/group", "two")) {
            one.start();
            two.start();
            long until = System.currentTimeMillis() + 20_000;
            while (one.getCurrentMembers().size() < 2 && System.currentTimeMillis() < until) Thread.sleep(20);
            expect(one.getCurrentMembers().size() == 2, "two in the group");
        }
        SharedCount count = new SharedCount(zk, "/shared", 5);
        count.start();
        expect(count.trySetCount(count.getVersionedValue(), 6) && count.getCount() == 6, "the shared count");
        count.close();
    }

    /** Holders of the mutex never overlap, and no acknowledged step of the counter is lost, while servers come and go. */
    static void underKills(double seconds) throws Exception {
        long until = System.currentTimeMillis() + (long) (seconds * 1000);
        AtomicInteger acknowledged = new AtomicInteger();
        AtomicInteger holder = new AtomicInteger();
        AtomicInteger acquired = new AtomicInteger();
        AtomicInteger doubleHolders = new AtomicInteger();
        List<String> problems = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < 4; index++) {
            int self = index + 1;
            threads.add(new Thread(() -> {
                try (CuratorFramework own = client()) {
                    DistributedAtomicLong counter = new DistributedAtomicLong(own, "/counter", new RetryForever(50));
                    InterProcessMutex mutex = new InterProcessMutex(own, "/killed-mutex");
                    while (System.currentTimeMillis() < until) {
                        try {
                            if (acquired.get() % 8 == 0) {
                                AtomicValue<Long> value = counter.increment();
                                if (value.succeeded()) acknowledged.incrementAndGet();
                            }
                            if (mutex.acquire(20, TimeUnit.SECONDS)) {
                                acquired.incrementAndGet();
                                if (!holder.compareAndSet(0, self)) doubleHolders.incrementAndGet();
                                Thread.yield();
                                holder.compareAndSet(self, 0);
                                mutex.release();
                            }
                        } catch (KeeperException.ConnectionLossException | KeeperException.SessionExpiredException unknown) {
                            Thread.sleep(20);
                        } catch (IllegalMonitorStateException lost) {
                            Thread.sleep(20);
                        }
                    }
                } catch (Exception error) {
                    problems.add(error.toString());
                }
            }));
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        try (CuratorFramework zk = client()) {
            zk.sync().forPath("/counter");
            long counted = new DistributedAtomicLong(zk, "/counter", new RetryForever(50)).get().postValue();
            System.out.println("acquired " + acquired.get() + " double holders " + doubleHolders.get());
            expect(acquired.get() > 0 && doubleHolders.get() == 0, "one holder at a time");
            System.out.println("steps " + acknowledged.get() + " count " + counted + " " + problems);
            expect(problems.isEmpty(), problems.toString());
            expect(acknowledged.get() > 0 && counted >= acknowledged.get(), "no acknowledged step is lost");
        }
    }

    public static void main(String[] args) throws Exception {
        servers = args[0];
        if (args.length > 1) underKills(Double.parseDouble(args[1]));
        else {
            try (CuratorFramework zk = client(); CuratorFramework other = client()) {
                basics(zk);
                System.out.println("basics ok");
                locks(zk, other);
                System.out.println("locks ok");
                leaders(zk, other);
                System.out.println("leaders ok");
                barriers(zk, other);
                System.out.println("barriers ok");
                caches(zk, other);
                System.out.println("caches ok");
                nodes(zk, other);
                System.out.println("nodes ok");
            }
        }
        System.out.println("OK");
        System.exit(0);
    }
}
