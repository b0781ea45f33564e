from typing import TypedDict

from restate import ObjectContext, VirtualObject

map_object = VirtualObject("MapObject")


class Entry(TypedDict):
    """An entry of a map. Its key is also its state key."""

    key: str
    value: str


@map_object.handler("set")
async def set_entry(ctx: ObjectContext, entry: Entry) -> None:
    ctx.set(entry["key"], entry["value"])


@map_object.handler()
async def get(ctx: ObjectContext, key: str) -> str:
    return await ctx.get(key, type_hint=str) or ""


@map_object.handler("clearAll")
async def clear_all(ctx: ObjectContext) -> list[Entry]:
    entries = [Entry(key=key, value=await get(ctx, key)) for key in await ctx.state_keys()]
    ctx.clear_all()
    return entries
