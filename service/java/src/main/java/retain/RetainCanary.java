package retain;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.VirtualObject;

/** The probe: its answer shows which deployment answered. */
@VirtualObject
public class RetainCanary {
  private final String nonce;

  public RetainCanary(String nonce) {
    this.nonce = nonce;
  }

  public record Answer(String nonce) {}

  @Handler
  public Answer ping(ObjectContext ctx) {
    return new Answer(nonce);
  }
}
