"""The products of a shop, found by what an order line says of them."""

from __future__ import annotations

# What stands between a product's name and its variant in an order line.
_BEFORE_VARIANT = " - "


class Products:
    """Finds a product by id, by the stock keeping unit of a variant, or by its name."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._by_sku: dict[str, str] = {}
        self._by_name: dict[str, str] = {}

    def add(self, item_id: str, *, own_id: str = "", sku: str = "", name: str = "") -> None:
        """Let the product be found; of two with the same name or unit, the first is."""
        for known, key in (
            (self._by_id, own_id),
            (self._by_sku, plain_sku(sku)),
            (self._by_name, _plain(name)),
        ):
            if key:
                known.setdefault(key, item_id)

    def find(self, *, own_ids: tuple[str, ...] = (), sku: str = "", name: str = "") -> str | None:
        """Return the item_id of the product that an order line is of, None where there is none."""
        for own_id in own_ids:
            if own_id in self._by_id:
                return self._by_id[own_id]
        if found := self._by_sku.get(plain_sku(sku)):
            return found
        plain = _plain(name)
        while plain:
            if found := self._by_name.get(plain):
                return found
            plain = plain.rpartition(_BEFORE_VARIANT)[0]
        return None


def plain_sku(sku: str) -> str:
    """Return a stock keeping unit without the quote that spreadsheets put before digits.

    >>> plain_sku("'00123 ")
    '00123'
    """
    return sku.strip().lstrip("'")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
