package retain;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.SharedObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Shared;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;

/** An unset register reads as the empty string. */
@VirtualObject
public class Register {
  private static final StateKey<String> VALUE = StateKey.of("value", String.class);

  public record Exchange(String expect, String value) {}

  @Shared
  public String read(SharedObjectContext ctx) {
    return ctx.get(VALUE).orElse("");
  }

  @Handler
  public String readExclusive(ObjectContext ctx) {
    return read(ctx);
  }

  @Handler
  public void write(ObjectContext ctx, String value) {
    ctx.set(VALUE, value);
  }

  /** Returns the value it saw, and sets the new one only if that is the expected one. */
  @Handler
  public String compareAndSet(ObjectContext ctx, Exchange exchange) {
    String seen = read(ctx);
    if (seen.equals(exchange.expect())) {
      ctx.set(VALUE, exchange.value());
    }
    return seen;
  }

  @Handler
  public void clear(ObjectContext ctx) {
    ctx.clear(VALUE);
  }
}
