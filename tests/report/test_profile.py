"""The fitted profile as files: they agree with the fit, and our reader and others read them."""

from __future__ import annotations

from pathlib import Path

import geddes
import numpy as np
import pytest
from gemmi import cif
from made_scans import called

from bragglens.crystal.cif import read_cif
from bragglens.crystal.library import Library
from bragglens.errors import BragglensError
from bragglens.identification.answer import Identification
from bragglens.identification.identify import identify
from bragglens.report.profile import write_profile
from bragglens.scan.pattern import Grid
from bragglens.scan.read import read_scan
from bragglens.scan.scan import Scan
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen

GRID, INSTRUMENT = Grid(20.0, 80.0, 0.03), Instrument(emission("CuKa"), zero=0.04)
# Items from the IUCr core and powder dictionaries (cif_core 2.4, cif_pow 1.0.1) that are written.
DICTIONARY = {
    "_atom_site_adp_type", "_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z", "_atom_site_label",
    "_atom_site_occupancy", "_atom_site_type_symbol", "_atom_site_U_iso_or_equiv", "_audit_creation_date",
    "_audit_creation_method", "_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma", "_cell_length_a",
    "_cell_length_b", "_cell_length_c", "_cell_volume", "_chemical_formula_sum", "_chemical_name_common",
    "_diffrn_radiation_probe", "_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength_id",
    "_diffrn_radiation_wavelength_wt", "_pd_block_diffractogram_id", "_pd_block_id", "_pd_calc_intensity_total",
    "_pd_calc_method", "_pd_meas_2theta_scan", "_pd_phase_block_id", "_pd_phase_id", "_pd_phase_mass_%",
    "_pd_phase_name", "_pd_proc_2theta_range_inc", "_pd_proc_2theta_range_max", "_pd_proc_2theta_range_min",
    "_pd_proc_info_data_reduction", "_pd_proc_intensity_bkg_calc", "_pd_proc_intensity_total",
    "_pd_proc_ls_background_function", "_pd_proc_ls_pref_orient_corr", "_pd_proc_ls_prof_R_factor",
    "_pd_proc_ls_prof_wR_expected", "_pd_proc_ls_prof_wR_factor", "_pd_proc_ls_profile_function",
    "_pd_proc_ls_special_details", "_pd_proc_ls_weight", "_pd_proc_number_of_points", "_publ_section_references",
    "_space_group_IT_number", "_space_group_name_H-M_alt", "_space_group_name_Hall", "_space_group_symop_id",
    "_space_group_symop_operation_xyz", *(f"_atom_site_aniso_U_{pair}" for pair in (11, 22, 33, 12, 13, 23)),
    "_atom_site_aniso_label",
}  # fmt: skip


def made_up(library: Library) -> Scan:
    specimen = Specimen(size=40.0, displacement=0.05)
    crystals = reflections_in_range(library.phases, INSTRUMENT.lines, GRID)
    weights = {"anatase": 0.7, "rutile": 0.3}
    clean = sum(
        weights[name] * pattern(crystal, INSTRUMENT, specimen, GRID)
        for name, crystal in zip(library.names, crystals, strict=True)
        if name in weights
    )
    counts = np.random.default_rng(0).poisson(5000 * clean / clean.max() + 100)
    return Scan("made up.xy", GRID.two_theta, counts.astype(float), INSTRUMENT.lines[0].wavelength)


@pytest.fixture(scope="module")
def answer(titania: Library) -> Identification:
    return identify(made_up(titania), titania)


def test_columns_add_up_and_are_read_back(answer: Identification, tmp_path: Path) -> None:
    write_profile(answer, tmp_path / "fit.xye")
    columns = np.loadtxt(tmp_path / "fit.xye").T
    assert answer.fit is not None
    assert len(columns) == 5 + 2
    np.testing.assert_allclose(columns[4:].sum(axis=0), columns[3], rtol=1e-5)
    np.testing.assert_allclose(columns[2], answer.fit.noise, rtol=1e-6)
    misfit = np.sqrt((((columns[1] - columns[3]) / columns[2]) ** 2).sum() / ((columns[1] / columns[2]) ** 2).sum())
    assert misfit == pytest.approx(answer.rwp, rel=1e-4)
    titles = next(line for line in (tmp_path / "fit.xye").read_text().splitlines() if "2theta" in line).split()
    assert titles[1:] == ["2theta", "obs", "sigma", "calc", "background", *answer.fit.names]
    assert_read_back(tmp_path / "fit.xye", answer)


def test_pdcif_agrees_with_the_answer(answer: Identification, tmp_path: Path) -> None:
    path = tmp_path / "fit.cif"
    write_profile(answer, path)
    assert_read_back(path, answer)
    document = cif.read(str(path))
    whole, *phases = document
    assert {item.pair[0] if item.pair else "" for block in document for item in block} <= DICTIONARY | {""}
    assert {tag for block in document for item in block if item.loop for tag in item.loop.tags} <= DICTIONARY
    assert float(whole.find_value("_pd_proc_ls_prof_wR_factor")) == pytest.approx(answer.rwp)
    weights = [float(cif.as_number(value)) for value in whole.find_values("_pd_phase_mass_%")]
    assert sum(weights) == pytest.approx(100, abs=0.2)
    ids = [cif.as_string(value) for value in whole.find_values("_pd_phase_block_id")]
    assert ids == [cif.as_string(block.find_value("_pd_block_id")) for block in phases]
    pattern_id = whole.find_value("_pd_block_id")
    assert all(block.find_value("_pd_block_diffractogram_id") == pattern_id for block in phases)
    assert max(map(len, path.read_text().splitlines())) < 2048
    first = read_cif(path)  # the first structure in it, with the cell of the fit
    finding = next(one for one in answer.phases if one.name == answer.fit.names[0])
    np.testing.assert_allclose(first.cell, finding.cell, rtol=1e-5)


def assert_read_back(path: Path, answer: Identification) -> None:
    """Read with our own reader and with two others."""
    import rietx

    fit = answer.fit
    scan = read_scan(path)
    assert scan.wavelength == pytest.approx(INSTRUMENT.lines[0].wavelength, abs=1e-6)
    np.testing.assert_allclose(scan.two_theta, fit.two_theta, atol=1e-4)
    np.testing.assert_allclose(scan.counts, fit.observed, rtol=1e-5)
    theirs = rietx.read_pattern(path)
    np.testing.assert_allclose(theirs.intensity, fit.observed, rtol=1e-5)
    np.testing.assert_allclose(theirs.sigma, fit.noise, rtol=1e-5)
    np.testing.assert_allclose(np.array(geddes.read(str(path)).y), fit.observed, rtol=1e-5)


def test_a_phase_named_like_a_column_title(answer: Identification) -> None:
    from bragglens.report.columns import columns_text
    from bragglens.scan.formats.text import read

    fit = called(answer.fit, ("I", "counts"))
    (scan,) = read(columns_text(answer, fit).encode(), "fit.xye")
    np.testing.assert_allclose(scan.counts, fit.observed, rtol=1e-5)


def test_an_unknown_scan_is_written_without_phases(titania: Library, tmp_path: Path) -> None:
    angle = np.arange(20, 80, 0.03)
    noise = Scan("noise", angle, np.random.default_rng(0).poisson(100, angle.size).astype(float), 1.5406)
    for suffix in (".xye", ".cif"):
        write_profile(identify(noise, titania), tmp_path / f"fit{suffix}")
        assert read_scan(tmp_path / f"fit{suffix}").counts.size > 1000


def test_other_extensions_are_refused(answer: Identification, tmp_path: Path) -> None:
    with pytest.raises(BragglensError, match=r"as \.xye or \.cif"):
        write_profile(answer, tmp_path / "fit.gsa")
