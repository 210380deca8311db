from __future__ import annotations

import struct
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from dicom_files import data_set, encapsulated, save, write
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from image_files import outcome
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from pellucid.errors import CapabilityError, DataError
from pellucid.imaging import dicom_header, read

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)


@contextmanager
def little_memory(megabytes: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


def test_a_file_without_pixels_is_refused(tmp_path: Path) -> None:
    made = data_set(GREY)
    del made.PixelData
    with pytest.raises(DataError, match=r"x is a DICOM file without pixel data"):
        read(save(tmp_path / "x", made))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x", np.zeros((300, 300), dtype=np.uint16))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"x announces 180,000 bytes of pixel data and holds 179,000; it is cut off"):
        read(path)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_every_cut_is_one_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "x", GREY, WindowCenter=1, WindowWidth=5)
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match="x "):
            read(path)


def test_a_declared_length_of_4_gib_takes_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "x", GREY)
    content = path.read_bytes()
    at = content.rindex(struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OB", 0, 64))
    path.write_bytes(content[: at + 8] + struct.pack("<L", 0xFFFFFFF0) + content[at + 12 :])
    with little_memory(8), pytest.raises(DataError, match=r"announces 4,294,967,280 bytes of pixel data and holds 64"):
        read(path)


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    one_segment = struct.pack("<16L", 1, 64, *[0] * 14) + b"\x81\0" * 1000
    path = save(tmp_path / "x", encapsulated(data_set(GREY, Rows=60_000, Columns=60_000), one_segment), RLELossless)
    message = r"x announces 1 x 60,000 x 60,000 pixels, more than the limit of 100,000,000; .* most_pixels=3600000000"
    with little_memory(8), pytest.raises(DataError, match=message):
        read(path)
    with pytest.raises(DataError, match="more than the limit of 63"):
        read(write(tmp_path / "y", GREY), most_pixels=63)
    assert read(tmp_path / "y", most_pixels=64).size == (8, 8)


def test_frames_count_towards_the_limit(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="announces 3 x 8 x 8 pixels"):
        read(write(tmp_path / "x", np.stack([GREY] * 3)), frame=0, most_pixels=100)


def test_deflated_bombs_are_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_header, "_MOST_INFLATED", 2**20)
    path = write(tmp_path / "x", GREY, DeflatedExplicitVRLittleEndian)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflater.compress(struct.pack("<HH2sHL", 0x9, 0x10, b"OB", 0, 2**26) + b"\0" * 2**26) + deflater.flush()
    start = 144 + struct.unpack("<L", path.read_bytes()[140:144])[0]
    path.write_bytes(path.read_bytes()[:start] + bomb)
    with little_memory(8), pytest.raises(DataError, match="x is deflated and holds more than 1,048,576 bytes"):
        read(path)


def test_an_encoding_without_decoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x has JPEG Lossless.*; install `pellucid\[dicom\]` or python-gdcm"):
        read(save(tmp_path / "x", encapsulated(data_set(GREY), b"\xff\xd8"), "1.2.840.10008.1.2.4.57"))


def test_an_encoding_of_video_cannot_be_decoded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x has MPEG2 Main Profile / Main Level \(.*\), which cannot be decoded"):
        read(save(tmp_path / "x", encapsulated(data_set(GREY), b"\0\0"), "1.2.840.10008.1.2.4.100"))


def test_an_encoding_that_nobody_knows_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="x has an encoding that DICOM does not define") as raised:
        read(write(tmp_path / "x", GREY, "1.2.3.4.5678"))
    assert "5678" not in str(raised.value)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless, RLELossless])
def test_damaged_compressed_pixels_are_one_sentence(tmp_path: Path, syntax: str) -> None:
    made = encapsulated(data_set(GREY), b"\xff\xd8\xff" + b"\x77" * 61)
    with pytest.raises(DataError, match=r"x has pixel data that cannot be decoded \(.*\); if the file is sound, convert it"):
        read(save(tmp_path / "x", made, syntax))


def test_deep_nesting_is_one_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "x", GREY)
    content = path.read_bytes()
    sequence = struct.pack("<HH2sHL", 0x5200, 0x9229, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    at = content.rindex(struct.pack("<HH", 0x7FE0, 0x10))
    path.write_bytes(content[:at] + sequence * 20_000 + content[at:])
    limit = sys.getrecursionlimit()
    with pytest.raises(DataError, match=r"x is not a DICOM image that can be read \(RecursionError\)"):
        read(path)
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"Rows": 0}, "announces 1 x 0 x 8 pixels"),
        ({"BitsAllocated": 13}, "x has pixel data that do not fit what its header says .*; export it again"),
        ({"NumberOfFrames": 2}, "x has pixel data that do not fit what its header says"),
        ({"BitsStored": 6, "HighBit": 7}, "x keeps 6 bits below bit 7, and not from the lowest bit on; export it again"),
        (
            {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "Rows": 3, "Columns": 7},
            "x calls itself grey and has 3 values a pixel; export it again",
        ),
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, "x has the rescale slope 0, which leaves nothing of its values"),
        ({"PhotometricInterpretation": "HSV"}, "neither grey nor in a colour space"),
        ({"WindowCenter": 4, "WindowWidth": 0}, r"x: A window has the centre 4 and the width 0; give window=\(centre, width\)"),
        ({"WindowCenter": 4, "WindowWidth": 2, "VOILUTFunction": "CUBIC"}, "x: A window follows no curve that DICOM knows"),
        ({"RescaleSlope": "1e39", "RescaleIntercept": 0}, "holds values that are no finite numbers"),
    ],
)
def test_a_header_that_makes_no_sense_is_one_sentence(tmp_path: Path, tags: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "x", GREY, **tags), frame=0)


def test_colour_has_no_window(tmp_path: Path) -> None:
    path = write(tmp_path / "x", np.zeros((2, 2, 3), dtype=np.uint8))
    with pytest.raises(DataError, match="x is in colour, which has no window; read it without one"):
        read(path, window=(1, 2))


def test_without_pydicom_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x", GREY)
    monkeypatch.setitem(sys.modules, "pydicom.filereader", None)
    with pytest.raises(CapabilityError, match=r"pip install 'pellucid\[dicom\]'"):
        read(path)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(132, 700), st.integers(0, 255)), min_size=1, max_size=6))
@example([(300, 0)])
def test_changed_bytes_give_a_picture_or_one_sentence(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(write(tmp_path / "x", GREY, WindowCenter=1, WindowWidth=5, PixelSpacing=[1, 1]).read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / "x").write_bytes(bytes(content))
    assert str(tmp_path / "x") in outcome(tmp_path / "x")
