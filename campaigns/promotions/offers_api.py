"""The HTTP edge: offers and products."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from pydantic import ConfigDict, Field

from campaigns.promotions import selectors
from campaigns.promotions.models import Offer, Product
from campaigns.promotions.selectors import Phase
from campaigns.promotions.services import offers
from core import clock, money
from core.api import In, Instant, Router, Schema, Status, bearer, delete, given, idempotent, named, one
from core.api_lists import Filter, listing
from core.errors import Conflict, Invalid
from core.models import Market

router = Router(tags=["Offers"])
Price = Annotated[Decimal, Field(ge=0, max_digits=15, allow_inf_nan=False, examples=["49.90"])]
Percent = Annotated[Decimal, Field(gt=0, le=100, max_digits=5, decimal_places=2)]
Minor = Annotated[int, Field(ge=0, le=10**15)]


# --- Products --------------------------------------------------------------------------------------------------------


class ProductIn(In):
    """Something the shop sells."""

    sku: str = Field(min_length=1, max_length=100, examples=["MUG-1"])
    name: str = Field(min_length=1, max_length=200, examples=["Mug"])
    category: str = Field("", max_length=200)
    url: str = Field("", max_length=200, examples=["https://shop.example/mug"])


class ProductPatch(In):
    """What shall change."""

    sku: str | None = Field(None, min_length=1, max_length=100)
    name: str | None = Field(None, min_length=1, max_length=200)
    category: str | None = Field(None, max_length=200)
    url: str | None = Field(None, max_length=200)


class ProductOut(Schema):
    """A product."""

    id: UUID
    sku: str
    name: str
    category: str
    url: str
    updated_at: datetime


def _product(product: Product) -> dict[str, Any]:
    own = ("sku", "name", "category", "url", "updated_at")
    return {"id": product.public_id, **{name: getattr(product, name) for name in own}}


def _saved(product: Product) -> Product:
    if Product.objects.filter(sku=product.sku).exclude(pk=product.pk).exists():
        raise Conflict(f"There is a product with the SKU “{product.sku}” already.", field="sku")
    try:
        product.full_clean()
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise Invalid(f"{field}: {sentences[0]}", field=field) from error
    product.save()
    return product


listing(
    router,
    "/products",
    "products:read",
    ProductOut,
    Product.objects.all,
    _product,
    filters={
        "sku": Filter("sku", "The shop's number of it."),
        "category": Filter("category", "The whole name of a category."),
        "offer": Filter("offers__public_id", "Id of an offer that it is in.", UUID),
    },
    search=("name", "sku", "category"),
)


@router.post("/products", auth=bearer("products:write"), response={201: ProductOut}, summary="Make a product")
@idempotent
def create_product(request: HttpRequest, body: ProductIn) -> Any:
    """A new product; a SKU that is taken is a 409."""
    return Status(201, _product(_saved(Product(**body.dict()))))


@router.get("/products/{id}", auth=bearer("products:read"), response=ProductOut, summary="Read a product")
def read_product(request: HttpRequest, id: str) -> Any:
    """One product."""
    return _product(one(Product.objects.all(), id, "product"))


@router.patch("/products/{id}", auth=bearer("products:write"), response=ProductOut, summary="Change a product")
@idempotent
def change_product(request: HttpRequest, id: str, body: ProductPatch) -> Any:
    """Only what the body names changes."""
    product = one(Product.objects.all(), id, "product")
    for name, value in given(body).items():
        setattr(product, name, value)
    return _product(_saved(product))


@router.delete("/products/{id}", auth=bearer("products:write"), response={204: None}, summary="Delete a product")
def delete_product(request: HttpRequest, id: str) -> Any:
    """It leaves its offers; orders keep its SKU."""
    return delete(one(Product.objects.all(), id, "product"), "product")


# --- Offers ----------------------------------------------------------------------------------------------------------


class _Facts(In):
    market: str | None = Field(None, max_length=20, description="Code of a market.")
    slug: str | None = Field(
        None, max_length=80, pattern=r"^[-a-zA-Z0-9_]+$", description="Made from the name when left out."
    )
    regular_price: Price | None = None
    regular_price_minor: Minor | None = None
    price: Price | None = None
    price_minor: Minor | None = None
    percent_off: Percent | None = None
    code: str | None = Field(None, max_length=60, examples=["BF26"])
    legal_line: str | None = Field(None, max_length=500)
    translations: dict[str, dict[str, str]] | None = Field(
        None, description="Name and legal line by language code.", examples=[{"zh-hans": {"name": "黑色星期五"}}]
    )
    products: list[str] | None = Field(None, max_length=5000, description="Ids of products.")


class OfferIn(_Facts):
    """A new offer. Prices in major units (`price`) or in minor ones; it holds from `starts_at` on and before `ends_at`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Black Friday",
                    "currency": "EUR",
                    "price": "39.90",
                    "regular_price": "49.90",
                    "code": "BF26",
                    "starts_at": "2026-11-27T00:00:00Z",
                    "ends_at": "2026-12-01T00:00:00Z",
                    "timezone": "Europe/Berlin",
                }
            ]
        }
    )

    name: str = Field(min_length=1, max_length=200, examples=["Black Friday"])
    currency: str = Field(min_length=3, max_length=3, description="ISO 4217 code.", examples=["EUR"])
    starts_at: Instant
    ends_at: Instant
    timezone: str = Field("UTC", max_length=64, description="IANA name: in whose clock the window is told.")


class OfferPatch(_Facts):
    """What shall change. Null empties a price, the percentage and the market, and leaves everything else as it is."""

    name: str | None = Field(None, min_length=1, max_length=200)
    currency: str | None = Field(None, min_length=3, max_length=3)
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    timezone: str | None = Field(None, max_length=64)


CLEARED = frozenset({"market", "regular_price", "regular_price_minor", "price", "price_minor", "percent_off"})


class OfferOut(Schema):
    """An offer with its phase, and the price that holds now."""

    id: UUID
    slug: str
    name: str
    market: str | None
    currency: str
    regular_price_minor: int | None
    price_minor: int | None
    percent_off: Decimal | None
    code: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    legal_line: str
    translations: dict[str, dict[str, str]]
    products: list[UUID]
    phase: Phase
    price_now_minor: int | None
    updated_at: datetime


OWN = (
    "slug", "name", "currency", "regular_price_minor", "price_minor", "percent_off", "code", "starts_at", "ends_at",
    "timezone", "legal_line", "translations", "updated_at",
)  # fmt: skip


def _offers() -> QuerySet[Offer]:
    return Offer.objects.select_related("market").prefetch_related("products")


def _offer(offer: Offer) -> dict[str, Any]:
    state = selectors.offer_at(offer)
    return {
        **{name: getattr(offer, name) for name in OWN},
        "id": offer.public_id,
        "market": offer.market.code if offer.market else None,
        "products": [product.public_id for product in offer.products.all()],
        "phase": state.phase,
        "price_now_minor": state.price_minor,
    }


def _in_phase(rows: QuerySet[Offer], phase: Phase) -> QuerySet[Offer]:
    now = clock.now()
    match phase:
        case Phase.BEFORE:
            return rows.filter(starts_at__gt=now)
        case Phase.OPEN:
            return rows.filter(starts_at__lte=now, ends_at__gt=now)
        case Phase.OVER:
            return rows.filter(ends_at__lte=now)


listing(
    router,
    "/offers",
    "offers:read",
    OfferOut,
    _offers,
    _offer,
    filters={
        "market": Filter("market__code", "Code of a market."),
        "currency": Filter("currency__iexact", "ISO 4217 code."),
        "code": Filter("code__iexact", "The code that customers type, in either case."),
        "phase": Filter(_in_phase, "Where the clock stands against its window.", Phase),
    },
    search=("name", "code", "slug"),
)


@router.post("/offers", auth=bearer("offers:write"), response={201: OfferOut}, summary="Make an offer")
@idempotent
def create_offer(request: HttpRequest, body: OfferIn) -> Any:
    """Facts that contradict one another are refused with a sentence."""
    values = _values(body)
    products = values.pop("products", [])
    offer = offers.create(**values, products=products, by=request.auth)  # type: ignore[attr-defined]
    return Status(201, _offer(offer))


@router.get("/offers/{id}", auth=bearer("offers:read"), response=OfferOut, summary="Read an offer")
def read_offer(request: HttpRequest, id: str) -> Any:
    """One offer."""
    return _offer(one(_offers(), id, "offer"))


@router.patch("/offers/{id}", auth=bearer("offers:write"), response=OfferOut, summary="Change an offer")
@idempotent
def change_offer(request: HttpRequest, id: str, body: OfferPatch) -> Any:
    """Pages follow at once; what was approved keeps the words that were approved."""
    offer = one(_offers(), id, "offer")
    values = _values(body, offer)
    products = values.pop("products", None)
    changed = offers.change(offer, values, request.auth, products)  # type: ignore[attr-defined]
    return _offer(one(_offers(), str(changed.public_id), "offer"))


@router.delete("/offers/{id}", auth=bearer("offers:write"), response={204: None}, summary="Delete an offer")
def delete_offer(request: HttpRequest, id: str) -> Any:
    """Unless something tells of it or it was redeemed (409)."""
    return delete(one(Offer.objects.all(), id, "offer"), "offer")


def _values(body: OfferIn | OfferPatch, offer: Offer | None = None) -> dict[str, Any]:
    """The fields of `Offer` that the body names; null clears those of an `offer` that is there."""
    values = given(body, clears=CLEARED if offer else ())
    currency = money.check((body.currency or (offer.currency if offer else "")).strip().upper())
    if "currency" in values:
        values["currency"] = currency
    for name in ("regular_price", "price"):
        if name in values:
            values[f"{name}_minor"] = money.told(name, values.pop(name), values.get(f"{name}_minor"), currency)
    if values.get("market") is not None:
        values["market"] = market_of(values["market"])
    if "products" in values:
        values["products"] = [named(Product.objects.all(), id, "products") for id in values["products"]]
    if "timezone" in values and values["timezone"] not in clock.known_zones():
        raise Invalid(
            "timezone: this is no time zone of the IANA database; it is written like Europe/Berlin.", field="timezone"
        )
    taken = Offer.objects.filter(slug=values.get("slug"))
    if "slug" in values and (taken.exclude(pk=offer.pk) if offer else taken).exists():
        raise Conflict(f"There is an offer with the slug “{values['slug']}” already.", field="slug")
    return values


def market_of(code: str) -> Market:
    """The market that a body names by its code; raises `Invalid`."""
    market = Market.objects.filter(code=code).first()
    if market is None:
        raise Invalid(f"There is no market with the code “{code[:20]}”.", field="market")
    return market
