import { object, type ObjectContext } from "@restatedev/restate-sdk";

// Only this deployment knows the nonce: it shows who answered.
export const probe = (nonce: string) =>
  object({
    name: "RetainCanary",
    handlers: { ping: async (_: ObjectContext) => ({ nonce }) },
  });
