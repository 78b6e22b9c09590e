"""What columns are called in Chinese (both ways of writing), Japanese, Korean and German files."""

from __future__ import annotations

# By role, as `plain_name` compares them: lower case, no blanks, `_`, `-` or full stops.
NAMES = {
    "item_id": (
        "商品id 物品id 产品id 项目id 商品编号 产品编号 商品编码 货号 商品編號 產品編號 物品編號 "
        "商品コード 商品番号 品番 アイテムid 製品番号 "
        "상품id 상품번호 상품코드 아이템id 제품번호 제품코드 "
        "artikelnummer artikelnr artikelid produktnummer produktnr produktid"
    ),
    "title": (
        "商品名称 产品名称 商品标题 标题 名称 品名 商品名稱 產品名稱 標題 名稱 "
        "商品名 タイトル 製品名 アイテム名 "
        "상품명 제품명 제목 이름 "
        "bezeichnung artikelbezeichnung produktbezeichnung artikelname produktname titel"
    ),
    "categories": (
        "类别 分类 类目 商品类别 商品分类 類別 分類 商品分類 "
        "カテゴリ カテゴリー 商品カテゴリ ジャンル "
        "카테고리 분류 장르 kategorie kategorien artikelgruppe warengruppe"
    ),
    "description": (
        "描述 商品描述 产品描述 简介 详情 说明 商品说明 簡介 說明 商品說明 "
        "説明 商品説明 説明文 설명 상품설명 제품설명 "
        "beschreibung artikelbeschreibung produktbeschreibung"
    ),
    "brand": "品牌 牌子 厂商 廠商 ブランド メーカー 브랜드 제조사 marke hersteller",
    "user_id": (
        "用户id 用户 用户编号 会员id 顾客id 客户id 用戶id 用戶 會員id 顧客id 客戶id "
        "ユーザーid ユーザid ユーザー 会員番号 顧客番号 "
        "사용자id 사용자 회원id 회원번호 고객id 고객번호 유저id "
        "kundennr kundennummer kundenid kunde nutzerid benutzerid"
    ),
    "timestamp": (
        "时间 时间戳 日期 下单时间 购买时间 购买日期 時間 時間戳 下單時間 "
        "日時 日付 購入日 購入日時 注文日 注文日時 "
        "시간 일시 날짜 구매일 구매일시 주문일 주문일시 "
        "datum zeit zeitstempel zeitpunkt bestelldatum kaufdatum"
    ),
    "weight": "评分 打分 評分 評価 レーティング 평점 별점 평가 bewertung sterne",
    "event": (
        "行为 行为类型 事件 事件类型 行為 行為類型 行動 イベント イベント種別 행동 이벤트 "
        "ereignis aktion"
    ),
    "quantity": "数量 數量 件数 数 個数 수량 menge anzahl stückzahl",
}


def named_also(role: str, names: str) -> str:
    """Return the names with those of the other languages behind them, blanks between.

    >>> named_also("brand", "maker").split()[:2]
    ['maker', '品牌']
    """
    return f"{names} {NAMES[role]}"
