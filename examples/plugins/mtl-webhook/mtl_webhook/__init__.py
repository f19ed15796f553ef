"""The hooks of mtl-webhook: records only."""

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component("tracker", "webhook", "Posts JSON to an address of yours", "mtl_webhook.tracker:Webhook")
    ]
