import os

from restate import ObjectContext, VirtualObject

probe = VirtualObject("RetainCanary")


@probe.handler()
async def ping(ctx: ObjectContext) -> dict[str, str]:
    # Only this deployment knows the nonce: it shows who answered.
    return {"nonce": os.environ.get("RETAIN_NONCE", "")}
