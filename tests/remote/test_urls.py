"""URLs as people write them."""

from pathlib import Path

import pytest

import imgstore
from imgstore.errors import StoreNotFoundError
from imgstore.remote.urls import folder_url, join_url, links_of, parent_url

from ..helpers.remote_stores import indexes_in, write_store, zipped
from ..helpers.web_files import served


@pytest.mark.parametrize(
    ('url', 'links'),
    [
        ('http://[::1]:8000/png', 1),
        ('http://[2001:db8::1]/png', 1),
        ('zip://s::http://[::1]:8000/a.zip', 2),
        ('zip://::http://h/a].zip', 2),
        ('zip://s::zip://b.zip::file:///a.zip', 3),
    ],
)
def test_the_colons_of_an_address_are_no_link(url, links):
    assert len(links_of(url)) == links
    assert parent_url(join_url(url, 'x')) == folder_url(url)


def test_schemes_may_be_in_upper_case():
    assert folder_url('ZIP://S::HTTPS://Host/A.zip') == 'zip://S::https://Host/A.zip'
    assert folder_url('HTTP://Host/Store/') == 'http://Host/Store'


@pytest.mark.parametrize('start', ['http', 'HTTP'])
def test_an_ipv6_address_is_read(start, tmp_path):
    zipped(write_store(tmp_path / 'store', 'png'))
    try:
        server = served(tmp_path, '::1')
        files = server.__enter__()
    except OSError:
        pytest.skip('no IPv6 here')
    try:
        url = start + files.url[4:]
        for place in (f'{url}/store', f'zip://store::{url}/store.zip'):
            with imgstore.new_for_filename(place) as store:
                assert indexes_in(store, 13) == [13]
    finally:
        server.__exit__(None, None, None)


def test_the_url_of_an_archive_itself_names_zip(tmp_path):
    zipped(write_store(tmp_path / 'store', 'png'))
    with served(tmp_path) as files, pytest.raises(StoreNotFoundError, match=f'zip://FOLDER::{files.url}/store.zip'):
        imgstore.new_for_filename(f'{files.url}/store.zip')


def test_a_path_made_of_a_url_is_named():
    with pytest.raises(StoreNotFoundError, match='URL as a str'):
        imgstore.new_for_filename(Path('http://host/store'))
