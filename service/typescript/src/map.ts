import { object, type ObjectContext } from "@restatedev/restate-sdk";

// The key of an entry is also its state key.
interface Entry {
  key: string;
  value: string;
}

async function set(ctx: ObjectContext, { key, value }: Entry) {
  ctx.set(key, value);
}

async function get(ctx: ObjectContext, key: string) {
  return (await ctx.get<string>(key)) ?? "";
}

async function clearAll(ctx: ObjectContext) {
  const entries: Entry[] = [];
  for (const key of await ctx.stateKeys()) {
    entries.push({ key, value: await get(ctx, key) });
  }
  ctx.clearAll();
  return entries;
}

export const mapObject = object({
  name: "MapObject",
  handlers: { set, get, clearAll },
});
