/* SPDX-License-Identifier: MIT */
/*
 * pool/PoolJava.java - ForkJoinPool and newFixedThreadPool.
 *
 *     java PoolJava forkjoin|fixed WORKLOAD SCALE
 *
 * The workloads are those of harness.c, but for four warm-up rounds instead of
 * one, so that the compiler is done; and memory is the heap's, not the
 * process's, since the heap is taken in advance.
 */
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.RecursiveTask;
import java.util.stream.LongStream;

public final class PoolJava {
    private static final int WORKERS = 2;
    private static final int PRODUCERS = 4;
    private static final int WARM_UPS = 4;
    private static final int NOT_RUN = 77;

    private static ExecutorService pool;
    private static boolean forkJoin;
    private static int scale;
    private static int tasks;

    private interface Body {
        void run() throws Exception;
    }

    private static final class Fib extends RecursiveTask<Integer> {
        private final int n;

        Fib(int n) {
            this.n = n;
        }

        @Override
        protected Integer compute() {
            if (n < 2)
                return n;
            Fib fork = new Fib(n - 1);
            fork.fork();
            int own = new Fib(n - 2).compute();
            return fork.join() + own;
        }
    }

    private static long work(long x) {
        return x * 2 + 1;
    }

    private static long mix(long x) {
        x ^= x >>> 33;
        x *= 0xff51afd7ed558ccdL;
        return x ^ x >>> 29;
    }

    private static void say(String metric, double value) {
        System.out.printf("%s %.4f%n", metric, value);
    }

    private static double seconds(Body body) throws Exception {
        for (int i = 0; i < WARM_UPS; i++)
            body.run();
        long begin = System.nanoTime();
        body.run();
        return (System.nanoTime() - begin) / 1e9;
    }

    private static void sayRate(double seconds) {
        say("rate", tasks / seconds / 1e6);
    }

    private static void submit1() throws Exception {
        sayRate(seconds(() -> {
            CountDownLatch all = new CountDownLatch(tasks);
            Runnable task = all::countDown;
            for (int i = 0; i < tasks; i++)
                pool.execute(task);
            all.await();
        }));
    }

    private static void submit4() throws Exception {
        sayRate(seconds(() -> {
            CountDownLatch all = new CountDownLatch(tasks);
            Runnable task = all::countDown;
            for (int p = 0; p < PRODUCERS; p++)
                new Thread(() -> {
                    for (int i = 0; i < tasks / PRODUCERS; i++)
                        pool.execute(task);
                }).start();
            all.await();
        }));
    }

    private static void collect() throws Exception {
        sayRate(seconds(() -> {
            Future<?>[] futures = new Future<?>[tasks];
            for (int i = 0; i < tasks; i++) {
                long x = i;
                futures[i] = pool.submit(() -> work(x));
            }
            long sum = 0;
            for (Future<?> future : futures)
                sum += (Long) future.get();
            if (sum != (long) tasks * tasks)
                throw new AssertionError("wrong answer");
        }));
    }

    private static void latency(int rounds, int gapNs) throws Exception {
        int[] ns = new int[rounds];
        for (int i = -rounds / 2; i < rounds; i++) {
            if (gapNs > 0)
                Thread.sleep(0, gapNs);
            long x = i;
            long begin = System.nanoTime();
            pool.submit(() -> work(x)).get();
            if (i >= 0)
                ns[i] = (int) (System.nanoTime() - begin);
        }
        Arrays.sort(ns);
        say("p50", ns[rounds / 2]);
        say("p99", ns[(int) (rounds * 99L / 100)]);
    }

    private static void fib30() throws Exception {
        ForkJoinPool forks = (ForkJoinPool) pool;
        say("time", 1e3 * seconds(() -> forks.invoke(new Fib(scale == 1 ? 30 : 20))));
    }

    private static void parfor() throws Exception {
        say("time", 1e3 * seconds(() -> pool.submit(
            () -> LongStream.range(0, 10L * tasks).parallel().map(PoolJava::mix).sum()).get()));
    }

    private static long heap() {
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static void bytes(boolean futures) throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Future<?>[] kept = new Future<?>[tasks];
        for (int i = 0; i < WORKERS; i++)
            pool.submit((Callable<Void>) () -> {
                gate.await();
                return null;
            });
        Thread.sleep(100);
        System.gc();
        long before = heap();
        Runnable task = () -> { };
        for (int i = 0; i < tasks; i++) {
            long x = i;
            if (futures)
                kept[i] = pool.submit(() -> work(x));
            else
                pool.execute(task);
        }
        say("bytes", (heap() - before) / (double) tasks);
    }

    private static void idle() throws Exception {
        for (int i = 0; i < 1000; i++)
            pool.submit(() -> work(1)).get();
        System.out.println("ready");
        System.in.read();
    }

    private static boolean run(String workload) throws Exception {
        switch (workload) {
        case "submit1": submit1(); return true;
        case "submit4": submit4(); return true;
        case "collect": collect(); return true;
        case "latency": latency(100000 / scale, 0); return true;
        case "latency300us": latency(3000 / scale, 300000); return true;
        case "fib30": if (forkJoin) fib30(); return forkJoin;
        case "parfor": if (forkJoin) parfor(); return forkJoin;
        case "bytes": bytes(true); return true;
        case "bytes-detached": bytes(false); return true;
        case "idle": idle(); return true;
        default: return false;
        }
    }

    public static void main(String[] args) throws Exception {
        forkJoin = args[0].equals("forkjoin");
        scale = Integer.parseInt(args[2]);
        tasks = 1000000 / scale;
        pool = forkJoin
            ? new ForkJoinPool(WORKERS, ForkJoinPool.defaultForkJoinWorkerThreadFactory, null, true)
            : Executors.newFixedThreadPool(WORKERS);
        boolean ran = run(args[1]);
        System.out.flush();
        Runtime.getRuntime().halt(ran ? 0 : NOT_RUN);
    }
}
