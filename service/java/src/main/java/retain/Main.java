package retain;

import dev.restate.sdk.endpoint.Endpoint;
import dev.restate.sdk.http.vertx.RestateHttpServer;
import java.util.Map;

/** Serves the objects and the probe on {@code HOST} and {@code PORT}, and prints the port. */
public class Main {
  public static void main(String[] args) {
    Map<String, String> env = System.getenv();
    var endpoint =
        Endpoint.bind(new Answer())
            .bind(new Awakeable())
            .bind(new Counter())
            .bind(new ListObject())
            .bind(new Mailbox())
            .bind(new MapObject())
            .bind(new Register())
            .bind(new RetainCanary(env.getOrDefault("RETAIN_NONCE", "")));
    RestateHttpServer.fromEndpoint(endpoint)
        .listen(
            Integer.parseInt(env.getOrDefault("PORT", "9080")),
            env.getOrDefault("HOST", "127.0.0.1"))
        .onSuccess(server -> System.out.println("listening on port " + server.actualPort()))
        .onFailure(
            failure -> {
              System.err.println("listen: " + failure.getMessage());
              System.exit(1);
            });
  }
}
