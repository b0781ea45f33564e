from datetime import timedelta
from typing import TypedDict

from restate import ObjectContext, ObjectSharedContext, VirtualObject

awakeable = VirtualObject("Awakeable")


class Awaited(TypedDict):
    """A value, and for how long a handler waits, in milliseconds."""

    value: str
    delayMs: int


class Publication(TypedDict):
    """An awakeable's id, and the value that names it."""

    value: str
    id: str


# What the awakeable of a value is completed with.
Completion = TypedDict("Completion", {"value": str, "with": str})


def id_key(value: str) -> str:
    return f"id {value}"


@awakeable.handler("await", kind="shared")
async def wait(ctx: ObjectSharedContext, awaited: Awaited) -> str:
    name, completed = ctx.awakeable(type_hint=str)
    await ctx.object_call(publish, ctx.key(), {"value": awaited["value"], "id": name})
    # It sleeps before it awaits, so that a completion can come first.
    if awaited["delayMs"] > 0:
        await ctx.sleep(timedelta(milliseconds=awaited["delayMs"]))
    return await completed


@awakeable.handler()
async def publish(ctx: ObjectContext, publication: Publication) -> None:
    published = await get(ctx) + 1
    ctx.set("published", published)
    ctx.set(id_key(publication["value"]), f"#{published} {publication['id']}")


@awakeable.handler()
async def relay(ctx: ObjectContext, completion: Completion) -> bool:
    # The answer is whether the awakeable is published.
    published = await published_id(ctx, completion["value"])
    if published:
        ctx.resolve_awakeable(published.split(" ", 1)[1], completion["with"])
    return published != ""


@awakeable.handler("id", kind="shared")
async def published_id(ctx: ObjectSharedContext, value: str) -> str:
    return await ctx.get(id_key(value), type_hint=str) or ""


@awakeable.handler()
async def get(ctx: ObjectContext) -> int:
    return await ctx.get("published", type_hint=int) or 0
