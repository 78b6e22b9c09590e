"""A stream says the same of a file in whatever blocks it is pulled."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.files.data_file import DataFile
from longtail.retrieval.data.files.dialect.quotes import are_well_quoted
from longtail.retrieval.data.files.dialect.watched_stream import STAND_IN, WatchedStream
from longtail.retrieval.progress import silent

texts = st.text(st.sampled_from('ab",:\n'), min_size=1, max_size=60)
small = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pulled(file: DataFile, size: int) -> tuple[bytes, WatchedStream]:
    stream = WatchedStream(file, "reading", silent)
    blocks = list(iter(lambda: stream.read(size), b""))
    stream.close()
    assert all(len(block) <= size for block in blocks)
    return b"".join(blocks), stream


@small
@given(text=texts, size=st.integers(4, 9))
def test_a_delimiter_over_two_blocks_is_one(tmp_path: Path, text: str, size: int) -> None:
    path = tmp_path / "log.dat"
    path.write_text(text, encoding="utf-8", newline="")
    content, stream = pulled(DataFile(path, "csv", False, b"::", quoted=False), size)
    assert content == text.encode().replace(b"::", STAND_IN)
    assert not stream.doubtful


@small
@given(text=texts, size=st.integers(4, 9))
def test_quotes_over_two_blocks_are_in_order_as_in_one(
    tmp_path: Path, text: str, size: int
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8", newline="")
    content, stream = pulled(DataFile(path, "csv", False, b","), size)
    lines = [line + b"\n" for line in content.split(b"\n")]
    assert stream.doubtful == (not all(are_well_quoted(line, b",") for line in lines))
