from typing import TypedDict

from restate import ObjectContext, VirtualObject
from restate.exceptions import TerminalError

answer = VirtualObject("Answer")


class Submission(TypedDict):
    """A value, which is the idempotency key of its call too."""

    value: str
    fails: bool


@answer.handler()
async def submit(ctx: ObjectContext, submission: Submission) -> str:
    calls = await get(ctx) + 1
    ctx.set("calls", calls)
    text = f"#{calls} {submission['value']}"
    if submission["fails"]:
        # The client says whether the server knows of metadata.
        known = "x-retain-metadata" in ctx.request().headers
        raise TerminalError(text, status_code=500, metadata={"call": str(calls)} if known else None)
    return text


@answer.handler()
async def get(ctx: ObjectContext) -> int:
    return await ctx.get("calls", type_hint=int) or 0
