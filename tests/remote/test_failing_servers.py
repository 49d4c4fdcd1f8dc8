"""Servers that fail: what the error says, and how long it takes."""

import datetime
import shutil
import ssl
import time

import pytest

import imgstore
from imgstore.errors import FrameReadError, MissingDependencyError, RemoteAccessError
from imgstore.overview import overview
from imgstore.remote.places import Place

from ..helpers.remote_stores import FRAMES, indexes_in, write_store
from ..helpers.web_files import served


@pytest.fixture
def web(tmp_path):
    write_store(tmp_path / 'store', 'png')
    with served(tmp_path) as files:
        yield files


def test_a_dead_server_is_not_waited_for_five_times(web, monkeypatch):
    monkeypatch.setattr('imgstore.remote.http._ANSWERING', 0.2)
    monkeypatch.setattr('imgstore.remote.retrying._LONGEST', 0.3)
    web.delay = 5
    begin = time.monotonic()
    with pytest.raises(RemoteAccessError, match=r'store/metadata\.yaml.*after [12] attempts?') as raised:
        imgstore.new_for_filename(f'{web.url}/store')
    assert time.monotonic() - begin < 4
    assert raised.value.reason


@pytest.mark.parametrize('url', ['{}/large', 'zip://large::{}/large.zip'])
def test_a_server_that_answers_no_more_is_not_waited_for_five_times(url, web, tmp_path, monkeypatch):
    write_store(tmp_path / 'large', 'npy', (240, 320))
    shutil.make_archive(str(tmp_path / 'large'), 'zip', tmp_path, 'large')
    with imgstore.new_for_filename(url.format(web.url)) as store:
        monkeypatch.setattr('imgstore.remote.http._ANSWERING', 0.2)
        monkeypatch.setattr('imgstore.remote.retrying._LONGEST', 0.3)
        web.delay = 5
        begin = time.monotonic()
        with pytest.raises(FrameReadError, match=r'after [12] attempts?'):
            store[FRAMES // 2]
        assert time.monotonic() - begin < 4


def test_half_an_answer_is_named(web, monkeypatch):
    monkeypatch.setattr('imgstore.remote.retrying._FIRST_PAUSE', 0.001)
    web.halves = True
    with pytest.raises(RemoteAccessError, match=r'the server sent \d+ of the \d+ bytes'):
        imgstore.new_for_filename(f'{web.url}/store')


def test_a_password_in_the_url_is_given(web):
    web.password = 'secret'
    with pytest.raises(RemoteAccessError, match=r'401.*https://user:password@host'):
        imgstore.new_for_filename(f'{web.url}/store')
    url = web.url.replace('http://', 'http://user:secret@')
    with imgstore.new_for_filename(f'{url}/store') as store:
        assert indexes_in(store, 13) == [13]


def test_a_password_in_netrc_is_given(web, tmp_path, monkeypatch):
    web.password = 'secret'
    (tmp_path / 'netrc').write_text('machine 127.0.0.1 login user password secret\n')
    (tmp_path / 'netrc').chmod(0o600)
    monkeypatch.setenv('NETRC', str(tmp_path / 'netrc'))
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert indexes_in(store, 13) == [13]


def test_a_proxy_is_asked_where_one_is_set(web, monkeypatch):
    monkeypatch.setenv('http_proxy', web.url)
    with imgstore.new_for_filename('http://recordings.invalid/store') as store:
        assert indexes_in(store, 13) == [13]
    assert {request.path.partition('/store')[0] for request in web.requests} == {'http://recordings.invalid'}


def test_what_cannot_be_counted_is_none(web):
    found = overview(f'{web.url}/store')
    assert (found.frames, found.bytes_on_disk, found.files) == (FRAMES, None, None)


def test_an_error_names_the_package_that_is_needed(monkeypatch):
    def lacks(*args, **kwargs):
        raise ImportError('Please install gcsfs to access Google Storage')

    monkeypatch.setattr('fsspec.core.url_to_fs', lacks)
    with pytest.raises(MissingDependencyError, match=r'gs://bucket/s needs.*install gcsfs') as raised:
        Place('gs://bucket/s')
    assert 'imgstore[remote]' not in str(raised.value)


def test_a_certificate_of_ones_own_is_named(tmp_path, monkeypatch):
    write_store(tmp_path / 'store', 'png')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    asked: list[float] = []
    monkeypatch.setattr('time.sleep', asked.append)
    with served(tmp_path, context=context) as files, pytest.raises(RemoteAccessError, match='SSL_CERT_FILE'):
        imgstore.new_for_filename(files.url.replace('http:', 'https:') + '/store')
    assert not asked


def certificate(folder):
    """A file of a key and a certificate that nobody has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / 'server.pem'
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
