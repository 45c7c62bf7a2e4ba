"""Exporting tracks as JSON lines and CSV, so that they can be imported again."""

from trackstore.export.exceptions import ExportError
from trackstore.export.jsonlines import record_of
from trackstore.export.writing import FORMATS, export_tracks

__all__ = ['FORMATS', 'ExportError', 'export_tracks', 'record_of']
