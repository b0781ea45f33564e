from datetime import timedelta
from typing import TypedDict

from restate import ObjectContext, VirtualObject

mailbox = VirtualObject("Mailbox")


class Delayed(TypedDict):
    """A value, and for how long a handler waits, in milliseconds."""

    value: str
    delayMs: int


@mailbox.handler()
async def append(ctx: ObjectContext, value: str) -> None:
    ctx.set("mailbox", [*await get(ctx), value])


@mailbox.handler()
async def relay(ctx: ObjectContext, delayed: Delayed) -> None:
    # The value is the idempotency key of what is sent: a client can wait for it.
    value, delay = delayed["value"], timedelta(milliseconds=delayed["delayMs"])
    ctx.object_send(append, ctx.key(), value, send_delay=delay or None, idempotency_key=value)


@mailbox.handler()
async def nap(ctx: ObjectContext, delayed: Delayed) -> None:
    await ctx.sleep(timedelta(milliseconds=delayed["delayMs"]))
    await append(ctx, delayed["value"])


@mailbox.handler()
async def get(ctx: ObjectContext) -> list[str]:
    return await ctx.get("mailbox", type_hint=list[str]) or []


@mailbox.handler()
async def drain(ctx: ObjectContext) -> list[str]:
    values = await get(ctx)
    ctx.clear("mailbox")
    return values
