import {
  object,
  type ObjectContext,
  TerminalError,
} from "@restatedev/restate-sdk";

// A value, which is the idempotency key of its call too.
interface Submission {
  value: string;
  fails: boolean;
}

async function submit(ctx: ObjectContext, { value, fails }: Submission) {
  const calls = (await get(ctx)) + 1;
  ctx.set("calls", calls);
  const answer = `#${calls} ${value}`;
  if (fails) {
    throw new TerminalError(answer, {
      errorCode: 500,
      // The client says whether the server knows of metadata.
      metadata: ctx.request().headers.has("x-retain-metadata")
        ? { call: String(calls) }
        : undefined,
    });
  }
  return answer;
}

async function get(ctx: ObjectContext) {
  return (await ctx.get<number>("calls")) ?? 0;
}

export const answer = object({ name: "Answer", handlers: { submit, get } });
