package retain;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.SharedObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Shared;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.common.TerminalException;

@VirtualObject
public class Counter {
  private static final StateKey<Long> COUNT = StateKey.of("counter", Long.class);

  public record Update(long oldValue, long newValue) {}

  @Handler
  public Update add(ObjectContext ctx, long value) {
    long old = get(ctx);
    ctx.set(COUNT, old + value);
    return new Update(old, old + value);
  }

  /** Adds, then fails for good with the object's key as its message. The addition stays. */
  @Handler
  public void addThenFail(ObjectContext ctx, long value) {
    add(ctx, value);
    throw new TerminalException(500, ctx.key());
  }

  @Shared
  public long get(SharedObjectContext ctx) {
    return ctx.get(COUNT).orElse(0L);
  }

  @Handler
  public void reset(ObjectContext ctx) {
    ctx.clear(COUNT);
  }
}
