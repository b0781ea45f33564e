from restate import ObjectContext, ObjectSharedContext, TerminalError, VirtualObject

counter = VirtualObject("Counter")


@counter.handler()
async def add(ctx: ObjectContext, n: int) -> dict[str, int]:
    old = await ctx.get("counter", type_hint=int) or 0
    ctx.set("counter", old + n)
    return {"oldValue": old, "newValue": old + n}


@counter.handler("addThenFail")
async def add_then_fail(ctx: ObjectContext, n: int) -> None:
    await add(ctx, n)
    # The addition stays: a terminal error takes no state change back.
    raise TerminalError(ctx.key())


@counter.handler(kind="shared")
async def get(ctx: ObjectSharedContext) -> int:
    return await ctx.get("counter", type_hint=int) or 0


@counter.handler()
async def reset(ctx: ObjectContext) -> None:
    ctx.clear("counter")
