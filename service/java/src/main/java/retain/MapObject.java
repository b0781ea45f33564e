package retain;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import java.util.List;

@VirtualObject
public class MapObject {
  /** Its key is also its state key. */
  public record Entry(String key, String value) {}

  @Handler
  public void set(ObjectContext ctx, Entry entry) {
    ctx.set(stateKey(entry.key()), entry.value());
  }

  @Handler
  public String get(ObjectContext ctx, String key) {
    return ctx.get(stateKey(key)).orElse("");
  }

  @Handler
  public List<Entry> clearAll(ObjectContext ctx) {
    List<Entry> entries =
        ctx.stateKeys().stream().map(key -> new Entry(key, get(ctx, key))).toList();
    ctx.clearAll();
    return entries;
  }

  private static StateKey<String> stateKey(String key) {
    return StateKey.of(key, String.class);
  }
}
