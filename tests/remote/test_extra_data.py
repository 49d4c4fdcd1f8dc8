"""Extra data of Motif at a URL."""

import pytest

import imgstore
from imgstore.errors import CorruptFileError

from ..helpers.remote_stores import records_in
from ..helpers.web_files import served
from ..stores.test_motif import COUNT, write_h5, write_json, write_motif_store


@pytest.fixture
def folder(tmp_path):
    return write_motif_store(tmp_path / 'store')


def test_hdf5_is_read_from_files_at_a_url(folder):
    write_h5(folder / '000000.extra_data.h5', 0)
    with imgstore.new_for_filename(f'file://{folder}') as store, imgstore.new_for_filename(folder) as local:
        assert records_in(store) == records_in(local)
        assert len(records_in(store)) == COUNT
        assert store.get_extra_data_samplerate() == 1000.0
        assert abs(store.created[0] - local.created[0]).total_seconds() < 0.001


def test_hdf5_is_read_from_a_web_server(folder):
    write_h5(folder / '000000.extra_data.h5', 0)
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)
    with served(folder) as web, imgstore.new_for_filename(web.url) as store:
        assert len(records_in(store)) == COUNT


def test_json_of_motif_is_read_at_a_url(folder):
    write_json(folder / '000001.extra_data.json', 3)
    with imgstore.new_for_filename(f'file://{folder}') as store, imgstore.new_for_filename(folder) as local:
        assert records_in(store) == records_in(local) != []


def test_damaged_hdf5_at_a_url_is_named(folder):
    (folder / '000000.extra_data.h5').write_bytes(b'\x89HDF\r\n\x1a\n')
    with imgstore.new_for_filename(f'file://{folder}') as store, pytest.raises(CorruptFileError) as raised:
        store.get_extra_data()
    assert f'file://{folder}/000000.extra_data.h5' in str(raised.value)
