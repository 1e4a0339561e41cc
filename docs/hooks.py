"""What the site has beside the pages of this folder: the list of changes."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    changes = Path(config.config_file_path).with_name("CHANGELOG.md")
    files.append(File.generated(config, "changes.md", content=changes.read_text(encoding="utf-8")))
    return files
