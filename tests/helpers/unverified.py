"""Stores without checksums, as imgstore 0.4 and earlier versions write them."""

from pathlib import Path

import yaml

from imgstore.ondisk.chunk_index import read_chunk_index, write_chunk_index


def forget_checksums(path: Path) -> Path:
    """Take the checksums out of a store. -> the same path."""
    metadata = yaml.safe_load((path / 'metadata.yaml').read_bytes())
    del metadata['__store']['checksum']
    (path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    for index in (*path.glob('*.npz'), *path.glob('*/index.npz')):
        stem = str(index)[: -len('.npz')]
        write_chunk_index(stem, *read_chunk_index(stem))
    return path
