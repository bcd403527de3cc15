"""The form fields with the options of an identification."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form

from bragglens.identification.options import Options, read_options


def options(
    wavelength: Annotated[str, Form(description="`CuKa`, `CoKa`, ... or Å; overrides what the files state.")] = "",
    wavelength_if_missing: Annotated[str, Form(description="The same, for files that state none.")] = "",
    elements: Annotated[
        str, Form(description="`Ti,O`, `Ti-O` or `TiO2`: only phases of these; `-Fe,-Pb`: none with those.")
    ] = "",
    standard: Annotated[str, Form(description="Internal standard: `corundum=20`, wt% of the specimen.")] = "",
    particle_size: Annotated[str, Form(description="Diameter of the grains in µm; 0 for no correction.")] = "",
    temperature: Annotated[str, Form(description="°C of the specimen; lattices may then be expanded by heat.")] = "",
    network_only: Annotated[bool, Form(description="Skip the fit: faster, no fractions.")] = False,
) -> Options:
    """The options from the fields of a form; an empty field counts as not given."""
    return read_options(
        wavelength=wavelength.strip(),
        wavelength_if_missing=wavelength_if_missing.strip(),
        elements=elements,
        standard=standard.strip(),
        particle_size=particle_size.strip(),
        temperature=temperature.strip(),
        network_only=network_only,
    )
