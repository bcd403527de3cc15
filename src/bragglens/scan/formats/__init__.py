"""Readers of scans: one file a family of formats, each with `recognises(data)` and `read(data, name)`.

A new family is one new file here and one line in `bragglens.scan.read.FORMATS`. Readers get bytes, touch no disk,
and raise nothing but ScanError whatever the bytes are.
"""
