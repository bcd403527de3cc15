"""Readers of scans: one file a family of formats, each with `recognises(data)` and `read(data, name)`.

A new family is one new file here, one word in `bragglens.scan.read.FORMATS` and one made scan in `tests/scan/made.py`.
Readers get bytes, touch no disk, and raise nothing but ScanError whatever the bytes are. They find the ranges of a
file; `bragglens.scan.assemble.scans` makes scans of them. Metadata is spelled as in `bragglens.scan.scan.METADATA`.
"""
