import {
  handlers,
  object,
  type ObjectContext,
  type ObjectSharedContext,
  TerminalError,
} from "@restatedev/restate-sdk";

async function add(ctx: ObjectContext, n: number) {
  const oldValue = await get(ctx);
  const newValue = oldValue + n;
  ctx.set("counter", newValue);
  return { oldValue, newValue };
}

// The addition stays: a terminal error takes no state change back.
async function addThenFail(ctx: ObjectContext, n: number) {
  await add(ctx, n);
  throw new TerminalError(ctx.key);
}

async function get(ctx: ObjectSharedContext) {
  return (await ctx.get<number>("counter")) ?? 0;
}

async function reset(ctx: ObjectContext) {
  ctx.clear("counter");
}

export const counter = object({
  name: "Counter",
  handlers: { add, addThenFail, get: handlers.object.shared(get), reset },
});
