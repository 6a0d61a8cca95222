"""Customers: who payment methods belong to. The portal tells Stripe nothing else about them."""

from __future__ import annotations

from demo.stripe import render
from demo.stripe.errors import missing
from demo.stripe.ids import new_id
from demo.stripe.resources.common import assign, merge_metadata, whole_address
from demo.stripe.resources.payment_methods import detach_from_customer, list_of_customer
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

_TEXTS = ("description", "email", "name", "phone", "preferred_locales")
_PARAMS = "address description email invoice_settings metadata name phone preferred_locales"


@route("POST", "/v1/customers", _PARAMS)
def create(call: Call) -> Object:
    customer: Object = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_id("x", 8).upper()[2:],
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    _apply(call, customer)
    call.emit("customer.created", customer)
    return call.save(customer)


def _apply(call: Call, customer: Object) -> None:
    assign(customer, call.params, _TEXTS)
    customer["metadata"] = merge_metadata(customer["metadata"], call.params.get("metadata"))
    if "address" in call.params:
        customer["address"] = whole_address(call.params["address"])
    default = call.params.get("invoice_settings", {}).get("default_payment_method")
    if default:
        method = call.load("payment_method", default, param="invoice_settings")
        if method["customer"] != customer["id"]:
            raise missing("PaymentMethod", default, param="invoice_settings", status=400)
        customer["invoice_settings"]["default_payment_method"] = default


@route("POST", "/v1/customers/{customer}", _PARAMS)
def update(call: Call) -> Object:
    customer = call.load("customer", call.ids[0])
    _apply(call, customer)
    call.emit("customer.updated", customer)
    return call.save(customer)


@route("GET", "/v1/customers/{customer}")
def retrieve(call: Call) -> Object:
    found = call.tx.get(call.account, call.ids[0], "customer")
    if found is None:
        raise missing("customer", call.ids[0])
    if found.get("deleted"):
        return {"id": found["id"], "object": "customer", "deleted": True}
    return found


@route("DELETE", "/v1/customers/{customer}")
def delete(call: Call) -> Object:
    customer = call.load("customer", call.ids[0])
    for method in call.find("payment_method", {"customer": customer["id"]}):
        detach_from_customer(call, method)
    call.emit("customer.deleted", customer)
    call.save({**customer, "deleted": True})
    return {"id": customer["id"], "object": "customer", "deleted": True}


@route("GET", "/v1/customers", "created email ending_before limit starting_after")
def list_customers(call: Call) -> Object:
    where = {"email": call.params["email"]} if "email" in call.params else None
    alive = (customer for customer in call.find("customer", where) if not customer.get("deleted"))
    return render.page(alive, call.params, call.path)


@route(
    "GET",
    "/v1/customers/{customer}/payment_methods",
    "allow_redisplay ending_before limit starting_after type",
)
def list_payment_methods(call: Call) -> Object:
    return list_of_customer(call, call.ids[0])


@route("GET", "/v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_payment_method(call: Call) -> Object:
    method = call.load("payment_method", call.ids[1])
    if method["customer"] != call.ids[0]:
        raise missing("PaymentMethod", call.ids[1])
    return method
