import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;

/**
 * Reads "NAME VERSION HEX" lines, lets Apache Kafka's own classes read and write the message, and prints
 * "NAME VERSION HEX JSON" with what they wrote and understood, or "NAME VERSION absent" or "NAME VERSION failed REASON".
 */
public class Echo {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "kafka.internals.generated.",
        "org.apache.kafka.common.metadata.",
    };

    private static Class<?> find(String name) {
        for (String folder : PACKAGES) {
            for (String suffix : new String[] {"Data", ""}) {
                try {
                    return Class.forName(folder + name + suffix);
                } catch (ClassNotFoundException missing) {
                    // The next place.
                }
            }
        }
        return null;
    }

    private static String hex(ByteBuffer buffer) {
        StringBuilder text = new StringBuilder();
        while (buffer.hasRemaining()) text.append(String.format("%02x", buffer.get()));
        return text.toString();
    }

    private static byte[] bytes(String hex) {
        byte[] result = new byte[hex.length() / 2];
        for (int index = 0; index < result.length; index++) {
            result[index] = (byte) Integer.parseInt(hex.substring(2 * index, 2 * index + 2), 16);
        }
        return result;
    }

    private static String echo(String name, short version, String hex) throws Exception {
        Class<?> type = find(name);
        if (type == null) return "absent";
        Message empty = (Message) type.getConstructor().newInstance();
        if (version < empty.lowestSupportedVersion() || version > empty.highestSupportedVersion()) return "absent";
        ByteBuffer input = ByteBuffer.wrap(bytes(hex));
        Message message =
            (Message) type.getConstructor(Readable.class, short.class).newInstance(new ByteBufferAccessor(input), version);
        if (input.hasRemaining()) return "failed " + input.remaining() + " bytes are left";
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer output = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(output), cache, version);
        output.flip();
        Class<?> converter = Class.forName(type.getName() + "JsonConverter");
        JsonNode json = (JsonNode) converter.getMethod("write", type, short.class).invoke(null, message, version);
        return hex(output) + " " + json;
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ", -1);
            String answer;
            try {
                answer = echo(parts[0], Short.parseShort(parts[1]), parts[2]);
            } catch (Exception problem) {
                Throwable cause = problem.getCause() == null ? problem : problem.getCause();
                answer = "failed " + cause.toString().replace('\n', ' ');
            }
            out.println(parts[0] + " " + parts[1] + " " + answer);
        }
        out.flush();
    }
}
