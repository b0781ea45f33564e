import {
  handlers,
  object,
  type ObjectContext,
  type ObjectSharedContext,
} from "@restatedev/restate-sdk";

interface Exchange {
  expect: string;
  value: string;
}

async function read(ctx: ObjectSharedContext) {
  return (await ctx.get<string>("value")) ?? "";
}

async function write(ctx: ObjectContext, value: string) {
  ctx.set("value", value);
}

// The empty string stands for a register that is not set.
async function compareAndSet(ctx: ObjectContext, { expect, value }: Exchange) {
  const seen = await read(ctx);
  if (seen === expect) {
    ctx.set("value", value);
  }
  return seen;
}

async function clear(ctx: ObjectContext) {
  ctx.clear("value");
}

export const register = object({
  name: "Register",
  handlers: {
    read: handlers.object.shared(read),
    readExclusive: (ctx: ObjectContext) => read(ctx),
    write,
    compareAndSet,
    clear,
  },
});
