"""Readers of scans: one module per format, each with `recognises(data)` and `read(data, name)`.

A new format needs one file here, one word in `known.FORMATS` and one made scan in `tests/scan/made.py`. Readers get
bytes, do not use the disk, and raise only ScanError, whatever the bytes are. They return the ranges of a file;
`bragglens.scan.assemble.scans` makes scans of them. The keys of metadata are those of `bragglens.scan.scan.METADATA`.
"""
