package retain;

import dev.restate.common.Request;
import dev.restate.common.Target;
import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.SharedObjectContext;
import dev.restate.sdk.annotation.Exclusive;
import dev.restate.sdk.annotation.Shared;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.serde.Serde;
import dev.restate.serde.TypeTag;
import java.time.Duration;

@VirtualObject
public class Awakeable {
  private static final StateKey<Long> PUBLISHED = StateKey.of("published", Long.class);

  private static StateKey<String> idKey(String value) {
    return StateKey.of("id " + value, String.class);
  }

  /** A value, and for how long a handler waits, in milliseconds. */
  public record Awaited(String value, long delayMs) {}

  /** An awakeable's id, and the value that names it. */
  public record Publication(String value, String id) {}

  /** What the awakeable of a value is completed with. */
  public record Completion(String value, String with) {}

  /** It sleeps before it awaits, so that a completion can come first. */
  @Shared
  public String await(SharedObjectContext ctx, Awaited awaited) {
    var awakeable = ctx.awakeable(String.class);
    ctx.call(
            Request.of(
                    Target.virtualObject("Awakeable", ctx.key(), "publish"),
                    TypeTag.of(Publication.class),
                    TypeTag.of(Serde.VOID),
                    new Publication(awaited.value(), awakeable.id()))
                .build())
        .await();
    if (awaited.delayMs() > 0) {
      ctx.sleep(Duration.ofMillis(awaited.delayMs()));
    }
    return awakeable.await();
  }

  @Exclusive
  public void publish(ObjectContext ctx, Publication publication) {
    long published = get(ctx) + 1;
    ctx.set(PUBLISHED, published);
    ctx.set(idKey(publication.value()), "#" + published + " " + publication.id());
  }

  /** Whether the awakeable is published. */
  @Exclusive
  public boolean relay(ObjectContext ctx, Completion completion) {
    var published = ctx.get(idKey(completion.value())).orElse("");
    if (published.isEmpty()) {
      return false;
    }
    ctx.awakeableHandle(published.substring(published.indexOf(' ') + 1))
        .resolve(String.class, completion.with());
    return true;
  }

  /** Its number and its id, or nothing. */
  @Shared
  public String id(SharedObjectContext ctx, String value) {
    return ctx.get(idKey(value)).orElse("");
  }

  @Exclusive
  public long get(ObjectContext ctx) {
    return ctx.get(PUBLISHED).orElse(0L);
  }
}
