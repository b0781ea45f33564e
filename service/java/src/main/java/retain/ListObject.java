package retain;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.serde.TypeRef;
import java.util.ArrayList;
import java.util.List;

@VirtualObject
public class ListObject {
  private static final StateKey<List<String>> LIST = StateKey.of("list", new TypeRef<>() {});

  @Handler
  public void append(ObjectContext ctx, String value) {
    var list = new ArrayList<>(get(ctx));
    list.add(value);
    ctx.set(LIST, list);
  }

  @Handler
  public List<String> get(ObjectContext ctx) {
    return ctx.get(LIST).orElse(List.of());
  }

  @Handler
  public List<String> clear(ObjectContext ctx) {
    List<String> list = get(ctx);
    ctx.clear(LIST);
    return list;
  }
}
