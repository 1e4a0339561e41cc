"""Which files of a folder are videos of the user's."""

from osdclean.engine import footage


def test_videos_of_a_folder_by_name_without_what_is_hidden_and_what_is_left_out(tmp_path):
    for name in ("b.MP4", "a.ts", "notes.txt", "._a.ts", ".trash/x.mp4", "in/c.mkv", "out/d.mkv", "out/deep/e.mkv"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "folder.mp4").mkdir()

    def found(**how):
        return [str(path.relative_to(tmp_path)) for path in footage.videos(tmp_path, **how)]

    assert found(recursive=False) == ["a.ts", "b.MP4"]
    assert found() == ["a.ts", "b.MP4", "in/c.mkv", "out/d.mkv", "out/deep/e.mkv"]
    assert found(without=tmp_path / "out") == ["a.ts", "b.MP4", "in/c.mkv"]
    assert found(without=tmp_path / "out" / "deep") == ["a.ts", "b.MP4", "in/c.mkv", "out/d.mkv"]
    assert found(without=tmp_path / "elsewhere") == found()
