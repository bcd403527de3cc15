"""Formulas of CIFs, converted to the order that chemists use."""

from __future__ import annotations

import pytest

from bragglens.crystal.formula import chemical_formula

WRITTEN = {
    "O2 Ti": "TiO2",
    "Li16 Ti8 O24": "Li2TiO3",
    "Al4": "Al",
    "Al2 Mg O4": "MgAl2O4",
    "Fe O3 Ti": "FeTiO3",
    "Al2 Si O5": "Al2SiO5",
    "Cu Fe S2": "CuFeS2",
    "Bi Cl O": "BiOCl",
    "Cl Na": "NaCl",
    "C Si": "SiC",
    "N4 Si3": "Si3N4",
    "H2 O": "H2O",
    "H2 O4 S": "H2SO4",
    "Mg H2": "MgH2",
    "(Mg1.8 Fe.2) Si O4": "Mg1.8Fe0.2SiO4",
    "C Ca O3": "CaCO3",
    "Ca Mg C2 O6": "CaMg(CO3)2",
    "Cl K O4": "KClO4",
    "Na C O3 H": "NaHCO3",
    "K H2 P O4": "KH2PO4",
    "Ca5 P3 O12 F": "Ca5(PO4)3F",
    "Ca5 P3 O13 H": "Ca5(PO4)3(OH)",
    "Cu2 C O5 H2": "Cu2CO3(OH)2",
    "K S2 Al3 O14 H6": "KAl3(SO4)2(OH)6",
    "Ca H4 O6 S": "CaSO4·2H2O",
    "Ca S O4.5 H": "CaSO4·0.5H2O",
    "Ca H2 O2": "Ca(OH)2",
    "Al (O3 H3)": "Al(OH)3",
    "Al H O2": "AlO(OH)",
    "W O4 H2": "WO4H2",  # water or hydroxide: not decided by the numbers
    "Ca2 Al2 Si3 O12 H2": "Ca2Al2Si3O12H2",
    "Cl H4 N": "NH4Cl",
    "H8 N2 O4 S": "(NH4)2SO4",
    "H4 N2 O3": "NH4NO3",
    "C H8 N2 O3": "(NH4)2CO3",
    "C H5 N O3": "NH4HCO3",
    "Ba2 Cu3 O7 Y": "YBa2Cu3O7",
    "Ba2 Cu3 O6.93 Y": "YBa2Cu3O6.93",
    "Ba2 Cu3 Eu O7": "EuBa2Cu3O7",
    "La0.7 Sr0.3 Mn O3": "La0.7Sr0.3MnO3",
    "Ca0.3 La0.7 Mn O3": "La0.7Ca0.3MnO3",
    "Ba Ti O3": "BaTiO3",
    "Al3 Ca O7 Y": "CaYAl3O7",
    "Ba2 Mg W O6": "Ba2MgWO6",
    "Ba2 O6 Y Ta": "Ba2YTaO6",
    "La2 Sr Cu2 O6": "La2SrCu2O6",
    "C6 H6": "C6H6",
    "C2 H5 N O2": "C2H5NO2",
    "La (O H)3": "La(OH)3",
    "Al2 Si2 O5 (O H)4": "Al2Si2O5(OH)4",
    "Ca (S O4) . 2(H2 O)": "Ca(SO4)·2(H2O)",
    "(Mg.9 Fe.1)2 Si O4": "(Mg0.9Fe0.1)2SiO4",
    "not known": "notknown",
    "": "",
}


@pytest.mark.parametrize(("stated", "written"), WRITTEN.items())
def test_formulas_have_the_order_of_chemists(stated: str, written: str) -> None:
    assert chemical_formula(stated) == written
