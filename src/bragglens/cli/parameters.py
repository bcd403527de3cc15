"""Parameters that commands share, in groups: structures, options of the identification, outputs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bragglens.cli.app import Elements

if TYPE_CHECKING:
    from bragglens.identification.options import Options

SETTLE = 5.0  # seconds

NetworkOnly = Annotated[
    bool, typer.Option("--network-only", help="Skip the fit: much faster, no fractions, more false positives.")
]


@dataclass(frozen=True)
class Sources:
    """The source of the phases that can be named."""

    model: Annotated[Path | None, typer.Option("--model", "-m", help="Model file from `train`.")] = None
    phases: Annotated[
        list[Path] | None,
        typer.Option(help="Your own structures: a folder of CIFs, a CIF or a .library file; can be repeated."),
    ] = None
    library: Annotated[
        list[str] | None,
        typer.Option(
            help="Part of the built-in library: minerals, inorganic, metals, cement, battery, pharma or all (default); "
            "or a .library file. With --phases both are used; can be repeated.",
            metavar="PART|FILE",
        ),
    ] = None


@dataclass(frozen=True)
class Given:
    """Options of the identification, as written on the command line."""

    wavelength: Annotated[str | None, typer.Option(help="CuKa, CoKa, ... or Å; overrides what the files state.")] = None
    wavelength_if_missing: Annotated[
        str | None, typer.Option(help="As --wavelength, for files that state none.", metavar="TEXT")
    ] = None
    elements: Elements = None
    standard: Annotated[
        str | None,
        typer.Option(
            help="Internal standard and its wt% of the specimen, to measure the amorphous content.", metavar="NAME=WT"
        ),
    ] = None
    particle_size: Annotated[
        float | None,
        typer.Option(
            help="Diameter of the grains in µm, for the microabsorption correction; 0 switches it off.", metavar="µM"
        ),
    ] = None
    instrument: Annotated[
        Path | None,
        typer.Option(help="Instrument file from `calibrate`: sizes corrected for the instrument profile, with errors."),
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option(help="°C of the specimen; lattices may then deviate by thermal expansion.", metavar="°C"),
    ] = None
    network_only: NetworkOnly = False
    policy: Annotated[
        Path | None, typer.Option(help="TOML file with thresholds of your own; `bragglens policy` lists them.")
    ] = None

    def read(self) -> Options:
        """The options.

        Raises:
            BragglensError: one of them is not understood, or not possible.
        """
        from bragglens.identification.options import read_options

        return read_options(**vars(self))


@dataclass(frozen=True)
class Answers:
    """Where the answers are written, as data and as a page."""

    json: Annotated[
        str | None,
        typer.Option(
            help="Write the answers as JSON ('-' for the screen); a folder/ gets one file per scan.", metavar="<path>"
        ),
    ] = None
    table: Annotated[Path | None, typer.Option(help="Write a row for each scan: a .csv or .parquet.")] = None
    report: Annotated[Path | None, typer.Option(help="Write one HTML report about all scans.")] = None
    series: Annotated[
        Path | None, typer.Option(help="Draw all scans side by side, with fractions below: a .png, .svg or .pdf.")
    ] = None

    candidates: Annotated[
        bool, typer.Option("--candidates", help="Print the ten best candidates and what became of each.")
    ] = False

    def folder(self, *, bare: bool) -> Path | None:
        """The folder of `--json` with an answer for each scan; None where it is not a folder.

        It is a folder if it exists as one, if the path ends in a slash, or, with `bare`, if the name has no extension.
        """
        if self.json is None or self.json == "-":
            return None
        path = Path(self.json)
        named = self.json.endswith(("/", os.sep)) or path.is_dir() or (bare and path.suffix == "")
        return path if named else None


@dataclass(frozen=True)
class Drawn:
    """Outputs of each scan that need its fit."""

    figure: Annotated[
        Path | None, typer.Option(help="Draw scan, fit and phases: a .png, .svg or .pdf; a folder for several scans.")
    ] = None
    profile: Annotated[
        Path | None,
        typer.Option(help="Write the fitted profile: .xye or powder .cif; a folder for several scans, with both."),
    ] = None
    rietx: Annotated[
        Path | None,
        typer.Option(help="Write a project for rietx; a folder of projects for several scans."),
    ] = None
    rietveld: Annotated[bool, typer.Option("--rietveld", help="Run rietx's Rietveld refinement of the fit.")] = False


@dataclass(frozen=True)
class Shares:
    """The processes of a batch."""

    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1
    scheduler: Annotated[str | None, typer.Option(help="Dask scheduler, tcp://HOST:8786.")] = None

    @property
    def several(self) -> bool:
        """Whether there are other processes than this one."""
        return self.workers > 1 or self.scheduler is not None


Settle = Annotated[float, typer.Option(min=0, help="Seconds for which a file must not have changed.")]


@dataclass(frozen=True)
class Older:
    """Options of `identify` from before `batch` and `watch` were commands; they still work."""

    watch: Annotated[Path | None, typer.Option(hidden=True)] = None
    workers: Annotated[int, typer.Option(min=1, hidden=True)] = 1
    scheduler: Annotated[str | None, typer.Option(hidden=True)] = None
    settle: Annotated[float, typer.Option(min=0, hidden=True)] = SETTLE
