import {
  handlers,
  object,
  type ObjectContext,
  type ObjectSharedContext,
  serde,
} from "@restatedev/restate-sdk";

// A value, and for how long a handler waits, in milliseconds.
interface Awaited {
  value: string;
  delayMs: number;
}

// An awakeable's id, and the value that names it.
interface Publication {
  value: string;
  id: string;
}

// What the awakeable of a value is completed with.
interface Completion {
  value: string;
  with: string;
}

const idKey = (value: string) => `id ${value}`;

// It sleeps before it awaits, so that a completion can come first.
async function wait(ctx: ObjectSharedContext, { value, delayMs }: Awaited) {
  const awakeable = ctx.awakeable<string>();
  await ctx.genericCall<Publication, void>({
    service: "Awakeable",
    method: "publish",
    key: ctx.key,
    parameter: { value, id: awakeable.id },
    inputSerde: serde.json,
    outputSerde: serde.json,
  });
  if (delayMs > 0) {
    await ctx.sleep(delayMs);
  }
  return await awakeable.promise;
}

async function publish(ctx: ObjectContext, { value, id }: Publication) {
  const published = (await get(ctx)) + 1;
  ctx.set("published", published);
  ctx.set(idKey(value), `#${published} ${id}`);
}

// Whether the awakeable is published.
async function relay(ctx: ObjectContext, completion: Completion) {
  const published = await id(ctx, completion.value);
  if (published === "") {
    return false;
  }
  ctx.resolveAwakeable(
    published.slice(published.indexOf(" ") + 1),
    completion.with,
  );
  return true;
}

// Its number and its id, or nothing.
async function id(ctx: ObjectSharedContext, value: string) {
  return (await ctx.get<string>(idKey(value))) ?? "";
}

async function get(ctx: ObjectContext) {
  return (await ctx.get<number>("published")) ?? 0;
}

export const awakeable = object({
  name: "Awakeable",
  handlers: {
    await: handlers.object.shared(wait),
    publish,
    relay,
    id: handlers.object.shared(id),
    get,
  },
});
