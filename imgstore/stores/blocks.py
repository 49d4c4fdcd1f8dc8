"""A store as blocks of frames for dask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._support.validation import as_int_min
from ..errors import InvalidArgumentError
from ..index.store_index import ImgStoreIndex
from .array import StoreArray
from .properties import StoreProperties

if TYPE_CHECKING:
    import dask.array as da


class StoreBlocks(StoreArray, StoreProperties):
    """The method that makes a dask array of a store."""

    def to_dask(self, frames_per_block: Any = None) -> da.Array:
        """Make a dask array of all frames, read by its tasks in any process.

        Parameters
        ----------
        frames_per_block : int, optional
            Maximum number of frames of a block. Blocks begin at chunks or keyframes, so each group of pictures is
            decoded once. A longer group is divided. Default: as many as fit into dask's ``array.chunk-size``.

        Returns
        -------
        dask.array.Array
            Shape (n, h, w) or (n, h, w, 3). It has the frames known now. Tasks need the store at its path. A slice
            reads only its own frames.

        Raises
        ------
        MissingDependencyError
            dask is not installed. The extra ``dask`` has it.
        InvalidArgumentError
            An argument is not allowed, or the store was opened with an index of your own.

        Examples
        --------
        >>> store.to_dask().mean(axis=(1, 2)).compute().tolist()
        [100.0, 101.0, 102.0, 105.0, 106.0]
        """
        from .dask_array import StoreSource, dask_array, frames_of_a_block
        from .identity import StoreIdentity

        reader, most = self._require_reader(), frames_of_a_block(self.nbytes // max(1, len(self)))
        if frames_per_block is not None:
            most = as_int_min(frames_per_block, 'frames_per_block', 1)
        if self._has_given_index:
            raise InvalidArgumentError(
                f'{self.filename}: tasks cannot use an index of your own; open the store without it',
                store=self.filename,
                argument='index',
            )
        edges = reader.block_edges(self._loaded_store_index(), most)
        identity, options = StoreIdentity.of(self, edges[-1]), tuple(sorted(self._reopen.items()))
        shape = edges[-1], *self.image_shape
        source = StoreSource(type(self), self.filename, identity, options, reader.is_decoding, shape, self.dtype)
        return dask_array(source, edges)

    def _loaded_store_index(self) -> ImgStoreIndex:
        known = self._require_reader().index
        known.load()
        return known
