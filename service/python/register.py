from typing import TypedDict

from restate import ObjectContext, ObjectSharedContext, VirtualObject

register = VirtualObject("Register")


class Exchange(TypedDict):
    expect: str
    value: str


@register.handler(kind="shared")
async def read(ctx: ObjectSharedContext) -> str:
    return await ctx.get("value", type_hint=str) or ""


@register.handler("readExclusive")
async def read_exclusive(ctx: ObjectContext) -> str:
    return await read(ctx)


@register.handler()
async def write(ctx: ObjectContext, value: str) -> None:
    ctx.set("value", value)


@register.handler("compareAndSet")
async def compare_and_set(ctx: ObjectContext, exchange: Exchange) -> str:
    # The empty string stands for a register that is not set.
    seen = await read(ctx)
    if seen == exchange["expect"]:
        ctx.set("value", exchange["value"])
    return seen


@register.handler()
async def clear(ctx: ObjectContext) -> None:
    ctx.clear("value")
