import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.FileOutputStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.metadata.placement.ClusterDescriber;
import org.apache.kafka.metadata.placement.PartitionAssignment;
import org.apache.kafka.metadata.placement.PlacementSpec;
import org.apache.kafka.metadata.placement.StripedReplicaPlacer;
import org.apache.kafka.metadata.placement.TopicAssignment;
import org.apache.kafka.metadata.placement.UsableBroker;

/**
 * Calls Apache Kafka's own placement on an instance from a file and times it: `striped` is StripedReplicaPlacer, topic
 * by topic; `generate` is what `kafka-reassign-partitions --generate` computes for all topics at once. Nothing here
 * places anything itself. Runs against the jars of 3.9 and of 4.
 */
public final class OriginalPlacement {
  record Topic(String name, int partitions, int factor) {}

  interface Placement {
    /** What is timed: the original's work alone. */
    Object place() throws Exception;

    /** Its answer, in the order of the instance. */
    List<List<Integer>> listed(Object placed);
  }

  public static void main(String[] args) throws Exception {
    String what = args[0];
    long seed = Long.parseLong(args[1]);
    List<UsableBroker> brokers = new ArrayList<>();
    List<Topic> topics = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(Path.of(args[2]))) {
      int count = Integer.parseInt(reader.readLine());
      for (int at = 0; at < count; at++) {
        String[] parts = reader.readLine().split(" ");
        brokers.add(new UsableBroker(Integer.parseInt(parts[0]), Optional.of(parts[1]), false));
      }
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        String[] parts = line.split(" ");
        topics.add(new Topic(parts[0], Integer.parseInt(parts[1]), Integer.parseInt(parts[2])));
      }
    }
    Placement placement = what.equals("striped") ? striped(brokers, topics, seed) : generated(brokers, topics, seed);
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = system.getProcessCpuTime();
    long started = System.nanoTime();
    Object placed = placement.place();
    double wallMs = (System.nanoTime() - started) / 1e6;
    double cpuMs = (system.getProcessCpuTime() - cpu) / 1e6;
    double againMs = Double.MAX_VALUE;
    for (int run = 0; run < 5; run++) {
      started = System.nanoTime();
      placement.place();
      againMs = Math.min(againMs, (System.nanoTime() - started) / 1e6);
    }
    try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(args[3])))) {
      for (List<Integer> replicas : placement.listed(placed)) for (int id : replicas) out.writeInt(id);
    }
    System.out.printf(
        java.util.Locale.ROOT,
        "{\"wallMs\":%.3f,\"cpuMs\":%.3f,\"rssMiB\":%.1f,\"againMs\":%.3f}%n",
        wallMs, cpuMs, peakMiB(), againMs);
  }

  static Placement striped(List<UsableBroker> brokers, List<Topic> topics, long seed) {
    ClusterDescriber cluster = new ClusterDescriber() {
      @Override
      public Iterator<UsableBroker> usableBrokers() {
        return brokers.iterator();
      }

      @Override
      public Uuid defaultDir(int brokerId) {
        return Uuid.ZERO_UUID;
      }
    };
    return new Placement() {
      @Override
      public Object place() {
        StripedReplicaPlacer placer = new StripedReplicaPlacer(new Random(seed));
        List<TopicAssignment> placed = new ArrayList<>();
        for (Topic topic : topics) {
          placed.add(placer.place(new PlacementSpec(0, topic.partitions(), (short) topic.factor()), cluster));
        }
        return placed;
      }

      @Override
      @SuppressWarnings("unchecked")
      public List<List<Integer>> listed(Object placed) {
        List<List<Integer>> replicas = new ArrayList<>();
        for (TopicAssignment topic : (List<TopicAssignment>) placed) {
          for (PartitionAssignment assignment : topic.assignments()) replicas.add(assignment.replicas());
        }
        return replicas;
      }
    };
  }

  /** The command's own method is private; what it takes for a broker differs between 3.9 and 4. */
  static Placement generated(List<UsableBroker> brokers, List<Topic> topics, long seed) throws Exception {
    Class<?> command = Class.forName("org.apache.kafka.tools.reassign.ReassignPartitionsCommand");
    Method calculate = command.getDeclaredMethod("calculateAssignment", Map.class, List.class);
    calculate.setAccessible(true);
    List<Object> metadata = new ArrayList<>(brokers);
    try {
      Constructor<?> of = Class.forName("org.apache.kafka.admin.BrokerMetadata").getConstructor(int.class, Optional.class);
      metadata.clear();
      for (UsableBroker broker : brokers) metadata.add(of.newInstance(broker.id(), broker.rack()));
      Field random = Class.forName("org.apache.kafka.admin.AdminUtils").getDeclaredField("RAND");
      random.setAccessible(true);
      ((Random) random.get(null)).setSeed(seed);
    } catch (ClassNotFoundException absent) {
      // Since 4.0 the command asks StripedReplicaPlacer, and takes its brokers.
    }
    // Of today's assignment only the number of replicas counts.
    Map<TopicPartition, List<Integer>> current = new HashMap<>();
    for (Topic topic : topics) {
      List<Integer> replicas = Collections.nCopies(topic.factor(), 0);
      for (int partition = 0; partition < topic.partitions(); partition++) {
        current.put(new TopicPartition(topic.name(), partition), replicas);
      }
    }
    return new Placement() {
      @Override
      public Object place() throws Exception {
        return calculate.invoke(null, current, metadata);
      }

      @Override
      @SuppressWarnings("unchecked")
      public List<List<Integer>> listed(Object placed) {
        var proposed = (Map<TopicPartition, List<Integer>>) placed;
        List<List<Integer>> replicas = new ArrayList<>();
        for (Topic topic : topics) {
          for (int partition = 0; partition < topic.partitions(); partition++) {
            replicas.add(proposed.get(new TopicPartition(topic.name(), partition)));
          }
        }
        return replicas;
      }
    };
  }

  static double peakMiB() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmHWM:")) return Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024;
      }
    } catch (java.io.IOException absent) {
      // Not Linux.
    }
    return 0;
  }
}
