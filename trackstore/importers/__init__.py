"""Importing logs, tables and histories into a tracking storage."""

from trackstore.importers.columns import Columns
from trackstore.importers.exceptions import SourceError, SourceMissing
from trackstore.importers.githistory import save_history
from trackstore.importers.recognise import FORMATS, check_source, import_source
from trackstore.importers.report import Report
from trackstore.importers.source import Stream

__all__ = ['FORMATS', 'Columns', 'Report', 'SourceError', 'SourceMissing',
           'Stream', 'check_source', 'import_source', 'save_history']
