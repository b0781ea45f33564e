import { object, type ObjectContext, serde } from "@restatedev/restate-sdk";

// A value, and for how long a handler waits, in milliseconds.
interface Delayed {
  value: string;
  delayMs: number;
}

async function append(ctx: ObjectContext, value: string) {
  ctx.set("mailbox", [...(await get(ctx)), value]);
}

// The value is the idempotency key of what is sent: a client can wait for it.
async function relay(ctx: ObjectContext, { value, delayMs }: Delayed) {
  ctx.genericSend({
    service: "Mailbox",
    method: "append",
    key: ctx.key,
    parameter: value,
    inputSerde: serde.json,
    delay: delayMs,
    idempotencyKey: value,
  });
}

async function nap(ctx: ObjectContext, { value, delayMs }: Delayed) {
  await ctx.sleep(delayMs);
  await append(ctx, value);
}

async function get(ctx: ObjectContext) {
  return (await ctx.get<string[]>("mailbox")) ?? [];
}

async function drain(ctx: ObjectContext) {
  const values = await get(ctx);
  ctx.clear("mailbox");
  return values;
}

export const mailbox = object({
  name: "Mailbox",
  handlers: { append, relay, nap, get, drain },
});
