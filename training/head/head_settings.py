"""What the fit of the relevance head can be told."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from longtail.retrieval.settings import Settings

Kind = Literal["mixture", "network", "boosting"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class HeadSettings(Settings):
    """The relevance head, which ranks."""

    counts: Annotated[
        bool | Literal["auto"],
        Field(
            description="whether it may see candidates' training counts; auto: only on logs with "
            "real times whose catalog doesn't seem filtered by its own future, for counts betray it"
        ),
    ] = "auto"
    clock: Annotated[
        bool,
        Field(
            description="whether a log with real times has a clock: what is taken lately, instead "
            "of counts of all time, for the head, as candidates and for users without a history"
        ),
    ] = True
    origins: Annotated[
        int,
        Field(
            ge=0,
            description="earlier moments that the head learns from at most, where the validation "
            "users teach too little and the log has real times; 0 leaves them out, and with them "
            "those who arrive in the valid part",
        ),
    ] = 4
    scorer: Annotated[
        Kind | Literal["auto"],
        Field(
            description="auto takes what ranks users best that it wasn't fitted on; any other is "
            "fitted alone, which saves the time of the rest"
        ),
    ] = "auto"
    prior_until: Annotated[
        int,
        Field(
            ge=0,
            description="with fewer targets in the valid part than this, the head that needs no "
            "log stays unless the log's own is significantly better; with scorer auto alone",
        ),
    ] = 5_000
    max_users: Annotated[int, Field(ge=1, description="validation users used")] = 12_000
    hidden_parts: Annotated[
        int,
        Field(
            ge=0,
            description="parts of the tail that are hidden in turn, so that a head learns what "
            "items are worth that nobody has taken yet; 0: one head for all, without lent evidence",
        ),
    ] = 5
    unknown_bonus: Annotated[
        float,
        Field(
            ge=0,
            le=10,
            description="log-odds added to items that nobody had taken when lists are ranked: 0 "
            "shows them as often as they are likely to be taken, 0.4 half as much again",
        ),
    ] = 0.0
    negatives: Annotated[
        int, Field(ge=1, description="guessed negatives kept a user while scorers are fitted")
    ] = 40
    popularity_matched: Annotated[
        int,
        Field(ge=0, description="negatives a user drawn by popularity, beside those retrieved"),
    ] = 0
    # A scorer is judged by users that it wasn't fitted on.
    folds: Annotated[
        int,
        Field(
            ge=2,
            description="parts of the users; each part is judged by scorers fitted on the others",
        ),
    ] = 3
    # 0 would leave the tail's positives out.
    tail_weights: Annotated[
        tuple[Annotated[float, Field(ge=0.01)], ...],
        Field(
            description="weights of tail positives tried; the best balance of overall and tail "
            "NDCG@10 is taken, on logs that are cut by time among those that cost nothing "
            "significant overall"
        ),
    ] = (1.0, 2.0, 3.0)
    debias_price: Annotated[
        float, Field(ge=0, le=1, description="NDCG@10 that the default debias may cost overall")
    ] = 0.02
    rounds: Annotated[int, Field(ge=1, description="boosted trees in a row")] = 150
    bags: Annotated[
        int,
        Field(
            ge=1,
            description="rows of trees whose mean counts, each fitted on its own draw of pairs "
            "and columns",
        ),
    ] = 3
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(description="widths of the network's hidden layers"),
    ] = (64, 32)
    # Without a step the network would be a guess.
    epochs: Annotated[
        int, Field(ge=1, description="passes over the pairs, of network and mixture")
    ] = 12
    learning_rate: Annotated[
        float, Field(ge=0, description="peak learning rate, of network and mixture")
    ] = 3e-3
