"""Every layout that is converted, by the name that ``--from`` takes."""

from __future__ import annotations

from collections.abc import Mapping

from longtail.layouts.layout import Layout
from longtail.layouts.research.amazon import AMAZON_2014, AMAZON_2018, AMAZON_2023
from longtail.layouts.research.goodreads import GOODREADS
from longtail.layouts.research.hm import HM
from longtail.layouts.research.lastfm import LASTFM
from longtail.layouts.research.mind import MIND
from longtail.layouts.research.movielens import MOVIELENS
from longtail.layouts.research.recbole import RECBOLE
from longtail.layouts.research.retailrocket import RETAILROCKET
from longtail.layouts.research.steam import STEAM
from longtail.layouts.research.uci_retail import UCI_RETAIL
from longtail.layouts.research.yelp import YELP
from longtail.layouts.shops.ga4 import GA4
from longtail.layouts.shops.shopify import SHOPIFY
from longtail.layouts.shops.woocommerce import WOOCOMMERCE

LAYOUTS: Mapping[str, Layout] = {
    "movielens": MOVIELENS,
    "amazon2014": AMAZON_2014,
    "amazon2018": AMAZON_2018,
    "amazon2023": AMAZON_2023,
    "mind": MIND,
    "steam": STEAM,
    "goodreads": GOODREADS,
    "lastfm": LASTFM,
    "yelp": YELP,
    "hm": HM,
    "retailrocket": RETAILROCKET,
    "shopify": SHOPIFY,
    "woocommerce": WOOCOMMERCE,
    "ga4": GA4,
    "recbole": RECBOLE,
    "uciretail": UCI_RETAIL,
}
