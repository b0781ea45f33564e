package retain;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.common.TerminalException;

@VirtualObject
public class Answer {
  private static final StateKey<Long> CALLS = StateKey.of("calls", Long.class);

  /** A value, which is the idempotency key of its call too. */
  public record Submission(String value, boolean fails) {}

  /** The SDK's errors have no metadata. */
  @Handler
  public String submit(ObjectContext ctx, Submission submission) {
    long calls = get(ctx) + 1;
    ctx.set(CALLS, calls);
    var answer = "#" + calls + " " + submission.value();
    if (submission.fails()) {
      throw new TerminalException(500, answer);
    }
    return answer;
  }

  @Handler
  public long get(ObjectContext ctx) {
    return ctx.get(CALLS).orElse(0L);
  }
}
