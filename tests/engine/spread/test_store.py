"""What is finished stays, what is not is worth nothing, and no job takes another's."""

import pytest
from osdclean.engine.cli.failure import WriteError
from osdclean.engine.spread import store
from osdclean.engine.spread.plan import chunks
from osdclean.engine.spread.store import Store

JOB = {"coding": "x265", "files": {"clip": [3, "abc"]}}


def opened(tmp_path, job=JOB, length=10):
    return Store(tmp_path / "out.mkv", job, lambda: chunks(40, length, 5))


def finish(kept, chunk, text="coded"):
    with kept.place(chunk) as file:
        file.write_text(text)


def test_finished_chunks_are_found_again_by_the_same_job_whatever_its_plan_would_be(tmp_path):
    first = opened(tmp_path)
    finish(first, first.chunks[2])
    again = opened(tmp_path, length=20)
    assert again.chunks == first.chunks
    assert again.missing == [first.chunks[k] for k in (0, 1, 3)]
    assert again.file(first.chunks[2]).read_text() == "coded"


@pytest.mark.parametrize("other", [{**JOB, "coding": "x264"}, {**JOB, "files": {"clip": [3, "abd"]}}])
def test_another_job_takes_none_and_takes_none_away(tmp_path, other):
    first = opened(tmp_path)
    finish(first, first.chunks[0])
    assert len(opened(tmp_path, other).missing) == 4
    assert len(opened(tmp_path).missing) == 3


def test_chunk_that_breaks_off_is_not_finished(tmp_path):
    kept = opened(tmp_path)

    def breaks_off():
        with kept.place(kept.chunks[0]) as file:
            file.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks_off()
    assert len(kept.missing) == 4
    assert [file.name for file in kept.folder.iterdir()] == ["job.json"]


def test_what_a_killed_process_was_writing_is_taken_away(tmp_path):
    kept = opened(tmp_path)
    kept.file(kept.chunks[0]).with_name("00000000-00000009.part").write_text("half")
    assert len(opened(tmp_path).missing) == 4
    assert not list(kept.folder.glob("*.part"))


def test_list_that_is_broken_is_begun_anew(tmp_path):
    kept = opened(tmp_path)
    finish(kept, kept.chunks[0])
    (kept.folder / "job.json").write_text('{"borders": [0, ')
    assert len(opened(tmp_path, length=20).missing) == 2


def test_all_goes_once_the_output_is_whole(tmp_path):
    finish(opened(tmp_path), opened(tmp_path).chunks[0])
    store.clear(tmp_path / "out.mkv")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_told(tmp_path):
    store.folder_beside(tmp_path / "out.mkv").write_text("in the way")
    with pytest.raises(WriteError, match="cannot write to"):
        opened(tmp_path)


def test_words_are_kept(tmp_path):
    opened(tmp_path)
    target = tmp_path / "out.mkv"
    assert store.noted(target, "mask") is None
    store.note(target, "mask", {"size": 3})
    assert store.noted(target, "mask") == {"size": 3}
