"""The tests of imgstore; installed with it as ``imgstore.tests``, which is what ``imgstore-test`` runs."""

import os

TEST_DATA_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')
