import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/** Prints "NAME CODE RETRIABLE" for every error of the protocol. */
public class ErrorTable {
    public static void main(String[] args) {
        for (Errors error : Errors.values()) {
            System.out.println(error.name() + " " + error.code() + " " + (error.exception() instanceof RetriableException));
        }
    }
}
