"""The journal: what it keeps, and what it refuses."""

import json
import multiprocessing
import resource
import signal

import numpy as np
import pytest

from relaxd.dft_bridge import DftError, Point
from relaxd.dft_bridge import _journal as journal_module
from relaxd.dft_bridge._journal import Journal, read_points

TASK = {"atomic_numbers": (1, 1), "level": "pbe/sto-3g"}
RUN = {"hessian": "model", "backend": "pyscf"}


def point(number):
    values = np.random.default_rng(number).normal(size=(2, 2, 3))
    return Point(values[0], -float(number), values[1], number < 2, number, 0.5, 0.25)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def filled(path, n_points=3):
    with Journal(path, TASK) as journal:
        for number in range(n_points):
            journal.add_point(point(number))
    return path


def assert_holds(points, n_points):
    assert len(points) == n_points
    for number, found in enumerate(points):
        for name, value in vars(point(number)).items():
            np.testing.assert_array_equal(getattr(found, name), value)


def test_every_bit_comes_back(path):
    with Journal(filled(path), TASK) as journal:
        assert_holds(journal.points, 3)
        journal.add_wavenumbers(np.array([-5.0, 100.0]))
        journal.add_result({"converged": True})
        journal.add_run(RUN)
    with Journal(path, TASK) as journal:
        assert_holds(journal.points, 3)
        assert journal.run == RUN
        np.testing.assert_array_equal(journal.wavenumbers, [-5.0, 100.0])
        assert journal.result == {"converged": True}
    assert_holds(read_points(path), 3)


def test_a_last_line_cut_short_anywhere_is_dropped(path):
    whole = filled(path).read_bytes()
    begin = whole[:-1].rfind(b"\n") + 1
    for length in range(begin, len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path, TASK) as journal:
            assert_holds(journal.points, 2)
            journal.add_point(point(2))
        assert path.read_bytes() == whole


def test_a_header_cut_short_is_written_again(path):
    path.write_bytes(filled(path).read_bytes()[:20])
    with Journal(path, TASK) as journal:
        assert journal.points == []
    with Journal(path, TASK) as journal:
        assert journal.points == []


@pytest.mark.parametrize("damage", [b"{not json\n", b"[1, 2]\n", b"\xff\xfe\n"])
def test_damage_in_the_middle_is_named_and_left_alone(path, damage):
    lines = filled(path).read_bytes().splitlines(keepends=True)
    lines[2] = damage
    path.write_bytes(b"".join(lines))
    with pytest.raises(DftError, match="line 3") as caught:
        Journal(path, TASK)
    assert caught.value.code == "journal-unreadable"
    assert path.read_bytes() == b"".join(lines)


def test_another_task_is_refused_and_its_journal_left_alone(path):
    before = filled(path).read_bytes()
    with pytest.raises(DftError, match="another refinement") as caught:
        Journal(path, {**TASK, "level": "hf/sto-3g"})
    assert caught.value.code == "journal-mismatch"
    assert path.read_bytes() == before


def test_one_process_at_a_time(path, monkeypatch):
    monkeypatch.setattr(journal_module, "LOCK_SECONDS", 0.2)
    with Journal(path, TASK):
        with pytest.raises(DftError, match="another process") as caught:
            Journal(path, TASK)
        assert caught.value.code == "journal-in-use"
    Journal(path, TASK).close()


def _fill_beyond(path, limit, results):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        filled(path, n_points=1000)
    except DftError as error:
        results.put((error.code, str(error)))


def test_a_file_that_may_not_grow_keeps_its_whole_lines(path):
    """A limit in the middle of the third point."""
    size = len(filled(path, 2).read_bytes())
    path.unlink()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_fill_beyond, args=(path, size + 10, results))
    process.start()
    code, reason = results.get(timeout=60)
    process.join()
    assert code == "disk-full"
    assert str(path) in reason
    with Journal(path, TASK) as journal:
        assert_holds(journal.points, 2)
        journal.add_point(point(2))
    assert_holds(read_points(path), 3)


def test_a_full_disk_keeps_its_whole_lines(small_disk):
    path = small_disk / "journal.jsonl"
    with pytest.raises(DftError) as caught:
        filled(path, n_points=1000)
    assert caught.value.code == "disk-full"
    kept = read_points(path)
    assert kept
    assert_holds(kept, len(kept))
    assert path.read_bytes().endswith(b"\n")


def test_what_is_kept_twice_is_written_once(path):
    with Journal(filled(path), TASK) as journal:
        journal.add_run(RUN)
        journal.add_result({"converged": False})
    before = path.read_bytes()
    with Journal(path, TASK) as journal:
        journal.add_run(dict(RUN))
        journal.add_result({"converged": False})
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(DftError, match=str(tmp_path)) as caught:
        Journal(tmp_path, TASK)
    assert caught.value.code == "journal-unreadable"


def test_it_is_plain_json_lines(path):
    kinds = [json.loads(line)["record"] for line in filled(path).read_text().splitlines()]
    assert kinds == ["header", "point", "point", "point"]
