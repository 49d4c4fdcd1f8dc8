"""Set-ups of cameras in a file, rig.yaml."""

from .naming import folder_for
from .rig_file import Rig, RigCamera, load_rig

__all__ = ['Rig', 'RigCamera', 'folder_for', 'load_rig']
