"""The names of a store's files."""

STORE_MD_FILENAME = 'metadata.yaml'
STORE_MD_KEY = '__store'
STORE_LOCK_FILENAME = '.lock'
STORE_INDEX_FILENAME = '.index.sqlite'
STORE_SAVED_INDEX_FILENAME = '.index.imgstore'
STORE_MARKS_FILENAME = 'marks.csv'
STAGED_FOLDER = '.reindex'
STAGING_FOLDER = '.reindex.open'
EMPTIED_FOLDER = '.emptied'
EMPTIED_CHUNKS = 'chunks'
EMPTIED_MARKS = 'marks'
EMPTYING_FOLDER = '.emptied.open'
UNFINISHED_CHANGES = (STAGED_FOLDER, STAGING_FOLDER, EMPTIED_FOLDER, EMPTYING_FOLDER)
"""Folders of changes that are not complete. Those with 'open' in their name do not count yet."""
STORE_VERSION = 2

JOURNAL = '.journal'
COMPLETE_JOURNAL = '.complete'
TAILS = ('.tail0', '.tail1')
EXTRA_JSON = '.extra.json'
MOTIF_EXTRA_JSON = '.extra_data.json'
MOTIF_EXTRA_H5 = '.extra_data.h5'
EXTRA_DATA_FILE_EXTENSIONS = (EXTRA_JSON, MOTIF_EXTRA_JSON, MOTIF_EXTRA_H5)

FRAME_NUMBER = 'frame_number'
FRAME_TIME = 'frame_time'
FRAME_INDEX = 'frame_index'
FRAME_MD = (FRAME_NUMBER, FRAME_TIME)
FRAME_NUMBER_BEFORE_REINDEX = '_frame_number_before_reindex'
CHECKSUMS = 'xxh3_64'
"""Member of a chunk's index with the checksums of its frames, named after their algorithm."""
EXTRA_DATA_CHECKSUMS = 'xxh3_64_extra_data'
"""Member with the checksums that the chunk's ``.extra.json`` may have."""
DECODER_CHECKSUM = 'xxh3_64_decoder'
"""Member with the checksum of what an H.264 video tells its decoder besides the packets."""
