from restate import ObjectContext, VirtualObject

list_object = VirtualObject("ListObject")


@list_object.handler()
async def append(ctx: ObjectContext, value: str) -> None:
    ctx.set("list", [*await get(ctx), value])


@list_object.handler()
async def get(ctx: ObjectContext) -> list[str]:
    return await ctx.get("list", type_hint=list[str]) or []


@list_object.handler()
async def clear(ctx: ObjectContext) -> list[str]:
    values = await get(ctx)
    ctx.clear("list")
    return values
