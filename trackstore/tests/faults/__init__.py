"""Faults: what is done to a store here, and how it has to come out of it.

``kill``
    kill -9 at a random moment of saving, upkeep, compaction, packing and copying
``server``
    kill -9 of the ZEO server that a client works with
``spilled``
    kill -9 of a process whose queue of events has spilled to disk
``soak``
    hours of mixed work in one process: memory, open files, size
``disk``
    disks that are full

``python -m trackstore.tests.faults COMMAND`` runs the first four for as long
as one likes; tests beside them run all, shortened.
"""
