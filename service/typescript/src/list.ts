import { object, type ObjectContext } from "@restatedev/restate-sdk";

async function append(ctx: ObjectContext, value: string) {
  ctx.set("list", [...(await get(ctx)), value]);
}

async function get(ctx: ObjectContext) {
  return (await ctx.get<string[]>("list")) ?? [];
}

async function clear(ctx: ObjectContext) {
  const list = await get(ctx);
  ctx.clear("list");
  return list;
}

export const listObject = object({
  name: "ListObject",
  handlers: { append, get, clear },
});
