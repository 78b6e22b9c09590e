"""UCI's invoices become a catalog and a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from converted import converted


@pytest.mark.parametrize(
    ("header", "dates"),
    [
        (
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            ("12/1/2010 8:26", "12/14/2010 8:26"),
        ),
        (
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            ("2010-12-01 08:26:00", "2010-12-14 08:26:00"),
        ),
        (
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            ("01.12.2010 08:26", "14.12.2010 08:26"),
        ),
    ],
)
def test_uci_retail(tmp_path: Path, header: str, dates: tuple[str, str]) -> None:
    first, second = dates
    text = (
        f"{header}\n"
        f"536365,85123A,TIN CUP WITH \xa33 TAG,6,{first},2.55,17850,United Kingdom\n"
        f"C536379,85123A,TIN CUP WITH \xa33 TAG,-1,{second},2.55,17850.0,United Kingdom\n"
        f"536366,POST,POSTAGE,1,{second},18.0,12583,France\n"
        f"536367,85123A,?,1,{second},0.0,,United Kingdom\n"
    )
    found = converted("uciretail", tmp_path, {"data.csv": text.encode("latin-1")})
    assert found.items == {"85123A": {"title": "TIN CUP WITH \xa33 TAG", "price": 2.55}}
    assert found.events == [
        ("17850", "85123A", "purchase", 6.0, "2010-12-01 08:26:00"),
        ("17850", "85123A", "return", 1.0, "2010-12-14 08:26:00"),
    ]
