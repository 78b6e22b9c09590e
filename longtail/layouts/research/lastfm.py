"""Last.fm: the 1K users' listens, the 360K users' counts of plays, and HetRec's artists."""

from __future__ import annotations

from collections import Counter, defaultdict

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, sample_of, with_cells, with_header
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import iso_time, joined, number
from longtail.retrieval.errors import DataError

_ANY = r".*"
_MOST_TAGS = 8
_LISTENS = with_cells("\t", r".+", r"\d{4}-\d\d-\d\dT.*", _ANY, _ANY, _ANY, _ANY)
_PLAYS = with_cells("\t", r".+", _ANY, _ANY, r" *\d+ *")
_HETREC = with_header("userID", "artistID", "weight", delimiter="\t")


def _convert(job: Conversion) -> None:
    sample = sample_of(job.files("listens")[0])
    if _LISTENS(sample):
        _convert_listens(job)
    elif _PLAYS(sample):
        _convert_plays(job)
    else:
        _convert_hetrec(job)
    for path in job.files("profiles"):
        users = job.users("gender", "age", "country")
        for user, gender, age, country, _ in job.records.cells(path, "\t", 5):
            if not user.startswith("#"):
                users.add(user, gender, age, country)


def _convert_listens(job: Conversion) -> None:
    """The 1K users: an item is a track, known by its MusicBrainz id or else by its names."""
    items = job.items("title", "brand")
    log = job.log(timestamp=TIME)
    for path in job.files("listens"):
        for user, time, _, artist, track_id, track in job.records.cells(path, "\t", 6):
            item = (track_id or f"{artist} - {track}")[:512]
            if item not in items:
                items.add(item, track, artist)
            log.add(user, item, iso_time(time))


def _convert_plays(job: Conversion) -> None:
    """The 360K users: an item is an artist, of whom only the name is known."""
    job.notes.append("plays have no times: the order of the file stands for them")
    items = job.items("title")
    log = job.log(weight=NUMBER)
    for path in job.files("listens"):
        for user, artist_id, artist, plays in job.records.cells(path, "\t", 4):
            item = (artist_id or artist)[:512]
            if item and item not in items:
                items.add(item, artist)
            log.add(user, item, number(plays))


def _convert_hetrec(job: Conversion) -> None:
    job.notes.append("plays have no times: the order of the file stands for them")
    if not job.files("artists"):
        raise DataError("lastfm: user_artists.dat names artists by number; artists.dat is missing")
    tagged = _tags(job)
    items = job.items("title", "categories")
    for path in job.files("artists"):
        for cells in job.records.cells(path, "\t", 4):
            artist, name = cells[:2]
            if (artist, name) != ("id", "name"):
                tags = [tag for tag, _ in tagged[artist].most_common(_MOST_TAGS)]
                items.add(artist, name, joined(tags))
    log = job.log(weight=NUMBER)
    for path in job.files("listens"):
        columns = ("userID", "artistID", "weight")
        for user, artist, plays in job.records.rows(path, columns, delimiter="\t"):
            log.add(user, artist, number(plays))


def _tags(job: Conversion) -> defaultdict[str, Counter[str]]:
    """Return how often each tag was given to an artist."""
    names = {
        tag: name for path in job.files("tags") for tag, name in job.records.cells(path, "\t", 2)
    }
    tagged: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in job.files("tagged artists"):
        for artist, tag in job.records.rows(path, ("artistID", "tagID"), delimiter="\t"):
            tagged[artist][names.get(tag, "")] += 1
    return tagged


LASTFM = Layout(
    "Last.fm 1K users, 360K users, or HetRec 2011",
    (
        Part(
            "listens",
            (
                "userid-timestamp-artid-artname-traid-traname.tsv",
                "usersha1-artmbid-artname-plays.tsv",
                "user_artists.dat",
            ),
            any_of(_LISTENS, _PLAYS, _HETREC),
        ),
        Part(
            "artists",
            ("artists.dat",),
            with_header("id", "name", "url", "pictureURL", delimiter="\t"),
            required=False,
        ),
        Part(
            "tags", ("tags.dat",), with_header("tagID", "tagValue", delimiter="\t"), required=False
        ),
        Part(
            "tagged artists",
            ("user_taggedartists.dat",),
            with_header("userID", "artistID", "tagID", delimiter="\t"),
            required=False,
        ),
        Part(
            "profiles",
            ("userid-profile.tsv", "usersha1-profile.tsv"),
            any_of(
                with_header("#id", "gender", "age", "country", "registered", delimiter="\t"),
                with_cells("\t", r".+", "[mf]?", r"\d*", _ANY, r"(\w{3} \d+, \d{4})?"),
            ),
            required=False,
        ),
    ),
    _convert,
)
