package retain;

import dev.restate.common.Request;
import dev.restate.common.Target;
import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.serde.TypeRef;
import dev.restate.serde.TypeTag;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

@VirtualObject
public class Mailbox {
  private static final StateKey<List<String>> VALUES =
      StateKey.of("mailbox", new TypeRef<>() {});

  /** A value, and for how long a handler waits, in milliseconds. */
  public record Delayed(String value, long delayMs) {
    Duration delay() {
      return Duration.ofMillis(delayMs);
    }
  }

  @Handler
  public void append(ObjectContext ctx, String value) {
    var values = new ArrayList<>(get(ctx));
    values.add(value);
    ctx.set(VALUES, values);
  }

  /** The value is the idempotency key of what is sent: a client can wait for it. */
  @Handler
  public void relay(ObjectContext ctx, Delayed delayed) {
    var request =
        Request.of(
                Target.virtualObject("Mailbox", ctx.key(), "append"),
                TypeTag.of(String.class),
                TypeTag.of(Void.class),
                delayed.value())
            .idempotencyKey(delayed.value())
            .build();
    if (delayed.delayMs() == 0) {
      ctx.send(request);
    } else {
      ctx.send(request, delayed.delay());
    }
  }

  @Handler
  public void nap(ObjectContext ctx, Delayed delayed) {
    ctx.sleep(delayed.delay());
    append(ctx, delayed.value());
  }

  @Handler
  public List<String> get(ObjectContext ctx) {
    return ctx.get(VALUES).orElse(List.of());
  }

  @Handler
  public List<String> drain(ObjectContext ctx) {
    List<String> values = get(ctx);
    ctx.clear(VALUES);
    return values;
  }
}
