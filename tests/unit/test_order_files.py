"""Lines of text files become orders, or say why they are none."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import ImportFailed, UnknownFormat
from cli.imports.batches import MAX_BYTES, MAX_LINES, Batch, in_batches
from cli.imports.order_files import Format, Order, Rejected, read_orders
from cli.imports.text_lines import LONGEST_LINE_BYTES, TextLines
from command_service.domain.order_commands import ImportOrder

CDNOW = " customer_id  date number_of_cds  dollar_value"
CSV = "user_id,placed_at,item_count,total"


def read(*lines: str | bytes, wanted: Format | None = None) -> list[Order | Rejected]:
    as_bytes = (line if isinstance(line, bytes) else line.encode() for line in lines)
    return list(read_orders(enumerate(as_bytes, 1), "shop", wanted))


def bodies(*lines: str) -> list[dict[str, object]]:
    found = read(*lines)
    assert all(isinstance(line, Order) for line in found), found
    return [orjson.loads(line.body) for line in found if isinstance(line, Order)]


def codes(*lines: str | bytes) -> list[str]:
    """Of the second line on: what is wrong with it, or "" for an order."""
    return [line.code if isinstance(line, Rejected) else "" for line in read(*lines)]


def test_a_cdnow_line_is_an_order_of_midnight_utc_in_dollars() -> None:
    assert bodies(CDNOW, " 00001 19970101  1   29.33") == [
        {
            "source": "shop",
            "line_number": 2,
            "user_id": 1,
            "placed_at": "1997-01-01T00:00:00Z",
            "item_count": 1,
            "total": {"amount": "29.33", "currency": "USD"},
        }
    ]


def test_a_cdnow_file_may_lack_its_heading() -> None:
    assert [body["line_number"] for body in bodies("00001 19970101 1 29.33", "00001 19970101 1 29.33")] == [1, 2]


def test_two_lines_that_say_the_same_are_two_orders() -> None:
    first, second = bodies(CDNOW, "7 19970101 1 5.00", "7 19970101 1 5.00")
    assert (first.pop("line_number"), second.pop("line_number")) == (2, 3)
    assert first == second


def test_an_order_of_nothing_paid_is_an_order() -> None:
    (body,) = bodies(CDNOW, "1 19970101 1 0.00")
    assert body["total"] == {"amount": "0.00", "currency": "USD"}


def test_blank_lines_count_as_lines_and_are_no_orders() -> None:
    assert [body["line_number"] for body in bodies("", CDNOW, "", "1 19970101 1 5.00", "  ", "1 19970101 1 5.00")] == [
        4,
        6,
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1 19970101 1", "wrong_columns"),
        ("1 19970101 1 5.00 x", "wrong_columns"),
        ("x 19970101 1 5.00", "invalid_customer_id"),
        ("-1 19970101 1 5.00", "invalid_customer_id"),
        ("١ 19970101 1 5.00", "invalid_customer_id"),
        ("12345678901234567 19970101 1 5.00", "invalid_customer_id"),
        ("1 19970231 1 5.00", "invalid_date"),
        ("1 19971301 1 5.00", "invalid_date"),
        ("1 00000101 1 5.00", "invalid_date"),
        ("1 1997010 1 5.00", "invalid_date"),
        ("1 19970101 1.5 5.00", "invalid_number_of_cds"),
        ("1 19970101 1 -5.00", "invalid_dollar_value"),
        ("1 19970101 1 5,00", "invalid_dollar_value"),
        ("1 19970101 1 1e3", "invalid_dollar_value"),
        ("1 19970101 1 NaN", "invalid_dollar_value"),
        (b"1 19970101 1 5.00\xff", "not_utf8"),
    ],
)
def test_a_bad_line_is_refused_alone(line: str | bytes, code: str) -> None:
    assert codes(CDNOW, line, "1 19970101 1 5.00") == [code, ""]


def test_a_refused_line_is_told_with_its_number_in_the_file() -> None:
    (refused,) = read(CDNOW, "", "1 19970231 1 5.00")
    assert refused == Rejected(3, "invalid_date", "date must be a day, not '19970231'")


def test_csv_columns_come_in_any_order() -> None:
    assert bodies("total,currency,quantity,product_id,placed_at,user_id", "99.98,EUR,2,456,2024-05-31,7") == [
        {
            "source": "shop",
            "line_number": 2,
            "user_id": 7,
            "placed_at": "2024-05-31T00:00:00Z",
            "total": {"amount": "99.98", "currency": "EUR"},
            "items": [{"product_id": 456, "quantity": 2}],
        }
    ]


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2024-05-31", "2024-05-31T00:00:00Z"),
        ("2024-05-31T12:30:00Z", "2024-05-31T12:30:00.000Z"),
        ("2024-05-31T12:30:00.1239+02:00", "2024-05-31T10:30:00.123Z"),
    ],
)
def test_an_instant_in_csv_becomes_utc(cell: str, instant: str) -> None:
    assert bodies(CSV, f"1,{cell},1,5.00")[0]["placed_at"] == instant


def test_csv_cells_may_be_quoted_and_padded() -> None:
    (body,) = bodies('"user_id", placed_at ,item_count,total', '1," 2024-05-31 ","2","5.00"')
    assert (body["item_count"], body["placed_at"]) == (2, "2024-05-31T00:00:00Z")


def test_an_empty_currency_is_euro() -> None:
    assert bodies(CSV + ",currency", "1,2024-05-31,1,5.00,")[0]["total"] == {"amount": "5.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1,2024-05-31,1", "wrong_columns"),
        ("1,2024-05-31,1,5.00,", "wrong_columns"),
        ('1,2024-05-31,1,"5.00', "wrong_csv"),
        (",2024-05-31,1,5.00", "invalid_user_id"),
        ("1,2024-02-30,1,5.00", "invalid_placed_at"),
        ("1,2024-05-31T12:30:00,1,5.00", "invalid_placed_at"),
        ("1,0001-01-01T00:00:00+14:00,1,5.00", "invalid_placed_at"),
        ("1,yesterday,1,5.00", "invalid_placed_at"),
        ("1,2024-05-31,many,5.00", "invalid_item_count"),
        ("1,2024-05-31,1,5.00 EUR", "invalid_total"),
        ("1,2024-05-31,1,0x10", "invalid_total"),
    ],
)
def test_a_bad_csv_line_is_refused_alone(line: str, code: str) -> None:
    assert codes(CSV, line, "1,2024-05-31,1,5.00") == [code, ""]


def test_a_product_needs_a_quantity() -> None:
    assert codes("user_id,placed_at,total,product_id,quantity", "1,2024-05-31,5.00,456,") == ["invalid_quantity"]


@pytest.mark.parametrize(
    "first",
    [
        "user_id,placed_at",
        "user_id,placed_at,total,colour",
        "user_id,placed_at,total,total",
        "Hello, this is a letter.",
        "1;2;3",
    ],
)
def test_a_file_that_is_no_order_file_is_refused_whole(first: str) -> None:
    with pytest.raises(UnknownFormat):
        read(first, "1,2024-05-31,1,5.00")


def test_an_empty_file_is_refused_and_a_heading_alone_is_not() -> None:
    with pytest.raises(UnknownFormat):
        read()
    with pytest.raises(UnknownFormat):
        read("", " ")
    assert read(CDNOW) == []


def test_a_byte_order_mark_is_no_part_of_the_heading() -> None:
    assert len(bodies("\ufeff" + CSV, "1,2024-05-31,1,5.00")) == 1


def test_the_format_can_be_said() -> None:
    with pytest.raises(UnknownFormat):
        read("1 19970101 1 5.00", wanted=Format.CSV)
    assert len(read("some other heading", "1 19970101 1 5.00", wanted=Format.CDNOW)) == 1


def test_what_is_made_is_a_command_that_the_service_takes() -> None:
    lines = (
        *read(CDNOW, "00001 19970101 1 29.33"),
        *read("user_id,placed_at,total,product_id,quantity", "1,2024-05-31T01:00:00+02:00,5,456,2"),
    )
    for line in lines:
        assert isinstance(line, Order)
        ImportOrder.model_validate_json(line.body)


@given(cents=st.integers(min_value=0, max_value=10**15 - 1))
def test_every_cent_arrives(cents: int) -> None:
    (line,) = read(f"1 19970101 1 {cents // 100}.{cents % 100:02d}")
    assert isinstance(line, Order)
    assert ImportOrder.model_validate_json(line.body).total.amount == cents


# --- files ---


def written(folder: Path, content: bytes) -> Path:
    file = folder / "orders.txt"
    file.write_bytes(content)
    return file


def lines_of(file: Path, first: int = 1) -> list[tuple[int, bytes]]:
    with TextLines(file, first) as lines:
        return list(lines)


def test_line_ends_are_no_part_of_a_line(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path, b"a\r\nb\n\nc")) == [(1, b"a"), (2, b"b"), (3, b""), (4, b"c")]


def test_a_gzip_file_reads_like_a_plain_one_whatever_it_is_called(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path, gzip.compress(b"a\r\nb\r\n"))) == [(1, b"a"), (2, b"b")]


@pytest.mark.parametrize("keep_bytes", [10, 30, -4])
def test_a_damaged_gzip_file_is_told_in_one_sentence(tmp_path: Path, keep_bytes: int) -> None:
    damaged = gzip.compress(b"\n".join(b"%d" % number for number in range(1000)))[:keep_bytes]
    with pytest.raises(ImportFailed, match="is damaged after line"):
        lines_of(written(tmp_path, damaged))


def test_what_only_begins_like_gzip_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="is damaged"):
        lines_of(written(tmp_path, b"\x1f\x8bnot gzip at all"))


def test_an_endless_line_is_cut_and_those_behind_it_keep_their_numbers(tmp_path: Path) -> None:
    lines = lines_of(written(tmp_path, b"a\n" + b"x" * (3 * LONGEST_LINE_BYTES + 7) + b"\nb\n"))
    assert [number for number, _ in lines] == [1, 2, 3]
    assert len(lines[1][1]) < LONGEST_LINE_BYTES
    assert lines[2] == (3, b"b")


def test_lines_can_be_left_out_but_not_the_heading(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path, b"heading\na\nb\nc\n"), first=4) == [(1, b"heading"), (4, b"c")]


def test_the_share_that_is_read_grows_to_one(tmp_path: Path) -> None:
    with TextLines(written(tmp_path, b"a\nb\n")) as lines:
        assert list(lines)
        assert lines.share_read == 1.0


# --- batches ---


def batches_of(lines: Iterable[Order | Rejected]) -> Iterator[Batch]:
    return in_batches(lines, lambda line: None)


def test_a_batch_fits_into_a_request() -> None:
    orders = [Order(number, b"x" * 200) for number in range(1, 2001)]
    batches = list(batches_of(orders))
    assert len(batches) > 2000 // MAX_LINES
    assert all(len(batch.body) <= MAX_BYTES and len(batch.line_numbers) <= MAX_LINES for batch in batches)


def test_every_order_is_in_one_batch_and_in_its_order() -> None:
    orders = [Order(2 * number, b"%d" % number) for number in range(1, 1234)]
    batches = list(batches_of(orders))
    assert [number for batch in batches for number in batch.line_numbers] == [order.line_number for order in orders]
    assert b"".join(batch.body for batch in batches) == b"".join(order.body + b"\n" for order in orders)


def test_refused_lines_are_told_and_leave_no_trace_in_a_batch() -> None:
    told: list[Rejected] = []
    wrong = Rejected(2, "invalid_date", "no")
    (batch,) = in_batches([Order(1, b"a"), wrong, Order(3, b"b")], told.append)
    assert (batch.line_numbers, told) == ((1, 3), [wrong])
